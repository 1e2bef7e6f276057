"""Hacker News by Algolia's search: stories and comments that say a phrase, newest first.

The search answers 1,000 hits to a question at most, so each page asks for what is older than the
last one: a window that ends where the page before ended.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from llmrec_pipeline.sources.cells import load_json
from llmrec_pipeline.sources.http import PublisherClient
from llmrec_pipeline.sources.pull import InvalidStructure, PullFailed, RawPage

_ITEM = "https://news.ycombinator.com/item?id="
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class Hit:
    """A story or a comment; `created_at` is in seconds since 1970. A comment's title is its
    story's."""

    item_id: str
    created_at: int
    title: str | None
    text: str
    is_comment: bool

    @property
    def url(self) -> str:
        """Where people read it."""
        return f"{_ITEM}{self.item_id}"


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """How far a search goes: so many hits, none before a moment, in so many pages of a size."""

    hits: int
    since: datetime
    page_size: int
    pages: int


@dataclass(frozen=True, slots=True)
class Searched:
    """The pages of a search, and what ended it before its limits, if anything did."""

    pages: tuple[RawPage, ...]
    stopped: str | None


def search(http: PublisherClient, phrases: Sequence[str], limits: SearchLimits) -> Searched:
    """Ask for each phrase in turn until there are hits enough."""
    pages: list[RawPage] = []
    seen: set[str] = set()
    try:
        for phrase in phrases:
            for page in _walk(http, phrase, limits, seen, len(pages)):
                pages.append(page)
    except (PullFailed, InvalidStructure) as error:
        return Searched(tuple(pages), str(error))
    return Searched(tuple(pages), None)


def _walk(
    http: PublisherClient, phrase: str, limits: SearchLimits, seen: set[str], made: int
) -> Iterator[RawPage]:
    """Pages of one phrase, back in time; `seen` are the items that were found so far. Raises
    PullFailed where there is more than may be asked for."""
    before: int | None = None
    size = min(limits.page_size, limits.hits)
    for number in range(made + 1, limits.pages + 1):
        if len(seen) >= limits.hits:
            return
        window = [f"created_at_i>={int(limits.since.timestamp())}"]
        window += [] if before is None else [f"created_at_i<={before}"]
        page = http.get(
            f"search-{number:03d}.json",
            params={
                "query": f'"{phrase}"',
                "advancedSyntax": "true",
                "tags": "(story,comment)",
                "hitsPerPage": size,
                "numericFilters": ",".join(window),
            },
        )
        yield page
        hits = hits_of(page)
        new = {hit.item_id for hit in hits} - seen
        seen |= new
        if len(_records(page)) < size or not hits:
            return
        oldest = min(hit.created_at for hit in hits)
        # The second at which a page ends may have more; a page with nothing new has told it all.
        before = oldest if new else oldest - 1
    raise PullFailed(f"more than {limits.pages} requests; raise max_requests in sentiment.yaml")


def hits_of(page: RawPage) -> list[Hit]:
    """What a page found. A hit without an id, a moment or a text is none; raises
    InvalidStructure."""
    return [hit for record in _records(page) if (hit := _hit(record)) is not None]


def _records(page: RawPage) -> list[Any]:
    envelope = load_json(page)
    if not isinstance(envelope, dict) or not isinstance(envelope.get("hits"), list):
        raise InvalidStructure(f"{page.name}: no list named hits; was it renamed?")
    records: list[Any] = envelope["hits"]
    return records


def _hit(record: Any) -> Hit | None:
    if not isinstance(record, dict):
        return None
    item_id, created_at = record.get("objectID"), record.get("created_at_i")
    if not isinstance(item_id, str) or not item_id.isdigit() or not isinstance(created_at, int):
        return None
    comment = _plain(record.get("comment_text"))
    title = _plain(record.get("story_title") if comment else record.get("title"))
    text = comment or _plain(record.get("story_text"))
    if not (text or title):
        return None
    return Hit(item_id, created_at, title or None, text, bool(comment))


def _plain(marked_up: Any) -> str:
    """The words of a text in HTML."""
    if not isinstance(marked_up, str):
        return ""
    return " ".join(html.unescape(_TAG.sub(" ", marked_up)).split())
