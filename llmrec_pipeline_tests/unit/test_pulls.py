"""Which pulls are believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec_pipeline.domain.pulls import (
    AcceptanceRules,
    FoldState,
    PullContent,
    PullSeen,
    Verdict,
    believed_from,
    doubt,
    judge,
)

RULES = AcceptanceRules(max_lost_share=0.2, believe_after_hours=72, min_values=8)
START = datetime(2026, 3, 1, tzinfo=UTC)
COLUMN = "quality_index"


def content(
    count: int,
    *,
    first: int = 0,
    values: tuple[int, int] | None = None,
    version: str | None = None,
) -> PullContent:
    """Models from `first` on, with as many different values as models unless told otherwise."""
    ids = frozenset(f"id-{number}" for number in range(first, first + count))
    return PullContent(ids, {COLUMN: values or (count, count)}, version)


def pull(hours: float, name: str) -> PullSeen:
    return PullSeen(START + timedelta(hours=hours), name)


def verdicts(
    seen: list[PullSeen], contents: dict[str, PullContent], rules: AcceptanceRules = RULES
) -> list[Verdict]:
    return [verdict for verdict, _ in judge(seen, contents, rules)]


def statuses(seen: list[PullSeen], contents: dict[str, PullContent]) -> list[str]:
    return [verdict.status for verdict in verdicts(seen, contents)]


def every_six_hours(names: str) -> list[PullSeen]:
    return [pull(6 * number, name) for number, name in enumerate(names)]


def test_changed_content_is_accepted_and_repeated_content_is_unchanged() -> None:
    contents = {"A": content(20), "B": content(20, first=1)}
    found = verdicts(every_six_hours("AABBA"), contents)
    assert [verdict.status for verdict in found] == [
        "accepted",
        "unchanged",
        "accepted",
        "unchanged",
        "accepted",
    ]
    assert [verdict.rows_previous for verdict in found] == [None, 20, 20, 20, 20]
    assert all(verdict.reason is None for verdict in found)


@pytest.mark.parametrize(("kept", "status"), [(16, "accepted"), (15, "quarantined")])
def test_a_pull_may_lose_a_fifth_of_the_models_and_no_more(kept: int, status: str) -> None:
    contents = {"A": content(20), "B": content(kept)}
    found = verdicts(every_six_hours("AB"), contents)[1]
    assert found.status == status
    if status == "quarantined":
        assert found.reason == "5 of 20 models are missing (25%, at most 20% is believed)"


def test_replaced_models_count_as_lost_and_added_ones_do_not() -> None:
    contents = {"A": content(20), "B": content(20, first=5), "C": content(200)}
    assert statuses(every_six_hours("AB"), contents) == ["accepted", "quarantined"]
    assert statuses(every_six_hours("AC"), contents) == ["accepted", "accepted"]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ((0, 0), "quality_index is empty; it had 20 values"),
        ((20, 1), "quality_index has one value for all 20 models"),
        ((8, 1), "quality_index has one value for all 8 models"),
        ((7, 1), None),
        ((1, 1), None),
        ((20, 2), None),
    ],
)
def test_a_column_that_says_nothing_any_more(values: tuple[int, int], reason: str | None) -> None:
    assert doubt(content(20, values=values), content(20), RULES) == reason


def test_a_column_that_said_nothing_before_may_go_on_so() -> None:
    for values in ((20, 1), (0, 0), (7, 7)):
        before = content(20, values=values)
        assert doubt(content(20, values=(20, 1)), before, RULES) is None
        assert doubt(content(20, values=(0, 0)), before, RULES) is None


def test_a_first_pull_with_a_constant_column_is_doubted_and_with_an_empty_one_is_not() -> None:
    assert doubt(content(20, values=(20, 1)), None, RULES) is not None
    assert doubt(content(20, values=(0, 0)), None, RULES) is None


def test_back_to_what_was_in_force_is_accepted_at_once() -> None:
    contents = {"A": content(20), "B": content(5)}
    found = verdicts(every_six_hours("ABBABA"), contents)
    assert [verdict.status for verdict in found] == [
        "accepted",
        "quarantined",
        "unchanged",
        "accepted",
        "quarantined",
        "accepted",
    ]
    assert {verdict.rows_previous for verdict in found[1:]} == {20}


def test_another_good_content_after_a_doubted_one_is_accepted() -> None:
    contents = {"A": content(20), "B": content(5), "C": content(21)}
    assert statuses(every_six_hours("ABC"), contents) == ["accepted", "quarantined", "accepted"]


@pytest.mark.parametrize(
    ("hours", "status"), [(77.99, "unchanged"), (78, "accepted"), (90, "accepted")]
)
def test_what_is_doubted_long_enough_is_believed(hours: float, status: str) -> None:
    contents = {"A": content(20), "B": content(5)}
    seen = [pull(0, "A"), pull(6, "B"), pull(hours, "B"), pull(100, "B")]
    found = verdicts(seen, contents)
    assert [verdict.status for verdict in found[:3]] == ["accepted", "quarantined", status]
    assert found[3].status == ("accepted" if status == "unchanged" else "unchanged")
    assert found[3].rows_previous == (20 if status == "unchanged" else 5)


def test_doubt_counts_from_its_first_pull_whatever_its_content() -> None:
    """A publisher that has shrunk goes on changing its prices."""
    contents = {"A": content(20), "B": content(5), "C": content(6), "D": content(7)}
    seen = [pull(0, "A"), pull(6, "B"), pull(40, "C"), pull(78, "D"), pull(84, "B")]
    assert statuses(seen, contents) == [
        "accepted",
        "quarantined",
        "quarantined",
        "accepted",
        "quarantined",
    ]


def test_recovery_forgets_the_doubt() -> None:
    contents = {"A": content(20), "B": content(5)}
    seen = [pull(0, "A"), pull(6, "B"), pull(12, "A"), pull(80, "B"), pull(86, "B")]
    assert statuses(seen, contents) == [
        "accepted",
        "quarantined",
        "accepted",
        "quarantined",
        "unchanged",
    ]


def test_a_pull_without_models_is_never_believed() -> None:
    contents = {"A": content(20), "E": content(0, values=(0, 0))}
    seen = [pull(0, "E"), pull(6, "A"), pull(12, "E"), pull(18, "E"), pull(200, "E")]
    found = verdicts(seen, contents)
    assert [verdict.status for verdict in found] == [
        "quarantined",
        "accepted",
        "quarantined",
        "unchanged",
        "quarantined",
    ]
    assert found[0].reason == "it has no models"


def test_another_published_index_version_is_a_rebase() -> None:
    contents = {
        "A": content(20, version="4.1"),
        "B": content(20, first=1, version="4.1"),
        "C": content(20, first=2, version="5.0"),
        "D": content(20, first=3),
        "E": content(5, version="6.0"),
    }
    found = verdicts(every_six_hours("ABCCDE"), contents)
    assert [verdict.rebased for verdict in found] == [False, False, True, False, False, False]
    assert [verdict.index_version for verdict in found][:4] == ["4.1", "4.1", "5.0", "5.0"]
    assert found[-1].status == "quarantined"


def test_believed_from_is_the_first_doubt_and_the_hours() -> None:
    assert believed_from(FoldState(accepted="A", previous="A"), RULES) is None
    doubted = FoldState("A", "B", START)
    assert believed_from(doubted, RULES) == START + timedelta(hours=72)


CONTENTS = {
    "A": content(20, version="1"),
    "B": content(19, first=1, version="1"),
    "C": content(20, first=2, version="2"),
    "S": content(4),
    "T": content(5),
    "K": content(20, values=(20, 1)),
    "E": content(0, values=(0, 0)),
}
TIMELINES = st.lists(
    st.tuples(st.integers(0, 400), st.sampled_from(sorted(CONTENTS))),
    max_size=14,
    unique_by=lambda seen: seen[0],
)


def timeline(drawn: list[tuple[int, str]]) -> list[PullSeen]:
    return [pull(hours, name) for hours, name in sorted(drawn)]


@given(TIMELINES)
def test_a_fold_taken_up_anywhere_gives_the_same_verdicts(drawn: list[tuple[int, str]]) -> None:
    seen = timeline(drawn)
    whole = list(judge(seen, CONTENTS, RULES))
    for cut in range(len(seen) + 1):
        state = whole[cut - 1][1] if cut else None
        assert list(judge(seen[cut:], CONTENTS, RULES, state)) == whole[cut:]


@given(TIMELINES)
def test_laws_of_verdicts(drawn: list[tuple[int, str]]) -> None:
    seen = timeline(drawn)
    in_force: str | None = None
    before: str | None = None
    for verdict, state in judge(seen, CONTENTS, RULES):
        if verdict.status == "unchanged":
            assert verdict.content_hash == before
        if verdict.status == "accepted":
            in_force = verdict.content_hash
            assert state.doubted_since is None
        assert (verdict.reason is not None) == (verdict.status == "quarantined")
        assert state.accepted == in_force
        assert not verdict.rebased or verdict.status == "accepted"
        assert verdict.status != "accepted" or CONTENTS[verdict.content_hash].ids
        before = verdict.content_hash
