"""The answer: who competes, on which measure, in which order, and what is said of it."""

from __future__ import annotations

import copy
import json
import random
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec_pipeline.domain.consensus import (
    MeasureReading,
    consensus,
    current_readings,
    measure_weights,
)
from llmrec_pipeline.domain.consensus_config import ConsensusConfig
from llmrec_pipeline.domain.measure_choice import Measure
from llmrec_pipeline.domain.populations import MeasureKey, Population
from llmrec_pipeline.domain.published_consensus import published
from llmrec_pipeline.domain.ranking import recommend
from llmrec_pipeline.domain.ranking_pool import RankingPool, task_rankings
from llmrec_pipeline.domain.records import TASK_RANKINGS
from llmrec_pipeline.domain.scorers import ANCHORED, SCORERS
from llmrec_pipeline.domain.scoring.weighted import Weights
from llmrec_pipeline.domain.task_profile import RequestError, TaskProfile, Tasks

CONTENT: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[2] / "config" / "tasks.yaml").read_text(encoding="utf-8")
)
TASKS = Tasks.from_mapping(CONTENT)
CONFIG_FOLDER = Path(__file__).parents[2] / "config"
ANCHORS = yaml.safe_load((CONFIG_FOLDER / "anchors.yaml").read_text(encoding="utf-8"))
CONSENSUS_CONFIG = ConsensusConfig.model_validate(
    yaml.safe_load((CONFIG_FOLDER / "consensus.yaml").read_text(encoding="utf-8"))
).model_copy(update={"minimum_population": 2})
# Those whose norms are min-max over the candidates.
MIN_MAX = ("single_measure_v1", "weighted_v1")
INDEX, ARENA = "index_house", "arena_house"  # publishers, in this order
CODING = TaskProfile("coding", 0.6, 0.2, 0.2)


def offering(model: str, host: str = "acme", **values: Any) -> dict[str, Any]:
    return {
        "offering_key": f"{host}|{model}",
        "host": host,
        "is_creator_host": host == "acme",
        "price_input_per_1m": None,
        "price_output_per_1m": None,
        "price_cached_input_per_1m": None,
        "is_free": None,
        "context_window": None,
        "max_output_tokens": None,
        "is_deprecated": None,
        "output_tokens_per_s": None,
        "ttft_s": None,
        "source": "price_list",
        **values,
    }


def model(
    name: str,
    measures: dict[str, Any] | None = None,
    offerings: list[dict[str, Any]] | None = None,
    **values: Any,
) -> dict[str, Any]:
    """A model of acme; a measure is given as a value or as {publisher: (value, version)}."""
    found = {
        column: {
            source: {"value": value, "index_version": version}
            for source, (value, version) in (
                by_source.items() if isinstance(by_source, dict) else [(INDEX, (by_source, "2.0"))]
            )
        }
        for column, by_source in (measures or {}).items()
    }
    return {
        "canonical_model_key": f"acme/{name}",
        "base_model": f"acme/{name}",
        "variant": None,
        "model_name": name.title(),
        "provider": "acme",
        "listed": True,
        "last_seen": None,
        "is_deprecated": None,
        "is_open_weights": None,
        "offerings": [offering(name)] if offerings is None else offerings,
        "measures": found,
        **values,
    }


def evidence(models: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Populations and consensus of these models, as if the first pull had said the same."""
    readings = [
        MeasureReading(
            entry["canonical_model_key"],
            entry["base_model"],
            MeasureKey(source, column, None, value["index_version"]),
            value["value"],
        )
        for entry in models
        for column, by_source in entry["measures"].items()
        for source, value in by_source.items()
    ]
    members: dict[MeasureKey, list[tuple[str | None, float]]] = {}
    for reading in readings:
        members.setdefault(reading.measure, []).append((reading.key, reading.value))
    populations = {
        measure: Population(measure, "2026-01-01T00:00:00Z", "hash", tuple(sorted(found)))
        for measure, found in members.items()
    }
    listed = {m["canonical_model_key"]: m["base_model"] for m in models if m["listed"]}
    found = {
        name: consensus(
            current_readings(readings),
            populations,
            measure_weights(populations, name, task.columns, CONSENSUS_CONFIG),
            listed,
            CONSENSUS_CONFIG,
        )
        for name, task in TASKS.task_types.items()
    }
    return {
        "anchors": ANCHORS,
        "populations": [
            {**measure._asdict(), **population.scale._asdict()}
            for measure, population in populations.items()
        ],
        "consensus": published(found, CONSENSUS_CONFIG),
    }


def payload(*models: dict[str, Any], **tasks: Any) -> dict[str, Any]:
    return {
        **evidence(models),
        "edition": "e1",
        "snapshot_ts": "2026-01-02T03:04:05Z",
        "origins": {
            source: {"origin": "live", "observed_at": None, "attribution": f"Data by {source}"}
            for source in (INDEX, ARENA, "price_list", "unused")
        },
        "publisher_order": [INDEX, ARENA],
        "tasks": {**CONTENT, "scorer": "single_measure_v1", **tasks},
        "provider_aliases": {"acme": "acme", "acme labs": "acme", "bolt": "bolt"},
        "host_aliases": {"cloud": "cloudhost", "cloudhost": "cloudhost"},
        "models": list(models),
    }


def coding_profile(**values: Any) -> TaskProfile:
    return TaskProfile("coding", 0.6, 0.2, 0.2, **values)


def keys(answer: dict[str, Any]) -> list[str]:
    return [item["canonical_model_key"] for item in answer["recommendations"]]


def worked_example() -> dict[str, Any]:
    def at(name: str, tokens_per_s: float, ttft_s: float, price: float) -> list[dict[str, Any]]:
        return [
            offering(
                name, output_tokens_per_s=tokens_per_s, ttft_s=ttft_s, price_input_per_1m=price
            )
        ]

    return payload(
        model("strong", {"coding_index": 60.0}, at("strong", 100.0, 1.0, 10.0)),
        model("swift", {"coding_index": 40.0}, at("swift", 200.0, 0.5, 2.0)),
        model("small", {"coding_index": 20.0}, at("small", 50.0, 2.5, 4.0)),
        model("dark", {"coding_index": 40.0}, []),
    )


@pytest.mark.parametrize("scorer", MIN_MAX)
def test_a_ranking_computed_by_hand(scorer: str) -> None:
    answer = recommend(worked_example(), CODING, scorer=scorer)
    assert keys(answer) == ["acme/swift", "acme/strong", "acme/dark", "acme/small"]
    # strong: 0.6 * 1 + 0.2 * (0.7 / 3 + 0.3 * 0.75) + 0.2 * 0
    scores = [item["score"] for item in answer["recommendations"]]
    assert scores == pytest.approx([0.7, 0.6 + 0.2 * (0.7 / 3 + 0.225), 0.3, 0.15], abs=1e-15)
    assert answer["basis"] | {"parts": None} == {
        "column": "coding_index",
        "source": INDEX,
        "index_version": "2.0",
        "measured": 4,
        "candidates": 4,
        "parts": None,
    }
    assert answer["warnings"] == []


def test_the_parts_of_an_answer() -> None:
    answer = recommend(worked_example(), CODING, topk=1)
    assert list(answer) == [
        "task_profile",
        "edition",
        "snapshot_ts",
        "origins",
        "scorer",
        "basis",
        "recommendations",
        "ties",
        "stability",
        "pareto",
        "not_measured",
        "excluded",
        "attribution",
        "warnings",
    ]
    assert answer["task_profile"] == CODING.to_mapping()
    assert answer["scorer"] == "single_measure_v1"
    # Strong overtakes under no weights, and is better in quality alone.
    assert answer["pareto"] == ["acme/swift", "acme/strong"]
    assert answer["ties"] is None
    assert answer["attribution"] == {INDEX: f"Data by {INDEX}", "price_list": "Data by price_list"}
    assert json.loads(json.dumps(answer)) == answer
    (best,) = answer["recommendations"]
    assert best.pop("score") == pytest.approx(0.7)
    assert best == {
        "model_name": "Swift",
        "provider": "acme",
        "canonical_model_key": "acme/swift",
        "offering_key": "acme|swift",
        "metrics": {
            "quality": 40.0,
            "quality_column": "coding_index",
            "quality_source": INDEX,
            "quality_index_version": "2.0",
            "output_tokens_per_s": 200.0,
            "ttft_s": 0.5,
            "price_input_per_1m": 2.0,
            "price_output_per_1m": None,
            "context_window": None,
            "sources": {
                "coding_index": INDEX,
                "output_tokens_per_s": "price_list",
                "ttft_s": "price_list",
                "price_input_per_1m": "price_list",
            },
        },
        "normalized": {"quality": 0.5, "speed": 1.0, "cost": 1.0},
        "justification": (
            "Score 0.700 = 0.6 * quality 0.500 + 0.2 * speed 1.000 + 0.2 * cost 1.000: "
            "coding_index 40 from index_house (index version 2.0), output speed 200 tokens/s, "
            "first token after 0.5 s, price 2 USD per 1M input tokens at acme|swift."
        ),
    }


def test_missing_values_follow_the_policy_and_are_named() -> None:
    dark = {"penalize": 0.3, "neutral": 0.5}
    for policy, score in dark.items():
        answer = recommend(worked_example(), CODING, missing_policy=policy)
        item = next(i for i in answer["recommendations"] if i["model_name"] == "Dark")
        assert item["score"] == pytest.approx(score)
        assert item["offering_key"] is None
    assert item["justification"].endswith(
        "output speed unknown (counted as 0.5), first token unknown (counted as 0.5), "
        "price unknown (counted as 0.5) at no known offering of its creator."
    )


def test_a_column_may_have_a_source_of_its_own() -> None:
    sold = offering("m", price_input_per_1m=1.0, ttft_s=1.0, ttft_s_source=ARENA)
    answer = recommend(payload(model("m", {"coding_index": 1.0}, [sold])), CODING)
    sources = answer["recommendations"][0]["metrics"]["sources"]
    assert sources == {"coding_index": INDEX, "ttft_s": ARENA, "price_input_per_1m": "price_list"}
    assert set(answer["attribution"]) == {INDEX, ARENA, "price_list"}


def test_equal_scores_are_ordered_by_key_and_cut_at_topk() -> None:
    models = [model(name, {"coding_index": 7.0}) for name in ("c", "a", "d", "b")]
    answer = recommend(payload(*models), CODING, topk=3)
    assert keys(answer) == ["acme/a", "acme/b", "acme/c"]
    # A constant column is 0.5; speed and price are unknown and count as the worst.
    assert {item["score"] for item in answer["recommendations"]} == {0.3}


# Who competes


def sold(name: str, price: float | None, context: int | None, **values: Any) -> dict[str, Any]:
    offered = [offering(name, price_input_per_1m=price, context_window=context)]
    return model(name, {"coding_index": 50.0}, offered, **values)


def test_each_excluded_model_counts_once_under_the_first_reason() -> None:
    data = payload(
        sold("fits", 1.0, 100_000),
        sold("gone", 9.0, 10, listed=False, is_deprecated=True, provider="bolt"),
        sold("retired", 9.0, 10, is_deprecated=True, provider="bolt"),
        sold("foreign", 9.0, 10, provider="bolt"),
        sold("dear", 9.0, 10),
        sold("dear2", 9.0, None),
        sold("unpriced", None, 10),
        sold("narrow", 1.0, 10),
        sold("unmeasured", 1.0, None),
        model("unsold", {"coding_index": 50.0}, []),
    )
    profile = coding_profile(
        max_price_per_1m=1.0, min_context=100_000, provider_allowlist=("Acme Labs",)
    )
    answer = recommend(data, profile)
    assert keys(answer) == ["acme/fits"]
    assert answer["excluded"] == {
        "not_listed": 1,
        "deprecated": 1,
        "provider_allowlist": 1,
        "max_price_per_1m": 2,
        "price_unknown": 2,
        "min_context": 1,
        "context_unknown": 1,
    }
    assert answer["task_profile"]["provider_allowlist"] == ["acme"]


def test_a_denylist_counts_by_itself() -> None:
    data = payload(sold("a", 1.0, 1), sold("b", 1.0, 1, provider="bolt"))
    answer = recommend(data, coding_profile(provider_denylist=("bolt",)))
    assert (keys(answer), answer["excluded"]) == (["acme/a"], {"provider_denylist": 1})


def test_a_capability_must_be_known_and_is_that_of_the_offering() -> None:
    def able(name: str, is_open: bool | None = None, **known: bool) -> dict[str, Any]:
        offers = [
            offering(name, capabilities=known),
            offering(name, "cloudhost", capabilities={"tools": True, "vision": True}),
        ]
        return model(name, {"coding_index": 50.0}, offers, is_open_weights=is_open)

    data = payload(
        able("both", tools=True, vision=True),
        able("blind", tools=True, vision=False),
        able("mute", vision=True),
        able("neither", vision=False),
        able("open", True, tools=True, vision=True),
        model("unsold", {"coding_index": 50.0}, []),
    )
    answer = recommend(data, CODING, capabilities=["Tools", "vision"])
    assert keys(answer) == ["acme/both", "acme/open"]
    assert answer["excluded"] == {"capabilities": 2, "capability_unknown": 2}
    assert len(keys(recommend(data, CODING, host="cloud", capabilities=["vision"]))) == 5
    assert keys(recommend(data, CODING, capabilities=["open weights"])) == ["acme/open"]
    with pytest.raises(RequestError, match="unknown capability 'toools'; did you mean tools"):
        recommend(data, CODING, capabilities=["toools"])


def test_the_creators_own_offering_is_ranked_never_the_best() -> None:
    offers = [
        offering("m", "cloudhost", price_input_per_1m=0.1),
        offering("m", price_input_per_1m=5.0),
    ]
    data = payload(model("m", {"coding_index": 50.0}, offers))
    assert recommend(data, CODING)["recommendations"][0]["offering_key"] == "acme|m"
    there = recommend(data, CODING, host="Cloud")["recommendations"][0]
    assert there["offering_key"] == "cloudhost|m"
    assert there["metrics"]["price_input_per_1m"] == 0.1


def test_without_an_offering_at_the_asked_host_a_model_is_excluded() -> None:
    data = payload(sold("a", 1.0, 1))
    answer = recommend(data, CODING, host="cloudhost")
    assert (keys(answer), answer["excluded"]) == ([], {"host": 1})
    assert answer["message"] == "nothing is left: host excluded most (1 of 1 models)"


def test_of_several_offerings_the_shortest_live_one_is_ranked() -> None:
    def ranked(*offers: dict[str, Any]) -> list[str]:
        found = recommend(payload(model("m", {"coding_index": 1.0}, list(offers))), CODING)
        return [item["offering_key"] for item in found["recommendations"]]

    dated, plain, other = offering("m-2026-01-01"), offering("m"), offering("n")
    assert ranked(dated, other, plain) == ["acme|m"]
    assert ranked(dated, offering("m", is_deprecated=True)) == ["acme|m-2026-01-01"]
    assert ranked(offering("m", is_deprecated=True)) == []


def test_of_two_sources_of_an_offering_the_first_by_order_is_used() -> None:
    offers = [
        offering("m", price_input_per_1m=3.0),
        offering("m", price_input_per_1m=2.0, source=ARENA),
        offering("m", price_input_per_1m=1.0, source=INDEX),
    ]
    for order in (offers, offers[::-1]):
        data = payload(model("m", {"coding_index": 1.0}, order))
        best = recommend(data, CODING)["recommendations"][0]
        assert best["metrics"]["price_input_per_1m"] == 1.0


def test_the_norms_span_all_that_pass_the_constraints_and_no_others() -> None:
    data = payload(
        sold("a", 1.0, 1),
        sold("b", 3.0, 1),
        model("unmeasured", {}, [offering("unmeasured", price_input_per_1m=5.0)]),
        sold("dear", 100.0, 1),
    )
    answer = recommend(data, coding_profile(max_price_per_1m=5.0))
    costs = {i["model_name"]: i["normalized"]["cost"] for i in answer["recommendations"]}
    assert costs == {"A": 1.0, "B": 0.5}


# What they are compared on


def measured(total: int, having: int, **others: Any) -> list[dict[str, Any]]:
    """So many models, the first of them with a coding index; `others` of everyone."""
    return [
        model(f"m{i:02}", {**({"coding_index": float(i)} if i < having else {}), **others})
        for i in range(total)
    ]


@pytest.mark.parametrize(
    ("total", "having", "column"),
    [
        (30, 9, "quality_index"),
        (30, 10, "coding_index"),
        (8, 4, "coding_index"),
        (8, 3, "quality_index"),
        (7, 3, "quality_index"),
        (7, 4, "coding_index"),
        (1, 1, "coding_index"),
        (20, 10, "coding_index"),
        (19, 9, "quality_index"),
    ],
)
def test_the_first_measure_that_covers_enough_is_the_basis(
    total: int, having: int, column: str
) -> None:
    answer = recommend(payload(*measured(total, having, quality_index=5.0)), CODING, topk=100)
    used = having if column == "coding_index" else total
    assert answer["basis"] == {
        "column": column,
        "source": INDEX,
        "index_version": "2.0",
        "measured": used,
        "candidates": total,
    }
    assert len(answer["recommendations"]) == used
    assert len(answer["not_measured"]) == total - used
    assert bool(answer["warnings"]) is (column != "coding_index")


def test_where_no_measure_covers_enough_the_one_that_covers_most_is_the_basis() -> None:
    models = measured(30, 5)
    for entry in models[20:26]:
        entry["measures"]["reasoning_index"] = {ARENA: {"value": 1.0, "index_version": None}}
    answer = recommend(payload(*models), CODING, topk=100)
    assert answer["basis"]["column"] == "reasoning_index"
    assert answer["warnings"] == [
        "no publisher measures coding_index for enough candidates: "
        "ranked by reasoning_index from arena_house",
        "reasoning_index from arena_house measures only 6 of 30 candidates",
    ]
    assert answer["not_measured"][0] == {
        "canonical_model_key": "acme/m00",
        "lacks": "reasoning_index from arena_house",
    }
    # Of two that cover the same number, the first in the order of columns.
    del models[25]["measures"]["reasoning_index"]
    assert recommend(payload(*models), CODING)["basis"]["column"] == "coding_index"


def test_the_second_publisher_of_the_first_column_comes_before_the_next_column() -> None:
    both = {INDEX: (5.0, "2.0"), ARENA: (1200.0, None)}
    models = [
        model("a", {"coding_index": {INDEX: (1.0, "2.0")}, "quality_index": both}),
        *(
            model(name, {"coding_index": {ARENA: (1000.0, None)}, "quality_index": both})
            for name in ("b", "c", "d", "e")
        ),
    ]
    answer = recommend(payload(*models), CODING)
    assert (answer["basis"]["column"], answer["basis"]["source"]) == ("coding_index", ARENA)
    assert answer["not_measured"] == [
        {"canonical_model_key": "acme/a", "lacks": "coding_index from arena_house"}
    ]


@pytest.mark.parametrize(
    ("versions", "current"),
    [
        (["4.9", "4.9", "4.10"], "4.10"),
        (["2026-08-19", "2026-08-26"], "2026-08-26"),
        (["alpha", "beta", "beta"], "beta"),
        (["alpha", "beta"], "beta"),
        ([None, None, "4.1"], "4.1"),
        ([None, None], None),
    ],
)
def test_only_the_current_version_of_a_publisher_counts(
    versions: list[str | None], current: str | None
) -> None:
    models = [
        model(f"m{i}", {"coding_index": {INDEX: (float(i), version)}})
        for i, version in enumerate(versions)
    ]
    answer = recommend(payload(*models), CODING)
    assert answer["basis"]["index_version"] == current
    assert answer["basis"]["measured"] == versions.count(current)
    assert len(answer["not_measured"]) == len(versions) - versions.count(current)


def test_a_version_that_only_unlisted_models_show_is_not_current() -> None:
    data = payload(
        model("a", {"coding_index": {INDEX: (1.0, "1.0")}}),
        model("b", {"coding_index": {INDEX: (1.0, "9.0")}}, listed=False),
    )
    assert recommend(data, CODING)["basis"]["index_version"] == "1.0"


def test_the_literal_scorer_takes_each_rows_first_column_and_warns() -> None:
    data = payload(
        model("a", {"coding_index": 50.0, "quality_index": 1.0}),
        model("b", {"quality_index": 70.0}),
        model("c", {"coding_index": {ARENA: (60.0, None)}, "quality_index": 1.0}),
        model("d", {"math_index": 99.0}),
    )
    answer = recommend(data, CODING, scorer="weighted_v1")
    assert keys(answer) == ["acme/b", "acme/c", "acme/a"]
    assert [i["normalized"]["quality"] for i in answer["recommendations"]] == [1.0, 0.5, 0.0]
    basis = answer["basis"]
    assert (basis["column"], basis["measured"], basis["candidates"]) == (None, 3, 4)
    assert [part["source"] for part in basis["parts"]] == [ARENA, INDEX, INDEX]
    assert answer["not_measured"] == [
        {
            "canonical_model_key": "acme/d",
            "lacks": "coding_index or quality_index or reasoning_index",
        }
    ]
    (warning,) = answer["warnings"]
    assert "different measures" in warning
    assert "single_measure_v1" in warning


# Anchors and consensus


def judged() -> dict[str, Any]:
    """Four models by two publishers; `lone` has one measure."""

    def at(name: str, price: float) -> list[dict[str, Any]]:
        return [offering(name, price_input_per_1m=price, price_output_per_1m=price)]

    def both(index: float, arena: float) -> dict[str, Any]:
        return {"coding_index": {INDEX: (index, "2.0"), ARENA: (arena, None)}}

    return payload(
        model("good", both(60.0, 1500.0), at("good", 4.0)),
        model("fair", both(50.0, 1200.0), at("fair", 4.0)),
        model("poor", both(20.0, 1450.0), at("poor", 4.0)),
        model("lone", {"coding_index": 40.0}, at("lone", 4.0)),
        model("dark", {"math_index": 40.0}, at("dark", 4.0)),
        model("sole", {"quality_index": 1.0}, at("sole", 4.0)),
        scorer=ANCHORED,
    )


def test_an_answer_by_consensus_says_what_it_rests_on() -> None:
    answer = recommend(judged(), CODING)
    assert keys(answer) == ["acme/good", "acme/fair", "acme/lone", "acme/poor"]
    basis = answer["basis"]
    assert (basis["column"], basis["source"], basis["measured"]) == ("consensus", None, 4)
    assert (basis["publishers"], basis["measures_per_model"]) == ([ARENA, INDEX], [1, 2])
    assert basis["tie_rule"] == "two models tie where their 95% intervals overlap"
    best, lone = answer["recommendations"][0], answer["recommendations"][2]
    assert best["metrics"]["consensus"] | {"low": 0, "high": 0} == {
        "low": 0,
        "high": 0,
        "rank": 1,
        "rank_low": 1,
        "rank_high": 1 + answer["ties"]["with_first"],
        "n_measures": 2,
        "publishers": [ARENA, INDEX],
        "measures": ["arena_house coding_index", "index_house coding_index, index version 2.0"],
    }
    assert lone["metrics"]["consensus"]["publishers"] == [INDEX]
    assert lone["metrics"]["sources"]["consensus"] == INDEX
    assert "of 2 measures by arena_house and index_house" in best["justification"]
    assert "of 1 measure by index_house" in lone["justification"]
    assert "price 4 USD per 1M tokens as mixed at acme|good" in best["justification"]
    assert set(answer["attribution"]) == {INDEX, ARENA, "price_list"}
    # A population of one is no scale, and mathematics says nothing of coding.
    assert answer["not_measured"] == [
        {"canonical_model_key": key, "lacks": "evidence of weight 0.5 for coding"}
        for key in ("acme/dark", "acme/sole")
    ]


def test_ties_are_those_whose_intervals_overlap_the_first() -> None:
    answer = recommend(judged(), CODING)
    first, *others = answer["recommendations"]
    overlapping = [
        item["canonical_model_key"]
        for item in others
        if item["metrics"]["consensus"]["high"] >= first["metrics"]["consensus"]["low"]
    ]
    assert answer["ties"] == {"with_first": len(overlapping), "keys": overlapping}
    assert overlapping


def test_anchors_may_rest_on_one_measure() -> None:
    answer = recommend(judged(), CODING, quality_basis="measure")
    assert (answer["basis"]["column"], answer["basis"]["source"]) == ("coding_index", INDEX)
    quality = {
        item["model_name"]: item["normalized"]["quality"] for item in answer["recommendations"]
    }
    # The population is 60, 50, 20, 40: mean 42.5, standard deviation sqrt(218.75).
    assert quality["Good"] == pytest.approx((17.5 / 218.75**0.5 + 2) / 4)
    assert answer["ties"] is None


def test_without_any_consensus_one_measure_serves() -> None:
    data = judged()
    data["consensus"]["task_types"]["coding"] = {}
    answer = recommend(data, CODING)
    assert answer["basis"]["source"] == INDEX
    assert answer["warnings"][0] == (
        "no candidate has evidence of weight 0.5 for coding: ranked by one measure"
    )


def test_a_measure_without_its_population_is_refused() -> None:
    with pytest.raises(RequestError, match="no frozen population of coding_index from index_house"):
        recommend(judged() | {"populations": []}, CODING, quality_basis="measure")


@pytest.mark.parametrize("scorer", MIN_MAX)
def test_only_anchors_can_rest_on_a_consensus(scorer: str) -> None:
    with pytest.raises(RequestError, match=f"{scorer} rests on a measure; a consensus needs"):
        recommend(judged(), CODING, scorer=scorer, quality_basis="consensus")
    assert recommend(judged(), CODING, scorer=scorer)["basis"]["column"] != "consensus"


# Nothing left, and what is refused


def test_nothing_left_names_the_constraint_that_excluded_most() -> None:
    data = payload(
        sold("a", 9.0, 1), sold("b", None, 1), sold("c", 9.0, 1), sold("d", 1.0, 1, provider="bolt")
    )
    profile = coding_profile(max_price_per_1m=1.0, provider_denylist=("bolt",))
    answer = recommend(data, profile)
    assert answer["recommendations"] == []
    assert answer["message"] == (
        "nothing is left: max_price_per_1m excluded most "
        "(3 of 4 models, 1 of them because the value is unknown)"
    )


def test_nothing_left_for_other_reasons() -> None:
    empty = recommend(payload(), CODING)
    assert empty["message"] == "nothing is left: the edition holds no models"
    assert empty["warnings"] == []
    answer = recommend(payload(sold("a", 1.0, 1, listed=False)), CODING)
    assert answer["message"] == "nothing is left: not_listed excluded most (1 of 1 models)"
    for scorer in SCORERS:
        answer = recommend(payload(model("a", {"math_index": 3.0})), CODING, scorer=scorer)
        assert answer["message"] == (
            "nothing is left: none of the 1 candidates has "
            "coding_index or quality_index or reasoning_index"
        )
        assert answer["basis"]["column"] is None
        assert len(answer["not_measured"]) == 1
        pool = RankingPool.of(payload(), "coding", scorer=scorer)
        assert pool.ranking_rows(CODING.weights) == pool.ranked(CODING.weights) == []


@pytest.mark.parametrize(
    ("profile", "options", "message"),
    [
        (CODING, {"scorer": "weighted_v2"}, "unknown scorer 'weighted_v2'; did you mean weighted"),
        (CODING, {"missing_policy": "drop"}, "unknown missing policy 'drop' .known: neutral"),
        (CODING, {"quality_basis": "mean"}, "unknown quality basis 'mean' .known: consensus"),
        (CODING, {"host": "clod"}, "unknown host 'clod'; did you mean cloud"),
        (CODING, {"topk": 0}, "topk is 0; it must be 1 or more"),
        (TaskProfile("codign", 0.6, 0.2, 0.2), {}, "unknown task type 'codign'; did you mean cod"),
        (coding_profile(provider_denylist=("blot",)), {}, "unknown provider 'blot'; did you mean"),
        (
            coding_profile(provider_allowlist=("acme",), provider_denylist=("Acme Labs",)),
            {},
            "acme is both allowed and denied",
        ),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(
    profile: TaskProfile, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(RequestError, match=message):
        recommend(worked_example(), profile, **options)


def test_a_creator_without_an_alias_is_known_by_its_id() -> None:
    data = payload(sold("a", 1.0, 1, provider="newcomer"))
    assert len(keys(recommend(data, coding_profile(provider_allowlist=("newcomer",))))) == 1


# Laws

_value = st.none() | st.floats(min_value=0, max_value=1_000)
_reading = st.none() | st.tuples(
    st.floats(min_value=0, max_value=3_000), st.sampled_from(["1.0", "2.0", None])
)
_columns = st.sampled_from(["coding_index", "quality_index", "reasoning_index", "math_index"])
_measures = st.dictionaries(
    _columns, st.dictionaries(st.sampled_from([INDEX, ARENA]), _reading), max_size=3
)


@st.composite
def payloads(draw: st.DrawFn) -> dict[str, Any]:
    models = []
    for i in range(draw(st.integers(0, 14))):
        measures = {
            column: {source: reading for source, reading in by_source.items() if reading}
            for column, by_source in draw(_measures).items()
        }
        offers = [
            offering(
                f"m{i}-{j}",
                draw(st.sampled_from(["acme", "cloudhost"])),
                price_input_per_1m=draw(_value),
                output_tokens_per_s=draw(_value),
                ttft_s=draw(_value),
                context_window=draw(st.none() | st.integers(1, 1_000_000)),
                is_deprecated=draw(st.sampled_from([None, False, True])),
            )
            for j in range(draw(st.integers(0, 2)))
        ]
        listed = draw(st.integers(0, 4)) > 0
        models.append(model(f"m{i}", measures, offers, listed=listed))
    return payload(*models)


@settings(deadline=None)
@given(data=payloads(), order=st.randoms(use_true_random=False), scorer=st.sampled_from(SCORERS))
def test_the_order_of_the_rows_does_not_matter(
    data: dict[str, Any], order: random.Random, scorer: str
) -> None:
    shuffled = copy.deepcopy(data)
    order.shuffle(shuffled["models"])
    for entry in shuffled["models"]:
        order.shuffle(entry["offerings"])
    assert recommend(shuffled, CODING, scorer=scorer) == recommend(data, CODING, scorer=scorer)


@settings(deadline=None)
@given(data=payloads(), scorer=st.sampled_from(SCORERS), price=_value)
def test_every_model_is_ranked_not_measured_or_excluded(
    data: dict[str, Any], scorer: str, price: float | None
) -> None:
    profile = coding_profile(max_price_per_1m=price)
    answer = recommend(data, profile, topk=1_000, scorer=scorer)
    counted = (
        len(answer["recommendations"])
        + len(answer["not_measured"])
        + sum(answer["excluded"].values())
    )
    assert counted == len(data["models"])
    assert ("message" in answer) is (not answer["recommendations"])
    for item in answer["recommendations"]:
        for value in (item["score"], *item["normalized"].values()):
            assert scorer == ANCHORED or 0.0 <= value <= 1.0


@settings(deadline=None)
@given(data=payloads(), gone=st.integers(0, 13), basis=st.sampled_from(["consensus", "measure"]))
def test_taking_a_model_away_reorders_nobody(data: dict[str, Any], gone: int, basis: str) -> None:
    """The frozen populations stay; with one measure, it must stay the same measure too."""

    def ranked(content: dict[str, Any]) -> dict[str, Any]:
        return recommend(content, CODING, topk=1_000, scorer=ANCHORED, quality_basis=basis)

    rest = [entry for at, entry in enumerate(data["models"]) if at != gone]
    before, after = ranked(data), ranked(data | {"models": rest})
    on = [[answer["basis"][name] for name in Measure._fields] for answer in (before, after)]
    if on[0] == on[1]:
        left = {entry["canonical_model_key"] for entry in rest}
        assert [key for key in keys(before) if key in left] == keys(after)


@pytest.mark.parametrize("policy", ["penalize", "neutral"])
@settings(deadline=None)
@given(data=payloads())
def test_the_batch_equals_the_single_answer_to_the_bit(data: dict[str, Any], policy: str) -> None:
    batch = task_rankings(data, scorers=SCORERS, missing_policy=policy)
    found = 0
    for scorer in SCORERS:
        for task_type in TASKS.task_types:
            for priority in TASKS.priorities:
                profile = TaskProfile(task_type, *TASKS.weights(priority))
                answer = recommend(data, profile, topk=1_000, scorer=scorer, missing_policy=policy)
                for rank, item in enumerate(answer["recommendations"], start=1):
                    row = batch[found]
                    found += 1
                    assert (row["task_type"], row["priority"]) == (task_type, priority)
                    assert (row["scorer"], row["rank"]) == (scorer, rank)
                    _assert_same(row, item)
    assert found == len(batch)


@settings(deadline=None)
@given(
    data=payloads(),
    scorer=st.sampled_from(SCORERS),
    topk=st.integers(1, 12),
    parts=st.lists(st.tuples(*(st.integers(0, 4),) * 3).filter(any), min_size=1, max_size=3),
)
def test_the_first_under_many_weights_are_those_of_each_answer(
    data: dict[str, Any], scorer: str, topk: int, parts: list[tuple[int, int, int]]
) -> None:
    """Few different values, so that ties come up, at the last place that is kept too."""
    many = [Weights(*(part / sum(of) for part in of)) for of in parts]
    for task_type in ("coding", "general"):
        pool = RankingPool.of(data, task_type, scorer=scorer)
        for weights in many:
            first = [(row.candidate.key, score) for row, score in pool.ranked(weights, topk)]
            answer = recommend(data, TaskProfile(task_type, *weights), topk=topk, scorer=scorer)
            items = answer["recommendations"]
            assert first == [(item["canonical_model_key"], item["score"]) for item in items]


def _assert_same(row: dict[str, Any], item: dict[str, Any]) -> None:
    for name in ("canonical_model_key", "offering_key", "model_name", "provider"):
        assert row[name] == item[name]
    for name in ("source", "column", "index_version"):
        assert row[f"basis_{name}"] == item["metrics"][f"quality_{name}"]
    norms = item["normalized"]
    pairs = [(row["score"], item["score"])]
    pairs += [(row[f"{name}_norm"], norms[name]) for name in ("quality", "speed", "cost")]
    for by_column, by_row in pairs:
        assert struct.pack("<d", by_column) == struct.pack("<d", by_row)


def test_the_batch_has_the_columns_of_its_table() -> None:
    rows = task_rankings(worked_example())
    assert set(rows[0]) == set(TASK_RANKINGS.names)
    # Only coding, agent and general have coding_index among their columns.
    assert len(rows) == 4 * 4 * 3


def test_the_hot_path_imports_the_standard_library_alone() -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        "import llmrec_pipeline.domain.ranking, llmrec_pipeline.domain.task_profile\n"
        "import llmrec_pipeline.domain.request_text\n"
        "loaded = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(loaded - set(sys.stdlib_module_names)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert found.stdout.split() == ["llmrec_pipeline"]
