"""The warehouse as of a moment: what it would have held then, under today's code and settings."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec_pipeline.domain.timestamps import Moment
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.storage.origins import read_serving
from llmrec_pipeline.storage.ranking_payload import ranking_payload
from llmrec_pipeline.storage.refreshing import rank_tasks
from llmrec_pipeline.storage.time_travel import opened_at, payload_of_past, warehouse_at
from llmrec_pipeline_tests.storage.pulled import (
    AA,
    LMARENA,
    MODELS_DEV,
    OBSERVED_FIXTURE,
    START,
    DataFolder,
    Row,
    at,
    digests,
    model,
    models,
)

SETTINGS = load_settings({})
_FOLDERS = itertools.count()
# Contents of pulls: growing, changed, shrunk too much to be believed, back again.
CONTENTS = (models(20), models(21), models(22, price_input_per_1m=9.0), models(9), models(20))


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data", SETTINGS)


def payload(folder: DataFolder, as_of: datetime, known_at: datetime | None = None) -> Any:
    moment = Moment(as_of, known_at)
    with opened_at(folder.settings, folder.lake, folder.fixture, moment) as past:
        return payload_of_past(past, folder.settings, moment)


def listed(found: Any) -> set[str]:
    return {model["canonical_model_key"] for model in found["models"] if model["listed"]}


def price(found: Any, key: str) -> float | None:
    (model,) = (model for model in found["models"] if model["canonical_model_key"] == key)
    (offering,) = (o for o in model["offerings"] if o["is_creator_host"])
    told: float | None = offering["price_input_per_1m"]
    return told


def test_a_moment_sees_the_pulls_observed_by_then(folder: DataFolder) -> None:
    folder.land(AA, at(0), models(10))
    folder.land(AA, at(1), [model(0, price_input_per_1m=3.0), *models(10, first=1)])
    folder.refresh(at(1))
    before, after = payload(folder, at(0.5)), payload(folder, at(1))
    assert len(listed(after) - listed(before)) == 1
    assert before["origins"][AA]["observed_at"] == "2026-05-30T00:00:00Z"
    assert price(before, "laboratory/invented-0") == 1.0
    assert price(after, "laboratory/invented-0") == 3.0
    assert before["edition"] == "as of 2026-05-30T03:00:00Z"


def test_what_landed_later_was_not_known(folder: DataFolder) -> None:
    folder.land(AA, at(0), models(10))
    folder.land(AA, at(1), models(11), landed_at=at(8))
    assert len(payload(folder, at(2), at(2))["models"]) < len(payload(folder, at(2))["models"])
    assert payload(folder, at(2), at(8))["models"] == payload(folder, at(2))["models"]


def test_a_late_pull_is_judged_only_by_who_knew_it(folder: DataFolder) -> None:
    """The one before makes the loss that quarantines the other; it landed long after."""
    folder.land(AA, at(1), models(9), landed_at=at(1))
    folder.land(AA, at(0), models(20), landed_at=at(9))
    folder.refresh(at(9))
    assert payload(folder, at(1))["origins"][AA]["rows"] == 20
    assert payload(folder, at(1), at(1))["origins"][AA]["rows"] == 9


def test_bundled_facts_do_not_speak_before_they_were_observed(folder: DataFolder) -> None:
    before = payload(folder, OBSERVED_FIXTURE - timedelta(days=1))
    assert before["origins"][MODELS_DEV]["origin"] == "none"
    assert payload(folder, OBSERVED_FIXTURE)["origins"][MODELS_DEV]["origin"] == "fixture"


def test_looking_back_changes_nothing(folder: DataFolder) -> None:
    folder.land(AA, at(0), models(10))
    folder.land(AA, at(1), models(11))
    published = folder.refresh(at(1))
    payload(folder, at(0))
    with folder.open() as con:
        kept = digests(con)
        with warehouse_at(con, folder.settings, folder.fixture, Moment(at(0))) as past:
            assert past.sql("SELECT count(*) FROM pulls").fetchall() == [(1,)]
        assert digests(con) == kept
    assert folder.refresh(at(1)).edition.name == published.edition.name


def _land(folder: DataFolder, pulls: Sequence[tuple[str, int, list[Row]]]) -> None:
    for source, number, rows in pulls:
        folder.land(source, at(number), rows, index_version="4.1" if source == AA else None)


@settings(max_examples=5, deadline=None)
@given(
    picks=st.lists(
        st.tuples(st.sampled_from((AA, LMARENA)), st.sampled_from(range(len(CONTENTS)))),
        min_size=2,
        max_size=6,
    ),
    cut=st.integers(0, 5),
    order=st.randoms(use_true_random=False),
)
def test_a_moment_is_what_a_warehouse_of_then_would_hold(
    tmp_path_factory: pytest.TempPathFactory, picks: list[tuple[str, int]], cut: int, order: Any
) -> None:
    """Today's warehouse looked at from then, and one that never saw what came later."""
    pulls = [(source, number, CONTENTS[content]) for number, (source, content) in enumerate(picks)]
    now = at(cut + 0.5)
    then = DataFolder(tmp_path_factory.mktemp("then") / str(next(_FOLDERS)), SETTINGS)
    _land(then, [pull for pull in pulls if at(pull[1]) <= now])
    with then.open() as con:
        then.load(con, now)
        rank_tasks(con, then.settings)
        expected = ranking_payload(con, then.settings, read_serving(con))
    today = DataFolder(tmp_path_factory.mktemp("today") / str(next(_FOLDERS)), SETTINGS)
    shuffled = list(pulls)
    order.shuffle(shuffled)
    _land(today, shuffled)
    for known_at in (None, START + timedelta(days=900)):
        found = payload(today, now, known_at)
        del found["edition"]
        assert found == expected


def test_the_newest_pulls_are_compared_with_those_before_them(folder: DataFolder) -> None:
    query = "SELECT change, subject, before, after FROM market_changes ORDER BY ALL"
    folder.land(AA, at(0), models(10), index_version="4.1")
    folder.refresh(at(0))
    # Before the second round there is nothing to compare with.
    assert folder.rows(query) == []
    dearer = model(0, price_input_per_1m=3.0)
    folder.land(AA, at(1), [dearer, *models(8, first=1), model(10)], index_version="4.1")
    folder.refresh(at(1))
    changes = {(row["change"], row["subject"]): row for row in folder.rows(query)}
    assert {kind for kind, _ in changes} == {"new", "gone", "repriced"} | {
        kind for kind, _ in changes if kind in ("reranked", "top_pick")
    }
    assert ("new", "laboratory/invented-10") in changes
    assert ("gone", "laboratory/invented-9") in changes
    (repriced,) = (row for (kind, _), row in changes.items() if kind == "repriced")
    assert (repriced["before"], repriced["after"]) == ("1", "3")


def test_no_top_pick_is_announced_across_another_index_version(folder: DataFolder) -> None:
    folder.land(AA, at(0), models(10), index_version="4.1")
    turned = [model(number, quality_index=90.0 - number) for number in range(10)]
    folder.land(AA, at(1), turned, index_version="4.3")
    folder.refresh(at(1))
    changes = folder.rows("SELECT * FROM market_changes")
    assert not [row for row in changes if row["change"] in ("reranked", "top_pick")]
    assert [row for row in changes if row["change"] == "rebased" and row["subject"] == AA]
