"""kill -9 at the calls that change files: the moments of microseconds that no drawn moment hits.

A process counts the calls that the product makes of the functions below, and kills itself right before
or right after one of them. What native code writes, as SQLite, DuckDB and polars do, has no such points.
"""

from __future__ import annotations

import io
import os
import random

# Imported before `os` is wrapped: it looks then which of its functions take a folder's descriptor.
import shutil  # noqa: F401
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import llmrec_pipeline

_CALLS = (
    *("fsync", "link", "mkdir", "rename", "replace", "rmdir"),
    *("symlink", "truncate", "unlink", "write"),
)
_PRODUCT = f"{Path(llmrec_pipeline.__file__).parent}{os.sep}"
_WRITING = frozenset("wax+")
# That many tell, say, the file of an edition from the link to it, and are few enough to try each.
_CALLERS = 2


class CrashPoints:
    """Two points for each call, before it and after it, in the order in which they are passed.
    `places` says of each which function was called from where; this process ends at the point of
    the number `crash_at`, at none of a negative one."""

    def __init__(self, crash_at: int) -> None:
        self.places: list[str] = []
        self._crash_at = crash_at

    def install(self) -> None:
        """Wrap the functions for the rest of this process."""
        for name in _CALLS:
            setattr(os, name, self._wrapped(name, getattr(os, name)))
        opened = io.open
        wrapped = self._wrapped("open", opened)

        def open_(file: Any, mode: str = "r", *rest: Any, **named: Any) -> Any:
            return (wrapped if _WRITING & set(mode) else opened)(file, mode, *rest, **named)

        # What `Path.open` calls.
        io.open = open_  # type: ignore[assignment]

    def _wrapped(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def crashing(*given: Any, **named: Any) -> Any:
            callers = " ".join(islice(_callers(), _CALLERS))
            if not callers:
                return call(*given, **named)
            self._pass(f"before {name} {callers}")
            done = call(*given, **named)
            self._pass(f"after {name} {callers}")
            return done

        return crashing

    def _pass(self, place: str) -> None:
        if len(self.places) == self._crash_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.places.append(place)


def _callers() -> Iterator[str]:
    """The functions of the product that are at work, innermost first."""
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_filename.startswith(_PRODUCT):
            yield frame.f_code.co_qualname
        frame = frame.f_back  # type: ignore[assignment]


def sampled(places: Sequence[str], count: int, dice: random.Random) -> list[int]:
    """That many numbers of points, or all: first one of each place, since most points are passed over
    and over."""
    numbers = list(range(len(places)))
    dice.shuffle(numbers)
    firsts = {places[number]: number for number in numbers}
    ordered = sorted(numbers, key=lambda number: firsts[places[number]] != number)
    return ordered[:count]
