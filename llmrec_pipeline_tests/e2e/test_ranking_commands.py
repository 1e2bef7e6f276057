"""The commands that rank, explain and compare, as a user types them."""

from __future__ import annotations

from typing import Any

import pytest

from llmrec_pipeline_tests.e2e.command_line import Llmrec, one_line
from llmrec_pipeline_tests.publishers import AA, LMARENA

pytestmark = pytest.mark.usefixtures("in_this_process")

QUESTION = "I need a model for python debugging, prefer quality"
KEYS = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}


def first(answer: dict[str, Any]) -> str:
    return str(answer["recommendations"][0]["canonical_model_key"])


def test_an_answer_says_what_it_rests_on_and_how_sure_it_is(reader: Llmrec) -> None:
    answer = reader.well("recommend", QUESTION, "--no-refresh")
    assert (answer["scorer"], answer["basis"]["column"]) == ("anchored_v1", "consensus")
    standing = answer["recommendations"][0]["metrics"]["consensus"]
    assert standing["low"] < standing["high"]
    assert standing["rank_low"] <= standing["rank"] <= standing["rank_high"]
    assert set(standing["publishers"]) <= {AA, LMARENA}
    assert 0 < answer["stability"]["share"] <= 1
    assert first(answer) in answer["pareto"]
    assert answer["ties"]["with_first"] >= 0


@pytest.mark.parametrize("scorer", ["single_measure_v1", "weighted_v1"])
def test_the_other_scorers_stay(reader: Llmrec, scorer: str) -> None:
    answer = reader.well("recommend", QUESTION, "--no-refresh", "--scorer", scorer)
    assert answer["scorer"] == scorer
    assert answer["recommendations"]
    measure = reader.well("recommend", QUESTION, "--no-refresh", "--quality-basis", "measure")
    assert measure["basis"]["source"] in (AA, LMARENA)


def test_now_is_as_of_now_and_before_the_first_pull_nothing_was_pulled(reader: Llmrec) -> None:
    now = reader.well("recommend", QUESTION, "--no-refresh")
    # The pulls of one run are microseconds apart.
    verified = [row["last_verified_at"] for row in reader.well("sources")]
    past = reader.well("recommend", QUESTION, "--as-of", max(filter(None, verified)))
    assert past["edition"].startswith("as of ")
    assert past["recommendations"][0] == now["recommendations"][0]
    before = reader("recommend", QUESTION, "--as-of", "2026-06-01")
    assert before.code == 3
    assert "nothing is left" in before.err


def test_an_edition_replays_what_was_published(reader: Llmrec) -> None:
    (edition,) = reader.editions()
    told = reader.well("recommend", QUESTION, "--edition", edition)
    assert first(told) == first(reader.well("recommend", QUESTION, "--no-refresh"))
    assert reader.well("recommend", QUESTION, "--edition", "current")["edition"] == edition
    assert "--as-of" in one_line(
        reader("recommend", QUESTION, "--edition", edition, "--as-of", "2026-06-01"), 2
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("recommend", QUESTION, "--as-of", "yesterday"), "'yesterday' is no time"),
        (("models", "--known-at", "2999-01-01"), "lies ahead"),
        (("top", "cooking"), "unknown category 'cooking'; did you mean coding?"),
        (("top", "coding", "--providers", "nobody"), "unknown provider 'nobody'"),
        (("explain", "nobody/knows"), "unknown model 'nobody/knows'"),
        (("diff", "current", "no-such-edition"), "no edition named"),
    ],
)
def test_what_is_wrong_is_one_line(reader: Llmrec, arguments: tuple[str, ...], told: str) -> None:
    answer = reader(*arguments)
    assert told in one_line(answer, 4 if "edition" in told else 2)


def test_a_score_is_taken_apart_down_to_its_raw_pages(reader: Llmrec) -> None:
    answer = reader.well("recommend", QUESTION, "--no-refresh", "--priority", "none")
    told = reader.well("explain", first(answer), "--task", "coding")
    assert (told["rank"], told["score"]["value"]) == (1, answer["recommendations"][0]["score"])
    for measure in told["consensus"]["measures"]:
        assert (reader.data / measure["pull"]["page"]).is_file()


def test_the_best_of_a_category_and_whom_to_call(reader: Llmrec) -> None:
    told = reader.well("top", "coding", "--top-n", "5")
    assert [row["rank"] for row in told["rankings"]] == [1, 2, 3, 4, 5]
    assert set(told["attribution"]) <= {AA, LMARENA}
    ours = reader.well("top", "coding", "--providers", "env", **KEYS)
    assert {row["provider"] for row in ours["rankings"]} <= {"openai", "anthropic"}
    choice = reader.well("provider", "prove a theorem", **KEYS)
    assert (choice["category"], choice["step"]) == ("math", "current")
    assert choice["provider"] in ("openai", "anthropic")
    assert "no provider is available" in one_line(reader("provider", "math"), 3)


def test_what_changed_since_nothing_was_known(reader: Llmrec) -> None:
    told = reader.well("diff", "2026-01-01", "current")
    assert told["counts"]["origin"] > 0
    assert told["counts"]["top_pick"] == 0
    same = reader.well("diff", "current", "current")
    assert same["changes"] == []
