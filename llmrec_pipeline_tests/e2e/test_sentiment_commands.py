"""`llmrec intel ingest-sentiment` and `review-sentiment`, from an entry to advice that rests on it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from llmrec_pipeline_tests.e2e.command_line import Llmrec, one_line
from llmrec_pipeline_tests.hacker_news import HackerNews, comment

pytestmark = pytest.mark.usefixtures("in_this_process")

MODEL = "google/gemini-2-5-flash"
INGEST = ("intel", "ingest-sentiment")


@pytest.fixture(scope="module")
def _catalogued(_published: Llmrec, tmp_path_factory: pytest.TempPathFactory) -> Llmrec:
    data = tmp_path_factory.mktemp("catalogued") / "data"
    shutil.copytree(_published.data, data, symlinks=True)
    command = Llmrec(data, _published.environment)
    command.well("intel", "ingest-catalog")
    return command


@pytest.fixture
def team(_catalogued: Llmrec, tmp_path: Path) -> Llmrec:
    """The command with a catalogue, in a database that it was told of."""
    data = tmp_path / "data"
    shutil.copytree(_catalogued.data, data, symlinks=True)
    database = {"DATABASE_URL": f"sqlite:///{data / 'evidence.sqlite3'}"}
    return Llmrec(data, {**_catalogued.environment, **database})


@pytest.fixture
def hacker_news() -> Iterator[HackerNews]:
    with HackerNews() as server:
        yield server


def _new(told: dict[str, Any]) -> tuple[int, int]:
    return told["signals"]["new"], told["reviews"]["new"]


def test_an_entry_counts_in_the_advice(team: Llmrec) -> None:
    entry = (
        *(*INGEST, "--model", "gemini-2.5-flash", "--source", "blog"),
        *("--url", "https://example.org/1?utm_source=x", "--title", "A week with it"),
        *("--snippet", "Great for refactoring", "--tags", "team=us", "--sentiment"),
    )
    told = team.well(*entry, "positive")
    assert (told["model_id"], told["signals"]) == (MODEL, {"told": 1, "new": 1, "changed": 0})
    assert _new(team.well(*entry, "positive")) == (0, 0)
    assert team.well(*entry, "negative")["signals"]["changed"] == 1
    current = ("--use-case", "notes", "--current-model", "google/gemini-3-1-pro-preview")
    (advised, *_) = team.well("intel", "recommend", *current, "--persist")["candidates"]
    assert advised["model"] == MODEL
    explained = team.well("intel", "explain", str(advised["recommendation_id"]))
    assert explained["candidate"]["sentiment"]["negative"] == 1


def test_a_file_and_what_waits_for_a_person(team: Llmrec, tmp_path: Path) -> None:
    rows = [
        {"url": "https://example.org/1", "snippet": "Gemini 2.5 Flash is cheap"},
        {"url": "https://example.org/2", "snippet": "gemini is slow", "source": "twitter"},
        {"url": "https://example.org/3", "snippet": "It rains"},
        {"url": "https://example.org/4\ud800"},
    ]
    file = tmp_path / "texts.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    answer = team(*INGEST, "--source", "reddit", "--from-file", str(file))
    told = answer.json
    assert "1 rows were not taken, the first is row 4: snippet is missing" in one_line(answer, 2)
    assert (_new(told), told["silent"], told["rejected"]) == ((1, 1), 1, 1)
    (rejected,) = Path(told["rejected_file"]).read_text("utf-8").splitlines()
    assert json.loads(rejected) == {"place": 4, "reason": "snippet is missing", "row": rows[3]}

    (waiting,) = team.well("intel", "review-sentiment")
    assert (waiting["source"], waiting["sentiment"]) == ("twitter", "negative")
    assert MODEL in waiting["candidates"]
    settle = ("intel", "review-sentiment", "--accept", str(waiting["id"]), "--model", MODEL)
    assert team.well(*settle)["accepted_as"] == [MODEL]
    assert "accepted already" in one_line(team(*settle), 2)
    assert team.well("intel", "review-sentiment") == []


def test_a_search(team: Llmrec, hacker_news: HackerNews) -> None:
    now = int((datetime.now(UTC) - timedelta(days=1)).timestamp())
    hacker_news.items = [
        comment(1, now, "Gemini 2.5 Flash is great"),
        comment(2, now - 1, "Gemini 2.5 Flash or gpt-5.4? Both are slow"),
        comment(3, now - 2, "gemini-2.5-flash-lite is terrible"),
    ]
    team.environment = {**team.environment, **hacker_news.environment()}
    search = (*INGEST, "--model", "gemini-2.5-flash", "--source", "hn", "--limit", "20")
    told = team.well(*search)
    assert (_new(told), told["of_others"] + told["silent"], told["stopped"]) == ((1, 1), 1, None)
    assert list((team.data / "raw" / "hn").iterdir())
    assert _new(team.well(*search)) == (0, 0)
    hacker_news.status = 404
    assert "hn: HTTP 404" in one_line(team(*search), 1)


def test_a_wrong_call_is_one_line(team: Llmrec) -> None:
    call = (*INGEST, "--model", "gpt-5.4", "--source", "twitter", "--limit", "20")
    assert "twitter cannot be searched, only hn" in one_line(team(*call), 2)
    review = ("intel", "review-sentiment", "--reject", "9")
    assert "no text in review has the id 9" in one_line(team(*review), 2)
