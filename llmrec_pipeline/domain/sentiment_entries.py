"""Texts that a person gives in a file: JSON lines, CSV, or what Reddit exports. Pure.

A row has `url`, `snippet` (or `text`), and where they are known `title`, `sentiment`, `tags` (a
JSON object or key=value,…), `model` and `source`. A Reddit Listing is
{"kind": "Listing", "data": {"children": [{"kind": "t3"|"t1", "data": {…}}]}}, alone or in a list,
with replies in replies.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from llmrec_pipeline.domain.sentiment import SENTIMENTS, plain_url
from llmrec_pipeline.domain.sentiment_reading import Entry

FIELDS = ("url", "snippet", "text", "title", "sentiment", "tags", "model", "source")

_LISTING, _POST, _COMMENT, _MORE = "Listing", "t3", "t1", "more"
_REDDIT = "https://www.reddit.com"
# What Reddit shows for a text that is no more.
_WITHDRAWN = frozenset({"", "[deleted]", "[removed]"})


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that cannot be taken: its place in the file, from 1, why, and what it is."""

    place: int
    reason: str
    row: Any


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for rows that do not say it. `model_of` gives the key of a model's name and raises
    ValueError for one that is not known."""

    source: str
    sources: tuple[str, ...]
    model_id: str | None
    model_of: Callable[[str], str]


def read_entries(name: str, content: str, defaults: Defaults) -> Iterator[Entry | Rejected]:
    """Every entry of a file, in order. Raises ValueError for one that is none of the three."""
    if name.lower().endswith(".csv"):
        yield from _each(_csv_rows(content), lambda row: _entry(row, defaults))
        return
    try:
        whole = json.loads(content)
    except (ValueError, RecursionError):
        yield from _each(_json_lines(content), lambda row: _entry(row, defaults))
        return
    rows = whole if isinstance(whole, list) else [whole]
    if any(isinstance(row, dict) and row.get("kind") == _LISTING for row in rows):
        yield from _each(enumerate(_things(rows), 1), lambda row: _reddit_entry(row, defaults))
    else:
        yield from _each(enumerate(rows, 1), lambda row: _entry(row, defaults))


def read_tags(text: str) -> dict[str, Any]:
    """A JSON object, or key=value,… Raises ValueError."""
    if text.lstrip().startswith("{"):
        try:
            told = json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError(f"tags are {text!r}, which is no JSON object") from None
        return dict(told)
    tags = {}
    for pair in filter(str.strip, text.split(",")):
        key, separator, value = (part.strip() for part in pair.partition("="))
        if not (key and separator and value):
            raise ValueError(f"tags are {text!r}; write a JSON object, or topic=coding,issue=price")
        tags[key] = value
    return tags


def _each(
    rows: Iterator[tuple[int, Any]] | enumerate[Any], read: Callable[[Any], Entry | None]
) -> Iterator[Entry | Rejected]:
    for place, row in rows:
        try:
            if isinstance(row, ValueError):
                raise row
            entry = read(row)
            if entry is not None:
                plain_url(entry.url)
        except ValueError as error:
            shown = str(row.args[1]) if isinstance(row, ValueError) else row
            yield Rejected(place, str(error.args[0]), shown)
        else:
            if entry is not None:
                yield entry


def _csv_rows(content: str) -> Iterator[tuple[int, Any]]:
    reader = csv.DictReader(io.StringIO(content, newline=""), restkey="", strict=False)
    header = [name.strip().lower() for name in reader.fieldnames or ()]
    if "url" not in header:
        raise ValueError(f"its first line names no column url; columns: {', '.join(FIELDS)}")
    reader.fieldnames = header
    for place, row in enumerate(reader, 2):
        if row.pop("", None):
            yield place, ValueError("has more cells than the first line has columns", row)
        else:
            yield place, {name: cell for name, cell in row.items() if cell}


def _json_lines(content: str) -> Iterator[tuple[int, Any]]:
    for place, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        try:
            yield place, json.loads(line)
        except (ValueError, RecursionError):
            yield place, ValueError("is no JSON object", line)


def _entry(row: Any, defaults: Defaults) -> Entry:
    if not isinstance(row, dict):
        raise ValueError("is no JSON object")
    if unknown := sorted(set(row) - set(FIELDS)):
        raise ValueError(f"{unknown[0]!r} is no field; allowed: {', '.join(FIELDS)}")
    source = _text(row, "source") or defaults.source
    if source not in defaults.sources:
        raise ValueError(
            f"source {source!r} is not allowed; allowed: {', '.join(defaults.sources)}"
        )
    text, url = _text(row, "snippet") or _text(row, "text"), _text(row, "url")
    if not url or not text:
        raise ValueError(f"{'snippet' if url else 'url'} is missing")
    model = _text(row, "model")
    return Entry(
        source=source,
        url=url,
        text=text,
        title=_text(row, "title"),
        sentiment=_sentiment(row),
        tags=_tags(row.get("tags")),
        model_id=defaults.model_of(model) if model else defaults.model_id,
    )


def _text(row: Mapping[str, Any], field: str) -> str | None:
    value = row.get(field)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{field} is {json.dumps(value)[:60]}; write text")
    return (value or "").strip() or None


def _sentiment(row: Mapping[str, Any]) -> str | None:
    told = (_text(row, "sentiment") or "").lower() or None
    if told is not None and told not in SENTIMENTS:
        raise ValueError(f"sentiment {told!r} is not allowed; allowed: {', '.join(SENTIMENTS)}")
    return told


def _tags(told: Any) -> dict[str, Any]:
    if told is None or isinstance(told, dict):
        return told or {}
    if not isinstance(told, str):
        raise ValueError(f"tags are {json.dumps(told)[:60]}; write an object")
    return read_tags(told)


# Reddit -----------------------------------------------------------------------------------------


def _things(listings: list[Any]) -> Iterator[dict[str, Any]]:
    """Posts and comments in the order of the page, replies after what they reply to; what only says
    that there is more is passed over."""
    waiting = list(reversed(listings))
    while waiting:
        thing = waiting.pop()
        data = thing.get("data") if isinstance(thing, dict) else None
        if not isinstance(data, dict) or thing.get("kind") == _MORE:
            continue
        if thing.get("kind") == _LISTING:
            children = data.get("children")
            waiting += reversed(children if isinstance(children, list) else [])
            continue
        yield thing
        waiting.append(data.get("replies"))


def _reddit_entry(thing: dict[str, Any], defaults: Defaults) -> Entry | None:
    """A post or a comment; None for one whose text was withdrawn. Whose model it speaks of is told
    by its own words: a thread speaks of many."""
    kind, data = thing.get("kind"), thing["data"]
    if kind not in (_POST, _COMMENT):
        raise ValueError(f"kind {kind!r} is neither {_POST} nor {_COMMENT}")
    text = _text(data, "body" if kind == _COMMENT else "selftext") or ""
    title = _text(data, "link_title" if kind == _COMMENT else "title")
    permalink = _text(data, "permalink")
    if not permalink:
        raise ValueError("permalink is missing")
    if text in _WITHDRAWN:
        if kind == _COMMENT or not title:
            return None
        text = ""
    url = permalink if permalink.startswith("http") else f"{_REDDIT}{permalink}"
    return Entry(defaults.source, url, text, title, is_reply=kind == _COMMENT)
