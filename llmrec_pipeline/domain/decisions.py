"""The life of a recommendation: what may follow what. Pure."""

from __future__ import annotations

PROPOSED, ACCEPTED, REJECTED, IMPLEMENTED = STATUSES = (
    "proposed",
    "accepted",
    "rejected",
    "implemented",
)
# What people may decide, by what is decided already. Rejected and implemented are the end: the same
# evidence proposes nothing new, other evidence is another recommendation.
_NEXT: dict[str, tuple[str, ...]] = {
    PROPOSED: (ACCEPTED, REJECTED),
    ACCEPTED: (IMPLEMENTED, REJECTED),
    REJECTED: (),
    IMPLEMENTED: (),
}


def refusal(current: str, wanted: str) -> str | None:
    """Why a status cannot follow another, None where it can."""
    allowed = _NEXT[current]
    if wanted in allowed:
        return None
    if not allowed:
        return f"it is {current}, which is final"
    return f"it is {current}; allowed now: {', '.join(allowed)}"
