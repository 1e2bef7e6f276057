"""Figures of our own calls: hand-computed on a worked example, and the same on every engine."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, fields
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from genai_prices import Usage
from genai_prices.data import providers

from llmrec_pipeline.domain.identity import IdentityRules
from llmrec_pipeline.domain.records import MODELS_LATEST
from llmrec_pipeline.domain.runtime_stats import APPROXIMATE, EXACT, RuntimeStats
from llmrec_pipeline.domain.team_models import ModelsConfig
from llmrec_pipeline.domain.usage_names import UsageNames
from llmrec_pipeline.domain.usage_prices import (
    DatedPrice,
    ServedName,
    Terms,
    Window,
    tiers_of,
    window_until,
)
from llmrec_pipeline.domain.usage_records import USAGE_EVENTS
from llmrec_pipeline.locations import Locations, SettingsError
from llmrec_pipeline.settings import Settings, load_settings
from llmrec_pipeline.sources import genai_prices
from llmrec_pipeline.sources.pull import RawPage
from llmrec_pipeline.storage.usage_engines import (
    VARIABLE,
    UsageEngine,
    open_usage_events,
)
from llmrec_pipeline.storage.usage_seals import TelemetryError
from llmrec_pipeline.storage.usage_stats import Computed, compute
from llmrec_pipeline_tests.spark_servers import cluster, java_is_there, light_server
from llmrec_pipeline_tests.usage_events import Event, event, write_partitions, write_postgresql

MIDNIGHT = datetime(2026, 9, 1, tzinfo=UTC)
HOUR, DAY, MICROSECOND = timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)
WINDOW = Window(MIDNIGHT, MIDNIGHT + 2 * DAY)
CHANGE = MIDNIGHT + 30 * HOUR
KEY = "laboratory/line-1"


def _terms(*prices: str, above: int = 0) -> Terms:
    return Terms(*map(Decimal, prices), above_input_tokens=above)


# USD per 1M tokens: input, output, cached input. Twice as much above 10,000 input tokens.
BEFORE = (_terms("2", "8", "0.5"), _terms("4", "16", "1", above=10_000))
AFTER = (_terms("1", "4"),)
PRICES = {("laboratory", KEY): [DatedPrice(CHANGE, AFTER), DatedPrice(MIDNIGHT - DAY, BEFORE)]}


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings({})


@pytest.fixture(scope="module")
def names(settings: Settings) -> UsageNames:
    lines = {name: {"model_id": f"laboratory/{name}"} for name in ("line-1", "line-2")}
    team = ModelsConfig.model_validate({"models": lines})
    return UsageNames(IdentityRules(settings.identity), team)


@pytest.fixture(scope="module")
def spark_url() -> Iterator[str]:
    with light_server() as url:
        yield url


@pytest.fixture(scope="module")
def cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not java_is_there():
        pytest.skip("there is no java, which a standalone Spark cluster needs")
    with cluster(tmp_path_factory.mktemp("cluster")) as url:
        yield url


@contextmanager
def _opened(data: Path, settings: Settings, url: str = "") -> Iterator[UsageEngine]:
    place = Locations(data=data, config=settings.locations.config, offline=True)
    with open_usage_events(place, settings.telemetry, {VARIABLE: url}) as engine:
        yield engine


def _computed(
    engine: UsageEngine,
    settings: Settings,
    names: UsageNames,
    prices: dict[tuple[str, str], list[DatedPrice]] = PRICES,
    window: Window = WINDOW,
) -> Computed:
    def prices_of(_served: Sequence[ServedName]) -> dict[tuple[str, str], list[DatedPrice]]:
        return prices

    return compute(engine, window, names, prices_of, settings.telemetry)


def _figures(
    data: Path, settings: Settings, names: UsageNames, events: Sequence[Event]
) -> RuntimeStats:
    """The one row that these events make."""
    write_partitions(data / "telemetry" / "events", events)
    with _opened(data, settings) as engine:
        (row,) = _computed(engine, settings, names).stats
    return row


def test_a_worked_example(tmp_path: Path, settings: Settings, names: UsageNames) -> None:
    row = _figures(
        tmp_path,
        settings,
        names,
        [
            # 600 of 1,000 at 2, 400 of them cached at 0.5, 100 out at 8: 0.0022.
            event(
                1,
                MIDNIGHT + HOUR,
                cache_read_input_tokens=400,
                duration_s=3.0,
                time_to_first_chunk_s=1.0,
                cost_usd=0.002,
            ),
            # 12,000 is a longer request, all of it at 4, and 500 out at 16: 0.056.
            event(
                2,
                MIDNIGHT + 2 * HOUR,
                input_tokens=12_000,
                output_tokens=500,
                duration_s=5.0,
                retries=2,
            ),
            # 10,000 is not longer than 10,000: at 2; an error without output: 0.02.
            event(
                3,
                MIDNIGHT + 3 * HOUR,
                input_tokens=10_000,
                output_tokens=None,
                status="error",
                duration_s=1.0,
            ),
            # The price after: 1,000 at 1, all cached ones too, and 100 out at 4: 0.0014.
            event(4, MIDNIGHT + 40 * HOUR, cache_read_input_tokens=300, status=None),
            # A total says nothing of its parts.
            event(5, MIDNIGHT + 41 * HOUR, input_tokens=None, output_tokens=None, total_tokens=700),
            # A row for ten calls: 20,000 in at 1, 1,000 out at 4, in all: 0.024; no quantiles.
            event(
                6,
                MIDNIGHT + 42 * HOUR,
                input_tokens=20_000,
                output_tokens=1_000,
                calls=10,
                duration_s=99.0,
                cost_usd=0.03,
            ),
        ],
    )
    assert astuple(row)[:3] == ("laboratory", KEY, "builder")
    assert (row.calls, row.total_tokens) == (15, 1_100 + 12_500 + 10_000 + 1_100 + 700 + 21_000)
    assert (row.prompt_tokens, row.completion_tokens, row.cached_prompt_tokens) == (
        44_000,
        1_700,
        700,
    )
    assert row.est_cost_usd == Decimal("0.0022") + Decimal("0.056") + Decimal("0.02") + Decimal(
        "0.0014"
    ) + Decimal("0.024")
    # Successes of a known cost: the first two calls and the ten.
    assert row.cost_per_successful_call_usd == Decimal("0.008633333333")
    assert row.logged_cost_usd == Decimal("0.032")
    assert (row.unpriced_calls, row.unmetered_calls) == (0, 1)
    # 13 of the 14 calls that ended; Wilson's interval at z = 1.959964.
    assert row.success_rate == Decimal("0.928571428571")
    assert float(row.success_low or 0) == pytest.approx(0.685313, abs=1e-6)
    assert float(row.success_high or 0) == pytest.approx(0.987277, abs=1e-6)
    assert row.retries == 2
    # 700, 1,100, 1,100, 10,000, 12,500; 1, 3, 5 s; 100 in 2 s and 500 in 5 s.
    assert (row.p50_tokens, row.p90_tokens) == (1_100, 11_500)
    assert (row.p50_latency_s, row.p90_latency_s) == (3, Decimal("4.6"))
    assert (row.p50_ttft_s, row.p90_ttft_s) == (1, 1)
    assert (row.p50_tokens_per_s, row.p90_tokens_per_s) == (75, 95)
    assert row.quantiles == EXACT
    assert row.notes == (
        "1 of 15 calls tell no input tokens, and are not in the cost; "
        "the logged cost is of 11 calls"
    )


def test_windows_and_prices_are_half_open_and_in_utc(
    tmp_path: Path, settings: Settings, names: UsageNames
) -> None:
    plus_nine = timezone(9 * HOUR)
    row = _figures(
        tmp_path,
        settings,
        names,
        [
            event(1, MIDNIGHT - MICROSECOND, output_tokens=0),
            # 09:00 of that day in Tokyo is its midnight in UTC.
            event(2, datetime(2026, 9, 1, 9, tzinfo=plus_nine), output_tokens=0),
            event(3, CHANGE - MICROSECOND, output_tokens=0),
            event(4, CHANGE, output_tokens=0),
            event(5, WINDOW.end - MICROSECOND, output_tokens=0),
            event(6, WINDOW.end, output_tokens=0),
        ],
    )
    # Two at 2 and two at 1 for a million of input.
    assert (row.calls, row.est_cost_usd) == (4, Decimal("0.006"))


@pytest.mark.parametrize(
    ("now", "days", "start", "end"),
    [
        (datetime(2026, 9, 3, 0, 0, tzinfo=UTC), 2, MIDNIGHT, MIDNIGHT + 2 * DAY),
        (datetime(2026, 9, 3, 23, 59, tzinfo=UTC), 2, MIDNIGHT, MIDNIGHT + 2 * DAY),
        (
            datetime(2026, 3, 30, 12, tzinfo=UTC),
            1,
            *(datetime(2026, 3, d, tzinfo=UTC) for d in (29, 30)),
        ),
        # It is still the second in UTC.
        (datetime(2026, 9, 3, 8, tzinfo=timezone(9 * HOUR)), 1, MIDNIGHT, MIDNIGHT + DAY),
    ],
)
def test_a_window_is_whole_days(now: datetime, days: int, start: datetime, end: datetime) -> None:
    assert window_until(now, days) == Window(start, end)
    assert window_until(now, days).days == days


def test_what_has_no_price_is_told_and_not_free(
    tmp_path: Path, settings: Settings, names: UsageNames
) -> None:
    write_partitions(
        tmp_path / "telemetry" / "events",
        [
            event(1, MIDNIGHT, response_model="line-2"),
            event(2, MIDNIGHT, response_model="line-2"),
            event(3, MIDNIGHT + DAY, response_model="line-2"),
            event(4, MIDNIGHT, provider_name=None, response_model="who knows", calls=3, role=None),
            event(5, MIDNIGHT, provider_name=None, response_model=None, request_model="gpt-5-mini"),
            event(6, MIDNIGHT, provider_name="aws.bedrock", response_model="claude-haiku-4-5"),
        ],
    )
    prices = {("laboratory", "laboratory/line-2"): [DatedPrice(MIDNIGHT + DAY, AFTER)]}
    with _opened(tmp_path, settings) as engine:
        computed = _computed(engine, settings, names, prices)
    told = {
        (row.provider, row.model, row.role): (row.calls, row.unpriced_calls, row.est_cost_usd)
        for row in computed.stats
    }
    assert told == {
        ("amazon-bedrock", "anthropic/claude-haiku-4-5", "builder"): (1, 1, None),
        ("laboratory", "laboratory/line-2", "builder"): (3, 2, Decimal("0.0014")),
        ("openai", "openai/gpt-5-mini", "builder"): (1, 1, None),
        ("unknown", "who knows", "unspecified"): (3, 3, None),
    }
    (half,) = (row for row in computed.stats if row.model == "laboratory/line-2")
    assert half.notes == "2 of 3 calls had no price in force, and are not in the cost"
    ((name, calls),) = ((one.model_name, one.calls) for one in computed.unknown)
    assert (name, calls, computed.calls) == ("who knows", 3, 8)


def test_a_name_that_no_source_tells_of_counts_and_is_told(
    tmp_path: Path, settings: Settings
) -> None:
    rules = IdentityRules(settings.identity)
    names = UsageNames(rules, published={"anthropic/claude-haiku-4-5"})
    told = [
        ("anthropic", "acme-ultra-9"),
        ("openrouter", "x-ai/unknown-zz"),
        ("anthropic", "claude-haiku-4-5"),
    ]
    write_partitions(
        tmp_path / "telemetry" / "events",
        [
            event(number, MIDNIGHT, provider_name=provider, response_model=model)
            for number, (provider, model) in enumerate(told)
        ],
    )
    with _opened(tmp_path, settings) as engine:
        computed = _computed(engine, settings, names)
    assert sum(row.calls for row in computed.stats) == len(computed.stats) == 3
    assert [(one.provider_name, one.model_name) for one in computed.unknown] == told[:2]
    assert all(one.reason for one in computed.unknown)


def test_a_time_that_no_clock_can_tell_makes_no_speed(
    tmp_path: Path, settings: Settings, names: UsageNames
) -> None:
    row = _figures(
        tmp_path,
        settings,
        names,
        [
            event(1, MIDNIGHT, output_tokens=2_000_000_000, duration_s=1e-300),
            event(2, MIDNIGHT, output_tokens=10, duration_s=0.001),
            event(3, MIDNIGHT, output_tokens=10, duration_s=0.0009),
        ],
    )
    assert (row.p50_tokens_per_s, row.p90_tokens_per_s) == (10_000, 10_000)
    # 0.0009 of 0, 0.0009, 0.001.
    assert (row.calls, row.p50_latency_s) == (3, Decimal("0.0009"))


def test_the_longest_calls_at_the_highest_price_cost_what_they_cost(
    tmp_path: Path, settings: Settings, names: UsageNames
) -> None:
    most = int(USAGE_EVENTS["input_tokens"].maximum or 0)
    highest = str(MODELS_LATEST["price_input_per_1m"].maximum)
    lengths = {"input_tokens": most, "cache_read_input_tokens": most // 2, "output_tokens": most}
    write_partitions(
        tmp_path / "telemetry" / "events",
        [event(number, MIDNIGHT, **lengths) for number in range(3)],
    )
    dated = [DatedPrice(MIDNIGHT - DAY, (_terms(highest, highest, highest),))]
    with _opened(tmp_path, settings) as engine:
        (row,) = _computed(engine, settings, names, {("laboratory", KEY): dated}).stats
    assert row.est_cost_usd == 3 * 2 * most * Decimal(highest) / 1_000_000
    # Sums are exact; quantiles of tokens end where 32 bits do, at nine digits.
    assert (row.total_tokens, row.p50_tokens) == (3 * 2 * most, 2_147_483_650)


def test_nothing_in_the_window_is_no_row(
    tmp_path: Path, settings: Settings, names: UsageNames
) -> None:
    with _opened(tmp_path, settings) as engine:
        assert _computed(engine, settings, names).stats == ()
    write_partitions(tmp_path / "telemetry" / "events", [event(1, WINDOW.end)])
    with _opened(tmp_path, settings) as engine:
        assert _computed(engine, settings, names).stats == ()


def _random_events(number: int) -> list[Event]:
    draw = random.Random(7)
    maybe = lambda value: None if draw.random() < 0.1 else value  # noqa: E731
    return [
        event(
            place,
            MIDNIGHT - HOUR + draw.random() * 50 * HOUR,
            provider_name=draw.choice(("laboratory", "openai", None)),
            response_model=draw.choice(("line-1", "gpt-5-mini", None)),
            request_model=draw.choice(("line-1", "line-2")),
            role=draw.choice(("builder", "auditor", None)),
            status=draw.choice(("ok", "ok", "ok", "error", None)),
            input_tokens=maybe(draw.randrange(20_000)),
            output_tokens=maybe(draw.randrange(2_000)),
            cache_read_input_tokens=maybe(draw.randrange(5_000)),
            total_tokens=draw.choice((None, draw.randrange(22_000))),
            duration_s=maybe(draw.uniform(0, 20)),
            time_to_first_chunk_s=maybe(draw.uniform(0, 5)),
            cost_usd=maybe(draw.randrange(10_000) / 1e6),
            retries=maybe(draw.randrange(3)),
            calls=draw.choice((1, 1, 1, 1, 7)),
        )
        for place in range(number)
    ]


def _extreme_events(first_number: int) -> list[Event]:
    """At the bounds of what an event may say, and below any clock's resolution."""
    most = {
        name: int(USAGE_EVENTS[name].maximum or 0)
        for name in ("duration_s", "time_to_first_chunk_s", "cost_usd", "retries", "output_tokens")
    }
    calls = int(USAGE_EVENTS["calls"].maximum or 0)
    told = [
        *({**most, "role": "longest", "time_to_first_chunk_s": wait} for wait in (None, 1e-300)),
        *({**most, "role": "longest", "input_tokens": most["output_tokens"], "calls": calls},) * 2,
        *({"role": "shortest", **most, "duration_s": s} for s in (0.0, 1e-300, 1e-9, 0.001)),
    ]
    return [event(first_number + n, MIDNIGHT + HOUR, **values) for n, values in enumerate(told)]


def _same(rows: Sequence[RuntimeStats], as_these: Sequence[RuntimeStats]) -> None:
    """Counts, costs and rates to the last digit, and so are nearly all quantiles."""
    assert len(rows) == len(as_these) > 5
    others = 0
    for one, other in zip(rows, as_these, strict=True):
        for field in fields(RuntimeStats):
            mine, theirs = getattr(one, field.name), getattr(other, field.name)
            if field.name.startswith("p") and isinstance(mine, Decimal):
                # Where a value lies between two that can be told, engines may take another.
                assert float(mine) == pytest.approx(float(theirs), rel=1e-4, abs=1e-4), field.name
                others += mine != theirs
            else:
                assert mine == theirs, (one.model, field.name)
    assert others <= 1


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("postgresql", "postgresql_url"),
        ("spark", "spark_url"),
        pytest.param("spark", "cluster_url", marks=pytest.mark.slow),
    ],
)
def test_every_engine_says_the_same(
    name: str,
    place: str,
    tmp_path: Path,
    settings: Settings,
    names: UsageNames,
    request: pytest.FixtureRequest,
) -> None:
    events = [*_random_events(3_000), *_extreme_events(3_000)]
    write_partitions(tmp_path / "telemetry" / "events", events)
    with _opened(tmp_path, settings) as engine:
        expected = _computed(engine, settings, names)
        coarse = settings.model_copy(
            update={"telemetry": settings.telemetry.model_copy(update={"exact_up_to_events": 10})}
        )
        assert {row.quantiles for row in _computed(engine, coarse, names).stats} == {APPROXIMATE}
    url = request.getfixturevalue(place)
    if name == "postgresql":
        write_postgresql(url, events)
    with _opened(tmp_path, settings, url) as engine:
        found = _computed(engine, settings, names)
        assert (found.engine, found.calls, found.unknown) == (
            name,
            expected.calls,
            expected.unknown,
        )
        _same(found.stats, expected.stats)
        approximate = {row.quantiles for row in _computed(engine, coarse, names).stats}
        assert approximate == {EXACT if name == "postgresql" else APPROXIMATE}


class _AsTheyAre:
    """Names that mean themselves."""

    def served(self, provider_name: str, model_name: str) -> ServedName:
        return ServedName(provider_name, model_name, provider_name, model_name, is_known=True)

    def doubt(self, _served: ServedName) -> None:
        return None


def _priced_by_package() -> dict[tuple[str, str], tuple[Terms, ...]]:
    """Models of the installed genai-prices with prices of cached input and of longer requests, as
    our source reads them."""
    source = load_settings({}).sources["genai_prices"]
    body = genai_prices.fetch(_Shelf(), source)  # type: ignore[arg-type]
    found = {}
    for row in genai_prices.parse(body, source).models:
        prices = [row.get(f"price_{kind}_per_1m") for kind in ("input", "output", "cached_input")]
        if None not in prices and row.get("price_tiers"):
            base = Terms(*(Decimal(repr(price)) for price in prices))
            provider, _, model_id = row["source_model_id"].partition("/")
            found[provider, model_id] = tiers_of(base, json.loads(row["price_tiers"]))
    return found


class _Shelf:
    """What a source holds a page with."""

    def hold(self, name: str, url: str, body: bytes) -> RawPage:
        return RawPage(
            name=name, url=url, status=200, headers={}, body=body, received_at=WINDOW.end
        )


def test_costs_are_those_of_genai_prices(tmp_path: Path, settings: Settings) -> None:
    tiers = _priced_by_package()
    assert len(tiers) > 10
    sold = {
        (seller.id, model.id): (seller, model) for seller in providers for model in seller.models
    }
    draw = random.Random(3)
    events, expected = [], {}
    for number, ((provider, model_id), terms) in enumerate(sorted(tiers.items())):
        limit = terms[1].above_input_tokens
        for length in (limit - 1, limit, limit + 1, 3 * limit):
            cached, output = draw.randrange(length), draw.randrange(5_000)
            role = f"{number} {length}"
            events.append(
                event(
                    len(events),
                    WINDOW.end - MICROSECOND,
                    provider_name=provider,
                    response_model=model_id,
                    role=role,
                    input_tokens=length,
                    cache_read_input_tokens=cached,
                    output_tokens=output,
                )
            )
            usage = Usage(input_tokens=length, cache_read_tokens=cached, output_tokens=output)
            seller, model = sold[provider, model_id]
            price = model.calc_price(usage, seller, genai_request_timestamp=WINDOW.end)
            expected[role] = price.total_price
    write_partitions(tmp_path / "telemetry" / "events", events)
    prices = {name: [DatedPrice(MIDNIGHT, terms)] for name, terms in tiers.items()}
    with _opened(tmp_path, settings) as engine:
        found = _computed(engine, settings, _AsTheyAre(), prices)  # type: ignore[arg-type]
    assert {row.role: row.est_cost_usd for row in found.stats} == {
        role: pytest.approx(cost, abs=Decimal("1e-9")) for role, cost in expected.items()
    }


def test_the_order_of_events_changes_no_digit(
    tmp_path: Path, settings: Settings, names: UsageNames
) -> None:
    events = _random_events(2_000)
    found = []
    for place, order in (("a", events), ("b", events[::-1])):
        write_partitions(tmp_path / place / "telemetry" / "events", order)
        with _opened(tmp_path / place, settings) as engine:
            found.append(_computed(engine, settings, names).stats)
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mysql://me:secret@host/events", "is no address of events"),
        ("postgresql://me:secret@127.0.0.1:1/events", "usage events in postgresql"),
        ("sc://127.0.0.1:1", "nothing answers at 127.0.0.1:1"),
        ("sc://127.0.0.1:1/;token=secret", "nothing answers at 127.0.0.1:1"),
        ("sc://", "is no address of events"),
        ("sc://host:port", "is no address of events"),
    ],
)
def test_a_place_that_cannot_be_read_is_told(
    url: str, told: str, tmp_path: Path, settings: Settings
) -> None:
    with (
        pytest.raises((SettingsError, TelemetryError), match=told) as caught,
        _opened(tmp_path, settings, url),
    ):
        pass
    assert "secret" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
