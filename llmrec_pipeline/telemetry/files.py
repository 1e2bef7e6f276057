"""Logs in files: CSV, JSON and Parquet, told apart by the ending of their names; CSV and JSON may be
gzipped. Columns that the mapping does not read are dropped as soon as they are met.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, cast

from llmrec_pipeline.domain.usage_mapping import UsageMapping
from llmrec_pipeline.domain.usage_paths import Record
from llmrec_pipeline.storage.files import sha256_of
from llmrec_pipeline.telemetry import json_documents
from llmrec_pipeline.telemetry.log import Entry, Log, Place, UsageLogError

_GZIP = ".gz"
_JSON = (".jsonl", ".ndjson", ".json", ".log")
_ENDINGS = f".csv, {', '.join(_JSON)} (each also with {_GZIP}), .parquet"
_PARQUET_ROWS = 5_000
# The longest cell of a CSV file: a prompt in a column that is not read must not end the import.
_LONGEST_CELL = json_documents.LONGEST_BYTES

RecordsOf = Callable[[Any], list[Record] | None]


def open_file(path: Path, mapping: UsageMapping, records_of: RecordsOf, wanted: str | None) -> Log:
    """The log in a file. `records_of` gives the records of a JSON document, None for what is none;
    `wanted` is csv, jsonl or parquet where the name's ending does not count. Raises UsageLogError."""
    if not path.is_file():
        raise UsageLogError(f"{path}: no such file; give a file, or a database's URL")
    plain = path.with_suffix("") if path.suffix == _GZIP else path
    ending = f".{wanted}" if wanted else plain.suffix.lower()
    if ending == ".csv":
        return CsvFile(path, mapping)
    if ending in _JSON:
        return JsonFile(path, records_of)
    if ending == ".parquet" and plain == path:
        return ParquetFile(path, mapping)
    raise UsageLogError(f"{path}: what kind of file it is does not show; endings: {_ENDINGS}")


class _File:
    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path
        self.size: int | None = None if path.suffix == _GZIP else path.stat().st_size

    @cached_property
    def fingerprint(self) -> str | None:
        return sha256_of(self._path)

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        """The file's text, unpacked; raises UsageLogError where that fails."""
        is_packed = self._path.suffix == _GZIP
        with gzip.open(self._path) if is_packed else self._path.open("rb") as stream:
            try:
                yield cast(BinaryIO, stream)
            except (gzip.BadGzipFile, EOFError):
                raise UsageLogError(f"{self.name}: is no whole gzip file; copy it again") from None


class JsonFile(_File):
    """JSON, a document a line or otherwise."""

    def __init__(self, path: Path, records_of: RecordsOf) -> None:
        super().__init__(path)
        self._records_of = records_of

    def read(self, after: Place, /) -> Iterator[Entry]:
        """A document each, from the byte or entry after `after` on; `done` in bytes. Raises
        UsageLogError for a text that is no JSON, and for a gzip file that is not whole."""
        with self._opened() as stream:
            if json_documents.is_by_lines(stream):
                stream.seek(after.offset)
                told = json_documents.read_lines(stream, after)
            else:
                stream.seek(0)
                told = json_documents.read_text(stream, after, self.name)
            for entry, document in told:
                if entry.problem:
                    yield entry
                    continue
                records = self._records_of(document)
                problem = "not_a_record" if records is None else None
                yield Entry(entry.place, entry.done, records or [], problem)


class CsvFile(_File):
    """Comma-separated values with a header. Raises UsageLogError where the header lacks what every
    event needs."""

    def __init__(self, path: Path, mapping: UsageMapping) -> None:
        super().__init__(path)
        self._mapping = mapping

    def read(self, after: Place, /) -> Iterator[Entry]:
        """A row each, those up to `after` skipped; `done` in bytes. Raises UsageLogError."""
        csv.field_size_limit(_LONGEST_CELL)
        with (
            self._opened() as stream,
            io.TextIOWrapper(
                stream, encoding="utf-8-sig", errors="surrogateescape", newline=""
            ) as text,
        ):
            rows = csv.reader(text)
            header = self._header(rows)
            kept = [(i, name) for i, name in enumerate(header) if self._mapping.reads(name)]
            number = 0
            while True:
                try:
                    row = next(rows)
                except StopIteration:
                    return
                except csv.Error:
                    row = None
                number += 1
                if number <= after.entry or row == []:
                    continue
                place, done = Place(number), stream.tell()
                if row is None or len(row) != len(header):
                    yield Entry(place, done, problem="not_as_the_header")
                else:
                    yield Entry(place, done, [{name: row[i] for i, name in kept}])

    def _header(self, rows: Iterator[list[str]]) -> list[str]:
        header = [name.strip() for name in next(rows, [])]
        require_columns(self.name, header, self._mapping)
        return header


class ParquetFile(_File):
    """Parquet; of its columns only those that are read come into memory."""

    def __init__(self, path: Path, mapping: UsageMapping) -> None:
        super().__init__(path)
        self._mapping = mapping

    def read(self, after: Place, /) -> Iterator[Entry]:
        """A row each, those up to `after` skipped; `done` in rows. Raises UsageLogError."""
        import pyarrow as pa  # type: ignore[import-untyped]
        import pyarrow.parquet as pq  # type: ignore[import-untyped]

        try:
            with pq.ParquetFile(self._path) as file:
                self.size = file.metadata.num_rows
                columns = file.schema_arrow.names
                require_columns(self.name, columns, self._mapping)
                kept = [name for name in columns if self._mapping.reads(name)]
                number = 0
                for batch in file.iter_batches(_PARQUET_ROWS, columns=kept):
                    if number + batch.num_rows <= after.entry:
                        number += batch.num_rows
                        continue
                    for record in batch.to_pylist():
                        number += 1
                        if number > after.entry:
                            yield Entry(Place(number), number, [record])
        except pa.ArrowInvalid as error:
            raise UsageLogError(f"{self.name}: is no Parquet file: {error}") from None


def require_columns(name: str, columns: list[str], mapping: UsageMapping) -> None:
    """Raises UsageLogError where none of a log's columns can tell what every event needs."""
    for field in mapping.missing(columns):
        wanted = " or ".join(repr(path) for path in mapping.fields[field].paths())
        told = ", ".join(repr(column) for column in columns[:30]) or "none"
        raise UsageLogError(
            f"{name}: has no column {wanted}, which {field} is read from; its columns: {told}; "
            "name the right one in a file for --mapping"
        )
