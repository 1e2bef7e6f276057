"""The Dagster UI on this machine: `dg dev` as a child that is watched from start to end.

Dagster's own output starts before anybody can use the address; here the address is told once it
answers, and whoever ends us ends every process that was started.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from urllib.error import URLError
from urllib.request import urlopen

from llmrec_pipeline.locations import PROJECT_ROOT

HOST = "127.0.0.1"
PORT = 3000
_START_LIMIT_S = 180
_STOP_LIMIT_S = 30
_POLL_S = 0.25


class DevServerError(Exception):
    """The UI cannot be started. One line, with what to do."""


def serve(port: int, environment: Mapping[str, str], say: Callable[[str], None]) -> int:
    """Run the UI until it is asked to stop, and return the exit code; raises DevServerError where
    the port is taken, `dg` is not installed, or the server ends before it answers."""
    _require_free(port)
    url = f"http://{HOST}:{port}"
    say(f"Dagster UI: starting at {url} …")
    stopping = threading.Event()
    # Set before the server starts: it would inherit that a shell lets us ignore an interrupt.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stopper(stopping))
    server = subprocess.Popen(  # noqa: S603 - our own command line
        [*_command(), "--port", str(port)],
        cwd=PROJECT_ROOT,
        env={**environment, **_dg_environment(environment)},
        start_new_session=True,
    )
    try:
        _wait_until_it_answers(server, url, stopping)
        if not stopping.is_set():
            say(f"Dagster UI: {url} (stop with Ctrl+C)")
        while server.poll() is None and not stopping.wait(_POLL_S):
            pass
    finally:
        _end(server)
    if stopping.is_set():
        say("Dagster UI: stopped.")
        return 0
    raise DevServerError(f"the server ended by itself, exit code {server.returncode}; see above")


def _command() -> list[str]:
    dg = Path(sys.executable).with_name("dg")
    if not dg.exists():
        raise DevServerError("dg is not installed; it comes with the extra `ui`")
    # Its information is about itself; warnings are about us.
    return [str(dg), "dev", "-w", "workspace.yaml", "--host", HOST, "--log-level", "warning"]


def _dg_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """dg asks that its environment be the active one, and reads its settings where it is told."""
    folder = Path(sys.executable).parent
    return {
        "VIRTUAL_ENV": str(folder.parent),
        "PATH": f"{folder}{os.pathsep}{environment.get('PATH', os.defpath)}",
        "DG_CLI_CONFIG": environment.get("DG_CLI_CONFIG", str(PROJECT_ROOT / "config" / "dg.toml")),
    }


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        # What a server that has just ended leaves behind does not keep the next one from starting.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise DevServerError(
                f"port {port} of {HOST}: {error.strerror}; stop what uses it, or take another: "
                f"--port {port + 1}"
            ) from None


def _stopper(stopping: threading.Event) -> Callable[[int, FrameType | None], None]:
    return lambda _number, _frame: stopping.set()


def _wait_until_it_answers(
    server: subprocess.Popen[bytes], url: str, stopping: threading.Event
) -> None:
    deadline = time.monotonic() + _START_LIMIT_S
    while server.poll() is None and not stopping.is_set():
        if _answers(url):
            return
        if time.monotonic() > deadline:
            raise DevServerError(f"{url} does not answer after {_START_LIMIT_S} s; see above")
        stopping.wait(_POLL_S)


def _answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/server_info", timeout=5) as response:  # noqa: S310 - our own address
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


def _end(server: subprocess.Popen[bytes]) -> None:
    """Ask the server to end, which ends its own children; what is left of them is killed."""
    if server.poll() is None:
        server.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(_STOP_LIMIT_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()
