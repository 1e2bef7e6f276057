"""What changed between two payloads, and what is not compared."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from llmrec_pipeline.domain.market import Change, market_changes
from llmrec_pipeline_tests.unit.test_ranking import INDEX, model, offering, payload

LIST = "price_list"


def told(*models: dict[str, Any], **origins: dict[str, Any]) -> dict[str, Any]:
    """A payload in which the index house and the price list speak, unless told otherwise."""
    content = payload(*models)
    spoken = {source: {"origin": "live", "index_version": None} for source in (INDEX, LIST)}
    return {**content, "origins": {**spoken, **origins}}


def able(name: str, coding: float, price: float = 1.0, **values: Any) -> dict[str, Any]:
    offers = [offering(name, price_input_per_1m=price, price_output_per_1m=5.0, **values)]
    return model(name, {"coding_index": coding}, offers)


def of(changes: list[Change], kind: str) -> list[tuple[Any, ...]]:
    return [tuple(change[1:6]) for change in changes if change.change == kind]


def test_equal_payloads_hold_no_change() -> None:
    content = told(able("a", 50.0), able("b", 40.0))
    assert market_changes(content, copy.deepcopy(content)) == []


def test_new_gone_and_no_longer_listed() -> None:
    before = told(able("a", 50.0), able("b", 40.0), able("c", 30.0))
    unlisted = {**able("c", 30.0), "listed": False}
    changes = market_changes(before, told(able("a", 50.0), unlisted, able("d", 20.0)))
    assert of(changes, "new") == [("acme/d", None, None, "listed", None)]
    assert of(changes, "gone") == [
        ("acme/b", None, "listed", None, None),
        ("acme/c", None, "listed", None, None),
    ]
    assert not of(changes, "reranked")


def test_a_price_is_compared_with_that_of_the_same_source() -> None:
    before = told(able("a", 50.0, 2.0), able("b", 40.0, 2.0), able("c", 30.0, 2.0))
    after = told(
        able("a", 50.0, 3.0),
        able("b", 40.0, 3.0, source=INDEX),
        able("c", 30.0, None),  # type: ignore[arg-type]
    )
    assert of(market_changes(before, after), "repriced") == [
        ("acme|a", "price_input_per_1m", "2", "3", pytest.approx(0.5)),
        ("acme|c", "price_input_per_1m", "2", None, None),
    ]


def test_places_are_those_among_the_models_of_both() -> None:
    before = told(able("a", 50.0), able("b", 40.0), able("c", 30.0))
    # A new first moves nobody; b passes a.
    after = told(able("new", 90.0), able("b", 60.0), able("a", 50.0), able("c", 30.0))
    changes = market_changes(before, after)
    assert ("acme/a", "coding", "1", "2", None) in of(changes, "reranked")
    assert ("acme/b", "coding", "2", "1", None) in of(changes, "reranked")
    assert not [row for row in of(changes, "reranked") if row[0] in ("acme/c", "acme/new")]
    assert ("coding", None, "acme/a", "acme/new", None) in of(changes, "top_pick")


def test_across_another_index_version_nobody_moves() -> None:
    before = told(able("a", 50.0), able("b", 40.0), **{INDEX: version("2.0")})
    rebased = [
        model(name, {"coding_index": {INDEX: (value, "3.0")}}, [offering(name)])
        for name, value in (("a", 20.0), ("b", 30.0))
    ]
    changes = market_changes(before, told(*rebased, **{INDEX: version("3.0")}))
    assert not of(changes, "reranked")
    assert not of(changes, "top_pick")
    assert (INDEX, "index_version", "2.0", "3.0", None) in of(changes, "rebased")
    assert [row[0] for row in of(changes, "not_compared") if row[1] == "basis"]


def version(text: str) -> dict[str, Any]:
    return {"origin": "live", "index_version": text}


def test_a_source_that_begins_or_ceases_to_speak_is_no_news_of_models() -> None:
    silent = {"origin": "none", "index_version": None}
    few, many = told(able("a", 50.0), **{INDEX: silent}), told(able("a", 50.0), able("b", 40.0))
    only_index = model("b", {"coding_index": 40.0}, [])
    many = told(able("a", 50.0), only_index)
    for before, after in ((few, many), (many, few)):
        changes = market_changes(before, after)
        assert {change.change for change in changes} == {"not_compared", "origin"}
        assert of(changes, "origin")[0][0] == INDEX


@pytest.mark.parametrize("origin", ["fixture", "none"])
def test_bundled_facts_are_not_compared_with_a_pull(origin: str) -> None:
    before = told(able("a", 50.0, 2.0), **{LIST: {"origin": origin, "index_version": None}})
    changes = market_changes(before, told(able("a", 50.0, 3.0)))
    assert not of(changes, "repriced")
    assert of(changes, "origin") == [(LIST, None, origin, "live", None)]
