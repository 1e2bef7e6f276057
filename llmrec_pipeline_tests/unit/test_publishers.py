"""The test server is itself exact: routes, shapes, faults, and nothing left behind."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import polars as pl
import pytest

from llmrec_pipeline.settings import load_settings
from llmrec_pipeline_tests import publishers as routes
from llmrec_pipeline_tests.publisher_facts import ARENA_CATEGORIES, PAID_FIELDS
from llmrec_pipeline_tests.publishers import (
    AA,
    EPOCH,
    EVERY_SOURCE,
    GENAI_PRICES,
    LITELLM,
    LLM_STATS,
    LMARENA,
    MODELS_DEV,
    OPENROUTER,
    SOURCES,
    BadCells,
    CutOff,
    EmptyList,
    Facts,
    FailingPage,
    Fault,
    Hang,
    HtmlPage,
    PartOfTheRows,
    Publishers,
    RedirectElsewhere,
    RenamedFields,
    SlowDrip,
    Status,
    ZeroForUnknown,
)

ROUTE = {
    AA: routes.AA_FREE,
    MODELS_DEV: routes.CATALOGUE,
    LMARENA: routes.LEADERBOARD,
    LLM_STATS: routes.SCORES,
    EPOCH: routes.BENCHMARKS,
    OPENROUTER: routes.ROUTER_MODELS,
    LITELLM: routes.PRICE_MAP,
}


@pytest.fixture
def client(publishers: Publishers) -> Iterator[httpx.Client]:
    headers = {"x-api-key": publishers.key, "authorization": f"Bearer {publishers.key}"}
    with httpx.Client(base_url=publishers.url, headers=headers, timeout=5) as client:
        yield client


def _leaderboard(response: httpx.Response) -> pl.DataFrame:
    return pl.read_parquet(io.BytesIO(response.content))


def test_current_route_pages_consistently(publishers: Publishers, client: httpx.Client) -> None:
    pages = [client.get(routes.AA_FREE, params={"page": page}).json() for page in (1, 2, 3)]
    assert [page["pagination"]["has_more"] for page in pages] == [True, True, False]
    assert {page["pagination"]["total_pages"] for page in pages} == {3}
    names = [row["name"] for page in pages for row in page["data"]]
    assert names == publishers.facts.models(AA)
    assert len(names) == len(set(names)) == 60
    assert not set(PAID_FIELDS) & set(pages[0]["data"][0])
    beyond = client.get(routes.AA_FREE, params={"page": 4}).json()
    assert (beyond["data"], beyond["pagination"]["has_more"]) == ([], False)
    assert client.get(routes.AA_FREE, params={"page": "x"}).status_code == 400


def test_key_tier_and_quota(publishers: Publishers) -> None:
    publishers.quota = 3
    with httpx.Client(base_url=publishers.url) as client:
        refused = client.get(routes.AA_FREE)
        assert refused.status_code == 401
        assert set(refused.json()) == {"error"}
        client.headers["x-api-key"] = publishers.key
        first = client.get(routes.AA_FREE)
        assert first.headers["x-aa-tier"] == "free"
        assert first.headers["x-ratelimit-remaining"] == "2"
        assert client.get(routes.AA_PAID).status_code == 403
        publishers.tier = "pro"
        assert "context_window_tokens" in client.get(routes.AA_PAID).json()["data"][0]
        assert client.get(routes.AA_FREE).status_code == 429
    assert [request.had_key for request in publishers.requests] == [False, True, True, True, True]
    assert not any(publishers.key in str(request) for request in publishers.requests)


def test_legacy_route_writes_missing_as_zero(client: httpx.Client) -> None:
    answer = client.get(routes.AA_LEGACY).json()
    assert answer["status"] == 200
    assert "pagination" not in answer
    speeds = [row["median_output_tokens_per_second"] for row in answer["data"]]
    assert 0 in speeds
    assert None not in speeds


def test_open_routes_tell_of_the_same_base_models(client: httpx.Client) -> None:
    catalogue = client.get(routes.CATALOGUE).json()
    assert {"anthropic", "openai", "google", "openrouter"} <= set(catalogue)
    response = client.get(routes.LEADERBOARD, follow_redirects=True)
    assert response.history[0].status_code == 302
    rows = _leaderboard(response)
    assert set(rows["category"]) == set(ARENA_CATEGORIES)
    assert rows.schema["leaderboard_publish_date"] == pl.String
    overall = rows.filter(pl.col("category") == "overall")
    assert overall["rank"].to_list() == list(range(1, overall.height + 1))
    assert overall["rating"].is_sorted(descending=True)


def test_invented_facts_are_the_same_every_time_and_mutators_copy() -> None:
    facts = Facts.invented()
    assert facts == Facts.invented()
    assert facts != Facts.invented(seed=8)
    assert len(Facts.invented(models=9).models(AA)) == 9
    dearer = facts.priced(MODELS_DEV, "openai/gpt-5.4", price_input=9.5)
    assert dearer.models_dev["openai"]["models"]["gpt-5.4"]["cost"]["input"] == 9.5
    tomorrow = facts.next_day()
    assert all(
        getattr(tomorrow, shape) != getattr(facts, shape)
        for shape in ("artificial_analysis", "legacy", *EVERY_SOURCE[1:])
    )
    assert "openai/gpt-5.4" not in facts.without(MODELS_DEV, "openai/gpt-5.4").models(MODELS_DEV)
    assert len(facts.share(AA, 0.5).legacy) == 30
    assert facts.rebased(4.3, 0.65).index_version == 4.3
    assert facts == Facts.invented()


def test_scores_come_by_cursor_and_a_minute_has_a_limit(publishers: Publishers) -> None:
    publishers.scores_page_size, publishers.scores_a_minute = 100, 3
    headers = {"authorization": f"Bearer {publishers.key}"}
    with httpx.Client(base_url=publishers.url) as client:
        assert client.get(routes.SCORES).status_code == 401
        client.headers.update(headers)
        first = client.get(routes.SCORES, params={"limit": 500}).json()
        second = client.get(routes.SCORES, params={"limit": 500, "cursor": "c100"}).json()
        short = client.get(routes.SCORES, params={"limit": 7}).json()
        refused = client.get(routes.SCORES)
    rows = list(publishers.facts.llm_stats)
    assert [first["scores"], second["scores"], short["scores"]] == [
        rows[:100],
        rows[100:],
        rows[:7],
    ]
    assert (first["next_cursor"], second["next_cursor"]) == ("c100", None)
    assert (refused.status_code, 0 < int(refused.headers["retry-after"]) <= 60) == (429, True)


def test_an_environment_names_every_source(publishers: Publishers) -> None:
    usual = load_settings(publishers.environment())
    assert set(usual.enabled_sources) == set(SOURCES)
    every = load_settings(publishers.environment(sources=(*EVERY_SOURCE, GENAI_PRICES)))
    assert every.enabled_sources == tuple(every.sources)
    assert {every.sources[source].base_url for source in EVERY_SOURCE} == {publishers.url}
    assert every.key_of(LLM_STATS) is not None
    for source in EVERY_SOURCE:
        assert every.sources[source].path == ROUTE[source]


def test_status_recovers_and_says_when_to_come_back(
    publishers: Publishers, client: httpx.Client
) -> None:
    publishers.fault_all(Status(429, times=2, retry_after=1))
    for source in EVERY_SOURCE:
        answers = [client.get(ROUTE[source], follow_redirects=True) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [429, 429, 200]
        assert answers[0].headers["retry-after"] == "1"
        assert publishers.count(source) == 3


def test_a_page_fails_alone(publishers: Publishers, client: httpx.Client) -> None:
    publishers.fault(AA, FailingPage(page=2))
    statuses = [client.get(routes.AA_FREE, params={"page": page}).status_code for page in (1, 2, 3)]
    assert statuses == [200, 500, 200]


@pytest.mark.parametrize("source", EVERY_SOURCE)
def test_content_faults(publishers: Publishers, client: httpx.Client, source: str) -> None:
    def bodies(fault: Fault) -> bytes:
        publishers.fault(source, fault)
        response = client.get(ROUTE[source], follow_redirects=True)
        assert response.status_code == 200
        return response.content

    usual = bodies(Fault())
    faults: tuple[Fault, ...] = (EmptyList(), PartOfTheRows(), RenamedFields(), BadCells())
    if source not in (LLM_STATS, EPOCH):
        faults = (*faults, ZeroForUnknown())
    spoiled = [bodies(fault) for fault in faults]
    assert len({usual, *spoiled}) == len(faults) + 1
    few = PartOfTheRows().change(publishers.facts, source).models(source)
    assert len(few) == round(len(publishers.facts.models(source)) / 3)
    assert EmptyList().change(publishers.facts, source).models(source) == []
    assert bodies(HtmlPage()).startswith(b"<!doctype html>")
    publishers.heal(source)
    assert client.get(ROUTE[source], follow_redirects=True).content == usual


@pytest.mark.parametrize(
    ("source", "shape"), [(AA, "artificial_analysis"), (AA, "legacy"), (LMARENA, "lmarena")]
)
def test_one_bad_cell_in_each_of_three_records(source: str, shape: str) -> None:
    usual = Facts.invented()
    before, after = getattr(usual, shape), getattr(BadCells().change(usual, source), shape)
    assert sum(old != new for old, new in zip(before, after, strict=True)) == 3


def test_a_cut_off_body_and_a_slow_one(publishers: Publishers, client: httpx.Client) -> None:
    publishers.fault(LMARENA, CutOff())
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(routes.LEADERBOARD, follow_redirects=True)
    publishers.fault(MODELS_DEV, SlowDrip(chunk=10_000, pause=0.02))
    started = time.monotonic()
    assert client.get(routes.CATALOGUE).status_code == 200
    assert time.monotonic() - started > 0.02


def test_a_redirect_elsewhere_shows_whether_the_key_followed(
    publishers: Publishers, client: httpx.Client
) -> None:
    publishers.fault(AA, RedirectElsewhere())
    assert client.get(routes.AA_FREE, follow_redirects=True).status_code == 200
    first, second = publishers.requests
    assert (first.host.split(":")[0], second.host.split(":")[0]) == ("127.0.0.1", "localhost")
    assert second.had_key


def test_closing_ends_answers_that_hang() -> None:
    before = threading.active_count()
    with Publishers(Facts.invented(models=3)) as publishers:
        publishers.fault_all(Hang())
        with httpx.Client(base_url=publishers.url, timeout=0.2) as client:
            for source in EVERY_SOURCE:
                with pytest.raises(httpx.ReadTimeout):
                    client.get(ROUTE[source])
    assert threading.active_count() == before


def test_recorded_facts_are_served_whole(recordings: Path) -> None:
    facts = Facts.recorded(recordings)
    with Publishers(facts) as publishers, httpx.Client(base_url=publishers.url) as client:
        client.headers["x-api-key"] = publishers.key
        current = client.get(routes.AA_FREE).json()
        assert (len(current["data"]), current["pagination"]["has_more"]) == (60, False)
        assert len(client.get(routes.AA_LEGACY).json()["data"]) == 40
        assert client.get(routes.CATALOGUE).json() == facts.models_dev
        rows = _leaderboard(client.get(routes.LEADERBOARD, follow_redirects=True))
        assert rows.height == len(facts.lmarena)
        assert set(rows["leaderboard_publish_date"]) == {"2026-08-19"}
