"""What can go wrong with a publisher, each thing a small class.

A fault changes the facts that a publisher tells (`change`), the reply in which it tells them
(`alter`), or neither. The server applies one fault a source and can change it while it runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from llmrec_pipeline_tests.publisher_facts import (
    AA,
    EPOCH,
    LITELLM,
    LLM_STATS,
    LMARENA,
    MODELS_DEV,
    OPENROUTER,
    Facts,
    Row,
)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer as it will be sent.

    `promised` is the Content-Length to claim where it is not the body's own, `chunk` and `pause`
    (bytes, seconds) make a slow one, and a `silent` one is never sent at all.
    """

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    promised: int | None = None
    chunk: int | None = None
    pause: float = 0.0
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as a fault sees it. `nth` counts requests (not the redirects they follow) of
    this source since the fault was set, from 1; `target` is path and query."""

    source: str
    target: str
    page: int
    nth: int
    is_redirect_target: bool
    elsewhere: str


class Fault:
    """No fault; the others override what they break."""

    def change(self, facts: Facts, source: str) -> Facts:
        """The facts that the publisher tells."""
        return facts

    def alter(self, reply: Reply, exchange: Exchange) -> Reply:
        """The reply in which it tells them."""
        return reply


@dataclass(frozen=True)
class Status(Fault):
    """An error status for the first `times` requests, or for ever; `retry_after` in seconds."""

    status: int
    times: int | None = None
    retry_after: float | None = None

    def alter(self, reply: Reply, exchange: Exchange) -> Reply:
        is_over = self.times is not None and exchange.nth > self.times
        if exchange.is_redirect_target or is_over:
            return reply
        return self._error(reply)

    def _error(self, reply: Reply) -> Reply:
        headers = {name: value for name, value in reply.headers.items() if name.startswith("X-")}
        if self.retry_after is not None:
            headers["Retry-After"] = f"{self.retry_after:g}"
        body = b'{"error": "status %d"}' % self.status
        return Reply(self.status, body, headers=headers)


@dataclass(frozen=True)
class FailingPage(Status):
    """One page of Artificial Analysis fails, the others are served."""

    status: int = 500
    page: int = 2

    def alter(self, reply: Reply, exchange: Exchange) -> Reply:
        return self._error(reply) if exchange.page == self.page else reply


@dataclass(frozen=True)
class Hang(Fault):
    """The request is read and never answered, until the server lets go or closes."""

    def alter(self, reply: Reply, exchange: Exchange) -> Reply:
        return replace(reply, silent=True)


@dataclass(frozen=True)
class SlowDrip(Fault):
    """The body comes a few bytes at a time."""

    chunk: int = 64
    pause: float = 0.25

    def alter(self, reply: Reply, exchange: Exchange) -> Reply:
        return replace(reply, chunk=self.chunk, pause=self.pause)


@dataclass(frozen=True)
class CutOff(Fault):
    """The connection closes when that share of the promised body was sent."""

    share: float = 0.5

    def alter(self, reply: Reply, exchange: Exchange) -> Reply:
        kept = reply.body[: int(len(reply.body) * self.share)]
        return replace(reply, body=kept, promised=len(reply.body)) if reply.body else reply


@dataclass(frozen=True)
class HtmlPage(Fault):
    """A web page with status 200, as maintenance pages and captive portals send."""

    body: bytes = b"<!doctype html><html><body><h1>We will be right back</h1></body></html>"

    def alter(self, reply: Reply, exchange: Exchange) -> Reply:
        return Reply(200, self.body, "text/html; charset=utf-8")


@dataclass(frozen=True)
class RedirectElsewhere(Fault):
    """A redirect to another host name, which serves the real thing; a key must not follow."""

    def alter(self, reply: Reply, exchange: Exchange) -> Reply:
        return Reply(302, headers={"Location": exchange.elsewhere + exchange.target})


@dataclass(frozen=True)
class EmptyList(Fault):
    """A perfect answer without a single model."""

    def change(self, facts: Facts, source: str) -> Facts:
        return facts.listed(source, lambda _: False)


@dataclass(frozen=True)
class PartOfTheRows(Fault):
    """A perfect answer with a share of the usual models, a third unless told."""

    share: float = 1 / 3

    def change(self, facts: Facts, source: str) -> Facts:
        return facts.share(source, self.share)


_NEW_NAMES = {
    AA: {"evaluations": "scores", "pricing": "prices"},
    MODELS_DEV: {"cost": "pricing", "limit": "limits"},
    LMARENA: {"model_name": "model", "rating": "score"},
    LLM_STATS: {"model_id": "model", "score": "value"},
    EPOCH: {"Model version": "Model", "mean_score": "score"},
    OPENROUTER: {"pricing": "prices", "context_length": "context"},
    LITELLM: {"litellm_provider": "provider", "input_cost_per_token": "input_price"},
}
# What no cell holds, by source: (holder or none, name, value).
_BAD_CELLS: dict[str, tuple[tuple[str | None, str, Any], ...]] = {
    AA: (
        ("pricing", "price_1m_input_tokens", -2.5),
        ("pricing", "price_1m_output_tokens", "n/a"),
        ("evaluations", "artificial_analysis_intelligence_index", "high"),
    ),
    MODELS_DEV: (
        ("cost", "input", -2.5),
        ("cost", "output", "free"),
        ("limit", "context", -4096),
    ),
    LLM_STATS: ((None, "normalized_score", 1.7),),
    EPOCH: ((None, "mean_score", "n/a"), (None, "stderr", "-0.5")),
    OPENROUTER: (
        ("pricing", "prompt", "-2.5"),
        ("pricing", "completion", "free"),
        (None, "context_length", -4096),
    ),
    LITELLM: (
        (None, "input_cost_per_token", -2.5),
        (None, "output_cost_per_token", "free"),
        (None, "max_input_tokens", -4096),
    ),
}


@dataclass(frozen=True)
class RenamedFields(Fault):
    """Fields of every record under other names; `names` is old to new, by default two that
    matter."""

    names: Mapping[str, str] | None = None

    def change(self, facts: Facts, source: str) -> Facts:
        names = _NEW_NAMES[source] if self.names is None else self.names
        return facts.changed(
            source, lambda row: {names.get(name, name): value for name, value in row.items()}
        )


@dataclass(frozen=True)
class BadCells(Fault):
    """Negative and non-numeric values, one bad cell in each of the first `rows` records that
    have the cell.

    A Parquet column has one type, so for the Arena the value that is no number is NaN.
    """

    rows: int = 3

    def change(self, facts: Facts, source: str) -> Facts:
        # Both of AA's shapes are spoiled in as many records.
        spoiled: Counter[bool] = Counter()

        def spoil(row: Row) -> Row:
            is_legacy = source == AA and "performance" not in row
            if spoiled[is_legacy] < self.rows:
                spoiled[is_legacy] += _spoil(row, source, spoiled[is_legacy])
            return row

        return facts.changed(source, spoil)


def _spoil(row: Row, source: str, number: int) -> bool:
    """Puts one bad value into the record; False where it has no such cell."""
    if source == LMARENA:
        row["rating"] = (-1200.0, float("nan"))[number % 2]
        return True
    cells = _BAD_CELLS[source]
    holder, name, value = cells[number % len(cells)]
    record = row if holder is None else row.get(holder)
    if not record or not record.get(name):
        return False
    record[name] = value
    return True


@dataclass(frozen=True)
class ZeroForUnknown(Fault):
    """The publisher starts to write 0 where it does not know: in AA every null of price and
    speed, in models.dev, OpenRouter and LiteLLM every limit, in the Arena the votes and the
    variance. A score of 0 is a score, so the boards have no such cell."""

    def change(self, facts: Facts, source: str) -> Facts:
        def change(row: Row) -> Row:
            for holder in ("pricing", "performance") if source == AA else ():
                for name, value in (row.get(holder) or {}).items():
                    row[holder][name] = 0 if value is None else value
            if source == MODELS_DEV and "limit" in row:
                row["limit"] = dict.fromkeys(row["limit"], 0)
            if source == LMARENA:
                row["vote_count"] = row["variance"] = 0.0
            for name in ("context_length", "max_input_tokens", "max_output_tokens"):
                if name in row:
                    row[name] = 0
            return row

        return facts.changed(source, change)
