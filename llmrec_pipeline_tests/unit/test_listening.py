"""Calls of `llmrec intel ingest-sentiment` and `review-sentiment` that say too little or too much."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmrec_pipeline.domain.task_profile import RequestError
from llmrec_pipeline.serving.cli.listening import Told, ingest_sentiment, review_sentiment

ADDRESS = "https://example.org"
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "nothing to enter": ({}, "give --url with --snippet"),
    "no snippet": ({"url": ADDRESS}, "--snippet is missing"),
    "no address": ({"snippet": "x"}, "--url is missing"),
    "two ways": ({"limit": 3, "file": Path("x")}, "--limit and --from-file exclude each other"),
    "an entry and a search": ({"url": ADDRESS, "limit": 3}, "--url and --limit exclude each other"),
    "no such label": (
        {"url": ADDRESS, "snippet": "x", "sentiment": "meh"},
        "'meh' is not allowed; allowed: positive, neutral, negative, mixed",
    ),
    "no web address": ({"url": "example", "snippet": "x"}, "is no web address"),
    "no tags": ({"url": ADDRESS, "snippet": "x", "tags": "topic"}, "topic=coding"),
    "no such file": ({"file": Path("nowhere.csv")}, "nowhere.csv: cannot be read"),
    "no such source": ({"source": "usenet"}, "allowed: reddit, hn, twitter, blog"),
    "no such model": ({"model": "no model", "limit": 1}, "unknown model 'no model'"),
    "no model": ({"model": None, "limit": 1, "source": "hn"}, "--model is missing"),
    "not to be searched": ({"limit": 20}, "twitter cannot be searched, only hn"),
    "not in the catalogue": ({"url": ADDRESS, "snippet": "x"}, "run `llmrec intel ingest-catalog`"),
}


@pytest.fixture(autouse=True)
def empty_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database without a catalogue."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'evidence.sqlite3'}")
    monkeypatch.delenv("LLMREC_ENV", raising=False)


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_call_names_what_is_wrong(case: str) -> None:
    told, named = WRONG[case]
    with pytest.raises(RequestError) as raised:
        ingest_sentiment(Told(**{"source": "twitter", "model": "gpt-5.4", **told}), None)
    assert named in str(raised.value)


def test_a_review_is_settled_in_one_way() -> None:
    for arguments, named in (
        ((1, (), None), "--accept and --model go together"),
        ((None, ("gpt-5.4",), 1), "--accept and --model go together"),
        ((1, ("gpt-5.4",), 1), "exclude each other"),
        ((1, ("no model",), None), "unknown model"),
        ((1, ("gpt-5.4",), None), "no text in review has the id 1"),
    ):
        with pytest.raises(RequestError, match=named):
            review_sentiment(*arguments, None)
