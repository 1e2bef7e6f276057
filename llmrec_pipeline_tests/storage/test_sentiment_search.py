"""A search of Hacker News over a loopback port: how far it goes, and what it keeps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from llmrec_pipeline.locations import read_locations
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.storage.sentiment_search import Found, SearchFailed, search_source
from llmrec_pipeline.storage.source_usage import SourceUsage
from llmrec_pipeline.team_settings import load_sentiment
from llmrec_pipeline_tests.hacker_news import MOST_HITS, HackerNews, comment, story

NOW = datetime(2026, 6, 1, tzinfo=UTC)
EPOCH = int(NOW.timestamp())


@pytest.fixture
def hacker_news() -> Iterator[HackerNews]:
    with HackerNews() as server:
        yield server


def _search(server: HackerNews, data: Path, limit: int, *phrases: str, **more: str) -> Found:
    environment = {
        **server.environment(),
        "LLMREC_DATA_DIR": str(data),
        "LLMREC_PIPELINE__HTTP__ATTEMPTS": "1",
        **more,
    }
    config = load_sentiment(read_locations(environment), environment).search["hn"]
    settings = load_settings(environment)
    return search_source(
        "hn", phrases or ("glm-4.6",), limit, config, settings, lambda: NOW, lambda _: None
    )


def test_more_is_found_than_one_question_answers(hacker_news: HackerNews, tmp_path: Path) -> None:
    wanted = MOST_HITS + 150
    # Three a second, so that pages end in the middle of one; older ones than a year are not asked.
    hacker_news.items = [comment(n, EPOCH - n // 3, f"glm-4.6, {n}") for n in range(1, wanted + 1)]
    hacker_news.items.append(comment(9999, EPOCH - 400 * 86400, "glm-4.6 long ago"))
    found = _search(hacker_news, tmp_path, 5000)
    assert (found.stopped, len(found.entries)) == (None, wanted)
    assert {entry.text for entry in found.entries} == {
        f"glm-4.6, {n}" for n in range(1, wanted + 1)
    }
    assert found.requests == len(hacker_news.asked) < 30
    assert all(asked["query"] == '"glm-4.6"' for asked in hacker_news.asked)


def test_the_answer_is_kept_raw(hacker_news: HackerNews, tmp_path: Path) -> None:
    hacker_news.items = [
        comment(1, EPOCH - 1, "glm-4.6 &amp; <i>more</i>"),
        story(2, EPOCH - 2, "GLM-4.6"),
    ]
    found = _search(hacker_news, tmp_path, 20, "glm-4.6", "GLM 4.6")
    assert [(e.url, e.title, e.text, e.is_reply) for e in found.entries] == [
        (f"https://news.ycombinator.com/item?id={1}", "An invented story", "glm-4.6 & more", True),
        (f"https://news.ycombinator.com/item?id={2}", "GLM-4.6", "", False),
    ]
    (folder,) = (tmp_path / "raw" / "hn").iterdir()
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert [page["name"] for page in manifest["pages"]] == ["search-001.json", "search-002.json"]
    assert json.loads((folder / "search-001.json").read_bytes())["nbHits"] == 2
    assert len(SourceUsage(tmp_path).rows()) == 2


def test_a_limit_ends_a_search(hacker_news: HackerNews, tmp_path: Path) -> None:
    hacker_news.items = [comment(n, EPOCH - n, "glm-4.6") for n in range(1, 50)]
    assert len(_search(hacker_news, tmp_path, 20).entries) == 20
    (asked,) = hacker_news.asked
    assert asked["hitsPerPage"] == "20"


def test_requests_are_bounded_and_paused(hacker_news: HackerNews, tmp_path: Path) -> None:
    hacker_news.items = [comment(n, EPOCH - n, "glm-4.6") for n in range(1, 50)]
    few = {
        "LLMREC_SENTIMENT__SEARCH__HN__MAX_REQUESTS": "3",
        "LLMREC_SENTIMENT__SEARCH__HN__PAGE_SIZE": "10",
    }
    found = _search(hacker_news, tmp_path, 5000, **few)
    assert (len(hacker_news.asked), len(found.entries)) == (3, 28)
    assert "more than 3 requests" in (found.stopped or "")
    pauses: list[float] = []
    config = load_sentiment(read_locations({}), {}).search["hn"]
    environment = {**hacker_news.environment(), "LLMREC_DATA_DIR": str(tmp_path)}
    here = environment["LLMREC_SENTIMENT__SEARCH__HN__BASE_URL"]
    slow = config.model_copy(update={"base_url": here, "pause_s": 5.0, "page_size": 25})
    settings = load_settings(environment)
    search_source("hn", ["glm-4.6"], 50, slow, settings, lambda: NOW, pauses.append)
    assert len(pauses) == 2
    assert all(4 < pause <= 5 for pause in pauses)


@pytest.mark.parametrize("status", [404, 503])
def test_a_search_that_is_refused(hacker_news: HackerNews, tmp_path: Path, status: int) -> None:
    hacker_news.status = status
    with pytest.raises(SearchFailed, match=f"hn: HTTP {status}"):
        _search(hacker_news, tmp_path, 20)
    assert not (tmp_path / "raw").exists()


def test_an_answer_of_another_shape_is_kept_and_told(
    hacker_news: HackerNews, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hacker_news, "answer", lambda asked: {"results": []})
    found = _search(hacker_news, tmp_path, 20)
    assert found.entries == ()
    assert "no list named hits" in (found.stopped or "")
    assert list((tmp_path / "raw" / "hn").iterdir())


def test_offline_nobody_is_asked(hacker_news: HackerNews, tmp_path: Path) -> None:
    with pytest.raises(SearchFailed, match="LLMREC_OFFLINE"):
        _search(hacker_news, tmp_path, 20, LLMREC_OFFLINE="1")
    assert hacker_news.asked == []
