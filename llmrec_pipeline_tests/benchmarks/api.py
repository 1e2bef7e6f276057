"""`python -m llmrec_pipeline_tests.benchmarks.api`: what an answer costs over HTTP and from the shell.

One server, one run: a constant route, `POST /api/v1/recommend` with a question asked before and with
new ones (words only), and a stored profile, which is embedded. Progress goes to stderr.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from llmrec_pipeline_tests.benchmarks.figure import Figure, Goal, progress
from llmrec_pipeline_tests.benchmarks.refresh_cost import build

PULLS = 10
SHARE_GOAL, P99_GOAL_MS = Goal(0.4, at_least=True), Goal(20.0)
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_CLI = (sys.executable, "-m", "llmrec_pipeline.serving.cli")
_BARE = """
import sys
import uvicorn
from fastapi import FastAPI
app = FastAPI()
@app.get("/")
async def constant():
    return {"status": "ok", "edition": "20261121T000000Z-00000000"}
uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False, server_header=False)
"""
_TEXT = "python debugging, prefer quality, budget $5/1M tokens"


@dataclass(frozen=True)
class Load:
    """Answers a second, and the time of one, ms."""

    name: str
    per_second: float
    p50_ms: float
    p99_ms: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Build an edition in a temporary folder, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m llmrec_pipeline_tests.benchmarks.api", description=__doc__
    )
    parser.add_argument("--models", type=int, default=500, help="models of the edition")
    parser.add_argument("--seconds", type=float, default=5, help="of load on each route")
    parser.add_argument("--connections", type=int, default=4, help="connections at once")
    chosen = parser.parse_args(arguments)
    loads = _measured(chosen.models, chosen.connections, chosen.seconds)
    sys.stdout.write(_table(loads, chosen.models, chosen.connections))


def figures(models: int = 500, connections: int = 4, seconds: float = 5) -> list[Figure]:
    """Each route beside the constant one, and how long the slowest answers take."""
    constant, *asked = _measured(models, connections, seconds)
    bare = _bare(connections, seconds)
    rates = [
        Figure(
            f"API: {load.name}",
            *(load.per_second, "requests/s", "constant route", constant.per_second),
            SHARE_GOAL if load is asked[0] else None,
        )
        for load in asked
    ]
    rates.append(
        Figure(
            f"API: {asked[0].name}",
            *(asked[0].per_second, "requests/s", "a bare FastAPI route", bare.per_second),
        )
    )
    slowest = Figure(f"API: {asked[0].name}, p99", asked[0].p99_ms, "ms", goal=P99_GOAL_MS)
    return [*rates, slowest]


def _measured(models: int, connections: int, seconds: float) -> list[Load]:
    with tempfile.TemporaryDirectory(prefix="llmrec-bench-") as temporary:
        data = Path(temporary) / "data"
        build(data, PULLS, models, lambda _: None)
        environment = {**os.environ, "LLMREC_DATA_DIR": str(data), "LLMREC_OFFLINE": "1"}
        environment.pop("DATABASE_URL", None)
        with served(environment) as port:
            return asyncio.run(_loads(port, connections, seconds))


def _bare(connections: int, seconds: float) -> Load:
    """A constant route of FastAPI with nothing of ours around it, on the same server."""
    # The rest of these benchmarks needs no server in its own process.
    from llmrec_pipeline_tests.e2e.api_server import free_port

    request = itertools.repeat(_request("GET", "/"))
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", _BARE, str(port)])
    try:
        for _ in range(200):
            with suppress(OSError):
                asyncio.run(_load("warm", port, request, 1, 0.1))
                break
            time.sleep(0.1)
        return asyncio.run(_load("bare", port, request, connections, seconds))
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def served(environment: dict[str, str]) -> Iterator[int]:
    """`llmrec serve` on a free port, without a limit that a benchmark would meet."""
    unlimited = {
        "LLMREC_API__RATE_LIMIT__PER_MINUTE": "100000000",
        "LLMREC_API__RATE_LIMIT__BURST": "10000000",
    }
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [*_CLI, "serve", "--port", "0"],
            env={**environment, **unlimited},
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stderr is not None
        try:
            port = int(process.stderr.readline().rstrip().rpartition(b":")[2])
            # Its log is read, or the pipe would fill and the server stand still.
            drain = subprocess.Popen(["cat"], stdin=process.stderr, stdout=log)
            yield port
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)
            drain.wait(30)


async def _loads(port: int, connections: int, seconds: float) -> list[Load]:
    await _until_ready(port)
    profile = {"profile_text": "We debug python services and write unit tests."}
    await _once(port, _request("PUT", "/api/v1/users/bench", profile))
    new = (f"{_TEXT}, question {number}" for number in itertools.count())
    routes = {
        "constant": itertools.repeat(_request("GET", "/healthz")),
        "recommend, asked before": itertools.repeat(_ask(_TEXT)),
        "recommend, new words": map(_ask, new),
        "recommend, profile embedded": itertools.repeat(_request("GET", "/api/v1/recommend/bench")),
    }
    loads = []
    for name, requests in routes.items():
        progress(name)
        await _load(name, port, requests, connections, seconds / 5)
        loads.append(await _load(name, port, requests, connections, seconds))
    return loads


def _ask(text: str) -> bytes:
    return _request("POST", "/api/v1/recommend", {"text": text, "topk": 3})


def _request(method: str, path: str, body: object = None) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def _until_ready(port: int) -> None:
    for _ in range(200):
        if await _once(port, _request("GET", "/healthz")) == 200:
            return
        await asyncio.sleep(0.1)
    raise RuntimeError("the server does not answer")


async def _once(port: int, request: bytes) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        return await _exchange(reader, writer, request)
    finally:
        writer.close()


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> int:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    await reader.readexactly(int(length[1]) if length else 0)
    return int(head[9:12])


async def _load(
    name: str, port: int, requests: Iterator[bytes], connections: int, seconds: float
) -> Load:
    times: list[float] = []
    started = time.perf_counter()

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
        while (begun := time.perf_counter()) < started + seconds:
            status = await _exchange(reader, writer, next(requests))
            if status != 200:
                raise RuntimeError(f"{name}: {status}")
            times.append(time.perf_counter() - begun)
        writer.close()

    await asyncio.gather(*(ask() for _ in range(connections)))
    lasted = time.perf_counter() - started
    percentiles = statistics.quantiles(times, n=100)
    return Load(name, len(times) / lasted, percentiles[49] * 1000, percentiles[98] * 1000)


def _table(loads: Sequence[Load], models: int, connections: int) -> str:
    constant = loads[0].per_second
    rows = [
        f"{load.name:30}{load.per_second:12.0f}{load.p50_ms:10.2f}{load.p99_ms:10.2f}"
        f"{load.per_second / constant:10.2f}"
        for load in loads
    ]
    lines = [
        f"An edition of {models} models, {connections} connections",
        f"{'':30}{'requests/s':>12}{'p50, ms':>10}{'p99, ms':>10}{'share':>10}",
        *rows,
        f"Goal, asked before: share {SHARE_GOAL} of the constant route, p99 {P99_GOAL_MS} ms.",
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
