"""Writing files so that a reader sees the old or the new, never half. What the disk refuses is
raised as OSError."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polars import DataFrame


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes; raises OSError."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Make renames within a folder survive a power cut, where the system can."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_aside(path: Path, write: Callable[[Path], None]) -> None:
    """`write` fills a file beside `path`, which is then renamed over it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        write(aside)
        with aside.open("rb+") as handle:
            os.fsync(handle.fileno())
        aside.replace(path)
        sync_folder(path.parent)
    finally:
        aside.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """The whole content, or what was there before."""

    def write(aside: Path) -> None:
        aside.write_bytes(content)

    write_aside(path, write)


def write_json(path: Path, content: Any) -> None:
    """Readable JSON with sorted keys: equal content gives equal bytes."""
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode())


def write_parquet(path: Path, frame: DataFrame) -> None:
    """The whole frame, or what was there before."""
    write_aside(path, lambda aside: frame.write_parquet(aside, compression="zstd"))


def append_line(path: Path, content: dict[str, Any]) -> None:
    """One JSON line in one write; raises OSError where the disk takes less than the line. A line
    that was cut short stays a line of its own, which readers pass over."""
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(content, sort_keys=True, ensure_ascii=False).encode() + b"\n"
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line
        # A full disk takes a part and raises only at the next write.
        if os.write(descriptor, line) < len(line):
            raise OSError(errno.ENOSPC, "the line was cut short", str(path))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if not size:
        sync_folder(path.parent)
