"""`llmrec identity resolve`: which model a name means, for one name or for a stream of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from llmrec_pipeline.domain.identity import IdentityRules, SourceName
from llmrec_pipeline.domain.name_lines import answer, explained, named, read_name
from llmrec_pipeline.domain.task_profile import RequestError
from llmrec_pipeline.locations import Locations
from llmrec_pipeline.serving.cli import OK, USAGE
from llmrec_pipeline.serving.cli.output import (
    Format,
    chosen,
    note,
    print_json,
    print_json_line,
    print_table,
    say,
)
from llmrec_pipeline.settings import Settings, load_settings
from llmrec_pipeline.storage.editions import current_edition

_COLUMNS = ["name", "source", "base_model", "variant", "host", "method", "confidence", "reason"]


def resolve(names: Sequence[str], source: str | None, explain: bool, wanted: Format | None) -> int:
    """Print what the names mean; `-` alone reads a name a line and writes JSON lines."""
    if "-" in names and list(names) != ["-"]:
        raise RequestError("- reads every name from standard input; leave the other names out")
    settings = load_settings()
    if source is not None:
        _check_source("--source", source, settings)
    reader = _Reader(settings, explain)
    if list(names) == ["-"]:
        return _stream(reader, source)
    rows = [_answer_or_error(reader, name, source) for name in names]
    code = USAGE if any("error" in row for row in rows) else OK
    if chosen(wanted) is Format.JSON:
        print_json(rows)
        return code
    answers = [row for row in rows if "error" not in row]
    print_table(answers, _COLUMNS)
    for found in answers if explain else ():
        say()
        say(found["name"])
        print_table(found["steps"], ["step", "text", "reason"])
    for row in rows:
        if "error" in row:
            note(f"llmrec: {row['error']}")
    return code


def _answer_or_error(reader: _Reader, name: str, source: str | None) -> dict[str, Any]:
    """What a name means; of one that is no name, `input` and `error`."""
    try:
        return reader.read(named(name.strip(), source))
    except ValueError as error:
        return {"input": name, "error": _one_line(error)}


def _stream(reader: _Reader, source: str | None) -> int:
    code = OK
    for number, line in enumerate(sys.stdin.buffer, start=1):
        try:
            found = reader.read(read_name(line.decode(), source))
        except ValueError as error:
            given = line.decode(errors="replace").rstrip("\r\n")
            found, code = {"line": number, "input": given, "error": _one_line(error)}, USAGE
        print_json_line(found)
    return code


def _check_source(what: str, source: str, settings: Settings) -> None:
    known = {*settings.sources, *settings.identity.sources}
    if source not in known:
        raise RequestError(f"{what} {source!r} is not known (known: {', '.join(sorted(known))})")


def _one_line(error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "is not UTF-8; save the names as UTF-8"
    return " ".join(str(error).split())


class _Reader:
    """The rules, and what publishers said of the very names in the current edition."""

    def __init__(self, settings: Settings, explain: bool) -> None:
        self._settings = settings
        self._rules = IdentityRules(settings.identity)
        self._told = _told_of(settings.locations)
        self._explain = explain

    def read(self, name: SourceName) -> dict[str, Any]:
        """The answer for a name. Raises ValueError where its source is not known."""
        if name.source:
            _check_source("source", name.source, self._settings)
        known = self._told(name) if name.source else name
        if not self._explain:
            return answer(name, self._rules.resolve(known))
        found = explained(name, self._rules.explain(known))
        if known != name:
            found["steps"].insert(0, _step_of(name, known))
        return found


def _step_of(name: SourceName, known: SourceName) -> dict[str, str | None]:
    said = {
        "creator": known.creator if known.creator != name.creator else None,
        "host": known.host if known.host != name.host else None,
        "release date": known.release_date if known.release_date != name.release_date else None,
        "same as": " ".join(known.same_as) if known.same_as != name.same_as else None,
    }
    text = "; ".join(f"{what} {value}" for what, value in said.items() if value)
    return {"step": "publisher", "text": text or "the name is listed", "reason": None}


def _told_of(locations: Locations) -> Callable[[SourceName], SourceName]:
    """Fills in what the publisher said of a name in the current edition, where it is silent. The
    edition is read when the first name with a source comes."""
    rows: dict[tuple[str, str], SourceName] | None = None

    def told(name: SourceName) -> SourceName:
        nonlocal rows
        if rows is None:
            rows = dict(_published(locations))
        row = rows.get((name.source, name.source_model_id))
        if row is None:
            return name
        return replace(
            row,
            creator=name.creator or row.creator,
            host=name.host or row.host,
            release_date=name.release_date or row.release_date,
            same_as=name.same_as or row.same_as,
        )

    return told


def _published(locations: Locations) -> Iterable[tuple[tuple[str, str], SourceName]]:
    """Every name by its id, and by its display name where one row alone has it."""
    edition = current_edition(locations.published)
    if edition is None or not (edition.folder / "source_names.parquet").is_file():
        return
    from llmrec_pipeline.serving.cli.querying import edition_rows

    shown: dict[tuple[str, str], list[SourceName]] = {}
    ids = []
    for row in edition_rows(edition, "SELECT * FROM source_names ORDER BY ALL"):
        row["same_as"] = tuple((row["same_as"] or "").split())
        name = SourceName(**row)
        ids.append(((name.source, name.source_model_id), name))
        shown.setdefault((name.source, name.model_name or ""), []).append(name)
    yield from ((key, same[0]) for key, same in shown.items() if len(same) == 1)
    yield from ids
