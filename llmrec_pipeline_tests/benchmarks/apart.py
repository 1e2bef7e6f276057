"""Work in a process of its own, so that what it imports and its peak memory are its own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def apart(work: Callable[..., Result], *arguments: object) -> Result:
    """What `work` returns of these arguments; raises what it raises."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        result = pool.apply(work, arguments)
        # Asked to end rather than killed: a process that handles SIGTERM would complain.
        pool.close()
        pool.join()
    return result
