"""Which model follows one that is deprecated or gone: of the same family, newer, offered.

In: keys, and what the market says of every model. Out: the model to move to, and why. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from llmrec_pipeline.domain.catalogue import family_of
from llmrec_pipeline.domain.model_key import parse_key

CURRENT, DEPRECATED, GONE, UNKNOWN = "current", "deprecated", "gone", "unknown"
# Of a name that may mean several models, some of which are deprecated.
PARTLY_DEPRECATED = "partly_deprecated"

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
        key = parse_key(model_id)
        words = [
            word
            for word in key.base.split("-")
            if word not in _STAGES and not any(map(str.isdigit, word))
        ]
        family = family_of(model_id)
        return cls(key.creator, family, "-".join(words) or family)


def successor(model_ids: Iterable[str], market: Mapping[str, Offered]) -> Successor | None:
    """The newest of the own line (`claude-opus`, `gpt-mini`) of the newest of these models, else of
    its family, that is newer than any deprecated model of its line; None where nothing such is
    offered, or the release of none of the models is known."""
    told = [market[model_id] for model_id in model_ids if model_id in market]
    dated = [(offered.released, offered.model_id) for offered in told if offered.released]
    if not dated:
        return None
    since, model_id = max(dated)
    kin = _Kin.of(model_id)
    superseded = _superseded(market)
    newer = [
        (other.released, other.model_id, its)
        for other in market.values()
        if other.state == CURRENT
        and ":" not in other.model_id
        and other.released is not None
        and other.released > max(since, superseded.get(its := _Kin.of(other.model_id), since))
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
                f"{model_id} on {since}; listed, not deprecated",
            )
    return None


def _superseded(market: Mapping[str, Offered]) -> dict[_Kin, date]:
    """Of each line the day of its newest deprecated model: what its creator released before that, it
    has followed up and retired since."""
    days: dict[_Kin, date] = {}
    for offered in market.values():
        if offered.is_deprecated and offered.released is not None:
            kin = _Kin.of(offered.model_id)
            days[kin] = max(days.get(kin, offered.released), offered.released)
    return days
