"""A signal that something swallowed is sent again, and none is once the work is done."""

from __future__ import annotations

import subprocess
import sys

import pytest

_SWALLOWS_TWO = """
import os, signal, sys, threading
from llmrec_pipeline.orchestration.ending import asked_again

number, heard, done = signal.Signals[sys.argv[1]], [], threading.Event()

def handle(*_):
    heard.append(1)
    if len(heard) > 2:
        raise KeyboardInterrupt

signal.signal(number, handle)
try:
    with asked_again(after_s=0.05):
        os.kill(os.getpid(), number)
        while True:
            done.wait(0.01)
except KeyboardInterrupt:
    print("ended after", len(heard))
done.wait(0.3)
print("heard", len(heard), "in all; wakes", signal.set_wakeup_fd(-1))
"""
_ENDS_ITSELF = """
import os, signal, threading
from llmrec_pipeline.orchestration.ending import asked_again

heard = []
signal.signal(signal.SIGTERM, lambda *_: heard.append(1))
signal.signal(signal.SIGUSR1, lambda *_: None)
with asked_again(after_s=60):
    os.kill(os.getpid(), signal.SIGUSR1)
    os.kill(os.getpid(), signal.SIGTERM)
thread = threading.Thread(target=lambda: asked_again().__enter__())
thread.start()
thread.join()
print("heard", len(heard), "threads", threading.active_count())
"""


def _said(script: str, *arguments: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return ran.stdout


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
def test_a_signal_that_was_swallowed_is_sent_again_until_the_work_ends(number: str) -> None:
    assert _said(_SWALLOWS_TWO, number) == "ended after 3\nheard 3 in all; wakes -1\n"


def test_work_that_ends_waits_for_nothing_and_hears_no_more() -> None:
    assert _said(_ENDS_ITSELF) == "heard 1 threads 1\n"
