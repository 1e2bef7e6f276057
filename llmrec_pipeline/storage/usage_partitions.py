"""Usage events as Parquet, partitioned by the UTC day of their start.

    telemetry/events/day=YYYY-MM-DD/events.parquet      one file a day, sorted, no event twice

A day has one file, and an import replaces it by `os.replace`. So a plain glob over the partitions
is right at every moment, for any engine: a reader sees a day as it was or as it is, never a hole,
and there are no small files to compact. A reader that holds the old file reads it to its end. Each
file is sealed (`usage_seals`), and what differs from its seal is not merged.

What is being imported is staged elsewhere (`usage_staging`) and merged a day at a time. A merge is a
function of the set of events, so that the same ones again, or overlapping files in any order, change
nothing; a process that is killed leaves every day whole, and merges again what it had staged.

The same id of a source on the day before or after is the same event, read in another time zone. One
row stands for it, on its own day, and an event that moves is on both until the second file is
replaced. Rows that say as much stand by their earlier start: a log that was imported in a wrong, later
zone is put right by importing it again, and one in a wrong, earlier zone by removing its days first;
what does not stand is counted as `differing`. An id that comes up again further away is another event.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

from llmrec_pipeline.domain.table_schema import Column, Kind
from llmrec_pipeline.domain.usage_records import USAGE_EVENTS
from llmrec_pipeline.settings import WarehouseSettings
from llmrec_pipeline.storage.files import write_aside
from llmrec_pipeline.storage.usage_seals import SEAL, UNSEALED, metadata_of, require_sound, seal
from llmrec_pipeline.storage.warehouse import ddl, first_row, sql_text

_PREFIX = "day="
_FILE = "events.parquet"
_DIGEST = "llmrec_events"
_WAS_THERE = Column("was_there", Kind.BOOLEAN, "In the partition before the import", required=True)
_COLUMNS = ", ".join(USAGE_EVENTS.names)
# A user's hash is another in each installation; what an event says is the same.
_TOLD = ", ".join(name for name in USAGE_EVENTS.names if name != "user_hash")
_CONTENT = f"md5_number_lower(CAST(row({_TOLD}) AS VARCHAR))"
_KNOWN = " + ".join(f"({name} IS NOT NULL)::INTEGER" for name in USAGE_EVENTS.names)


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did to a day, in events: `new` ones; `updated`, where the import knows more of an
    event than was there; `duplicate`, told already, of which `differing` say something else and are
    not used."""

    new: int
    updated: int
    duplicate: int
    differing: int


@contextmanager
def event_engine(limits: WarehouseSettings, scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB within the configured memory; what does not fit goes to the folder `scratch`."""
    with duckdb.connect(":memory:") as con:
        con.execute("SET TimeZone = 'UTC'")
        # Standard output belongs to the answer.
        con.execute("SET enable_progress_bar = false")
        con.execute(f"SET memory_limit = '{limits.max_memory_mb}MB'")
        con.execute(f"SET threads = {limits.threads}")
        con.execute("SET temp_directory = ?", [str(scratch)])
        yield con


def day_folder(folder: Path, day: date) -> Path:
    """Where the events of a day lie below the folder of partitions."""
    return folder / f"{_PREFIX}{day.isoformat()}"


class UsagePartitions:
    """The partitions below one folder, `Locations.usage_events`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def files(self) -> dict[date, Path]:
        """The file of each day that has events, oldest first."""
        found = {
            date.fromisoformat(path.parent.name.removeprefix(_PREFIX)): path
            for path in self._folder.glob(f"{_PREFIX}????-??-??/{_FILE}")
        }
        return dict(sorted(found.items()))

    def merge(
        self,
        con: duckdb.DuckDBPyConnection,
        day: date,
        staged: Sequence[Path],
        on_known: Callable[[date, Merged], None] = lambda _day, _merged: None,
    ) -> Merged:
        """Bring the events of a day that these Parquet files hold into its partition; `on_known` is
        told what it comes to before anything is changed. Only under the lock of imports; raises
        DamagedEvents for a partition that is not as it was written, duckdb.Error for files that are
        no events."""
        self._gather(con, day, staged)
        con.execute(sql_text("usage_ranked").format(known=_KNOWN, content=_CONTENT))
        counted = first_row(con, sql_text("usage_merged"))
        assert counted is not None  # noqa: S101 - an aggregate has one row
        merged = Merged(*counted)
        on_known(day, merged)
        changed = con.execute(sql_text("usage_changed_days"), {"day": day}).fetchall()
        for changed_day, is_beside in changed:
            self._replace(con, changed_day, is_beside=is_beside)
        return merged

    def _gather(self, con: duckdb.DuckDBPyConnection, day: date, staged: Sequence[Path]) -> None:
        """The table `told`: the rows of a day, and what the days beside it say of its new ones."""
        path = self._path(day)
        beside = [self._path(day + timedelta(days=step)) for step in (-1, 1)]
        require_sound(file for file in (path, *beside) if file.is_file())
        con.execute("DROP TABLE IF EXISTS told")
        con.execute(ddl(USAGE_EVENTS, name="told", extra=(_WAS_THERE,)))
        if path.is_file():
            con.execute(
                "INSERT INTO told BY NAME SELECT *, TRUE AS was_there "
                "FROM read_parquet(?, hive_partitioning = false)",
                [str(path)],
            )
        con.execute(
            "INSERT INTO told BY NAME SELECT *, FALSE AS was_there FROM read_parquet(?) "
            "WHERE CAST(started_at AS DATE) = ?",
            [[str(file) for file in staged], day],
        )
        if files := [str(file) for file in beside if file.is_file()]:
            con.execute(sql_text("usage_told_beside"), {"files": files})

    def _replace(self, con: duckdb.DuckDBPyConnection, day: date, *, is_beside: bool) -> None:
        """Write a day as it is after a merge; one without events has no file."""
        path = self._path(day)
        events = sql_text("usage_standing").format(columns=_COLUMNS, day=day.isoformat())
        if is_beside:
            untouched = sql_text("usage_untouched").format(columns=_COLUMNS, file=_quoted(path))
            events = f"{events} UNION ALL {untouched}"
        told = first_row(con, f"SELECT count(*), bit_xor({_CONTENT}) FROM ({events})")
        assert told is not None  # noqa: S101 - an aggregate has one row
        count, digest = told
        if count:
            write_aside(path, lambda aside: _write(con, events, aside, f"{count}-{digest}"))
        else:
            path.unlink()

    def _path(self, day: date) -> Path:
        return day_folder(self._folder, day) / _FILE

    def digest(self) -> str:
        """SHA-256 over days and contents: it moves when an event is new or told anew, and not when
        nothing is. Costs the footer of each file that was written since it was last asked. Raises DamagedEvents for one whose
        footer is none."""
        digest = hashlib.sha256()
        for day, path in self.files().items():
            stat = path.stat()
            content = _content_of(path, stat.st_size, stat.st_mtime_ns)
            digest.update(f"{day.isoformat()} {content}\n".encode())
        return digest.hexdigest()


def _write(con: duckdb.DuckDBPyConnection, events: str, path: Path, content: str) -> None:
    con.execute(
        f"COPY (FROM ({events}) ORDER BY started_at, source, event_id) "
        f"TO '{_quoted(path)}' "
        "(FORMAT parquet, COMPRESSION zstd, "
        f"KV_METADATA {{{_DIGEST}: '{content}', {SEAL}: '{UNSEALED}'}})"
    )
    seal(path)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


@functools.lru_cache(maxsize=10_000)
def _content_of(path: Path, _size: int, _modified_ns: int) -> str:
    """What the file says of its content; the hash of its bytes where another tool wrote it."""
    told = metadata_of(path).get(_DIGEST)
    return told or hashlib.sha256(path.read_bytes()).hexdigest()
