"""`llmrec telemetry import`: logs of our own calls into the partitions of usage events."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from filelock import Timeout

from llmrec_pipeline.domain.task_profile import RequestError, unknown_name
from llmrec_pipeline.serving.cli import OK, USAGE
from llmrec_pipeline.serving.cli.errors import BusyError
from llmrec_pipeline.serving.cli.output import Format, chosen, note, print_json, print_table
from llmrec_pipeline.settings import Settings, load_settings
from llmrec_pipeline.telemetry import importing
from llmrec_pipeline.telemetry.formats import LogFormat, open_log, read_mapping
from llmrec_pipeline.telemetry.importing import Imported, OnProgress, import_lock, import_log
from llmrec_pipeline.telemetry.log import Log

_MOMENT_S = 0.5
_COLUMNS = ["log", "read", "new", "updated", "duplicate", "not_calls", "refused", "days"]


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """How the logs are to be read."""

    log_format: str
    mapping: Path | None
    timezone: str | None
    keep_user_ids: bool


def take_in(places: Sequence[str], asked: ImportRequest, wanted: Format | None) -> int:
    """Import each log and say what came of it; exit code 2 where a log held nothing but mistakes."""
    settings = load_settings()
    if asked.log_format not in tuple(LogFormat):
        raise unknown_name("--format", asked.log_format, tuple(LogFormat))
    form = LogFormat(asked.log_format)
    mapping = read_mapping(form, settings.locations.config, asked.mapping)
    how = importing.Asked(mapping, _zone(asked.timezone), asked.keep_user_ids)
    logs = [open_log(form, place, mapping) for place in places]
    with _alone(settings):
        imported = [_import(log, how, settings) for log in logs]
    _report(imported, wanted)
    return USAGE if any(_is_all_wrong(one) for one in imported) else OK


def _zone(name: str | None) -> str | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise RequestError(
            f"--timezone {name}: is no time zone; expected UTC or one such as Europe/Berlin"
        ) from None


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    lock = import_lock(settings.locations)
    try:
        lock.acquire(timeout=_MOMENT_S)
    except Timeout:
        raise BusyError("another import is under way; try again when it has ended") from None
    try:
        yield
    finally:
        lock.release()


def _import(log: Log, how: importing.Asked, settings: Settings) -> Imported:
    with _progress(log.name) as on_progress:
        return import_log(log, how, settings, datetime.now(UTC), on_progress)


@contextmanager
def _progress(name: str) -> Iterator[OnProgress]:
    """A bar on a terminal, silence elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _done, _size: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(Path(name).name, total=None)
        yield lambda done, size: bar.update(task, completed=done, total=size)


def _is_all_wrong(imported: Imported) -> bool:
    return imported.read > 0 and sum(imported.refused.values()) == imported.read


def _report(imported: Sequence[Imported], wanted: Format | None) -> None:
    if chosen(wanted) is Format.JSON:
        print_json({"imports": [asdict(one) for one in imported]})
    else:
        print_table([_row(one) for one in imported], _COLUMNS)
    for one in imported:
        for line in _remarks(one):
            note(f"llmrec: {one.log}: {line}")


def _row(one: Imported) -> dict[str, Any]:
    return {**asdict(one), "refused": sum(one.refused.values()), "days": len(one.days)}


def _remarks(one: Imported) -> Iterator[str]:
    """What a user should look at, a line each."""
    if one.resumed:
        yield "went on where an import before was cut short"
    for what, counts in (("refused", one.refused), ("kept, without what was wrong", one.noted)):
        if counts:
            told = ", ".join(f"{count:,} {reason}" for reason, count in counts.items())
            yield f"{what}: {told}; see {one.rejects}"
    if any(reason.endswith("naive_time") for reason in one.refused):
        yield "its moments name no time zone; state it with --timezone, such as --timezone UTC"
    if one.differing:
        yield (
            f"{one.differing:,} events are told in two ways; what knows more of an event stands, and "
            "of two that know as much what began earlier"
        )
