"""Figures of our own calls in the evidence store: entered once, by the prices that it knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from llmrec_pipeline.domain.advice_evidence import Runtime
from llmrec_pipeline.domain.records import MODELS_HISTORY
from llmrec_pipeline.domain.team_models import ModelsConfig
from llmrec_pipeline.domain.usage_prices import Window
from llmrec_pipeline.locations import Locations
from llmrec_pipeline.settings import Settings, load_settings
from llmrec_pipeline.storage.evidence_store.ingesting import Counts, ingest
from llmrec_pipeline.storage.evidence_store.models import ModelRuntimeStats
from llmrec_pipeline.storage.evidence_store.opening import EvidenceStore
from llmrec_pipeline.storage.evidence_store.subjects import read_subjects
from llmrec_pipeline.storage.lake import polars_schema
from llmrec_pipeline.storage.measuring import Measured, measure
from llmrec_pipeline.storage.usage_engines import VARIABLE
from llmrec_pipeline.storage.usage_stats import offering_prices
from llmrec_pipeline_tests.storage.evidence_rows import DAY, START, catalogue_of, model, price
from llmrec_pipeline_tests.usage_events import event, write_partitions

WINDOW = Window(START, START + 2 * DAY)
MINI, HAIKU = "openai/gpt-5-mini", "anthropic/claude-haiku-4-5"
_TIERS = (
    '[{"above_input_tokens":1000,"price_input_per_1m":8.0,"price_output_per_1m":null,'
    '"price_cached_input_per_1m":null}]'
)


@pytest.fixture(autouse=True)
def local_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """No events of whoever runs the tests."""
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    told = load_settings({})
    place = Locations(data=tmp_path, config=told.locations.config, offline=True)
    return told.model_copy(update={"locations": place})


def _team(**models: str) -> ModelsConfig:
    named = {name: {"model_id": key} for name, key in {"mini": MINI, **models}.items()}
    return ModelsConfig.model_validate({"models": named})


def _history_row(observed: int, per_1m: float, **values: Any) -> dict[str, Any]:
    return {
        **dict.fromkeys(MODELS_HISTORY.names),
        "source": "models_dev",
        "source_model_id": "amazon-bedrock/haiku",
        "model_name": "Haiku",
        "canonical_model_key": HAIKU,
        "base_model": HAIKU,
        "model_creator": "anthropic",
        "serving_host": "amazon-bedrock",
        "offering_key": "amazon-bedrock|haiku",
        "identity_method": "rule",
        "price_input_per_1m": per_1m,
        "price_output_per_1m": per_1m,
        "snapshot_ts": START + observed * DAY,
        **values,
    }


@contextmanager
def _history() -> Iterator[duckdb.DuckDBPyConnection]:
    """Two prices of one offering, told again and again, beside those that do not count."""
    rows = [
        _history_row(-2, 1.0),
        _history_row(-1, 1.0),
        _history_row(1, 3.0),
        _history_row(2, 5.0),
        _history_row(-2, 9.0, source="litellm"),
        _history_row(-2, 9.0, offering_key="amazon-bedrock|haiku-by-the-hour"),
        _history_row(-2, 9.0, serving_host="azure", offering_key="azure|haiku"),
    ]
    frame = pl.DataFrame(rows, schema=polars_schema(MODELS_HISTORY), orient="row")
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.register("models_history", frame.to_arrow())
        yield con


def _measured(
    settings: Settings, store: EvidenceStore, team: ModelsConfig | None = None
) -> Measured:
    return measure(settings, team or _team(), store, _history, WINDOW)


def _rows(store: EvidenceStore) -> dict[tuple[str, str, str], ModelRuntimeStats]:
    with store.reading() as session:
        found = session.query(ModelRuntimeStats).all()
    assert {(row.window_start, row.window_end) for row in found} <= {(WINDOW.start, WINDOW.end)}
    return {(row.provider, row.model, row.role): row for row in found}


def test_calls_are_priced_where_they_were_made_and_entered_once(
    store: EvidenceStore, settings: Settings
) -> None:
    cheap = replace(price(MINI, "0.001", "0.002"), effective_at=START - 40 * DAY)
    dear = replace(
        price(MINI, "0.002", "0.004"),
        effective_at=START + DAY,
        cached_input_per_1k=Decimal("0.0005"),
        price_tiers=_TIERS,
    )
    with store.writing() as session:
        ingest(session, catalogue_of(model(MINI), cheap, dear), START)
    bedrock = {"provider_name": "aws.bedrock", "response_model": HAIKU.partition("/")[2]}
    write_partitions(
        settings.locations.usage_events,
        [
            # 1,000 at 1 and 100 at 2 for a million; then 600 at 2, 400 at 0.5 and 100 at 4; then all
            # 1,001 at the longer request's 8.
            event(1, START, provider_name=None, response_model="mini"),
            event(
                2,
                START + DAY,
                provider_name="openai",
                response_model="gpt-5-mini-2025-08-07",
                cache_read_input_tokens=400,
                status="error",
            ),
            event(3, START + DAY, response_model="mini", provider_name=None, input_tokens=1_001),
            event(4, START, **bedrock),
            event(5, START + DAY, **bedrock),
            event(6, START, provider_name=None, response_model="newcomer", role="doctor"),
        ],
    )
    first, again = (_measured(settings, store) for _ in range(2))
    assert (first.counts, again.counts) == (Counts(3, 3, 0), Counts(3, 0, 0))
    rows = _rows(store)
    mini = rows["openai", MINI, "builder"]
    assert mini.est_cost_usd == Decimal("0.0012") + Decimal("0.0018") + Decimal("0.008408")
    assert (mini.calls, mini.success_rate) == (3, Decimal("0.666666666667"))
    haiku = rows["amazon-bedrock", HAIKU, "builder"]
    assert haiku.est_cost_usd == Decimal("0.0011") + Decimal("0.0033")
    ((newcomer, calls),) = ((one.model_name, one.calls) for one in first.computed.unknown)
    assert (newcomer, calls, rows["unknown", "newcomer", "doctor"].calls) == ("newcomer", 1, 1)


def test_calls_that_count_elsewhere_now_leave_an_empty_row(
    store: EvidenceStore, settings: Settings
) -> None:
    write_partitions(
        settings.locations.usage_events,
        [event(1, START, provider_name=None, response_model="newcomer")],
    )
    _measured(settings, store)
    number = _rows(store)["unknown", "newcomer", "builder"].id
    known = _team(newcomer=HAIKU)
    assert _measured(settings, store, known).counts == Counts(1, 1, 1)
    assert _measured(settings, store, known).counts == Counts(1, 0, 0)
    rows = _rows(store)
    empty = rows["unknown", "newcomer", "builder"]
    assert (empty.id, empty.calls, empty.success_rate) == (number, 0, None)
    assert empty.notes == "its names mean something else now"
    assert rows["anthropic", HAIKU, "builder"].calls == 1


def test_advice_takes_calls_without_a_cost_for_as_dear_as_the_others(store: EvidenceStore) -> None:
    with store.writing() as session:
        ingest(session, catalogue_of(model(MINI)), START)
        session.add(
            ModelRuntimeStats(
                window_start=WINDOW.start,
                window_end=WINDOW.end,
                provider="openai",
                model=MINI,
                role="builder",
                calls=100,
                total_tokens=1,
                success_rate=Decimal("0.8"),
                est_cost_usd=Decimal(2),
                cost_per_successful_call_usd=Decimal("0.05"),
                unpriced_calls=50,
            )
        )
    with store.reading() as session:
        (stats,) = read_subjects(session, START, lambda name: name)[MINI].runtime
    assert isinstance(stats, Runtime)
    assert stats.cost_usd == 4


def test_prices_that_hold_from_a_day_on() -> None:
    rows = [
        _history_row(-1, 1.0, effective_at=date(2026, 5, 1)),
        _history_row(3, 2.0, effective_at=date(2026, 6, 3)),
    ]
    frame = pl.DataFrame(rows, schema=polars_schema(MODELS_HISTORY), orient="row")
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.register("models_history", frame.to_arrow())
        found = offering_prices(con, [("amazon-bedrock", HAIKU)], ("models_dev",))
    (told,) = found.values()
    assert [price.since for price in told] == [START - 31 * DAY, START + 2 * DAY]
