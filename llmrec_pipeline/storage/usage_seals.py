"""The seal of a partition of usage events: the SHA-256 of the file, kept within the file.

It stands in the Parquet metadata under `llmrec_sha256`, and is that of the file with zeros in its
place, so that a day and its digest are replaced in one step and any reader of Parquet passes over it.
Whoever is about to read events asks here first, each time: what a disk gives back otherwise than it
was written is refused, never summed.

What does not show: damage of a file without a seal, which another tool or an earlier version wrote,
or whose damage took the seal's own name with it, as long as it reads as Parquet; what was forged,
seal included; and what a server that reads the partitions itself, as Spark does, is given.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import polars as pl

from llmrec_pipeline.sources.pull import one_line

SEAL = "llmrec_sha256"
"""The name of the metadata that holds the seal."""
UNSEALED = "0" * 64
"""What stands there until the file is sealed."""
# Behind the metadata stand the writer's name and a few bytes for each column.
_TAIL_BYTES = 4096
_READ_BYTES = 2**20


class TelemetryError(Exception):
    """The events cannot be read. One line that says what to do."""


class DamagedEvents(TelemetryError):
    """A partition is not as it was written."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path}: damaged: {reason}; remove the file, then import the logs of its day again"
        )


def seal(path: Path) -> None:
    """Seal a Parquet file whose metadata holds `UNSEALED` under `SEAL`."""
    with path.open("rb+") as handle:
        told = _digest(handle, UNSEALED)
        start = _tail_start(handle)
        handle.seek(start)
        tail = handle.read()
        handle.seek(start + tail.index(UNSEALED.encode(), tail.rindex(SEAL.encode())))
        handle.write(told.encode())


def require_sound(paths: Iterable[Path]) -> None:
    """That the files are as they were sealed; raises DamagedEvents naming the first that is not,
    TelemetryError for one that cannot be read. Reads them whole, some 1 GB a second and core."""
    with ThreadPoolExecutor() as pool:
        for _ in pool.map(_require_sound, paths):
            pass


def metadata_of(path: Path) -> dict[str, str]:
    """What a file says of itself beside its rows, by name; raises DamagedEvents where its end is not
    that of a Parquet file."""
    with _opened(path) as handle:
        return pl.read_parquet_metadata(handle)


def _require_sound(path: Path) -> None:
    with _opened(path) as handle:
        told = pl.read_parquet_metadata(handle).get(SEAL)
        if told is not None and _digest(handle, told) != told:
            raise DamagedEvents(path, "the content differs from its sha256")


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """One file, though an import may put another in its place meanwhile."""
    try:
        with path.open("rb") as handle:
            yield handle
    except OSError as error:
        raise TelemetryError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise DamagedEvents(path, one_line(str(error))) from None


def _digest(handle: BinaryIO, told: str) -> str:
    """SHA-256 of the file with zeros in the place of what its seal tells."""
    digest = hashlib.sha256()
    left = _tail_start(handle)
    handle.seek(0)
    while left and (chunk := handle.read(min(left, _READ_BYTES))):
        digest.update(chunk)
        left -= len(chunk)
    digest.update(handle.read().replace(told.encode(), UNSEALED.encode()))
    return digest.hexdigest()


def _tail_start(handle: BinaryIO) -> int:
    return max(handle.seek(0, os.SEEK_END) - _TAIL_BYTES, 0)
