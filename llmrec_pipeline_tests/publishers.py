"""A loopback server with the publishers' routes, in the publishers' exact shapes.

    with Publishers(Facts.invented()) as publishers:
        publishers.fault(AA, Status(429, times=2, retry_after=1))
        ...
        assert publishers.count(AA) == 3

What it tells stands in `publisher_facts`, what can go wrong in `publisher_faults`; both can be
changed while it runs. Its threads and sockets are gone when the context ends, hanging ones too.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR, socket
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from llmrec_pipeline_tests.board_and_price_facts import epoch_zip
from llmrec_pipeline_tests.publisher_facts import (
    AA,
    EPOCH,
    EVERY_SOURCE,
    GENAI_PRICES,
    LITELLM,
    LLM_STATS,
    LMARENA,
    MODELS_DEV,
    OPENROUTER,
    PAID_FIELDS,
    SOURCES,
    Facts,
    Row,
)
from llmrec_pipeline_tests.publisher_faults import (
    BadCells,
    CutOff,
    EmptyList,
    Exchange,
    FailingPage,
    Fault,
    Hang,
    HtmlPage,
    PartOfTheRows,
    RedirectElsewhere,
    RenamedFields,
    Reply,
    SlowDrip,
    Status,
    ZeroForUnknown,
)

__all__ = [
    "AA",
    "EPOCH",
    "EVERY_SOURCE",
    "GENAI_PRICES",
    "LITELLM",
    "LLM_STATS",
    "LMARENA",
    "MODELS_DEV",
    "OPENROUTER",
    "SOURCES",
    "BadCells",
    "CutOff",
    "EmptyList",
    "Exchange",
    "Facts",
    "FailingPage",
    "Fault",
    "Hang",
    "HtmlPage",
    "PartOfTheRows",
    "Publishers",
    "RedirectElsewhere",
    "RenamedFields",
    "Reply",
    "Request",
    "SlowDrip",
    "Status",
    "ZeroForUnknown",
]

AA_FREE = "/api/v2/language/models/free"
AA_PAID = "/api/v2/language/models"
AA_LEGACY = "/api/v2/data/llms/models"
CATALOGUE = "/api.json"
LEADERBOARD = (
    "/datasets/lmarena-ai/leaderboard-dataset/resolve/main/"
    "text_style_control/latest-00000-of-00001.parquet"
)
# Where the leaderboard's route redirects to, as a hub does to its storage.
STORAGE = "/storage/text_style_control.parquet"
SCORES = "/stats/v1/scores"
BENCHMARKS = "/data/benchmark_data.zip"
ROUTER_MODELS = "/api/v1/models"
PRICE_MAP = "/BerriAI/litellm/main/model_prices_and_context_window.json"
_SOURCE_OF = {
    AA_FREE: AA,
    AA_PAID: AA,
    AA_LEGACY: AA,
    CATALOGUE: MODELS_DEV,
    LEADERBOARD: LMARENA,
    STORAGE: LMARENA,
    SCORES: LLM_STATS,
    BENCHMARKS: EPOCH,
    ROUTER_MODELS: OPENROUTER,
    PRICE_MAP: LITELLM,
}
_KEY_HEADER = "x-api-key"
_BEARER = "Bearer "
_MINUTE_S = 60.0
_JOIN_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in. Of a key, only whether there was one is kept; `at` is
    `time.monotonic()`."""

    source: str | None
    target: str
    host: str
    headers: dict[str, str]
    had_key: bool
    is_redirect_target: bool
    at: float


class _Server(ThreadingHTTPServer):
    """Knows its open connections, so that closing ends them all."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, publishers: Publishers) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.publishers = publishers
        self.closing = threading.Event()
        self.letting_go = threading.Event()
        self._open: dict[threading.Thread, socket] = {}

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), daemon=True
        )
        self._open[thread] = request
        thread.start()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._open.pop(threading.current_thread(), None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A lost connection is a client that gave up, which tests make it do.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def close(self) -> None:
        self.closing.set()
        self.letting_go.set()
        self.shutdown()
        self.server_close()
        for thread, connection in list(self._open.items()):
            with contextlib.suppress(OSError):
                connection.shutdown(SHUT_RDWR)
            thread.join(_JOIN_TIMEOUT_S)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        reply = self.server.publishers._answer(
            self.path, {name.lower(): value for name, value in self.headers.items()}
        )
        try:
            self._deliver(reply)
        except ConnectionError:
            self.close_connection = True

    def _deliver(self, reply: Reply) -> None:
        if reply.silent:
            self.server.letting_go.wait()
            self.close_connection = True
            return
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        promised = len(reply.body) if reply.promised is None else reply.promised
        self.send_header("Content-Length", str(promised))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if promised != len(reply.body):
            self.close_connection = True
        self.end_headers()
        size = reply.chunk or max(1, len(reply.body))
        for start in range(0, len(reply.body), size):
            if start and self.server.closing.wait(reply.pause):
                self.close_connection = True
                return
            self.wfile.write(reply.body[start : start + size])

    def log_message(self, format: str, *args: object) -> None:
        """Requests are kept in `Publishers.requests`, not printed."""


class Publishers:
    """The publishers on one loopback port; a context manager.

    `page_size` is Artificial Analysis's, small values exercise its pagination. `tier` is the
    key's: a free one has no right to the paid route. After `quota` requests with the key it
    answers 429. `facts` may be replaced at any time. `scores_page_size` is LLM-Stats's longest
    page, `scores_a_minute` how many it gives a minute before it answers 429.
    """

    def __init__(
        self,
        facts: Facts,
        *,
        page_size: int = 200,
        key: str = "a-key-for-tests",
        tier: str = "free",
        quota: int = 100,
        redirects_leaderboard: bool = True,
        scores_page_size: int = 500,
        scores_a_minute: int = 30,
    ) -> None:
        self.facts = facts
        self.page_size = page_size
        self.key = key
        self.tier = tier
        self.quota = quota
        self.redirects_leaderboard = redirects_leaderboard
        self.scores_page_size = scores_page_size
        self.scores_a_minute = scores_a_minute
        self._scores_asked: deque[float] = deque()
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._faults: dict[str, Fault] = {}
        self._since_fault: dict[str, int] = {}
        self._used_quota = 0
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()
        self._thread.join(_JOIN_TIMEOUT_S)

    @property
    def url(self) -> str:
        """Base URL of each publisher."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def environment(
        self, *, legacy: bool = False, sources: Iterable[str] = SOURCES, report: bool = False
    ) -> dict[str, str]:
        """Variables that point the pipeline's `sources` here and switch off the others; `legacy`
        asks AA by its older route; `report` has a refresh build the report, which takes seconds on
        a data folder's first. With `GENAI_PRICES` among them, real prices mingle with the
        invented ones."""
        asked = set(sources)
        variables = {}
        for source in (*EVERY_SOURCE, GENAI_PRICES):
            prefix = f"LLMREC_SOURCES__{source.upper()}"
            if source not in asked:
                variables[f"{prefix}__ENABLED"] = "false"
            elif source != GENAI_PRICES:
                variables[f"{prefix}__BASE_URL"] = self.url
        if legacy:
            variables[f"LLMREC_SOURCES__{AA.upper()}__PATH"] = AA_LEGACY
        if LLM_STATS in asked:
            variables["LLM_STATS_API_KEY"] = self.key
        variables["LLMREC_REPORT__AFTER_REFRESH"] = str(report).lower()
        return {**variables, "AA_API_KEY": self.key}

    def fault(self, source: str, fault: Fault) -> None:
        """From now on this goes wrong at that source, until another fault or `heal`."""
        if source not in EVERY_SOURCE:
            raise ValueError(f"{source!r} is no source; known: {', '.join(EVERY_SOURCE)}")
        with self._lock:
            self._faults[source] = fault
            self._since_fault[source] = 0

    def fault_all(self, fault: Fault) -> None:
        """The same fault at every source."""
        for source in EVERY_SOURCE:
            self.fault(source, fault)

    def heal(self, source: str | None = None) -> None:
        """No fault at that source, or at none; answers that hang go on hanging."""
        with self._lock:
            for healed in EVERY_SOURCE if source is None else (source,):
                self._faults.pop(healed, None)

    def let_go(self) -> None:
        """End answers that hang, now and from now on, without a byte."""
        self._server.letting_go.set()

    @property
    def requests(self) -> list[Request]:
        """Every request so far, in order."""
        with self._lock:
            return list(self._requests)

    def count(self, source: str) -> int:
        """Requests to a source's routes so far, the redirects that they followed not counted."""
        return sum(
            request.source == source and not request.is_redirect_target for request in self.requests
        )

    def forget(self) -> None:
        """Counts from zero again, and the quota is fresh."""
        with self._lock:
            self._requests.clear()
            self._scores_asked.clear()
            self._used_quota = 0

    def _answer(self, target: str, headers: dict[str, str]) -> Reply:
        parts = urlsplit(target)
        source = _SOURCE_OF.get(parts.path)
        host = headers.get("host", "")
        key = headers.pop(_KEY_HEADER, None)
        token = headers.pop("authorization", None)
        followed = parts.path == STORAGE
        had_key = bool(key or token)
        request = Request(source, target, host, headers, had_key, followed, time.monotonic())
        with self._lock:
            self._requests.append(request)
            fault = Fault()
            # Whoever follows a redirect elsewhere finds that host in order.
            if source and host.startswith("127.0.0.1"):
                fault = self._faults.get(source, fault)
                self._since_fault[source] = self._since_fault.get(source, 0) + (not followed)
            nth = self._since_fault.get(source or "", 0)
            if source == AA and key == self.key:
                self._used_quota += 1
            remaining = self.quota - self._used_quota
        if source is None:
            return _json(404, {"error": "Not found"})
        facts = fault.change(self.facts, source)
        page = _page_number(parts.query)
        if source == LLM_STATS:
            reply = self._scores(parts.query, token, facts)
        else:
            reply = self._serve(parts.path, page, key, facts, remaining)
        elsewhere = f"http://localhost:{self._server.server_port}"
        return fault.alter(reply, Exchange(source, target, page or 0, nth, followed, elsewhere))

    def _serve(
        self, path: str, page: int | None, key: str | None, facts: Facts, remaining: int
    ) -> Reply:
        if path == CATALOGUE:
            return _json(200, facts.models_dev)
        if path == BENCHMARKS:
            return Reply(200, epoch_zip(facts.epoch), "application/zip")
        if path == ROUTER_MODELS:
            return _json(200, {"data": facts.openrouter})
        if path == PRICE_MAP:
            return _json(200, facts.litellm)
        if path == LEADERBOARD and self.redirects_leaderboard:
            return Reply(302, headers={"Location": STORAGE})
        if path in (LEADERBOARD, STORAGE):
            return Reply(200, leaderboard_parquet(facts.lmarena), "application/octet-stream")
        if key != self.key:
            return _json(401, {"error": "Invalid or missing API key"})
        limits = {
            "X-AA-Tier": self.tier,
            "X-RateLimit-Limit": str(self.quota),
            "X-RateLimit-Remaining": str(max(0, remaining)),
            "X-RateLimit-Reset": str(int(time.time()) + 3600),
        }
        if remaining < 0:
            return _json(429, {"error": "Rate limit exceeded"}, {**limits, "Retry-After": "3600"})
        if path == AA_LEGACY:
            return _json(200, {**facts.legacy_envelope, "data": facts.legacy}, limits)
        if path == AA_PAID and self.tier == "free":
            return _json(403, {"error": "This endpoint requires a Pro key"}, limits)
        if page is None:
            details = {"page": "must be a positive integer"}
            return _json(400, {"error": "Invalid query", "details": details}, limits)
        return _json(200, self._aa_page(facts, page, is_free=path == AA_FREE), limits)

    def _scores(self, query: str, token: str | None, facts: Facts) -> Reply:
        if token != _BEARER + self.key:
            return _json(401, {"detail": "Invalid API key"})
        with self._lock:
            now = time.monotonic()
            while self._scores_asked and now - self._scores_asked[0] >= _MINUTE_S:
                self._scores_asked.popleft()
            if len(self._scores_asked) >= self.scores_a_minute:
                wait = math.ceil(self._scores_asked[0] + _MINUTE_S - now)
                return _json(429, {"detail": "Rate limit exceeded"}, {"Retry-After": str(wait)})
            self._scores_asked.append(now)
        asked = parse_qs(query)
        size = min(int(asked.get("limit", ["50"])[0]), self.scores_page_size)
        start = int(asked.get("cursor", ["c0"])[0].removeprefix("c"))
        rows = facts.llm_stats
        more = start + size < len(rows)
        return _json(
            200,
            {
                "scores": rows[start : start + size],
                "next_cursor": f"c{start + size}" if more else None,
                "total": len(rows),
            },
        )

    def _aa_page(self, facts: Facts, page: int, *, is_free: bool) -> Row:
        rows = facts.artificial_analysis
        start = (page - 1) * self.page_size
        total_pages = max(1, math.ceil(len(rows) / self.page_size))
        hidden = PAID_FIELDS if is_free else ()
        return {
            "tier": self.tier,
            "intelligence_index_version": facts.index_version,
            "pagination": {
                "page": page,
                "page_size": self.page_size,
                "total_pages": total_pages,
                "has_more": page < total_pages,
            },
            "data": [
                {name: value for name, value in row.items() if name not in hidden}
                for row in rows[start : start + self.page_size]
            ],
        }


def _page_number(query: str) -> int | None:
    """The `page` asked for, 1 where none was, None where it is no page."""
    text = parse_qs(query).get("page", ["1"])[0]
    return int(text) if text.isdecimal() and int(text) > 0 else None


def _json(status: int, content: object, headers: dict[str, str] | None = None) -> Reply:
    body = json.dumps(content, ensure_ascii=False).encode()
    return Reply(status, body, "application/json", headers or {})


def leaderboard_parquet(rows: tuple[Row, ...]) -> bytes:
    """The rows as the leaderboard's Parquet file, with its columns even where there is no row."""
    import polars as pl

    known = {
        "category": pl.String,
        "rank": pl.Int64,
        "model_name": pl.String,
        "organization": pl.String,
        "license": pl.String,
        "rating": pl.Float64,
        "rating_lower": pl.Float64,
        "rating_upper": pl.Float64,
        "variance": pl.Float64,
        "vote_count": pl.Float64,
        "leaderboard_publish_date": pl.String,
    }
    if rows:
        overrides = {name: kind for name, kind in known.items() if name in rows[0]}
        frame = pl.DataFrame(rows, schema_overrides=overrides, infer_schema_length=None)
    else:
        frame = pl.DataFrame(schema=known)
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()
