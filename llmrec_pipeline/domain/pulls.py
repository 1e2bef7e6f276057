"""Which pulls are believed. A pure fold over one source's pulls in order of observation.

A structurally valid pull is `accepted`, `unchanged` (same content as the pull before it) or
`quarantined`: kept, but not believed, because it lost many models at once or because a column that
carried information carries none now. The verdicts depend on the pulls alone, never on the order in
which they arrived.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

Status = Literal["accepted", "quarantined", "unchanged"]


@dataclass(frozen=True, slots=True)
class AcceptanceRules:
    """Thresholds of config/pipeline.yaml: acceptance."""

    max_lost_share: float
    believe_after_hours: float
    min_values: int


@dataclass(frozen=True, slots=True)
class PullContent:
    """What judging needs of a content: its model ids, and by column how many values there are and
    how many different ones."""

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
    """One row of `pulls`, without the columns that the log already has."""

    observed_at: datetime
    content_hash: str
    status: Status
    reason: str | None
    rows: int
    rows_previous: int | None
    index_version: str | None
    rebased: bool


@dataclass(frozen=True, slots=True)
class FoldState:
    """Where a fold stands between two pulls."""

    accepted: str | None = None  # content hash in force
    previous: str | None = None  # content hash of the pull before
    doubted_since: datetime | None = None  # first of the pulls in a row that were not believed


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
    for column, (count, different) in sorted(content.values.items()):
        count_before, different_before = before.values.get(column, (0, 0)) if before else (0, 0)
        informative_before = count_before >= rules.min_values and different_before > 1
        if informative_before and count == 0:
            return f"{column} is empty; it had {count_before} values"
        if count >= rules.min_values and different == 1 and (before is None or informative_before):
            return f"{column} has one value for all {count} models"
    return None


def judge(
    pulls: Iterable[PullSeen],
    content_of: Mapping[str, PullContent],
    rules: AcceptanceRules,
    state: FoldState | None = None,
) -> Iterator[tuple[Verdict, FoldState]]:
    """Verdicts of one source's pulls in order of observation, each with the state behind it, so
    that a fold can be taken up where an earlier one ended.

    `content_of` maps a content hash to its content; it may load lazily. What has been doubted for
    long enough, without a way back, is believed; a pull without models never is.
    """
    state = state or FoldState()
    for pull in pulls:
        content = content_of[pull.content_hash]
        before = content_of[state.accepted] if state.accepted is not None else None
        deadline = believed_from(state, rules)
        believed = deadline is not None and pull.observed_at >= deadline
        status: Status
        reason: str | None = None
        if pull.content_hash == state.previous and not believed:
            status = "unchanged"
        elif pull.content_hash == state.accepted:
            # Back to what was in force, after something that was not believed.
            status, state = "accepted", FoldState(accepted=state.accepted)
        else:
            if not content.ids:
                reason = "it has no models"
            elif not believed:
                reason = doubt(content, before, rules)
            if reason is None:
                status, state = "accepted", FoldState(accepted=pull.content_hash)
            else:
                status = "quarantined"
                state = replace(state, doubted_since=state.doubted_since or pull.observed_at)
        state = replace(state, previous=pull.content_hash)
        yield (
            Verdict(
                pull.observed_at,
                pull.content_hash,
                status,
                reason,
                len(content.ids),
                len(before.ids) if before else None,
                content.index_version,
                status == "accepted" and _rebased(before, content),
            ),
            state,
        )


def _rebased(before: PullContent | None, content: PullContent) -> bool:
    """Whether both contents name an index version, and not the same one."""
    if before is None or None in (before.index_version, content.index_version):
        return False
    return before.index_version != content.index_version
