"""One publisher's conversation: time-outs, a budget, size limits, retries, safe redirects.

Retries happen here and nowhere else: 429 with Retry-After, 5xx, time-outs and broken bodies are
tried again within the budget; 401, 403, 404 and 410 never are. A key travels only to the
publisher's own origin. Nothing that a publisher sends can hold the conversation beyond its budget
or fill more memory than the size limit.
"""

from __future__ import annotations

import contextlib
import random
import socket
import ssl
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

import httpx
import stamina
from pydantic import SecretStr

from llmrec_pipeline.settings import Http, SourceSettings
from llmrec_pipeline.sources.pull import PullFailed, RawPage, one_line

KEPT_HEADERS = (
    "content-type",
    "date",
    "etag",
    "last-modified",
    "retry-after",
    "x-aa-tier",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
)
# A retry is told by the state of its source; a log line of its own would land amid an answer.
stamina.instrumentation.set_on_retry_hooks([])

_GZIP = 16 + zlib.MAX_WBITS
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MEANING = {
    401: "the key was refused",
    403: "the key has no right to this route",
    404: "the page is gone",
    410: "the route was retired by the publisher",
    429: "the quota is used up",
}


class _Retry(Exception):
    """A failure worth another try; `wait_s` is the publisher's own wish."""

    def __init__(self, failure: PullFailed, wait_s: float | None = None) -> None:
        super().__init__(failure.reason)
        self.failure = failure
        self.wait_s = wait_s


@dataclass(slots=True)
class QuotaSeen:
    """What the publisher's rate headers said last."""

    limit: int | None = None
    remaining: int | None = None
    reset: str | None = None


def _number(text: str | None) -> int | None:
    try:
        return int(text) if text is not None else None
    except ValueError:
        return None


def _retry_after(text: str | None, now: datetime) -> float | None:
    if text is None:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None


def _meaning(status: int) -> str:
    if status in _MEANING:
        return _MEANING[status]
    try:
        return HTTPStatus(status).phrase.lower()
    except ValueError:
        return "unknown status"


def _is_allowed(host: str, allowed: tuple[str, ...]) -> bool:
    """Whether a host is listed, by its name or as `*.` and the domain that it is in."""
    return any(
        host.endswith(entry[1:]) if entry.startswith("*.") else host == entry for entry in allowed
    )


def _is_caused_by(error: BaseException, *kinds: type[BaseException]) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, kinds):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


class _Body:
    """Collects a body's bytes, unpacked, up to a limit: a gzip bomb is unpacked no further."""

    def __init__(self, encoding: str, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._gzip = zlib.decompressobj(_GZIP) if encoding else None

    def add(self, packed: bytes) -> bool:
        """Takes in what came; False where the limit is exceeded. Raises zlib.error."""
        while self._gzip is not None and packed:
            if self._gzip.eof:  # another member follows
                self._gzip = zlib.decompressobj(_GZIP)
            if not self._keep(self._gzip.decompress(packed, self._limit - self._size + 1)):
                return False
            packed = self._gzip.unused_data if self._gzip.eof else self._gzip.unconsumed_tail
        return self._keep(packed)

    def _keep(self, part: bytes) -> bool:
        self._size += len(part)
        self._parts.append(part)
        return self._size <= self._limit

    @property
    def is_whole(self) -> bool:
        return self._gzip is None or self._gzip.eof or not self._size

    def content(self) -> bytes:
        return b"".join(self._parts)


class PublisherClient:
    """GET with limits. Use as a context manager; one object a pull. `before_request` is told the
    URL of each request to the publisher itself before it is made."""

    def __init__(
        self,
        source: str,
        settings: SourceSettings,
        limits: Http,
        key: SecretStr | None = None,
        *,
        before_request: Callable[[str], None] = lambda _: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._source = source
        self._settings = settings
        self._limits = limits
        self._key = key
        self._before_request = before_request
        self._now = now
        self._monotonic = monotonic
        self._sleep = sleep
        self._asked: deque[float] = deque()
        self._deadline = monotonic() + limits.budget_s
        self._client = httpx.Client(
            follow_redirects=False,
            headers={"user-agent": limits.user_agent, "accept-encoding": "gzip"},
            timeout=httpx.Timeout(limits.read_s, connect=limits.connect_s),
        )
        # Time-outs bound one wait for bytes; who sends a byte now and then is cut off by this.
        self._cutter = threading.Timer(limits.budget_s, self._cut)
        self._cutter.daemon = True
        self._socket: socket.socket | None = None
        self._tries = 0
        self._last: PullFailed | None = None
        self.quota = QuotaSeen()
        self.requests = 0

    def __enter__(self) -> Self:
        self._cutter.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._cutter.cancel()
        self._client.close()

    def get(self, name: str, *, params: Mapping[str, str | int] | None = None) -> RawPage:
        """One page of the source's configured route; raises PullFailed."""
        self._require_key_to_be_sendable()
        url = str(httpx.URL(self._settings.base_url + self._settings.path, params=params or None))
        self._tries, self._last = 0, None
        try:
            for attempt in stamina.retry_context(
                on=self._wait, attempts=self._limits.attempts, timeout=None
            ):
                with attempt:
                    return self._once(name, url)
        except _Retry as retry:
            raise retry.failure from None
        raise AssertionError("retry_context always returns or raises")

    def hold(self, name: str, url: str, body: bytes) -> RawPage:
        """A page that needs no request, of a source whose data is on this machine."""
        return RawPage(name, url, 200, {}, body, self._now())

    def _require_key_to_be_sendable(self) -> None:
        # The client's own error would tell the key.
        if self._key is not None:
            key = self._key.get_secret_value()
            if not (key.isascii() and key.isprintable()):
                variables = " or ".join(self._settings.key_variables) or "the key"
                raise PullFailed(f"{variables} holds a character that no key has; set it again")

    def _wait(self, error: Exception) -> bool | float:
        """How long until the next try; False where there is none, or no time for one."""
        if not isinstance(error, _Retry):
            return False
        self._last = error.failure
        wait = self._backoff() if error.wait_s is None else error.wait_s
        return wait if self._monotonic() + wait < self._deadline else False

    def _backoff(self) -> float:
        self._tries += 1
        longest = min(
            self._limits.wait_max_s, self._limits.wait_initial_s * 2.0 ** (self._tries - 1)
        )
        return random.uniform(longest / 2, longest)  # noqa: S311 - spreads load, hides nothing

    def _once(self, name: str, url: str) -> RawPage:
        target = url
        for _ in range(self._limits.max_redirects + 1):
            page_or_target = self._exchange(name, url, target)
            if isinstance(page_or_target, RawPage):
                return page_or_target
            target = page_or_target
        raise PullFailed(f"more than {self._limits.max_redirects} redirects")

    def _headers_for(self, url: str) -> dict[str, str]:
        header = self._settings.key_header
        if self._key and header and self._is_own(url):
            scheme = self._settings.key_scheme
            return {header: f"{scheme} " * bool(scheme) + self._key.get_secret_value()}
        return {}

    def _is_own(self, url: str) -> bool:
        own, target = urlsplit(self._settings.base_url), urlsplit(url)
        return (target.scheme, target.netloc) == (own.scheme, own.netloc)

    def _next_url(self, url: str, location: str) -> str:
        try:
            target = urljoin(url, location)
            parts = urlsplit(target)
        except ValueError:
            raise PullFailed("redirected to what is no URL") from None
        hosts = self._settings.redirect_hosts
        # The whole netloc: neither a port nor credentials are among what is allowed.
        if self._is_own(target) or (
            parts.scheme == "https" and _is_allowed(parts.netloc.lower(), hosts)
        ):
            return target
        raise PullFailed(
            f"redirected to {parts.scheme}://{parts.netloc.rpartition('@')[2]}, which is not among "
            f"sources.yaml: {self._source}.redirect_hosts"
        )

    def _exchange(self, name: str, asked: str, url: str) -> RawPage | str:
        remaining = self._deadline - self._monotonic()
        if remaining <= 0:
            raise self._last or self._too_slow()
        timeout = httpx.Timeout(
            min(self._limits.read_s, remaining), connect=min(self._limits.connect_s, remaining)
        )
        host = urlsplit(url).netloc
        if self._is_own(url):
            self._keep_quota()
            self._before_request(url)
        self.requests += 1
        try:
            with self._client.stream(
                "GET",
                url,
                headers=self._headers_for(url),
                timeout=timeout,
                extensions={"trace": self._note_socket},
            ) as response:
                self._note_quota(response)
                if response.status_code in _REDIRECTS and "location" in response.headers:
                    return self._next_url(url, response.headers["location"])
                self._refuse(response)
                body = self._read(response)
        except httpx.TransportError as error:
            raise self._after(error, host, timeout) from None
        except zlib.error:
            raise _Retry(PullFailed(f"{host}: the body is no gzip")) from None
        except httpx.InvalidURL as error:
            raise PullFailed(f"{host}: {error}") from None
        kept = {key: response.headers[key] for key in KEPT_HEADERS if key in response.headers}
        return RawPage(name, asked, response.status_code, kept, body, self._now())

    def _keep_quota(self) -> None:
        """Waits until the publisher's quota has room for one more request."""
        quota = self._settings.quota
        if quota is None:
            return
        window_s = quota.window_hours * 3600
        if len(self._asked) == quota.requests:
            wait = self._asked.popleft() + window_s - self._monotonic()
            if self._monotonic() + wait >= self._deadline:
                raise PullFailed(f"more than the quota of {quota.requests} requests is needed")
            if wait > 0:
                self._sleep(wait)
        self._asked.append(self._monotonic())

    def _after(self, error: httpx.TransportError, host: str, timeout: httpx.Timeout) -> Exception:
        """What a broken exchange means: another try, or the end of the pull."""
        if self._monotonic() >= self._deadline:
            return self._too_slow()
        if isinstance(error, httpx.ConnectTimeout):
            return _Retry(PullFailed(f"{host}: no connection within {timeout.connect:g} s"))
        if isinstance(error, httpx.TimeoutException):
            return _Retry(PullFailed(f"no answer within {timeout.read:g} s"))
        failure = PullFailed(f"{host}: {error or type(error).__name__}")
        # A host that cannot be looked up stays unknown, and a certificate what it is.
        is_final = _is_caused_by(error, socket.gaierror, ssl.SSLCertVerificationError)
        return failure if is_final else _Retry(failure)

    def _too_slow(self) -> PullFailed:
        return PullFailed(f"no whole answer within {self._limits.budget_s:g} s")

    def _note_socket(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._socket = info["return_value"].get_extra_info("socket")

    def _cut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _note_quota(self, response: httpx.Response) -> None:
        headers = response.headers
        if "x-ratelimit-limit" in headers or "x-ratelimit-remaining" in headers:
            self.quota.limit = _number(headers.get("x-ratelimit-limit"))
            self.quota.remaining = _number(headers.get("x-ratelimit-remaining"))
            reset = headers.get("x-ratelimit-reset")
            self.quota.reset = None if reset is None else one_line(reset)

    def _refuse(self, response: httpx.Response) -> None:
        status = response.status_code
        if status == 200:
            return
        meaning = _meaning(status)
        variables = self._settings.key_variables
        if status in (401, 403) and variables:
            meaning += f"; check {variables[0]}"
        failure = PullFailed(f"HTTP {status}: {meaning}", status=status)
        if status in (408, 429) or status >= 500:
            raise _Retry(failure, _retry_after(response.headers.get("retry-after"), self._now()))
        raise failure

    def _read(self, response: httpx.Response) -> bytes:
        encoding = response.headers.get("content-encoding", "").strip().lower()
        if encoding not in ("", "identity", "gzip"):
            raise PullFailed(f"content coding {encoding} was not asked for")
        too_large = PullFailed(f"the body exceeds {self._limits.max_body_mb:g} MB")
        body = _Body(encoding.replace("identity", ""), self._limits.max_body_bytes)
        for part in response.iter_raw():
            if not body.add(part):
                raise too_large
            if self._monotonic() > self._deadline:
                raise self._too_slow()
        if not body.is_whole:
            raise _Retry(PullFailed("the body ends in the middle of its gzip"))
        return body.content()
