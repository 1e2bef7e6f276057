"""The lake: raw pages and bronze rows, append-only, written aside and renamed.

    raw/<source>/<observed_at>/            pages as received + manifest.json
    bronze/<source>/models_snapshot_<observed_at>.parquet
    bronze/<source>/benchmark_results_<observed_at>.parquet
    bronze/<source>/pulls-<month landed>.jsonl     one record a valid pull, changed or not

A pull exists from the moment its record is appended; what was written before and not recorded is
taken up by the next `pending`. Nothing here is ever rewritten or deleted.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import polars as pl
from filelock import FileLock

from llmrec_pipeline.domain.records import BENCHMARK_RESULTS, MODELS_SNAPSHOT, Kind, Table
from llmrec_pipeline.domain.timestamps import iso, parse_iso, parse_stamp, stamp
from llmrec_pipeline.sources.pull import ParsedPull, RawPage
from llmrec_pipeline.storage.files import (
    append_line,
    sync_folder,
    write_aside,
    write_bytes,
    write_json,
)

MANIFEST = "manifest.json"
# How far back an unfinished pull is looked for: pulls are six hours apart.
_RECENT = 64

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


@dataclass(frozen=True, slots=True)
class PullRecord:
    """One line of the pull log."""

    source: str
    observed_at: datetime
    landed_at: datetime
    content_hash: str
    parser_version: str
    index_version: str | None
    rows: int
    bronze: str | None  # name of the models file, None where the content was unchanged

    def to_line(self) -> dict[str, Any]:
        return {
            "observed_at": iso(self.observed_at),
            "landed_at": iso(self.landed_at),
            "content_hash": self.content_hash,
            "parser_version": self.parser_version,
            "index_version": self.index_version,
            "rows": self.rows,
            "bronze": self.bronze,
        }


@dataclass(frozen=True, slots=True)
class Landing:
    """What became of a valid pull."""

    status: Literal["new", "unchanged", "known"]
    record: PullRecord


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
                write_bytes(aside / Path(page.name).name, page.body)
            manifest = {
                "source": source,
                "pages": [
                    {
                        "name": Path(page.name).name,
                        "url": page.url,
                        "status": page.status,
                        "headers": dict(page.headers),
                        "bytes": len(page.body),
                        "sha256": hashlib.sha256(page.body).hexdigest(),
                        "received_at": iso(page.received_at),
                    }
                    for page in pages
                ],
            }
            write_json(aside / MANIFEST, manifest)
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

    def read_raw(self, source: str, observed_at: datetime) -> list[RawPage]:
        """The pages of a pull in order; raises DamagedPull."""
        folder = self.raw / source / stamp(observed_at)
        try:
            manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
            pages = []
            for entry in manifest["pages"]:
                body = (folder / Path(entry["name"]).name).read_bytes()
                if hashlib.sha256(body).hexdigest() != entry["sha256"]:
                    raise DamagedPull(f"{folder}/{entry['name']}: content differs from its sha256")
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
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DamagedPull(f"{folder}: cannot be read: {error}") from None
        return pages

    def pending(self, source: str) -> list[datetime]:
        """Recent raw pulls without a record or a refusal, oldest first."""
        folder = self.raw / source
        if not folder.is_dir():
            return []
        names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
        recent = [parse_stamp(name) for name in names[-_RECENT:]]
        done = {record.observed_at for record in self.records(source, last_months=2)}
        done |= self._refused(source)
        return [moment for moment in recent if moment not in done]

    def refuse(self, source: str, observed_at: datetime, landed_at: datetime, reason: str) -> None:
        """Note that a raw pull is not what its publisher's pages look like."""
        append_line(
            self.bronze / source / "refused.jsonl",
            {"observed_at": iso(observed_at), "landed_at": iso(landed_at), "reason": reason},
        )

    def _refused(self, source: str) -> set[datetime]:
        path = self.bronze / source / "refused.jsonl"
        return {parse_iso(line["observed_at"]) for line, _ in read_lines(path, 0)}

    # bronze ---------------------------------------------------------------------------------

    def land_bronze(
        self,
        source: str,
        observed_at: datetime,
        landed_at: datetime,
        parsed: ParsedPull,
        parser_version: str,
    ) -> Landing:
        """Record a valid pull, and store its rows where they differ from the pull before it."""
        content_hash = parsed.content_hash()
        known, before = self._neighbours(source, observed_at)
        if known:
            return Landing("known", known)
        unchanged = before is not None and (before.content_hash, before.parser_version) == (
            content_hash,
            parser_version,
        )
        name = None
        if not unchanged:
            name = f"models_snapshot_{stamp(observed_at)}.parquet"
            common = {
                "source": source,
                "observed_at": observed_at,
                "parser_version": parser_version,
            }
            folder = self.bronze / source
            if parsed.benchmarks:
                self._write(
                    folder / f"benchmark_results_{stamp(observed_at)}.parquet",
                    BENCHMARK_RESULTS,
                    [{**row, **common} for row in parsed.benchmarks],
                )
            self._write(
                folder / name, MODELS_SNAPSHOT, [{**row, **common} for row in parsed.models]
            )
        record = PullRecord(
            source,
            observed_at,
            landed_at,
            content_hash,
            parser_version,
            parsed.index_version,
            len(parsed.models),
            name,
        )
        append_line(self.bronze / source / f"pulls-{landed_at:%Y-%m}.jsonl", record.to_line())
        return Landing("unchanged" if unchanged else "new", record)

    def _neighbours(
        self, source: str, observed_at: datetime
    ) -> tuple[PullRecord | None, PullRecord | None]:
        """The record of that very moment, and the last one before it. Newest log first: nothing
        is observed after it landed, so a log of an earlier month cannot hold what comes later."""
        before: PullRecord | None = None
        for path in reversed(self.logs(source)):
            for record, _ in self.read_log(path, 0):
                if record.observed_at == observed_at:
                    return record, before
                if record.observed_at < observed_at and (
                    before is None or record.observed_at > before.observed_at
                ):
                    before = record
            month = datetime.strptime(path.stem[-7:], "%Y-%m").replace(tzinfo=UTC)
            if before is not None and before.observed_at >= month:
                break
        return None, before

    @staticmethod
    def _write(path: Path, table: Table, rows: list[dict[str, Any]]) -> None:
        schema = polars_schema(table)
        frame = pl.DataFrame(
            [[row.get(name) for name in schema] for row in rows], schema=schema, orient="row"
        )
        write_aside(path, lambda aside: frame.write_parquet(aside, compression="zstd"))

    def records(self, source: str, *, last_months: int | None = None) -> Iterator[PullRecord]:
        """The pull log in order of landing."""
        for path in self.logs(source)[-last_months if last_months else None :]:
            for record, _ in self.read_log(path, 0):
                yield record

    def logs(self, source: str) -> list[Path]:
        """The source's log files, oldest month first."""
        return sorted((self.bronze / source).glob("pulls-*.jsonl"))

    def read_log(self, path: Path, offset: int) -> Iterator[tuple[PullRecord, int]]:
        """Records from a byte offset on, each with the offset behind it."""
        for line, end in read_lines(path, offset):
            try:
                yield (
                    PullRecord(
                        path.parent.name,
                        parse_iso(line["observed_at"]),
                        parse_iso(line["landed_at"]),
                        line["content_hash"],
                        line["parser_version"],
                        line["index_version"],
                        line["rows"],
                        line["bronze"],
                    ),
                    end,
                )
            except (KeyError, TypeError, ValueError):
                continue

    def sources(self) -> list[str]:
        """Sources that have bronze."""
        if not self.bronze.is_dir():
            return []
        return sorted(path.name for path in self.bronze.iterdir() if path.is_dir())

    def bronze_digest(self, source: str) -> str:
        """Hash of the names of the source's model files: moves when content lands, by whatever
        route, and not when an unchanged pull does."""
        folder = self.bronze / source
        names = sorted(path.name for path in folder.glob("models_snapshot_*.parquet"))
        return hashlib.sha256("\n".join(names).encode()).hexdigest()


def read_lines(path: Path, offset: int) -> Iterator[tuple[dict[str, Any], int]]:
    """Whole JSON lines from a byte offset on, each with the offset behind it; a line that a crash
    cut short is passed over."""
    try:
        with path.open("rb") as handle:
            handle.seek(offset)
            for line in handle:
                if not line.endswith(b"\n"):
                    return
                offset += len(line)
                try:
                    content = json.loads(line)
                except ValueError:
                    continue
                if isinstance(content, dict):
                    yield content, offset
    except FileNotFoundError:
        return
