"""`llmrec serve`: binds, watches for editions and outcomes, drains the spool, ends well.

On SIGTERM or SIGINT no new connection is taken, answers under way are finished, and what was served
is drained into the evidence store.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

import uvicorn
from anyio import to_thread

from llmrec_pipeline.domain.embedding import Embedder
from llmrec_pipeline.domain.matching import HashedWords, Remembered
from llmrec_pipeline.domain.task_model import FULL
from llmrec_pipeline.serving.api.app import create_app
from llmrec_pipeline.serving.api.config import load_api_config, require_safe
from llmrec_pipeline.serving.api.desk import Desk
from llmrec_pipeline.serving.api.gate import JsonLines, Metrics
from llmrec_pipeline.serving.sentence_embedding import EmbeddingError
from llmrec_pipeline.serving.understanding import is_installed, sentence_embedder
from llmrec_pipeline.serving_settings import load_learning
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.storage.evidence_store import migrating
from llmrec_pipeline.storage.evidence_store.opening import EvidenceStoreError

_log = logging.getLogger("llmrec.api")
# Cards of two editions, and the profiles and requests that are compared with them.
_TEXTS_REMEMBERED = 10_000
_STOP = (signal.SIGINT, signal.SIGTERM)


def serve(host: str, port: int) -> None:
    """Serve until asked to stop. Raises SettingsError, EvidenceStoreError, EmbeddingError, and
    OSError where the address cannot be had."""
    settings = load_settings()
    config = load_api_config(settings.locations)
    require_safe(host, config)
    if config.understanding == FULL:
        sentence_embedder()  # fails now, not within a request
    desk = Desk(
        settings,
        config,
        load_learning(settings.locations),
        migrating.open_store(settings.locations),
        default_embedder(),
    )
    metrics = Metrics()
    listening = listen(host, port)
    _log_as_json()
    server = _Server(
        uvicorn.Config(
            create_app(desk, metrics, lambda _: alive(desk, metrics)),
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=max(1, round(config.shutdown_s)),
        )
    )
    try:
        server.run([listening])
    finally:
        desk.store.close()


def listen(host: str, port: int) -> socket.socket:
    """The socket, told on stderr; raises OSError where the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise OSError(
            f"{host}:{port} cannot be listened at: {error.strerror}; use --port"
        ) from None
    shown = f"[{host}]" if ":" in host else host
    sys.stderr.write(f"llmrec: serving http://{shown}:{listening.getsockname()[1]}\n")
    sys.stderr.flush()
    return listening


class _Server(uvicorn.Server):
    """Being asked to stop is no failure: uvicorn would end by the signal that it was sent."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {sig: signal.signal(sig, self.handle_exit) for sig in _STOP}
        try:
            yield
        finally:
            for sig, handler in before.items():
                signal.signal(sig, handler)


def default_embedder() -> Remembered:
    """By which texts are compared on this machine: the sentence embedding where it is installed,
    else their words. Answers name it."""
    try:
        embedder: Embedder = sentence_embedder() if is_installed() else HashedWords()
    except EmbeddingError as error:
        _log.warning("texts are compared by their words: %s", error)
        embedder = HashedWords()
    return Remembered(embedder, _TEXTS_REMEMBERED)


@asynccontextmanager
async def alive(desk: Desk, metrics: Metrics) -> AsyncIterator[None]:
    """Everything that goes on beside the requests."""
    await to_thread.run_sync(desk.look_for_edition)
    async with AsyncExitStack() as stack:
        for every_s, work in (
            (desk.config.watch_s, lambda: _watch(desk, metrics)),
            (desk.config.spool.sync_s, desk.spool.sync),
            (desk.config.spool.drain_s, lambda: _drain(desk, metrics)),
        ):
            task = asyncio.create_task(_repeat(every_s, work))
            stack.callback(task.cancel)
        yield
    await to_thread.run_sync(lambda: _drain(desk, metrics))


async def _repeat(every_s: float, work: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(every_s)
        try:
            await to_thread.run_sync(work)
        except Exception:  # noqa: BLE001 - see below
            # Whatever happens to one turn, the next one is tried: the server must not go blind.
            _log.exception("a task beside the requests failed")


def _watch(desk: Desk, metrics: Metrics) -> None:
    if desk.look_for_edition():
        metrics.editions.inc()
    desk.embed_cards()


def _drain(desk: Desk, metrics: Metrics) -> None:
    try:
        drained = desk.drain()
    except EvidenceStoreError as error:
        # What is spooled stays where it is.
        _log.warning("not drained: %s", error)
        return
    desk.look_for_outcomes()
    if drained:
        metrics.drained.inc(drained)
        _log.info("drained", extra={"answers": drained})


def _log_as_json() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
