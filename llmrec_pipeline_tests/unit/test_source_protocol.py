"""What a source may need of the client: a key behind a word, a quota kept, no publisher at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from llmrec_pipeline.settings import SettingsError, load_settings
from llmrec_pipeline.sources import publisher
from llmrec_pipeline.sources.http import PublisherClient
from llmrec_pipeline.sources.pull import PullFailed
from llmrec_pipeline.storage.lake import Lake
from llmrec_pipeline.storage.landing import land_pending, pull_source
from llmrec_pipeline_tests.publishers import (
    EVERY_SOURCE,
    GENAI_PRICES,
    LLM_STATS,
    OPENROUTER,
    Facts,
    Publishers,
    RedirectElsewhere,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def town() -> Iterator[Publishers]:
    with Publishers(Facts.invented(), scores_page_size=20) as server:
        yield server


class _Time:
    """A monotonic clock that passes only in sleep."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def _client(
    town: Publishers, time: _Time, quota: dict[str, float], source: str = LLM_STATS
) -> PublisherClient:
    prefix = f"LLMREC_SOURCES__{source.upper()}__QUOTA__"
    overrides = {f"{prefix}{name.upper()}": str(value) for name, value in quota.items()}
    loaded = load_settings({**town.environment(sources=EVERY_SOURCE), **overrides})
    return PublisherClient(
        source,
        loaded.sources[source],
        loaded.pipeline.http.model_copy(update={"budget_s": 30.0}),
        loaded.key_of(source),
        monotonic=lambda: time.now,
        sleep=time.sleep,
    )


def test_the_key_stands_behind_its_scheme(town: Publishers) -> None:
    with _client(town, _Time(), {"requests": 30}) as client:
        pages = publisher(LLM_STATS).fetch(
            client, load_settings(town.environment(sources=EVERY_SOURCE)).sources[LLM_STATS]
        )
    assert len(pages) == -(-len(town.facts.llm_stats) // 20) == client.requests
    assert all(request.had_key for request in town.requests)
    assert not any(town.key in str(page) for page in pages)


def test_a_key_behind_a_scheme_stays_at_home(town: Publishers) -> None:
    town.fault(LLM_STATS, RedirectElsewhere())
    with (
        _client(town, _Time(), {"requests": 30}) as client,
        pytest.raises(PullFailed, match="redirected"),
    ):
        client.get("page")
    assert [request.had_key for request in town.requests] == [True]


def test_a_quota_is_kept_by_waiting(town: Publishers) -> None:
    time = _Time()
    town.scores_a_minute = 1_000
    with _client(town, time, {"requests": 3, "window_hours": 10 / 3600}) as client:
        for _ in range(7):
            client.get("page", params={"limit": 5})
            time.now += 1.0
    # Three at once, then each when the third before it is ten seconds old.
    assert time.slept == pytest.approx([7.0, 7.0])
    assert town.count(LLM_STATS) == 7


def test_a_quota_that_cannot_be_kept_within_the_budget_ends_the_pull(town: Publishers) -> None:
    time = _Time()
    with _client(town, time, {"requests": 2, "window_hours": 1}) as client:
        for _ in range(2):
            client.get("page")
        with pytest.raises(PullFailed, match="quota of 2 requests"):
            client.get("page")
    assert time.slept == []
    assert town.count(LLM_STATS) == 2


def test_the_server_has_a_limit_of_its_own(town: Publishers) -> None:
    town.scores_a_minute = 2
    with _client(town, _Time(), {"requests": 30}) as client:
        for _ in range(2):
            client.get("page")
        with pytest.raises(PullFailed, match="429"):
            client.get("page")


def test_a_source_without_quota_does_not_wait(town: Publishers) -> None:
    time = _Time()
    loaded = load_settings(town.environment(sources=EVERY_SOURCE))
    with PublisherClient(
        OPENROUTER, loaded.sources[OPENROUTER], loaded.pipeline.http, sleep=time.sleep
    ) as client:
        for _ in range(3):
            client.get("page")
    assert time.slept == []


def test_a_package_needs_no_network(tmp_path: Path) -> None:
    loaded = load_settings({"LLMREC_OFFLINE": "1", "LLMREC_DATA_DIR": str(tmp_path)})
    lake = Lake(tmp_path)
    pulled = pull_source(GENAI_PRICES, loaded, lake, lambda: NOW)
    assert (pulled.status, pulled.requests, pulled.pages) == ("pulled", 0, 1)
    (landed,) = land_pending(GENAI_PRICES, loaded, lake, lambda: NOW)
    assert (landed.status, landed.observed_at) == ("new", NOW)
    assert landed.rows > 1_000
    assert landed.skipped
    (page,) = lake.read_raw(GENAI_PRICES, NOW)
    assert page.url.startswith("package:genai-prices@")
    assert pull_source(OPENROUTER, loaded, lake, lambda: NOW).reason == "LLMREC_OFFLINE is set"


def test_a_package_that_is_switched_off_is_not_read(tmp_path: Path) -> None:
    loaded = load_settings(
        {"LLMREC_SOURCES__GENAI_PRICES__ENABLED": "false", "LLMREC_DATA_DIR": str(tmp_path)}
    )
    outcome = pull_source(GENAI_PRICES, loaded, Lake(tmp_path), lambda: NOW)
    assert outcome.status == "skipped"


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("GENAI_PRICES__BASE_URL", "https://example.org", "no base_url"),
        ("OPENROUTER__PACKAGE", "x", "no base_url"),
        ("EPOCH__BENCHMARKS", "{a.csv: {name: a, scores: {}}}", "scores"),
        (
            "EPOCH__BENCHMARKS",
            "{a.csv: {name: a, scores: {x: X}, column: best}}",
            "'best' is no column",
        ),
        (
            "EPOCH__BENCHMARKS",
            "{a.csv: {name: a, scores: {x: X, y: Y}, column: math_index}}",
            "one score",
        ),
        ("EPOCH__BENCHMARKS", "{a.csv: {name: a, scores: {x: X}, scaffold: S}}", "together"),
    ],
)
def test_a_wrong_entry_is_named(variable: str, value: str, words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({f"LLMREC_SOURCES__{variable}": value})
    assert words in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
