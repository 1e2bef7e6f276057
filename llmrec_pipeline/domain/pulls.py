"""Which pulls are believed. A pure fold over one source's pulls in order of observation.

A structurally valid pull is `accepted`, `unchanged` (same content as the pull before it) or
`quarantined`: kept, but not believed, because it lost many models at once or because a column that
carried information carries none now. The verdicts depend on the pulls alone, never on the order in
which they arrived.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
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
    doubted: str | None = None  # quarantined content that may be believed in the end
    doubted_since: datetime | None = None


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

    `content_of` maps a content hash to its content; it may load lazily.
    """
    state = state or FoldState()
    for pull in pulls:
        content = content_of[pull.content_hash]
        before = content_of[state.accepted] if state.accepted else None
        rows_previous = len(before.ids) if before else None
        status: Status
        reason: str | None = None
        rebased = False
        if pull.content_hash == state.previous and not _believed_by_now(pull, state, rules):
            status = "unchanged"
        elif pull.content_hash == state.accepted:
            # Back to what was in force, after something that was not believed.
            status, state = "accepted", FoldState(accepted=state.accepted)
        else:
            reason = doubt(content, before, rules)
            if reason and not _believed_by_now(pull, state, rules):
                status = "quarantined"
                if state.doubted != pull.content_hash:
                    state = FoldState(
                        state.accepted,
                        None,
                        pull.content_hash,
                        state.doubted_since or pull.observed_at,
                    )
            else:
                reason = None
                status = "accepted"
                rebased = (
                    before is not None
                    and content.index_version is not None
                    and before.index_version is not None
                    and content.index_version != before.index_version
                )
                state = FoldState(accepted=pull.content_hash)
        state = FoldState(state.accepted, pull.content_hash, state.doubted, state.doubted_since)
        yield (
            Verdict(
                pull.observed_at,
                pull.content_hash,
                status,
                reason,
                len(content.ids),
                rows_previous,
                content.index_version,
                rebased,
            ),
            state,
        )


def _believed_by_now(pull: PullSeen, state: FoldState, rules: AcceptanceRules) -> bool:
    """What has been doubted for long enough, without a way back, is how things are now."""
    return (
        state.doubted is not None
        and state.doubted_since is not None
        and pull.observed_at - state.doubted_since >= timedelta(hours=rules.believe_after_hours)
    )
