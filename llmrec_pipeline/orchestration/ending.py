"""A run that is asked to end does end: by SIGTERM or SIGINT, whatever becomes of the first one.

Dagster raises an interrupt wherever the main thread is. Python drops what is raised in a finalizer
or a callback, and the run would go on as if nobody had asked. Whatever handles a signal, the
interpreter also writes its number to the wake-up descriptor: what was asked is asked again there
until the run has ended.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_ASKING = frozenset({signal.SIGTERM, signal.SIGINT})
# An interrupted run writes down that it was, which takes a second or two.
_AGAIN_AFTER_S = 10.0


@contextmanager
def asked_again(after_s: float = _AGAIN_AFTER_S) -> Iterator[None]:
    """Within it, a signal that asks to end is sent again every `after_s` seconds. For the main
    thread; in another one it does nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ended = threading.Event()
    heard, told = os.pipe()
    # The interpreter writes from within a signal, where nothing may block.
    os.set_blocking(told, False)
    before = signal.set_wakeup_fd(told, warn_on_full_buffer=False)

    def ask() -> None:
        while (number := os.read(heard, 1)) and not ended.is_set():
            if number[0] in _ASKING and not ended.wait(after_s):
                os.kill(os.getpid(), number[0])

    asking = threading.Thread(target=ask, name="asked-again", daemon=True)
    asking.start()
    try:
        yield
    finally:
        ended.set()
        signal.set_wakeup_fd(before)
        os.close(told)
        asking.join()
        os.close(heard)
