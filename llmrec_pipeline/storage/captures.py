"""Raw responses that somebody captured: which files are pulls, when they were observed, and their
pages.

A file is a pull of one page. A folder with a moment in its name is one pull, whose files in order
of their names are its pages; any other folder is searched for both. A file may be compressed (.gz).
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from llmrec_pipeline.domain.capture_names import moment_in_name
from llmrec_pipeline.sources.pull import RawPage, one_line
from llmrec_pipeline.storage.lake import MANIFEST

_FORMS = "YYYY-MM-DD or 2026-03-01T06-00-00Z"
_COMPRESSED = ".gz"


class BadCapture(Exception):
    """A file or folder that is no capture. One line: why, and what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(one_line(reason))


@dataclass(frozen=True, slots=True)
class Capture:
    """The files of one pull, in order. `problem` says why it cannot be taken, where it cannot."""

    path: Path
    observed_at: datetime | None
    files: tuple[Path, ...] = ()
    problem: str | None = None


def find_captures(paths: Iterable[Path], at: datetime | None = None) -> list[Capture]:
    """Every capture below the paths, by moment; those with a problem first. `at` is the moment of
    all of them, whatever their names say, and makes of a folder one pull."""
    found = [capture for path in paths for capture in _captures(path, at)]
    return sorted(found, key=lambda c: (c.observed_at is not None, str(c.observed_at), c.path))


def _captures(path: Path, at: datetime | None) -> Iterator[Capture]:
    try:
        if path.is_dir() and at is None and moment_in_name(path.name) is None:
            for entry in _visible(path):
                yield from _captures(entry, None)
        else:
            yield _capture(path, at or moment_in_name(path.name))
    except ValueError as error:
        yield Capture(path, None, problem=f"its name has a moment that is none: {error}")
    except OSError as error:
        yield Capture(path, None, problem=f"cannot be read: {error.strerror}")


def _capture(path: Path, observed_at: datetime | None) -> Capture:
    if not path.exists():
        return Capture(path, None, problem="there is no such file or folder")
    if observed_at is None:
        return Capture(
            path,
            None,
            problem=f"its name has not one moment; rename it with {_FORMS} in UTC, or give --at",
        )
    if not path.is_dir():
        return Capture(path, observed_at, (path,))
    files = tuple(entry for entry in _visible(path) if _page_name(entry) != MANIFEST)
    problem: str | None = None
    if not files:
        problem = "holds no files"
    elif any(entry.is_dir() for entry in files):
        problem = "holds a folder, but its files are the pages of one pull"
    elif len({_page_name(entry) for entry in files}) < len(files):
        problem = f"holds a page twice, with and without {_COMPRESSED}"
    return Capture(path, observed_at, files, problem)


def _visible(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


def _page_name(path: Path) -> str:
    return path.name.removesuffix(_COMPRESSED)


def read_pages(capture: Capture, observed_at: datetime, max_bytes: int) -> list[RawPage]:
    """The pages of a capture as they were received then; raises BadCapture."""
    pages = []
    for path in capture.files:
        name = _page_name(path)
        body = _body(path, max_bytes)
        pages.append(RawPage(name, f"file:{name}", 200, {}, body, observed_at))
    return pages


def _body(path: Path, max_bytes: int) -> bytes:
    opened = gzip.open if path.name.endswith(_COMPRESSED) else open
    try:
        with opened(path, "rb") as handle:
            body: bytes = handle.read(max_bytes + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadCapture(f"{path.name}: is no whole gzip file: {error}") from None
    except OSError as error:
        raise BadCapture(f"{path.name}: cannot be read: {error.strerror}") from None
    if len(body) > max_bytes:
        raise BadCapture(f"{path.name}: is longer than {max_bytes} bytes; see http.max_body_mb")
    return body
