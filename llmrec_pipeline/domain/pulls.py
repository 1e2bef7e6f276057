"""Which pulls are believed. A pure fold over one source's pulls in order of observation.

A structurally valid pull is `accepted`, `unchanged` (same content as the pull before it) or
`quarantined`: kept, but not believed, because it lost many models at once or because a column that
carried information carries none now. The verdicts depend on the pulls alone, never on the order in
which they arrived.

Each pull stands under an index version: the one that it names, else the one in force before it,
until an accepted pull is found to be rebased and opens an inferred one, named by its day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from llmrec_pipeline.domain.rebases import RebaseRules, Scores, find_rebase
from llmrec_pipeline.domain.records import INDEX_COLUMNS
from llmrec_pipeline.domain.timestamps import iso

INFERRED_VERSION = "inferred-"
"""How the name of an index version begins that no publisher gave."""
Status = Literal["accepted", "quarantined", "unchanged"]


@dataclass(frozen=True, slots=True)
class AcceptanceRules:
    """Thresholds of config/pipeline.yaml: acceptance. `max_lost_share` is a fraction of the models
    of the accepted pull before, `min_values` a number of values of a column."""

    max_lost_share: float
    believe_after_hours: float
    min_values: int
    rebase: RebaseRules


@dataclass(frozen=True, slots=True)
class PullContent:
    """What judging needs of a content: its model ids, by column how many values there are and how
    many different ones, and the index version that it names."""

    ids: frozenset[str]
    values: Mapping[str, tuple[int, int]]
    index_version: str | None


@dataclass(frozen=True, slots=True)
class PullSeen:
    """One pull in time."""

    observed_at: datetime
    content_hash: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """One row of `pulls`, without the columns that the log already has. `reason` says why a pull
    was quarantined, or what shows that it was rebased where it does not say so."""

    observed_at: datetime
    content_hash: str
    status: Status
    reason: str | None
    rows: int
    rows_previous: int | None
    index_version: str | None
    index_version_inferred: bool
    rebased: bool


@dataclass(frozen=True, slots=True)
class FoldState:
    """Where a fold stands between two pulls."""

    accepted: str | None = None  # content hash in force
    previous: str | None = None  # content hash of the pull before
    doubted_since: datetime | None = None  # first of the pulls in a row that were not believed
    index_version: str | None = None  # in force
    inferred: str | None = None  # the last version that was inferred


def believed_from(state: FoldState, rules: AcceptanceRules) -> datetime | None:
    """From when on what is doubted now counts as how things are; None where nothing is."""
    if state.doubted_since is None:
        return None
    return state.doubted_since + timedelta(hours=rules.believe_after_hours)


def doubt(content: PullContent, before: PullContent | None, rules: AcceptanceRules) -> str | None:
    """Why a content is not believed beside the accepted one before it, or None."""
    if before is not None and before.ids:
        lost = len(before.ids - content.ids)
        if lost > rules.max_lost_share * len(before.ids):
            return (
                f"{lost} of {len(before.ids)} models are missing "
                f"({lost / len(before.ids):.0%}, at most {rules.max_lost_share:.0%} is believed)"
            )
    let_go = _columns_let_go(content, before, rules)
    for column, (count, different) in sorted(content.values.items()):
        count_before, different_before = before.values.get(column, (0, 0)) if before else (0, 0)
        informative_before = count_before >= rules.min_values and different_before > 1
        if informative_before and count == 0 and column not in let_go:
            return f"{column} is empty; it had {count_before} values"
        if count >= rules.min_values and different == 1 and (before is None or informative_before):
            return f"{column} has one value for all {count} models"
    return None


def _columns_let_go(
    content: PullContent, before: PullContent | None, rules: AcceptanceRules
) -> frozenset[str]:
    """The columns that may be empty all at once: an index comes and goes with the version that a
    publisher names, as long as another one is left."""
    if before is None or content.index_version in (None, before.index_version):
        return frozenset()
    indices = frozenset(column.name for column in INDEX_COLUMNS)
    left = any(content.values.get(name, (0, 0))[0] >= rules.min_values for name in indices)
    return indices if left else frozenset()


def judge(
    pulls: Iterable[PullSeen],
    content_of: Mapping[str, PullContent],
    rules: AcceptanceRules,
    state: FoldState | None = None,
    scores_of: Mapping[str, Scores] | None = None,
) -> Iterator[tuple[Verdict, FoldState]]:
    """Verdicts of one source's pulls in order of observation, each with the state behind it, so
    that a fold can be taken up where an earlier one ended.

    `content_of` maps a content hash to its content, `scores_of` to its index values; both may load
    lazily. Without `scores_of` no index version is inferred. What has been doubted for long enough,
    without a way back, is believed; a pull without models never is.
    """
    state = state or FoldState()
    for pull in pulls:
        content = content_of[pull.content_hash]
        before = content_of[state.accepted] if state.accepted is not None else None
        status, reason = _believe(pull, content, before, rules, state)
        scale = _Scale(content.index_version or state.index_version)
        if status == "accepted" and pull.content_hash != state.accepted:
            scale = _scale(pull, content, before, rules, state, scores_of)
            reason = scale.reason
        state = _behind(pull, status, scale, state)
        yield (
            Verdict(
                pull.observed_at,
                pull.content_hash,
                status,
                reason,
                len(content.ids),
                len(before.ids) if before else None,
                scale.index_version,
                scale.index_version is not None and content.index_version is None,
                scale.rebased,
            ),
            state,
        )


def _believe(
    pull: PullSeen,
    content: PullContent,
    before: PullContent | None,
    rules: AcceptanceRules,
    state: FoldState,
) -> tuple[Status, str | None]:
    """What becomes of a pull, and why where it is quarantined."""
    deadline = believed_from(state, rules)
    believed = deadline is not None and pull.observed_at >= deadline
    if pull.content_hash == state.previous and not believed:
        return "unchanged", None
    if pull.content_hash == state.accepted:
        # Back to what was in force, after something that was not believed.
        return "accepted", None
    if not content.ids:
        return "quarantined", "it has no models"
    reason = None if believed else doubt(content, before, rules)
    return ("quarantined", reason) if reason else ("accepted", None)


def _behind(pull: PullSeen, status: Status, scale: _Scale, state: FoldState) -> FoldState:
    """Where the fold stands behind a pull."""
    if status == "accepted":
        return FoldState(
            accepted=pull.content_hash,
            previous=pull.content_hash,
            index_version=scale.index_version,
            inferred=scale.opened or state.inferred,
        )
    if status == "quarantined":
        state = replace(state, doubted_since=state.doubted_since or pull.observed_at)
    return replace(state, previous=pull.content_hash)


@dataclass(frozen=True, slots=True)
class _Scale:
    """The index scale of a pull: its version, the one that the pull opened by inference, whether
    it is another than before, and what shows that where the publisher does not say so."""

    index_version: str | None
    opened: str | None = None
    rebased: bool = False
    reason: str | None = None


def _scale(
    pull: PullSeen,
    content: PullContent,
    before: PullContent | None,
    rules: AcceptanceRules,
    state: FoldState,
    scores_of: Mapping[str, Scores] | None,
) -> _Scale:
    """The scale of an accepted content that is another than the one before. Two names are compared
    as names; where one is missing, the values tell: the same scale may go on under a name, or
    without one."""
    named = content.index_version
    if before is None or state.accepted is None:
        return _Scale(named)
    if named is not None and before.index_version is not None:
        return _Scale(named, rebased=named != before.index_version)
    if scores_of is None or (named is not None and named == state.index_version):
        return _Scale(named)
    rebase = find_rebase(scores_of[state.accepted], scores_of[pull.content_hash], rules.rebase)
    if rebase is None:
        return _Scale(named or state.index_version)
    opened = None if named else _name(pull.observed_at, state.inferred)
    return _Scale(named or opened, opened, rebased=True, reason=str(rebase))


def _name(observed_at: datetime, last: str | None) -> str:
    """An inferred version is named by the day of the pull that opened it, so that a pull that
    lands late elsewhere does not rename it; a further one of that day by its moment."""
    day = f"{INFERRED_VERSION}{observed_at.astimezone(UTC):%Y-%m-%d}"
    return f"{INFERRED_VERSION}{iso(observed_at)}" if last and last.startswith(day) else day
