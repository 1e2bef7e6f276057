"""Which model follows one that is deprecated or gone: of the same family, newer, offered. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from llmrec_pipeline.domain.catalogue import family_of
from llmrec_pipeline.domain.identity import IdentityRules

CURRENT, DEPRECATED, GONE, UNKNOWN = STATES = ("current", "deprecated", "gone", "unknown")

# Words of a base that tell how far along it is, not what it is.
_STAGES = frozenset({"preview", "exp", "experimental", "beta"})


@dataclass(frozen=True, slots=True)
class Offered:
    """What the market says of a model: when it was released, and whether it is to be had."""

    model_id: str
    released: date | None
    is_deprecated: bool
    is_listed: bool

    @property
    def state(self) -> str:
        """deprecated; gone, where no source lists it any more; else current."""
        if self.is_deprecated:
            return DEPRECATED
        return CURRENT if self.is_listed else GONE


@dataclass(frozen=True, slots=True)
class Successor:
    """The model to move to, and why."""

    model_id: str
    why: str


class _Kin(NamedTuple):
    """Who a model is related to; `line`: the words of its base that are no versions."""

    creator: str
    family: str
    line: str

    @classmethod
    def of(cls, model_id: str) -> _Kin:
        key = IdentityRules.parse_key(model_id)
        words = [
            word
            for word in key.base.split("-")
            if word not in _STAGES and not any(map(str.isdigit, word))
        ]
        family = family_of(model_id)
        return cls(key.creator, family, "-".join(words) or family)


def successor(model_id: str, market: Mapping[str, Offered]) -> Successor | None:
    """The newest of the model's own line (`claude-opus`, `gpt-mini`), else of its family; None
    where nothing newer is offered, or the release of the model is not known."""
    now = market.get(model_id)
    if now is None or now.released is None:
        return None
    kin = _Kin.of(model_id)
    newer = [
        (other.released, other.model_id, _Kin.of(other.model_id))
        for other in market.values()
        if other.state == CURRENT
        and ":" not in other.model_id
        and other.released is not None
        and other.released > now.released
    ]
    for relation in ("line", "family"):
        related = [
            (released, found)
            for released, found, its in newer
            if its.creator == kin.creator and getattr(its, relation) == getattr(kin, relation)
        ]
        if related:
            released, found = max(related)
            return Successor(
                found,
                f"newest of the same {relation} ({getattr(kin, relation)}), released {released}, "
                f"{model_id} on {now.released}; listed, not deprecated",
            )
    return None
