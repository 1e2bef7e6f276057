"""From public sources to a ranked answer: one command, then the question."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from llmrec_pipeline_tests.e2e.command_line import Llmrec, all_live
from llmrec_pipeline_tests.publishers import (
    AA,
    EVERY_SOURCE,
    GENAI_PRICES,
    LLM_STATS,
    LMARENA,
    SOURCES,
    Facts,
    Publishers,
)

QUESTION = "I need a model for python debugging, prefer quality, budget $5/1M tokens"


def _ask(llmrec: Llmrec, *flags: str) -> dict[str, Any]:
    answer = llmrec.well("recommend", QUESTION, "--no-refresh", *flags)
    assert isinstance(answer, dict)
    return answer


def _names_of(facts: Facts, source: str = AA, *, legacy: bool = False) -> set[str]:
    if legacy:
        return {row["name"] for row in facts.legacy}
    return set(facts.models(source))


def _ranks(answer: Mapping[str, Any], names: set[str]) -> None:
    recommended = answer["recommendations"]
    assert len(recommended) == 5
    assert {item["model_name"] for item in recommended} <= names
    scores = [item["score"] for item in recommended]
    assert scores == sorted(scores, reverse=True)
    for item in recommended:
        assert item["canonical_model_key"].startswith(f"{item['provider']}/")
        assert item["metrics"]["price_input_per_1m"] <= 5
        publishers = set(item["metrics"]["quality_source"].split(", "))
        assert publishers <= set(answer["basis"]["publishers"])
        assert item["justification"]


def test_from_nothing_to_a_ranked_answer(llmrec: Llmrec, publishers: Publishers) -> None:
    ran = llmrec.well("run")
    assert [entry["success"] for entry in ran["runs"]] == [True, True]
    assert ran["new_edition"] is True
    assert all_live({row["source"]: row for row in ran["sources"]}, SOURCES)

    answer = _ask(llmrec)
    assert answer["edition"] == ran["edition"]
    assert all_live(answer["origins"], SOURCES)
    assert answer["task_profile"]["task_type"] == "coding"
    assert answer["task_profile"]["max_price_per_1m"] == 5
    assert answer["basis"]["column"] == "consensus"
    assert {AA, LMARENA} <= set(answer["basis"]["publishers"])
    _ranks(answer, _names_of(publishers.facts))
    assert "Artificial Analysis" in answer["attribution"][AA]


@pytest.mark.slow
def test_recorded_facts_are_ranked_in_both_shapes(recordings: Path, tmp_path: Path) -> None:
    """The current route, and the older one on data of its own: the recordings are of different
    days, and the other's models would be missed."""
    facts = Facts.recorded(recordings)
    in_catalogue = {
        model.get("name", "")
        for host in facts.models_dev.values()
        for model in host["models"].values()
    }
    with Publishers(facts) as server:
        for legacy in (False, True):
            llmrec = Llmrec(tmp_path / f"data-{legacy}", server.environment(legacy=legacy))
            assert llmrec.well("run")["new_edition"] is True
            answer = _ask(llmrec)
            assert all_live(answer["origins"], SOURCES)
            assert {AA, LMARENA} <= set(answer["basis"]["publishers"])
            known = _names_of(facts, legacy=legacy) | _names_of(facts, LMARENA) | in_catalogue
            _ranks(answer, known)
        # Only the older shape has a mathematics index of its own.
        asked = ("recommend", "olympiad mathematics proofs", "--quality-basis", "measure")
        maths = llmrec.well(*asked, "--no-refresh")
        assert maths["basis"]["column"] == "math_index"


@pytest.mark.usefixtures("in_this_process")
def test_every_source_on_recorded_facts(recordings: Path, tmp_path: Path) -> None:
    """All publishers from loopback, the installed package beside them, and what is told of each."""
    everything = (*EVERY_SOURCE, GENAI_PRICES)
    with Publishers(Facts.recorded(recordings)) as server:
        llmrec = Llmrec(tmp_path / "data", server.environment(sources=everything))
        llmrec.well("run")
        told = {row["source"]: row for row in llmrec.well("sources")}
    assert set(told) == set(everything)
    assert all_live(told, everything)
    for source, row in told.items():
        assert row["licence"], source
        assert row["attribution"], source
        assert 0 <= row["age_hours"] < 1, source
        assert row["rows"] > 0, source
    assert {source for source, row in told.items() if row["quota"]} == {AA, LLM_STATS}
    answer = _ask(llmrec)
    assert all_live(answer["origins"], everything)
    assert len(answer["recommendations"]) == 5
    models = llmrec.well("sql", "select source, count(*) as n from silver_models group by source")
    assert {row["source"] for row in models} == set(everything)


@pytest.mark.usefixtures("in_this_process")
def test_without_a_network_and_a_key_bundled_facts_answer(tmp_path: Path) -> None:
    llmrec = Llmrec(tmp_path / "data", {"LLMREC_OFFLINE": "1"})
    ran = llmrec.well("run")
    origins = {row["source"]: row["origin"] for row in ran["sources"]}
    assert {source: origins[source] for source in SOURCES} == {
        AA: "none",
        LMARENA: "fixture",
        "models_dev": "fixture",
    }
    # Its data is a package on this machine.
    assert {source for source, origin in origins.items() if origin == "live"} == {"genai_prices"}
    answer = llmrec.well("recommend", "python debugging")
    assert answer["recommendations"]
    assert answer["origins"][LMARENA]["origin"] == "fixture"
    assert any("fixture" in line for line in ran["warnings"])
