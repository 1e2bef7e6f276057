"""Figures of our own calls: one Ibis expression, run where the events are, and what its rows say.

By provider (who served), model and role, over a window. A call that `usage_events` tells one by one
has quantiles; a row that stands for several calls weighs in sums and rates alone. Quantiles
interpolate linearly between the two nearest values (SQL's percentile_cont), over whole tokens, and
over seconds and speeds that are exact to the seven digits of a single float. Engines differ in the
last of those, so seconds and speeds are told to five significant digits and four places. A rate of
success is over the calls whose log says how they ended.

tokens_per_s is output tokens over the time after the first chunk, as publishers measure it; over the
whole call where the log has no time of a first chunk. A time below a millisecond is none: no model
generates in it, so it is the resolution of a clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from llmrec_pipeline.domain.confidence import wilson_interval
from llmrec_pipeline.domain.decimals import rounded
from llmrec_pipeline.domain.usage_prices import PER_USD

EXACT, APPROXIMATE = "exact", "approximate"
NO_ROLE = "unspecified"
_LEVELS = (0.5, 0.9)
_MEASURES = ("tokens", "latency_s", "ttft_s", "tokens_per_s")
_PLACES = 12
_MEASURED_PLACES, _MEASURED_DIGITS = 4, 5
# Those that a double has for certain; one more or less token is no matter of how an engine rounds.
_COUNTED_DIGITS = 9
_SHORTEST_GENERATION_S = 0.001
# A price is `whole * _PART + part`. Within the bounds of `usage_events` tokens times either fit into
# 64 bits; decimals would be as exact and take engines twice as long.
_PART = 100_000
_FINEST_CLOCK_S = 1e-9
_MOST_OF_ONE = 2**31 - 1


@dataclass(frozen=True, slots=True)
class RuntimeStats:
    """A row of `model_runtime_stats` without its window; see there. Costs are USD."""

    provider: str
    model: str
    role: str
    calls: int
    total_tokens: int
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_prompt_tokens: int | None
    est_cost_usd: Decimal | None
    cost_per_successful_call_usd: Decimal | None
    logged_cost_usd: Decimal | None
    unpriced_calls: int
    unmetered_calls: int
    success_rate: Decimal | None
    success_low: Decimal | None
    success_high: Decimal | None
    retries: int | None
    p50_tokens: int | None
    p90_tokens: int | None
    p50_latency_s: Decimal | None
    p90_latency_s: Decimal | None
    p50_ttft_s: Decimal | None
    p90_ttft_s: Decimal | None
    p50_tokens_per_s: Decimal | None
    p90_tokens_per_s: Decimal | None
    quantiles: str
    notes: str | None


def model_name(events: Any) -> Any:
    """The name that a call is known by: the one that answered, else the one asked for."""
    return events.response_model.coalesce(events.request_model, "")


def provider_name(events: Any) -> Any:
    """Who served, as the log says; empty where it does not."""
    return events.provider_name.coalesce("")


def names_in_use(events: Any) -> Any:
    """Expression: provider_name, model_name, the `calls` and `events` under them, and `newest`, the
    start of the last of them."""
    # As they are written first: engines group by columns of few values faster than by what is made of
    # them.
    written = events.group_by("provider_name", "response_model", "request_model").aggregate(
        calls=events.calls.sum().cast("int64"),
        events=events.count(),
        newest=events.started_at.max(),
    )
    named = written.select(
        "calls",
        "events",
        "newest",
        provider_name=provider_name(written),
        model_name=model_name(written),
    )
    return named.group_by("provider_name", "model_name").aggregate(
        calls=named.calls.sum().cast("int64"),
        events=named.events.sum().cast("int64"),
        newest=named.newest.max(),
    )


def without_roles(events: Any) -> Any:
    """The events as calls of one role."""
    import ibis  # type: ignore[import-untyped]

    return events.mutate(role=ibis.literal(NO_ROLE))


def runtime_stats(events: Any, rates: Any, *, approximate: bool = False) -> Any:
    """Expression: one row for each provider, model and role. `events` are `usage_events` of the
    window; `rates` a table of `Rate` that has exactly one for every event."""
    calls, rates = _calls(events), _in_parts(rates)
    joined = calls.left_join(
        rates,
        [
            calls.provider_name == rates.provider_name,
            calls.model_name == rates.model_name,
            calls.started_at >= rates.since,
            calls.started_at < rates.until,
            calls.input_length >= rates.input_from,
            calls.input_length < rates.input_below,
        ],
        rname="rate_{name}",
    )
    costed = _costed(joined)
    by_group = costed.group_by("provider", "model", "role")
    if approximate:
        return by_group.aggregate(**_sums(costed), **_approximate_quantiles(costed))
    listed = by_group.aggregate(**_sums(costed), **_quantiles(costed))
    unpacked = {
        name: listed[measure][place]
        for place, level in enumerate(_LEVELS)
        for measure, name in _named(level)
    }
    return listed.mutate(**unpacked).drop(*_MEASURES)


def _calls(events: Any) -> Any:
    """What each event tells, in the terms of the figures."""
    import ibis

    known_input = events.input_tokens
    cached = ibis.least(events.cache_read_input_tokens.coalesce(0), known_input)
    output = events.output_tokens.coalesce(
        ibis.greatest(events.total_tokens - known_input, 0), ibis.literal(0)
    )
    total = events.total_tokens.coalesce(
        known_input + events.output_tokens, known_input, events.output_tokens
    )
    is_one = events.calls == 1
    has_succeeded = events.status == "ok"
    generating = ibis.ifelse(
        events.time_to_first_chunk_s < events.duration_s,
        events.duration_s - events.time_to_first_chunk_s,
        events.duration_s,
    )
    speed = events.output_tokens.cast("float64") / ibis.ifelse(
        generating >= _SHORTEST_GENERATION_S, generating, None
    )
    return events.select(
        provider_name=provider_name(events),
        model_name=model_name(events),
        role=events.role.coalesce(NO_ROLE),
        started_at=events.started_at,
        # Of one call, by which its tier is told.
        input_length=ibis.ifelse(
            is_one, known_input, (known_input / events.calls).floor().cast("int64")
        ).coalesce(0),
        calls=events.calls,
        # What is summed under a condition is told before it is summed, which engines do faster than
        # choose rows anew for each sum.
        successes=has_succeeded.ifelse(events.calls, None),
        ended=(has_succeeded | (events.status == "error")).ifelse(events.calls, None),
        retries=events.retries,
        total=total,
        prompt=known_input,
        completion=events.output_tokens,
        cached_prompt=events.cache_read_input_tokens,
        cached=cached,
        uncached=known_input - cached,
        billed_output=output,
        logged_cost=events.cost_usd.cast("decimal(38, 12)"),
        tokens=_whole_number(total, is_one),
        latency_s=_single(_told_s(events.duration_s), is_one),
        ttft_s=_single(_told_s(events.time_to_first_chunk_s), is_one),
        tokens_per_s=_single(speed, is_one & (events.output_tokens > 0)),
    )


def _told_s(seconds: Any) -> Any:
    """Seconds, none where they are fewer than a clock tells: not every engine has a single float for
    what is nearly nothing."""
    import ibis

    return ibis.ifelse(seconds < _FINEST_CLOCK_S, 0.0, seconds)


def _whole_number(value: Any, where: Any) -> Any:
    """A count as its quantiles take it: in 32 bits, which engines order faster than a float. No call
    has more tokens than they hold."""
    import ibis

    return where.ifelse(ibis.ifelse(value > _MOST_OF_ONE, _MOST_OF_ONE, value), None).cast("int32")


def _single(value: Any, where: Any) -> Any:
    """A measure as its quantiles take it: an engine holds every value of it at once, and a single
    float is half the memory."""
    return where.ifelse(value, None).cast("float32")


def _in_parts(rates: Any) -> Any:
    """The rates with both parts of each price."""
    prices = ("input_price", "cached_price", "output_price")
    return rates.mutate(
        **{f"whole_{price}": rates[price] // _PART for price in prices},
        **{f"part_{price}": rates[price] % _PART for price in prices},
    )


def _costed(joined: Any) -> Any:
    """With both parts of the cost of each event, in 1e-12 USD; NULL where no price is in force or
    its tokens are not told."""

    def cost(part: str) -> Any:
        return (
            joined.uncached * joined[f"{part}_input_price"]
            + joined.cached * joined[f"{part}_cached_price"]
            + joined.billed_output * joined[f"{part}_output_price"]
        )

    return joined.mutate(
        # A name that came up after the names were asked for stands for itself.
        provider=joined.provider.coalesce(joined.provider_name),
        model=joined.model.coalesce(joined.model_name),
        whole_cost=cost("whole"),
        part_cost=cost("part"),
    )


def _sums(costed: Any) -> dict[str, Any]:
    exact = "decimal(38, 0)"

    def total(column: Any) -> Any:
        return column.sum().cast("int64")

    def calls_where(condition: Any) -> Any:
        return total(condition.ifelse(costed.calls, None))

    return {
        "calls": total(costed.calls),
        "total_tokens": total(costed.total),
        "prompt_tokens": total(costed.prompt),
        "completion_tokens": total(costed.completion),
        "cached_prompt_tokens": total(costed.cached_prompt),
        "retries": total(costed.retries),
        "successes": total(costed.successes),
        "ended": total(costed.ended),
        "cost": costed.whole_cost.sum().cast(exact) * _PART + costed.part_cost.sum().cast(exact),
        "costed_successes": total(costed.whole_cost.notnull().ifelse(costed.successes, None)),
        "unpriced_calls": calls_where(costed.input_price.isnull()),
        "unmetered_calls": calls_where(costed.prompt.isnull()),
        "logged_cost": costed.logged_cost.sum(),
        "logged_calls": calls_where(costed.logged_cost.notnull()),
    }


def _quantiles(costed: Any) -> dict[str, Any]:
    """All levels of a measure in one call: an engine then keeps its values once."""
    return {measure: costed[measure].quantile(list(_LEVELS)) for measure in _MEASURES}


def _approximate_quantiles(costed: Any) -> dict[str, Any]:
    return {
        name: costed[measure].approx_quantile(level)
        for level in _LEVELS
        for measure, name in _named(level)
    }


def _named(level: float) -> list[tuple[str, str]]:
    """Each measure, and the column of its quantile."""
    return [(measure, f"p{level * 100:.0f}_{measure}") for measure in _MEASURES]


def stats_of(row: Mapping[str, Any], *, confidence: float, quantiles: str) -> RuntimeStats:
    """A row of the expression, as the evidence store keeps it."""
    ended, successes = row["ended"] or 0, row["successes"] or 0
    low, high = wilson_interval(successes / ended, ended, confidence) if ended else (None, None)
    cost = None if row["cost"] is None else Fraction(int(row["cost"]), PER_USD)
    costed_successes = row["costed_successes"] or 0
    return RuntimeStats(
        provider=row["provider"],
        model=row["model"],
        role=row["role"],
        calls=row["calls"],
        total_tokens=row["total_tokens"] or 0,
        prompt_tokens=row["prompt_tokens"],
        completion_tokens=row["completion_tokens"],
        cached_prompt_tokens=row["cached_prompt_tokens"],
        est_cost_usd=_decimal(cost),
        cost_per_successful_call_usd=_decimal(
            cost / costed_successes if cost is not None and costed_successes else None
        ),
        logged_cost_usd=_decimal(row["logged_cost"]),
        unpriced_calls=row["unpriced_calls"] or 0,
        unmetered_calls=row["unmetered_calls"] or 0,
        success_rate=_decimal(Fraction(successes, ended) if ended else None),
        success_low=_decimal(low),
        success_high=_decimal(high),
        retries=row["retries"],
        p50_tokens=_whole(row["p50_tokens"]),
        p90_tokens=_whole(row["p90_tokens"]),
        p50_latency_s=_measured(row["p50_latency_s"]),
        p90_latency_s=_measured(row["p90_latency_s"]),
        p50_ttft_s=_measured(row["p50_ttft_s"]),
        p90_ttft_s=_measured(row["p90_ttft_s"]),
        p50_tokens_per_s=_measured(row["p50_tokens_per_s"]),
        p90_tokens_per_s=_measured(row["p90_tokens_per_s"]),
        quantiles=quantiles,
        notes=_notes(row),
    )


def _notes(row: Mapping[str, Any]) -> str | None:
    """What a reader of the cost needs to know, in words."""
    calls = row["calls"]
    told = [
        f"{row[column]} of {calls} calls {what}"
        for column, what in (
            ("unpriced_calls", "had no price in force, and are not in the cost"),
            ("unmetered_calls", "tell no input tokens, and are not in the cost"),
        )
        if row[column]
    ]
    if row["logged_calls"] and row["logged_calls"] != calls:
        told.append(f"the logged cost is of {row['logged_calls']} calls")
    return "; ".join(told) or None


def _measured(value: Decimal | float | None) -> Decimal | None:
    return (
        None if value is None else _decimal(_significant(value, _MEASURED_DIGITS), _MEASURED_PLACES)
    )


def _significant(value: Decimal | float, digits: int) -> Fraction:
    return Fraction(format(value, f".{digits}g"))


def _decimal(value: Decimal | Fraction | float | None, places: int = _PLACES) -> Decimal | None:
    return None if value is None else rounded(Fraction(value), places)


def _whole(value: Decimal | float | None) -> int | None:
    return None if value is None else round(_significant(value, _COUNTED_DIGITS))
