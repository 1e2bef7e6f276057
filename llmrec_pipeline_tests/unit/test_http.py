"""The conversation with a publisher, over real sockets on loopback: retries, limits, redirects."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import threading
import time
import tracemalloc
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from llmrec_pipeline.settings import SourceSettings, load_settings
from llmrec_pipeline.sources.http import PublisherClient
from llmrec_pipeline.sources.pull import PullFailed, RawPage
from llmrec_pipeline_tests.faults.publishers_that_lie import self_signed, served
from llmrec_pipeline_tests.publishers import (
    AA,
    AA_FREE,
    LEADERBOARD,
    LMARENA,
    MODELS_DEV,
    CutOff,
    Exchange,
    Fault,
    Hang,
    Publishers,
    RedirectElsewhere,
    Reply,
    SlowDrip,
    Status,
)

KEY = "a-key-for-tests"
# Far less than what is not waited for, with room for a busy machine.
SOON = 10.0
FAST = {
    "CONNECT_S": "1",
    "READ_S": "2",
    "BUDGET_S": "20",
    "ATTEMPTS": "3",
    "WAIT_INITIAL_S": "0.01",
    "WAIT_MAX_S": "0.02",
}


@dataclass(frozen=True)
class Send(Fault):
    """A fixed reply, whatever was asked; `{elsewhere}` in a header is the other host's origin."""

    reply: Reply

    def alter(self, reply: Reply, exchange: Exchange) -> Reply:
        headers = {
            name: value.replace("{elsewhere}", exchange.elsewhere)
            for name, value in self.reply.headers.items()
        }
        return replace(self.reply, headers=headers)


@dataclass(frozen=True)
class Packed(Fault):
    """The reply's body, packed with gzip and perhaps spoiled; `cut` bytes are left out at the end."""

    cut: int = 0
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Encoding": "gzip"})

    def alter(self, reply: Reply, exchange: Exchange) -> Reply:
        packed = gzip.compress(reply.body)
        return replace(reply, body=packed[: len(packed) - self.cut], headers=self.headers)


@dataclass(frozen=True)
class InTurn(Fault):
    """One fault for each request in turn, the last one from then on."""

    faults: tuple[Fault, ...]

    def alter(self, reply: Reply, exchange: Exchange) -> Reply:
        return self.faults[min(exchange.nth, len(self.faults)) - 1].alter(reply, exchange)


def _client(
    server: Publishers, source: str, limits: Mapping[str, str] | None = None, **settings: Any
) -> PublisherClient:
    environment = {
        **server.environment(),
        **{f"LLMREC_PIPELINE__HTTP__{name}": v for name, v in {**FAST, **(limits or {})}.items()},
    }
    loaded = load_settings(environment)
    config: SourceSettings = loaded.sources[source].model_copy(update=settings)
    return PublisherClient(source, config, loaded.pipeline.http, loaded.key_of(source))


def _url(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def _get(server: Publishers, source: str, **limits: str) -> RawPage:
    with _client(server, source, limits) as client:
        return client.get("page")


def _failure(server: Publishers, source: str, **limits: str) -> PullFailed:
    with pytest.raises(PullFailed) as failed:
        _get(server, source, **limits)
    assert len(failed.value.reason.splitlines()) == 1
    assert KEY not in failed.value.reason
    return failed.value


def test_a_page_comes_verbatim_with_the_headers_that_matter(publishers: Publishers) -> None:
    with _client(publishers, AA) as client:
        page = client.get("page-001.json", params={"page": 2})
    assert json.loads(page.body)["pagination"]["page"] == 2
    assert page.url == f"{publishers.url}{AA_FREE}?page=2"
    assert page.headers["x-aa-tier"] == "free"
    assert page.headers["x-ratelimit-limit"] == "100"
    assert not set(page.headers) & {"server", "connection", "set-cookie"}
    assert (client.quota.limit, client.quota.remaining) == (100, 99)
    assert client.quota.reset is not None
    assert client.requests == 1


def test_quota_is_known_from_a_refusal_too(publishers: Publishers) -> None:
    publishers.fault(AA, Status(403))
    with _client(publishers, AA) as client, pytest.raises(PullFailed, match="HTTP 403"):
        client.get("page")
    assert (client.quota.limit, client.quota.remaining) == (100, 99)


def test_a_quota_in_no_number_is_unknown(publishers: Publishers) -> None:
    headers = {"X-RateLimit-Limit": "many", "X-RateLimit-Remaining": "7"}
    publishers.fault(MODELS_DEV, Send(Reply(200, b"{}", headers=headers)))
    with _client(publishers, MODELS_DEV) as client:
        client.get("page")
    assert (client.quota.limit, client.quota.remaining) == (None, 7)


def test_429_waits_as_long_as_it_is_told(publishers: Publishers) -> None:
    publishers.fault(AA, Status(429, times=1, retry_after=0.5))
    assert _get(publishers, AA).status == 200
    first, second = (request.at for request in publishers.requests)
    assert second - first >= 0.5


def test_429_with_a_date_long_past_is_tried_again_at_once(publishers: Publishers) -> None:
    headers = {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}
    publishers.fault(MODELS_DEV, InTurn((Send(Reply(429, headers=headers)), Fault())))
    assert _get(publishers, MODELS_DEV).status == 200


@pytest.mark.parametrize("wish", ["soon", "nan", "-5", "Fri, 99 Dec 1999"])
def test_a_wish_that_cannot_be_read_is_no_wish(publishers: Publishers, wish: str) -> None:
    refusal = Send(Reply(429, headers={"Retry-After": wish}))
    publishers.fault(MODELS_DEV, InTurn((refusal, Fault())))
    assert _get(publishers, MODELS_DEV).status == 200


def test_429_for_ever_ends_with_the_attempts(publishers: Publishers) -> None:
    publishers.fault(AA, Status(429, retry_after=0))
    failure = _failure(publishers, AA)
    assert failure.status == 429
    assert failure.reason == "HTTP 429: the quota is used up"
    assert publishers.count(AA) == 3


@pytest.mark.parametrize("wish", [3600.0, float("inf")])
def test_429_beyond_the_budget_is_not_waited_for(publishers: Publishers, wish: float) -> None:
    publishers.fault(AA, Status(429, retry_after=wish))
    assert _failure(publishers, AA).status == 429
    assert publishers.count(AA) == 1


def test_500_once_is_tried_again(publishers: Publishers) -> None:
    publishers.fault(MODELS_DEV, Status(500, times=1))
    assert _get(publishers, MODELS_DEV).status == 200
    assert publishers.count(MODELS_DEV) == 2


@pytest.mark.parametrize("status", [408, 500, 503])
def test_a_server_that_stays_broken_is_told_as_such(publishers: Publishers, status: int) -> None:
    publishers.fault(MODELS_DEV, Status(status))
    assert _failure(publishers, MODELS_DEV).reason.startswith(f"HTTP {status}: ")
    assert publishers.count(MODELS_DEV) == 3


def test_a_wait_beyond_the_budget_ends_the_tries(publishers: Publishers) -> None:
    publishers.fault(MODELS_DEV, Status(500))
    waits = {"WAIT_INITIAL_S": "60", "WAIT_MAX_S": "60"}
    assert _failure(publishers, MODELS_DEV, **waits).status == 500
    assert publishers.count(MODELS_DEV) == 1


def test_a_budget_that_ran_out_keeps_the_reason(publishers: Publishers) -> None:
    publishers.fault(MODELS_DEV, Status(500))
    ticks = iter([0.0] * 3 + [99.0] * 100)
    loaded = load_settings(publishers.environment())
    with (
        PublisherClient(
            MODELS_DEV,
            loaded.sources[MODELS_DEV],
            loaded.pipeline.http,
            monotonic=lambda: next(ticks),
        ) as client,
        pytest.raises(PullFailed, match="HTTP 500"),
    ):
        client.get("page")
    assert client.requests == 1


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (400, "bad request"),
        (401, "check AA_API_KEY"),
        (403, "check AA_API_KEY"),
        (404, "gone"),
        (410, "retired"),
        (204, "no content"),
        (304, "not modified"),
        (299, "unknown status"),
    ],
)
def test_what_cannot_heal_is_asked_once(publishers: Publishers, status: int, told: str) -> None:
    publishers.fault(AA, Status(status))
    failure = _failure(publishers, AA)
    assert failure.status == status
    assert told in failure.reason
    assert publishers.count(AA) == 1


def test_without_a_key_none_is_sent(publishers: Publishers) -> None:
    loaded = load_settings(publishers.environment() | {"AA_API_KEY": ""})
    with (
        PublisherClient(AA, loaded.sources[AA], loaded.pipeline.http) as client,
        pytest.raises(PullFailed, match="HTTP 401"),
    ):
        client.get("page")
    assert not publishers.requests[0].had_key


@pytest.mark.parametrize("key", ["two\nlines-of-a-key", "schlüssel", "tab\tkey"])
def test_a_key_that_cannot_be_sent_is_named_not_told(publishers: Publishers, key: str) -> None:
    publishers.key = key
    failure = _failure(publishers, AA)
    assert "AA_API_KEY" in failure.reason
    assert not any(part in failure.reason for part in ("lines-of", "schl", "tab"))
    assert publishers.count(AA) == 0


def test_a_hang_costs_a_read_time_out_a_try(publishers: Publishers) -> None:
    publishers.fault(MODELS_DEV, Hang())
    started = time.monotonic()
    assert _failure(publishers, MODELS_DEV, READ_S="0.3").reason == "no answer within 0.3 s"
    assert time.monotonic() - started >= 0.9
    assert publishers.count(MODELS_DEV) == 3


def test_a_hang_costs_no_more_than_the_budget(publishers: Publishers) -> None:
    publishers.fault(MODELS_DEV, Hang())
    failure = _failure(publishers, MODELS_DEV, READ_S="30", BUDGET_S="0.6")
    assert failure.reason == "no whole answer within 0.6 s"
    assert publishers.count(MODELS_DEV) == 1


@pytest.mark.parametrize("pause", [0.02, 0.5])
def test_a_slow_drip_is_cut_off_at_the_budget(publishers: Publishers, pause: float) -> None:
    publishers.fault(MODELS_DEV, SlowDrip(chunk=16, pause=pause))
    failure = _failure(publishers, MODELS_DEV, READ_S="30", BUDGET_S="0.8")
    assert failure.reason == "no whole answer within 0.8 s"


def _drip_headers(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection, contextlib.suppress(OSError):
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for number in range(400):
            connection.sendall(b"X-H%d: 1\r\n" % number)
            time.sleep(0.05)


def test_dripping_headers_are_cut_off_at_the_budget() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dripper = threading.Thread(target=_drip_headers, args=(listener,), daemon=True)
        dripper.start()
        loaded = load_settings(
            {
                "LLMREC_SOURCES__MODELS_DEV__BASE_URL": _url(listener),
                "LLMREC_PIPELINE__HTTP__BUDGET_S": "0.6",
            }
        )
        with (
            PublisherClient(MODELS_DEV, loaded.sources[MODELS_DEV], loaded.pipeline.http) as client,
            pytest.raises(PullFailed, match=r"no whole answer within 0\.6 s"),
        ):
            client.get("page")
        dripper.join(SOON)
        assert not dripper.is_alive()


def test_a_cut_off_body_is_asked_for_again(publishers: Publishers) -> None:
    publishers.fault(MODELS_DEV, InTurn((CutOff(), Fault())))
    assert json.loads(_get(publishers, MODELS_DEV).body) == publishers.facts.models_dev
    publishers.fault(MODELS_DEV, CutOff())
    publishers.forget()
    assert "closed connection" in _failure(publishers, MODELS_DEV).reason
    assert publishers.count(MODELS_DEV) == 3


def test_a_refused_connection_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = _url(listener)
    loaded = load_settings(
        {
            "LLMREC_SOURCES__MODELS_DEV__BASE_URL": url,
            "LLMREC_PIPELINE__HTTP__WAIT_INITIAL_S": "0.01",
            "LLMREC_PIPELINE__HTTP__ATTEMPTS": "2",
        }
    )
    with (
        PublisherClient(MODELS_DEV, loaded.sources[MODELS_DEV], loaded.pipeline.http) as client,
        pytest.raises(PullFailed, match=r"127\.0\.0\.1:\d+: .*refused"),
    ):
        client.get("page")
    assert client.requests == 2


def test_a_name_that_cannot_be_looked_up_is_not_tried_again(
    publishers: Publishers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with (
        _client(publishers, MODELS_DEV, base_url="http://publisher.test") as client,
        pytest.raises(PullFailed, match=r"publisher\.test: "),
    ):
        client.get("page")
    assert client.requests == 1


def test_a_certificate_that_nobody_vouches_for_is_not_asked_again(tmp_path: Path) -> None:
    with served(lambda _: None, self_signed(tmp_path)) as url:
        loaded = load_settings({"LLMREC_SOURCES__MODELS_DEV__BASE_URL": url})
        with (
            PublisherClient(MODELS_DEV, loaded.sources[MODELS_DEV], loaded.pipeline.http) as client,
            pytest.raises(PullFailed, match="CERTIFICATE_VERIFY_FAILED"),
        ):
            client.get("page")
    assert client.requests == 1


def test_a_body_beyond_the_limit_is_given_up(publishers: Publishers) -> None:
    publishers.fault(MODELS_DEV, Send(Reply(200, b"x" * 200_001)))
    assert _failure(publishers, MODELS_DEV, MAX_BODY_MB="0.2").reason == "the body exceeds 0.2 MB"
    assert publishers.count(MODELS_DEV) == 1
    publishers.fault(MODELS_DEV, Send(Reply(200, b"x" * 200_000)))
    assert len(_get(publishers, MODELS_DEV, MAX_BODY_MB="0.2").body) == 200_000


def test_a_packed_body_is_unpacked(publishers: Publishers) -> None:
    publishers.fault(MODELS_DEV, Packed())
    assert json.loads(_get(publishers, MODELS_DEV).body) == publishers.facts.models_dev
    assert "gzip" in publishers.requests[0].headers["accept-encoding"]


def test_a_body_of_two_packed_parts_is_unpacked(publishers: Publishers) -> None:
    body = gzip.compress(b'{"a": ') + gzip.compress(b"1}")
    publishers.fault(
        MODELS_DEV, Send(Reply(200, body, headers={"Content-Encoding": "GZIP"}, chunk=7))
    )
    assert _get(publishers, MODELS_DEV).body == b'{"a": 1}'


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Packed(cut=12), "in the middle of its gzip"),
        (Send(Reply(200, b"{}", headers={"Content-Encoding": "gzip"})), "is no gzip"),
    ],
)
def test_a_spoiled_packing_is_a_broken_body(
    publishers: Publishers, fault: Fault, told: str
) -> None:
    publishers.fault(MODELS_DEV, fault)
    assert told in _failure(publishers, MODELS_DEV).reason
    assert publishers.count(MODELS_DEV) == 3


def test_a_coding_that_was_not_asked_for_is_refused(publishers: Publishers) -> None:
    publishers.fault(MODELS_DEV, Send(Reply(200, b"?", headers={"Content-Encoding": "br"})))
    assert "content coding br" in _failure(publishers, MODELS_DEV).reason
    assert publishers.count(MODELS_DEV) == 1


def test_a_bomb_is_unpacked_no_further_than_the_limit(publishers: Publishers) -> None:
    packed = gzip.compress(bytes(200_000_000), 9)
    publishers.fault(MODELS_DEV, Send(Reply(200, packed, headers={"Content-Encoding": "gzip"})))
    tracemalloc.start()
    try:
        failure = _failure(publishers, MODELS_DEV, MAX_BODY_MB="1", READ_S="5")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert failure.reason == "the body exceeds 1 MB"
    assert peak < 12_000_000


def test_a_redirect_on_the_same_origin_is_followed(publishers: Publishers) -> None:
    page = _get(publishers, LMARENA)
    assert page.body[:4] == b"PAR1"
    # What was asked for; where it is stored today may be a signed address.
    assert page.url == publishers.url + LEADERBOARD
    assert len(publishers.requests) == 2


@pytest.mark.parametrize("source", [AA, LMARENA, MODELS_DEV])
def test_a_redirect_to_another_host_is_not_followed(publishers: Publishers, source: str) -> None:
    publishers.fault(source, RedirectElsewhere())
    failure = _failure(publishers, source)
    assert "redirected to http://localhost:" in failure.reason
    assert f"{source}.redirect_hosts" in failure.reason
    assert not [request for request in publishers.requests if request.host.startswith("localhost")]


def test_a_redirect_to_another_port_is_not_followed(publishers: Publishers) -> None:
    with Publishers(publishers.facts) as other:
        target = Reply(307, headers={"Location": other.url + AA_FREE})
        publishers.fault(AA, Send(target))
        assert f"redirected to {other.url}," in _failure(publishers, AA).reason
        assert other.requests == []


def test_an_allowed_host_never_gets_the_key(publishers: Publishers) -> None:
    asked: list[tuple[str, dict[str, str]]] = []
    with _client(publishers, AA, redirect_hosts=("cdn.example.org",)) as client:
        for url in (
            publishers.url + AA_FREE,
            "https://cdn.example.org/file",
            publishers.url.replace("127.0.0.1", "localhost"),
            publishers.url.replace("http:", "https:"),
            "http://127.0.0.1:1/",
        ):
            asked.append((url, client._headers_for(url)))
    assert [bool(headers) for _, headers in asked] == [True, False, False, False, False]


@pytest.mark.parametrize(
    ("location", "is_allowed"),
    [
        ("https://cdn.example.org/a?signature=1", True),
        ("https://CDN.example.org/a", True),
        ("https://eu.store.example.org/a", True),
        ("/elsewhere", True),
        ("https://store.example.org/a", False),
        ("https://evilstore.example.org.evil.test/a", False),
        ("http://cdn.example.org/a", False),
        ("https://cdn.example.org:8443/a", False),
        ("https://user:word@cdn.example.org/a", False),
        ("https://cdn.example.org@evil.test/a", False),
        ("//evil.test/a", False),
        ("file:///etc/passwd", False),
        ("https://[half/a", False),
        ("https://cdn.example.org:port/a", False),
    ],
)
def test_which_redirects_are_allowed(
    publishers: Publishers, location: str, is_allowed: bool
) -> None:
    hosts = ("cdn.example.org", "*.store.example.org")
    with _client(publishers, LMARENA, redirect_hosts=hosts) as client:
        if is_allowed:
            assert client._next_url(publishers.url + LEADERBOARD, location)
        else:
            with pytest.raises(PullFailed, match="redirected to") as refused:
                client._next_url(publishers.url + LEADERBOARD, location)
            assert "word" not in refused.value.reason


@pytest.mark.parametrize("location", ["https://[half/a", "http://127.0.0.1:1/\x7f", "\tx://"])
def test_a_redirect_to_nonsense_ends_the_pull(publishers: Publishers, location: str) -> None:
    publishers.fault(MODELS_DEV, Send(Reply(302, headers={"Location": location})))
    _failure(publishers, MODELS_DEV)


def test_redirects_without_end_are_given_up(publishers: Publishers) -> None:
    publishers.fault(LMARENA, Send(Reply(302, headers={"Location": LEADERBOARD})))
    assert _failure(publishers, LMARENA, MAX_REDIRECTS="2").reason == "more than 2 redirects"
    assert publishers.count(LMARENA) == 3
