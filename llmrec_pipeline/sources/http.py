"""One publisher's conversation: time-outs, a budget, size limits, retries, safe redirects.

Retries happen here and nowhere else: 429 with Retry-After, 5xx, time-outs and broken bodies are
tried again within the budget; 401, 403, 404 and 410 never are. A key travels only to the
publisher's own host.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx
import stamina
from pydantic import SecretStr

from llmrec_pipeline.settings import Http, SourceSettings
from llmrec_pipeline.sources.pull import PullFailed, RawPage

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
    except (TypeError, ValueError):
        return None


class PublisherClient:
    """GET with limits. Use as a context manager; one object a pull."""

    def __init__(
        self,
        source: str,
        settings: SourceSettings,
        limits: Http,
        key: SecretStr | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._settings = settings
        self._limits = limits
        self._key = key
        self._now = now
        self._monotonic = monotonic
        self._deadline = monotonic() + limits.budget_s
        self._client = httpx.Client(
            follow_redirects=False,
            headers={"user-agent": limits.user_agent, "accept-encoding": "gzip"},
            timeout=httpx.Timeout(limits.read_s, connect=limits.connect_s),
        )
        self.quota = QuotaSeen()
        self.requests = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, name: str, *, params: Mapping[str, str | int] | None = None) -> RawPage:
        """One page of the source's configured route; raises PullFailed."""
        url = str(httpx.URL(self._settings.base_url + self._settings.path, params=params or None))
        try:
            for attempt in stamina.retry_context(
                on=self._wait,
                attempts=self._limits.attempts,
                timeout=max(0.001, self._deadline - self._monotonic()),
                wait_initial=self._limits.wait_initial_s,
                wait_max=self._limits.wait_max_s,
                wait_jitter=self._limits.wait_initial_s,
            ):
                with attempt:
                    return self._once(name, url)
        except _Retry as retry:
            raise retry.failure from None
        raise AssertionError("retry_context always returns or raises")

    def _wait(self, error: Exception) -> bool | float:
        if not isinstance(error, _Retry):
            return False
        if error.wait_s is None:
            return self._monotonic() < self._deadline
        if self._monotonic() + error.wait_s >= self._deadline:
            return False
        return error.wait_s

    def _once(self, name: str, url: str) -> RawPage:
        for _ in range(self._limits.max_redirects + 1):
            response_or_next = self._exchange(name, url)
            if isinstance(response_or_next, RawPage):
                return response_or_next
            url = response_or_next
        raise PullFailed(f"{url}: more than {self._limits.max_redirects} redirects")

    def _headers_for(self, url: str) -> dict[str, str]:
        own = urlsplit(self._settings.base_url)
        target = urlsplit(url)
        header = self._settings.key_header
        if self._key and header and (target.scheme, target.netloc) == (own.scheme, own.netloc):
            return {header: self._key.get_secret_value()}
        return {}

    def _next_url(self, url: str, location: str) -> str:
        target = urljoin(url, location)
        parts, own = urlsplit(target), urlsplit(self._settings.base_url)
        if (parts.scheme, parts.netloc) == (own.scheme, own.netloc):
            return target
        if parts.scheme == "https" and parts.hostname in self._settings.redirect_hosts:
            return target
        raise PullFailed(
            f"redirected to {parts.scheme}://{parts.netloc}, which is not among "
            f"sources.yaml: {self._source}.redirect_hosts"
        )

    def _exchange(self, name: str, url: str) -> RawPage | str:
        remaining = self._deadline - self._monotonic()
        if remaining <= 0:
            raise PullFailed(f"no answer within {self._limits.budget_s:g} s")
        timeout = httpx.Timeout(
            min(self._limits.read_s, remaining), connect=min(self._limits.connect_s, remaining)
        )
        self.requests += 1
        try:
            with self._client.stream(
                "GET", url, headers=self._headers_for(url), timeout=timeout
            ) as response:
                self._note_quota(response)
                if response.status_code in _REDIRECTS and "location" in response.headers:
                    return self._next_url(url, response.headers["location"])
                self._refuse(response)
                body = self._read(response)
        except httpx.TimeoutException:
            raise _Retry(PullFailed(f"no answer within {timeout.read:g} s")) from None
        except httpx.TransportError as error:
            failure = PullFailed(f"{urlsplit(url).netloc}: {error or type(error).__name__}")
            if isinstance(error, httpx.ConnectError) and "Name or service" in str(error):
                raise failure from None  # a host that cannot be looked up stays unknown
            if isinstance(error, httpx.ConnectError) and "name resolution" in str(error):
                raise failure from None
            raise _Retry(failure) from None
        except (httpx.DecodingError, httpx.InvalidURL) as error:
            raise PullFailed(f"{urlsplit(url).netloc}: {error}") from None
        kept = {key: response.headers[key] for key in KEPT_HEADERS if key in response.headers}
        return RawPage(name, url, response.status_code, kept, body, self._now())

    def _note_quota(self, response: httpx.Response) -> None:
        headers = response.headers
        if "x-ratelimit-limit" in headers or "x-ratelimit-remaining" in headers:
            self.quota.limit = _number(headers.get("x-ratelimit-limit"))
            self.quota.remaining = _number(headers.get("x-ratelimit-remaining"))
            self.quota.reset = headers.get("x-ratelimit-reset")

    def _refuse(self, response: httpx.Response) -> None:
        status = response.status_code
        if status == 200:
            return
        meaning = _MEANING.get(status, response.reason_phrase.lower() or "unexpected status")
        variables = self._settings.key_variables
        if status in (401, 403) and variables:
            meaning += f"; check {variables[0]}"
        failure = PullFailed(f"HTTP {status}: {meaning}", status=status)
        if status == 429:
            raise _Retry(failure, _retry_after(response.headers.get("retry-after"), self._now()))
        if status >= 500:
            raise _Retry(failure, _retry_after(response.headers.get("retry-after"), self._now()))
        raise failure

    def _read(self, response: httpx.Response) -> bytes:
        limit = int(self._limits.max_body_mb * 1_000_000)
        chunks: list[bytes] = []
        size = 0
        # Small chunks bound what one step of a decompression bomb can add.
        for chunk in response.iter_bytes(65_536):
            size += len(chunk)
            if size > limit:
                raise PullFailed(f"the body exceeds {self._limits.max_body_mb:g} MB")
            if self._monotonic() > self._deadline:
                raise PullFailed(f"the body did not end within {self._limits.budget_s:g} s")
            chunks.append(chunk)
        return b"".join(chunks)
