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
from llmrec_pipeline.domain.rebases import RebaseRules, Scores

REBASE = RebaseRules(
    min_move=0.05,
    min_moved=5,
    min_moved_share=0.1,
    min_one_way=0.75,
    min_explained=0.25,
    full_share=0.75,
)
RULES = AcceptanceRules(max_lost_share=0.2, believe_after_hours=72, min_values=8, rebase=REBASE)
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


# inferred index versions ------------------------------------------------------------------------


def scores(count: int = 20, factor: float = 1.0, moved: int | None = None) -> Scores:
    """Index values of as many models; those of the first `moved` are put on another scale."""
    limit = count if moved is None else moved
    values = {f"id-{n}": (20.0 + 2 * n) * (factor if n < limit else 1.0) for n in range(count)}
    return {COLUMN: values}


def inferred(names: str, contents: dict[str, PullContent], by_name: dict[str, Scores]) -> list[str]:
    """The index version of each pull, a day apart; `*` where the pull does not name it, `!` where
    it was rebased."""
    seen = [pull(24 * number, name) for number, name in enumerate(names)]
    return [
        f"{verdict.index_version}{'*' * verdict.index_version_inferred}{'!' * verdict.rebased}"
        for verdict, _ in judge(seen, contents, RULES, scores_of=by_name)
    ]


def test_a_rebase_opens_a_version_named_by_its_day_which_then_stays_in_force() -> None:
    contents = {name: content(20) for name in "ABC"}
    values = {"A": scores(), "B": scores(factor=0.6), "C": scores(factor=0.6)}
    assert inferred("AABBC", contents, values) == [
        "None",
        "None",
        "inferred-2026-03-03*!",
        "inferred-2026-03-03*",
        "inferred-2026-03-03*",
    ]


def test_a_rebase_says_what_shows_it_and_a_partial_one_that_it_is_partial() -> None:
    contents = {name: content(20) for name in "ABC"}
    values = {"A": scores(), "B": scores(factor=0.6), "C": scores(factor=0.6, moved=6)}
    for name, told in (
        ("B", "rebased: 20 of 20 models moved together in quality_index"),
        (
            "C",
            "partly rebased: 6 of 20 models moved together in quality_index, so values of two "
            "scales stand side by side",
        ),
    ):
        _, (verdict, _) = judge(every_six_hours(f"A{name}"), contents, RULES, scores_of=values)
        assert (verdict.status, verdict.rebased, verdict.reason) == ("accepted", True, told)


def test_two_rebases_of_one_day_open_two_versions() -> None:
    contents = {name: content(20) for name in "ABC"}
    values = {"A": scores(), "B": scores(factor=0.6), "C": scores(factor=0.3)}
    found = [
        v.index_version for v, _ in judge(every_six_hours("ABC"), contents, RULES, None, values)
    ]
    assert found == [None, "inferred-2026-03-01", "inferred-2026-03-01T12:00:00Z"]


def test_a_quarantined_pull_opens_nothing() -> None:
    contents = {"A": content(20), "S": content(12), "B": content(20)}
    values = {"A": scores(), "S": scores(12, factor=0.6), "B": scores(factor=0.6)}
    assert inferred("ASA", contents, values) == ["None"] * 3
    # The next whole pull shows the rebase that a part of the models announced.
    assert inferred("ASB", contents, values) == ["None", "None", "inferred-2026-03-03*!"]


def test_a_rebase_that_lost_many_models_opens_its_version_once_it_is_believed() -> None:
    contents = {"A": content(20), "S": content(12)}
    values = {"A": scores(), "S": scores(12, factor=0.6)}
    assert inferred("ASSSS", contents, values) == [*["None"] * 4, "inferred-2026-03-05*!"]


def test_the_same_values_go_on_under_their_name_and_others_are_a_rebase() -> None:
    contents = {
        "A": content(20),
        "B": content(20),
        "N": content(20, version="4.1"),
        "M": content(20, version="5.0"),
    }
    values = {"A": scores(), "B": scores(factor=0.6), "N": scores(), "M": scores(factor=0.6)}
    assert inferred("AN", contents, values) == ["None", "4.1"]
    assert inferred("AM", contents, values) == ["None", "5.0!"]
    assert inferred("NA", contents, values) == ["4.1", "4.1*"]
    assert inferred("NAN", contents, values) == ["4.1", "4.1*", "4.1"]
    assert inferred("NBM", contents, values) == ["4.1", "inferred-2026-03-02*!", "5.0"]
    assert inferred("NBN", contents, values) == ["4.1", "inferred-2026-03-02*!", "4.1!"]


def test_without_index_values_no_version_is_inferred() -> None:
    contents = {"A": content(20), "N": content(20, version="4.1"), "B": content(20, first=1)}
    found = verdicts(every_six_hours("ANB"), contents)
    assert [(v.index_version, v.index_version_inferred, v.rebased) for v in found] == [
        (None, False, False),
        ("4.1", False, False),
        (None, False, False),
    ]


def test_an_index_may_go_with_the_version_that_had_it_and_not_otherwise() -> None:
    def measured(version: str | None, **counts: int) -> PullContent:
        values = {name: (count, count) for name, count in counts.items()}
        return PullContent(frozenset(f"id-{n}" for n in range(20)), values, version)

    before = measured("4.1", quality_index=20, math_index=20, ttft_s=20)
    gone = {"quality_index": 20, "math_index": 0, "ttft_s": 20}
    assert doubt(measured("5.0", **gone), before, RULES) is None
    assert doubt(measured("4.1", **gone), before, RULES) == "math_index is empty; it had 20 values"
    assert doubt(measured(None, **gone), before, RULES) == "math_index is empty; it had 20 values"
    nothing = {"quality_index": 0, "math_index": 0, "ttft_s": 20}
    assert "is empty" in (doubt(measured("5.0", **nothing), before, RULES) or "")
    no_speed = {"quality_index": 20, "math_index": 20, "ttft_s": 0}
    assert doubt(measured("5.0", **no_speed), before, RULES) == "ttft_s is empty; it had 20 values"


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
    "U": content(20),
    "V": content(19),
}
SCORES = {
    "A": scores(),
    "B": scores(),
    "C": scores(factor=0.7),
    "S": scores(4),
    "T": scores(5, factor=0.7),
    "K": {},
    "E": {},
    "U": scores(factor=0.7),
    "V": scores(19, factor=0.5, moved=8),
}
TIMELINES = st.lists(
    st.tuples(st.integers(0, 400), st.sampled_from(sorted(CONTENTS))),
    max_size=14,
    unique_by=lambda seen: seen[0],
)


def timeline(drawn: list[tuple[int, str]]) -> list[PullSeen]:
    return [pull(hours, name) for hours, name in sorted(drawn)]


@given(TIMELINES, st.sampled_from([None, SCORES]))
def test_a_fold_taken_up_anywhere_gives_the_same_verdicts(
    drawn: list[tuple[int, str]], by_name: dict[str, Scores] | None
) -> None:
    seen = timeline(drawn)
    whole = list(judge(seen, CONTENTS, RULES, scores_of=by_name))
    for cut in range(len(seen) + 1):
        state = whole[cut - 1][1] if cut else None
        assert list(judge(seen[cut:], CONTENTS, RULES, state, by_name)) == whole[cut:]


@given(TIMELINES, st.sampled_from([None, SCORES]))
def test_laws_of_verdicts(drawn: list[tuple[int, str]], by_name: dict[str, Scores] | None) -> None:
    seen = timeline(drawn)
    in_force: str | None = None
    before: str | None = None
    for verdict, state in judge(seen, CONTENTS, RULES, scores_of=by_name):
        named = CONTENTS[verdict.content_hash].index_version
        if verdict.status == "unchanged":
            assert verdict.content_hash == before
        if verdict.status == "accepted":
            in_force = verdict.content_hash
            assert state.doubted_since is None
            assert state.index_version == verdict.index_version
        assert state.accepted == in_force
        if verdict.status == "quarantined":
            assert verdict.reason is not None
        assert not verdict.rebased or verdict.status == "accepted"
        assert verdict.reason is None or verdict.status == "quarantined" or verdict.rebased
        assert verdict.status != "accepted" or CONTENTS[verdict.content_hash].ids
        assert named is None or verdict.index_version == named
        assert verdict.index_version_inferred == (
            named is None and verdict.index_version is not None
        )
        before = verdict.content_hash


@given(TIMELINES)
def test_a_version_that_was_inferred_never_stands_for_two_scales(
    drawn: list[tuple[int, str]],
) -> None:
    opened = [
        verdict.index_version
        for verdict, _ in judge(timeline(drawn), CONTENTS, RULES, scores_of=SCORES)
        if verdict.rebased and verdict.index_version_inferred
    ]
    assert len(opened) == len(set(opened))
