"""Served answers on their way to the evidence store: JSON lines that are appended at once and drained
in groups. Standard library only: the hot path writes here.

    spool/answers.jsonl                  appended to by every process that serves
    spool/answers-<stamp>-<id>.jsonl     sealed: being drained
    spool/refused.jsonl                  lines that are no record, kept for a person

What may be lost: nothing when a process is killed, since a line is with the operating system before
its answer is given. A power cut takes what was not yet synced: nothing where `append` was asked to
sync, else what came since the last `sync`, which a server calls every few hundred milliseconds.
Draining is safe to repeat: a record is stored once by its id, and a file goes when it is stored.
"""

from __future__ import annotations

import errno
import fcntl
import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from llmrec_pipeline.domain.outside_text import read_json
from llmrec_pipeline.domain.timestamps import stamp
from llmrec_pipeline.storage.files import append_line, sync_folder

_OPEN = "answers.jsonl"
_REFUSED = "refused.jsonl"
_REQUIRED = (
    "answer_id",
    "served_at",
    "question",
    "way",
    "edition",
    "scorer",
    "config_hash",
    "answer_json",
)

Store = Callable[[Sequence[Mapping[str, Any]]], None]
"""Stores records; stored once, whatever it is given twice. Raises where it could not."""


class AnswerSpool:
    """The spool below a data folder."""

    def __init__(self, data: Path) -> None:
        self.folder = data / "spool"
        self._path = self.folder / _OPEN

    def append(self, record: str, *, sync: bool) -> None:
        """One record, a line of JSON, in one write; raises OSError where the disk does not take all
        of it."""
        line = f"{record}\n".encode()
        with self._opened() as descriptor:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                # What a full disk cut stays a line of its own, which draining refuses.
                line = b"\n" + line
            if os.write(descriptor, line) < len(line):
                raise OSError(errno.ENOSPC, "the record was cut short", str(self._path))
            if sync:
                os.fsync(descriptor)

    def sync(self) -> None:
        """What was appended so far survives a power cut."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY)
        except FileNotFoundError:
            return
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    @property
    def waiting_bytes(self) -> int:
        """Size of what is not yet drained."""
        return sum(path.stat().st_size for path in self._files())

    def drain(self, store: Store, now: datetime, group: int = 500) -> int:
        """Give everything to `store`, in groups, and remove what it took; how many records that
        were. What is no record goes to `refused.jsonl`. Raises what `store` raises, and keeps what
        was not stored."""
        if not self.folder.is_dir():
            return 0
        with _locked(self.folder / ".drain", fcntl.LOCK_EX):
            self._seal(now)
            return sum(self._drain_file(path, store, group) for path in self._sealed())

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """The open file, shared with other writers; no drain takes it away meanwhile."""
        while True:
            try:
                descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            except FileNotFoundError:
                self.folder.mkdir(parents=True, exist_ok=True)
                continue
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH)
                if self._is_open(descriptor):
                    yield descriptor
                    return
            finally:
                os.close(descriptor)

    def _is_open(self, descriptor: int) -> bool:
        """Whether the file still is the one that is appended to: it may have been sealed between
        opening and locking."""
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except FileNotFoundError:
            return False

    def _seal(self, now: datetime) -> None:
        try:
            with _locked(self._path, fcntl.LOCK_EX, create=False):
                if self._path.stat().st_size:
                    sealed = f"answers-{stamp(now)}-{uuid.uuid4().hex}.jsonl"
                    self._path.rename(self.folder / sealed)
        except FileNotFoundError:
            return
        sync_folder(self.folder)

    def _sealed(self) -> list[Path]:
        return sorted(self.folder.glob("answers-*.jsonl"))

    def _files(self) -> list[Path]:
        return [path for path in (*self._sealed(), self._path) if path.exists()]

    def _drain_file(self, path: Path, store: Store, group: int) -> int:
        records: list[dict[str, Any]] = []
        stored = 0
        with path.open("rb") as lines:
            for line in lines:
                record = _record(line)
                if record is None:
                    self._refuse(line)
                    continue
                records.append(record)
                if len(records) == group:
                    store(records)
                    stored, records = stored + len(records), []
        if records:
            store(records)
        path.unlink()
        return stored + len(records)

    def _refuse(self, line: bytes) -> None:
        if line.strip():
            append_line(self.folder / _REFUSED, {"line": line.decode("utf-8", "replace")})


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        content = read_json(line)
    except ValueError:
        return None
    if not isinstance(content, dict) or any(content.get(name) is None for name in _REQUIRED):
        return None
    return content


@contextmanager
def _locked(path: Path, kind: int, *, create: bool = True) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0), 0o600)
    try:
        fcntl.flock(descriptor, kind)
        yield
    finally:
        os.close(descriptor)
