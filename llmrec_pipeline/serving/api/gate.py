"""Before any route: by which name, who asks, how often, how much, for how long; and what is told of
it.

One ASGI layer, so that a refused request costs next to nothing. A log line and the metrics name the
route's template, never a path or a text of the request.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import re
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from llmrec_pipeline.serving.api.config import ApiConfig, RateLimit, is_loopback
from llmrec_pipeline.serving.api.problems import MEDIA_TYPE, problem_body

# Whoever watches over the server asks these without a token, and nothing is told there.
OPEN_PATHS = frozenset({"/", "/healthz"})
# Callers of whom a rate is remembered; beyond, the one not seen for longest starts anew.
_CALLERS = 10_000
_KIB = 1024
_UNKNOWN_HOST = (
    "Host: {!r} is no name of this server; ask for localhost, or list the name in config/api.yaml: "
    "hosts"
)
# A name, or an IPv6 address in brackets, and the port where one is told: RFC 9110, 7.2.
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([^:@\[\]]+))(?::[0-9]*)?")
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)

_log = logging.getLogger("llmrec.api")


class Metrics:
    """What `/metrics` tells."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "llmrec_api_requests_total",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "llmrec_api_request_seconds",
            "Time to the end of an answer.",
            ["route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.under_way = Gauge(
            "llmrec_api_requests_under_way", "Requests being answered.", registry=self.registry
        )
        self.editions = Counter(
            "llmrec_api_editions_total", "Editions taken up.", registry=self.registry
        )
        self.drained = Counter(
            "llmrec_api_answers_drained_total",
            "Served answers stored in the evidence store.",
            registry=self.registry,
        )
        self.waiting = Gauge(
            "llmrec_api_spool_bytes", "Served answers not yet stored.", registry=self.registry
        )


class Hosts:
    """The names by which a server that only this machine can reach may be asked.

    A page in a browser can let a name of its own lead to this machine (DNS rebinding), and read what
    is answered: the name that it asks for gives it away. Starlette's TrustedHostMiddleware reads no
    IPv6 address and answers no problem.
    """

    def __init__(self, named: tuple[str, ...]) -> None:
        self._named = frozenset(map(str.lower, named))

    def refused(self, scope: Scope, host: str) -> str | None:
        """The name of the header `Host` where it is none of this server's; else None. What comes
        from other machines is asked by whatever name leads here."""
        address = (scope.get("server") or ("",))[0]
        name = _without_port(host)
        if not is_loopback(address) or is_loopback(name) or name in self._named:
            return None
        return name


def _without_port(host: str) -> str:
    """The name or address of a header `Host`, in lower case: [::1]:8000 is ::1. What is no such
    header stays as it is, which is nobody's name."""
    found = _HOST.fullmatch(host.lower())
    return host if found is None else found[1] or found[2].removesuffix(".")


class Tokens:
    """Bearer tokens by their hashes. With none configured, everybody may ask."""

    def __init__(self, hashes: tuple[str, ...]) -> None:
        self._hashes = hashes

    def caller(self, authorization: str | None, address: str) -> str | None:
        """Who asks: the hash of a known token, or the address where none is needed; None is
        nobody known."""
        if not self._hashes:
            return address
        kind, _, token = (authorization or "").partition(" ")
        if kind.lower() != "bearer":
            return None
        told = hashlib.sha256(token.strip().encode()).hexdigest()
        # Every hash is compared, so that time tells nothing of them.
        return told if sum(hmac.compare_digest(told, known) for known in self._hashes) else None


class RateLimiter:
    """A bucket of requests for each caller, filled at a steady rate."""

    def __init__(self, limit: RateLimit, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._burst, self._clock = limit.per_minute / 60, limit.burst, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, caller: str) -> float:
        """0 where the caller may ask now, which is then counted; else the seconds to wait."""
        now = self._clock()
        left, seen = self._left.pop(caller, (float(self._burst), now))
        left = min(self._burst, left + (now - seen) * self._per_second)
        allowed = left >= 1
        self._left[caller] = (left - 1 if allowed else left, now)
        if len(self._left) > _CALLERS:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._per_second


@dataclass
class _Exchange:
    """One request and how it was answered."""

    scope: Scope
    send: Send
    request_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    started: float = field(default_factory=time.perf_counter)
    status: int = 0

    @property
    def route(self) -> str:
        """The route's template, also where the request was refused before it."""
        if "route" in self.scope:
            return str(self.scope["route"].path)
        for route in self.scope["app"].routes:
            if route.matches(self.scope)[0] is not Match.NONE:
                return str(route.path)
        return "unknown"

    async def pass_on(self, message: Message) -> None:
        """Send, and note the status; every answer names its request."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [
                *message.get("headers", ()),
                (b"x-request-id", self.request_id.encode()),
                (b"x-content-type-options", b"nosniff"),
            ]
        await self.send(message)

    async def refuse(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        """Answer with a problem."""
        body = problem_body(status, detail)
        told = {"content-type": MEDIA_TYPE, "content-length": str(len(body)), **(headers or {})}
        raw = [(name.encode(), value.encode()) for name, value in told.items()]
        await self.pass_on({"type": "http.response.start", "status": status, "headers": raw})
        await self.send({"type": "http.response.body", "body": body})


class Gate:
    """The layer around the app."""

    def __init__(self, app: ASGIApp, config: ApiConfig, metrics: Metrics) -> None:
        self._app, self._config, self._metrics = app, config, metrics
        self._hosts = Hosts(config.hosts)
        self._tokens = Tokens(config.token_hashes)
        self._limiter = RateLimiter(config.rate_limit)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it with a problem; counted, timed and logged either way."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, send)
        with self._metrics.under_way.track_inprogress():
            try:
                await self._answer(exchange, scope, receive)
            finally:
                self._tell(exchange)

    async def _answer(self, exchange: _Exchange, scope: Scope, receive: Receive) -> None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        if sum(name == b"host" for name, _ in scope["headers"]) > 1:
            await exchange.refuse(400, "Host: stands more than once; send it once")
            return
        refused = self._hosts.refused(scope, headers.get(b"host", ""))
        if refused is not None:
            await exchange.refuse(400, _UNKNOWN_HOST.format(refused))
            return
        if not await self._may_pass(exchange, headers.get(b"authorization")):
            return
        limit = self._config.max_body_kb * _KIB
        told = headers.get(b"content-length", "0")
        if not told.isdecimal() or int(told) > limit:
            await exchange.refuse(413, _too_long(limit), {"connection": "close"})
            return
        try:
            async with asyncio.timeout(self._config.timeout_s):
                await self._app(_asked(scope), _bounded(receive, limit), exchange.pass_on)
        except TimeoutError:
            if exchange.status:
                raise
            await exchange.refuse(
                503,
                f"no answer within {self._config.timeout_s:g} s; try again",
                {"retry-after": "5"},
            )

    async def _may_pass(self, exchange: _Exchange, authorization: str | None) -> bool:
        if exchange.scope["path"] in OPEN_PATHS:
            return True
        address = (exchange.scope.get("client") or ("unknown", 0))[0]
        caller = self._tokens.caller(authorization, address)
        if caller is None:
            await exchange.refuse(
                401,
                "Authorization: no known token; send one as `Authorization: Bearer TOKEN`",
                {"www-authenticate": "Bearer"},
            )
            return False
        wait = self._limiter.wait_s(caller)
        if wait:
            await exchange.refuse(
                429, "too many requests; ask again later", {"retry-after": str(int(wait) + 1)}
            )
        return not wait

    def _tell(self, exchange: _Exchange) -> None:
        seconds = time.perf_counter() - exchange.started
        method, route, status = exchange.scope["method"], exchange.route, exchange.status or 500
        # Anybody can invent a method; a metric must not grow by it.
        known = method if method in {"GET", "POST", "PUT", "HEAD", "DELETE", "PATCH"} else "other"
        self._metrics.requests.labels(known, route, status).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        _log.info(
            "answered",
            extra={
                "request_id": exchange.request_id,
                "method": known,
                "route": route,
                "status": status,
                "ms": round(seconds * 1000, 2),
            },
        )


def _asked(scope: Scope) -> Scope:
    """HEAD is worked out as GET; the server, which knows it as HEAD, sends no body."""
    return {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope


def _bounded(receive: Receive, limit: int) -> Receive:
    """What comes without a length, or with a wrong one, ends at the limit."""
    size = 0

    async def bounded() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > limit:
            raise HTTPException(413, _too_long(limit), {"Connection": "close"})
        return message

    return bounded


def _too_long(limit: int) -> str:
    return f"the body is longer than {limit // _KIB} KiB"


class JsonLines(logging.Formatter):
    """A log record as one JSON line."""

    _FIELDS = ("request_id", "method", "route", "status", "ms", "edition", "answers")

    def format(self, record: logging.LogRecord) -> str:
        """`at`, `level`, `logger`, `message`, what the gate noted of the request, `ms` among it, and the
        `error` where there was one."""
        import json

        content: dict[str, Any] = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        content |= {name: getattr(record, name) for name in self._FIELDS if hasattr(record, name)}
        if record.exc_info:
            content["error"] = self.formatException(record.exc_info)
        return json.dumps(content, ensure_ascii=False, default=str)
