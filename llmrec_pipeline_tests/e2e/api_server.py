"""The API over a real socket: in a thread of this process, or as `llmrec serve`."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from llmrec_pipeline.serving.api.app import create_app
from llmrec_pipeline.serving.api.config import load_api_config
from llmrec_pipeline.serving.api.desk import Desk
from llmrec_pipeline.serving.api.gate import Metrics
from llmrec_pipeline.serving.api.server import alive, default_embedder, listen
from llmrec_pipeline.serving_settings import load_learning
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.storage.editions import MANIFEST, RANKING, file_entry, sealed
from llmrec_pipeline.storage.evidence_store import migrating
from llmrec_pipeline_tests.e2e.command_line import Llmrec

PATIENCE_S = 30
UNLIMITED = {"LLMREC_API__RATE_LIMIT__BURST": "1000000"}
QUICK = {"LLMREC_API__WATCH_S": "0.05", "LLMREC_API__SPOOL__DRAIN_S": "0.2"}


@dataclass
class Api:
    """A server, and a client of it."""

    desk: Desk
    url: str
    client: httpx.Client
    metrics: Metrics

    def stored(self, user_id: str, **more: Any) -> int:
        """Store a user; the status."""
        told = {"profile_text": "We write software", **more}
        return self.client.put(f"/api/v1/users/{user_id}", json=told).status_code

    def recommend(self, text: str, **more: Any) -> httpx.Response:
        return self.client.post("/api/v1/recommend", json={"text": text, **more})


@contextmanager
def api(data: Path, **environment: str) -> Iterator[Api]:
    """The API over a data folder, in a thread, ready; and stopped as a server is stopped."""
    env = {"LLMREC_DATA_DIR": str(data), **UNLIMITED, **QUICK, **environment}
    settings = load_settings(env)
    desk = Desk(
        settings,
        load_api_config(settings.locations, env),
        load_learning(settings.locations, env),
        migrating.open_store(settings.locations, env),
        default_embedder(),
    )
    metrics = Metrics()
    app = create_app(desk, metrics, lambda _: alive(desk, metrics))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None))
    with listen("127.0.0.1", 0) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            until(lambda: server.started)
            with httpx.Client(base_url=url, timeout=PATIENCE_S) as client:
                yield Api(desk, url, client, metrics)
        finally:
            server.should_exit = True
            thread.join(PATIENCE_S)
            desk.store.close()


@contextmanager
def served(llmrec: Llmrec, *flags: str, **more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`llmrec serve` on a free port, ready, and its address; killed where a test did not end it."""
    process = llmrec.start("serve", "--port", "0", *flags, **more)
    assert process.stderr is not None
    try:
        url = process.stderr.readline().split()[-1]
        until(lambda: answers(f"{url}/healthz"))
        yield process, url
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def until(happened: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Wait for something; fails after half a minute, or what is said."""
    deadline = time.monotonic() + patience_s
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def publish_without(data: Path, key: str, name: str) -> None:
    """Make an edition current that is as the present one, without one model."""
    published = data / "published"
    before = (published / "current").resolve()
    folder = published / name
    folder.mkdir()
    for path in before.iterdir():
        if path.name not in (RANKING, MANIFEST):
            (folder / path.name).symlink_to(path)
    ranking = json.loads((before / RANKING).read_text("utf-8"))
    ranking["edition"] = name
    ranking["models"] = [m for m in ranking["models"] if m["canonical_model_key"] != key]
    (folder / RANKING).write_text(json.dumps(ranking), encoding="utf-8")
    manifest = json.loads((before / MANIFEST).read_text("utf-8"))
    manifest["files"][RANKING] = file_entry(folder / RANKING)
    (folder / MANIFEST).write_text(json.dumps(sealed(manifest)), encoding="utf-8")
    aside = published / f".{name}"
    aside.symlink_to(name)
    aside.replace(published / "current")


def free_port() -> int:
    """A port on which nobody listens now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    """Whether this address answers well by now."""
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.TransportError:
        return False
