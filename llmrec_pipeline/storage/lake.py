"""The lake: raw pages and bronze rows, append-only, written aside and renamed.

    raw/<source>/<observed_at>/            pages as received + manifest.json
    bronze/<source>/models_snapshot_<observed_at>.parquet
    bronze/<source>/benchmark_results_<observed_at>.parquet
    bronze/<source>/pulls-<month landed>.jsonl     one record a valid pull, see `pull_log`

A pull exists from the moment its record is appended; what was written before and not recorded is
taken up by the next `pending`. Nothing recorded is ever rewritten or deleted.
"""

from __future__ import annotations

import hashlib
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import polars as pl
from filelock import FileLock

from llmrec_pipeline.domain.outside_text import read_json
from llmrec_pipeline.domain.records import BENCHMARK_RESULTS, MODELS_SNAPSHOT
from llmrec_pipeline.domain.table_schema import Kind, Table
from llmrec_pipeline.domain.timestamps import iso, parse_iso, parse_stamp, stamp
from llmrec_pipeline.sources.pull import InvalidStructure, ParsedPull, RawPage, one_line
from llmrec_pipeline.storage.files import (
    append_line,
    sha256_of,
    sync_folder,
    write_bytes,
    write_json,
    write_parquet,
)
from llmrec_pipeline.storage.pull_log import (
    PullRecord,
    Timeline,
    append_record,
    log_files,
    month_of,
    read_lines,
    records_in,
)

MANIFEST = "manifest.json"

_POLARS_TYPES: dict[Kind, Any] = {
    Kind.TEXT: pl.String,
    Kind.REAL: pl.Float64,
    Kind.INTEGER: pl.Int64,
    Kind.BOOLEAN: pl.Boolean,
    Kind.DATE: pl.Date,
    Kind.TIMESTAMP: pl.Datetime("us", "UTC"),
}


class DamagedPull(Exception):
    """A raw pull whose pages are not what its manifest says. One line."""

    def __init__(self, reason: str) -> None:
        super().__init__(one_line(reason))


@dataclass(frozen=True, slots=True)
class Landing:
    """What became of a valid pull."""

    status: Literal["new", "unchanged", "known"]
    record: PullRecord


@dataclass(frozen=True, slots=True)
class BronzeRows:
    """The rows of one valid pull, checked against the schema table."""

    models: pl.DataFrame
    benchmarks: pl.DataFrame
    content_hash: str
    index_version: str | None
    parser_version: str


def _page_file(name: str) -> str:
    """A page's name as that of a file that lies beside the manifest."""
    bare = Path(name).name
    return f"page-{bare.strip('.')}" if bare in ("", "..", MANIFEST) else bare


def _models_file(moment: str) -> str:
    return f"models_snapshot_{moment}.parquet"


def benchmarks_file(models: str) -> str:
    """The name of the file of benchmark results that stands beside a models file."""
    return models.replace("models_snapshot_", "benchmark_results_")


def polars_schema(table: Table) -> dict[str, Any]:
    """The table's columns as Polars types, in order."""
    return {column.name: _POLARS_TYPES[column.kind] for column in table.columns}


class Lake:
    """Raw and bronze below one data folder."""

    def __init__(self, data: Path) -> None:
        self.raw = data / "raw"
        self.bronze = data / "bronze"
        self._locks = data / "locks"

    def lock(self, source: str) -> AbstractContextManager[Any]:
        """One process at a time lands a source's pulls."""
        self._locks.mkdir(parents=True, exist_ok=True)
        return FileLock(self._locks / f"lake-{source}.lock", timeout=60)

    # raw ------------------------------------------------------------------------------------

    def land_raw(self, source: str, observed_at: datetime, pages: Sequence[RawPage]) -> datetime:
        """Store the pages of one pull; returns the observed_at under which they lie, moved by a
        microsecond where two pulls share one."""
        folder = self.raw / source
        folder.mkdir(parents=True, exist_ok=True)
        aside = folder / f".{uuid.uuid4().hex}"
        aside.mkdir()
        try:
            for page in pages:
                write_bytes(aside / _page_file(page.name), page.body)
            write_json(
                aside / MANIFEST, {"source": source, "pages": [_entry(page) for page in pages]}
            )
            while True:
                try:
                    aside.rename(folder / stamp(observed_at))
                    break
                except OSError:
                    if not (folder / stamp(observed_at)).exists():
                        raise
                    observed_at += timedelta(microseconds=1)
            sync_folder(folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return observed_at

    def has_raw(self, source: str, observed_at: datetime) -> bool:
        """Whether there is a raw pull of that moment, whatever became of it."""
        return (self.raw / source / stamp(observed_at)).exists()

    def page(self, source: str, observed_at: datetime, name: str) -> Path:
        """The file of a page, within the folder of its pull whatever a manifest calls it."""
        return self.raw / source / stamp(observed_at) / _page_file(name)

    def read_raw(self, source: str, observed_at: datetime) -> list[RawPage]:
        """The pages of a pull in order; raises DamagedPull, and OSError where the disk is at
        fault rather than the pull."""
        folder = self.raw / source / stamp(observed_at)
        try:
            manifest = read_json((folder / MANIFEST).read_text("utf-8"))
            pages = []
            for entry in manifest["pages"]:
                body = self.page(source, observed_at, entry["name"]).read_bytes()
                if hashlib.sha256(body).hexdigest() != entry["sha256"]:
                    raise DamagedPull(f"{entry['name']}: the content differs from its sha256")
                pages.append(
                    RawPage(
                        entry["name"],
                        entry["url"],
                        entry["status"],
                        entry["headers"],
                        body,
                        parse_iso(entry["received_at"]),
                    )
                )
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise DamagedPull(f"{Path(error.filename).name}: missing from the raw pull") from None
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedPull(f"{MANIFEST}: cannot be read: {error!r}") from None
        return pages

    def pending(self, source: str, parser_version: str = "") -> list[datetime]:
        """Raw pulls without a record, oldest first; without those that this version of the parser
        refused. A newer version may read what an older one could not."""
        folder = self.raw / source
        if not folder.is_dir():
            return []
        done = {stamp(record.observed_at) for record in self.records(source)}
        done |= self._refused(source, parser_version)
        return [
            moment
            for path in sorted(folder.iterdir())
            if path.name not in done and (moment := _moment_of(path)) is not None
        ]

    def refuse(
        self,
        source: str,
        observed_at: datetime,
        landed_at: datetime,
        reason: str,
        parser_version: str = "",
    ) -> None:
        """Note that a raw pull is not what its publisher's pages look like."""
        append_line(
            self.bronze / source / "refused.jsonl",
            {
                "observed_at": iso(observed_at),
                "landed_at": iso(landed_at),
                "reason": reason,
                "parser_version": parser_version,
            },
        )

    def _refused(self, source: str, parser_version: str) -> set[str]:
        lines = read_lines(self.bronze / source / "refused.jsonl", 0)
        refused = set()
        for line, _ in lines:
            with suppress(KeyError, TypeError, ValueError):
                if line["parser_version"] == parser_version:
                    refused.add(stamp(parse_iso(line["observed_at"])))
        return refused

    def sweep(self, source: str) -> None:
        """Remove what killed processes left half written; only under the source's lock."""
        for folder in (self.raw / source, self.bronze / source):
            for path in folder.glob(".*"):
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)

    # bronze ---------------------------------------------------------------------------------

    def land_bronze(
        self,
        source: str,
        observed_at: datetime,
        landed_at: datetime,
        parsed: ParsedPull,
        parser_version: str,
    ) -> Landing:
        """Record a valid pull, and store its rows where they differ from the pull before it.
        Raises InvalidStructure for rows that do not fit the schema table."""
        rows = self.bronze_of(source, observed_at, parsed, parser_version)
        return self.land_rows(source, observed_at, landed_at, rows)

    def bronze_of(
        self, source: str, observed_at: datetime, parsed: ParsedPull, parser_version: str
    ) -> BronzeRows:
        """A pull's rows as bronze has them; raises InvalidStructure for rows that do not fit the
        schema table."""
        common = {"source": source, "observed_at": observed_at, "parser_version": parser_version}
        return BronzeRows(
            _frame(MODELS_SNAPSHOT, parsed.models, common),
            _frame(BENCHMARK_RESULTS, parsed.benchmarks, common),
            parsed.content_hash(),
            parsed.index_version,
            parser_version,
        )

    def land_rows(
        self,
        source: str,
        observed_at: datetime,
        landed_at: datetime,
        rows: BronzeRows,
        timeline: Timeline | None = None,
    ) -> Landing:
        """Record a valid pull, and store its rows where they differ from the pull before it. A
        `timeline` of the source, where many pulls land, saves reading the log for each."""
        if timeline is None:
            known, before = self._neighbours(source, observed_at)
        else:
            known, before = timeline.at(observed_at), timeline.before(observed_at)
        if known:
            return Landing("known", known)
        unchanged = before is not None and (before.content_hash, before.parser_version) == (
            rows.content_hash,
            rows.parser_version,
        )
        name, files = None, {}
        if not unchanged:
            name = _models_file(stamp(observed_at))
            folder = self.bronze / source
            results = folder / benchmarks_file(name)
            # A crash may have left a file that has no record.
            if rows.benchmarks.height or results.exists():
                files[results.name] = _write(results, rows.benchmarks)
            files[name] = _write(folder / name, rows.models)
        record = PullRecord(
            source,
            observed_at,
            landed_at,
            rows.content_hash,
            rows.parser_version,
            rows.index_version,
            rows.models.height,
            name,
            files,
        )
        append_record(self.bronze / source, record)
        if timeline is not None:
            timeline.add(record)
        return Landing("unchanged" if unchanged else "new", record)

    def _neighbours(
        self, source: str, observed_at: datetime
    ) -> tuple[PullRecord | None, PullRecord | None]:
        """The record of that very moment, and the last one before it. Newest log first: nothing
        is observed after it landed, so a log of an earlier month cannot hold what comes later."""
        before: PullRecord | None = None
        for path in reversed(self.logs(source)):
            for record, _ in records_in(path):
                if record.observed_at == observed_at:
                    return record, before
                if record.observed_at < observed_at and (
                    before is None or record.observed_at > before.observed_at
                ):
                    before = record
            if before is not None and before.observed_at >= month_of(path):
                break
        return None, before

    def records(self, source: str) -> Iterator[PullRecord]:
        """The pull log in order of landing."""
        for path in self.logs(source):
            for record, _ in records_in(path):
                yield record

    def newest(self, source: str) -> PullRecord | None:
        """The record that was observed last."""
        return self._neighbours(source, datetime.max.replace(tzinfo=UTC))[1]

    def rows_of(self, source: str, observed_at: datetime) -> Path | None:
        """The models file with the rows of the pull of that moment: its own, or where its content
        was unchanged that of the last change before it."""
        own = self.bronze / source / _models_file(stamp(observed_at))
        return max(
            (path for path in own.parent.glob(_models_file("*")) if path.name <= own.name),
            default=None,
        )

    def logs(self, source: str) -> list[Path]:
        """The source's log files, oldest month first."""
        return log_files(self.bronze / source)

    def sources(self) -> list[str]:
        """Sources that have bronze."""
        if not self.bronze.is_dir():
            return []
        return sorted(path.name for path in self.bronze.iterdir() if path.is_dir())


def _entry(page: RawPage) -> dict[str, Any]:
    """What a manifest says of a page."""
    return {
        "name": _page_file(page.name),
        "url": page.url,
        "status": page.status,
        "headers": dict(page.headers),
        "bytes": len(page.body),
        "sha256": hashlib.sha256(page.body).hexdigest(),
        "received_at": iso(page.received_at),
    }


def _moment_of(path: Path) -> datetime | None:
    """When a raw pull was observed; None for what is no pull."""
    try:
        return parse_stamp(path.name)
    except ValueError:
        return None


def rows_frame(
    table: Table, rows: Sequence[Mapping[str, Any]], common: Mapping[str, Any]
) -> pl.DataFrame:
    """Parsed rows in the table's columns, with what is common to all of them; NULL where neither says
    anything. Raises what Polars does for values of other types."""
    schema = polars_schema(table)
    return pl.DataFrame(
        [[{**row, **common}.get(name) for name in schema] for row in rows],
        schema=schema,
        orient="row",
    )


def _frame(
    table: Table, rows: Sequence[Mapping[str, Any]], common: Mapping[str, Any]
) -> pl.DataFrame:
    """Those that fit the table; raises InvalidStructure."""
    try:
        frame = rows_frame(table, rows, common)
    except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError) as error:
        raise InvalidStructure(f"{table.name}: {error}") from None
    for column in table.columns:
        if column.required and frame[column.name].null_count():
            raise InvalidStructure(f"{table.name}: a row without {column.name}")
    if frame.select(table.key).is_duplicated().any():
        raise InvalidStructure(f"{table.name}: two rows with the same {', '.join(table.key)}")
    return frame


def _write(path: Path, frame: pl.DataFrame) -> str:
    """The file's SHA-256. One that is there already has no record: it stays where it says the
    same."""
    if not (path.exists() and _says(path, frame)):
        write_parquet(path, frame)
    return sha256_of(path)


def _says(path: Path, frame: pl.DataFrame) -> bool:
    try:
        return pl.read_parquet(path).equals(frame)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return False
