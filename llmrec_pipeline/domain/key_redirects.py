"""Keys that were published before and what they are called now: a cited key never dangles.

What belongs here: telling from the names that meant a key which key they mean today. What does
not: where published keys are kept (`storage.key_record`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from llmrec_pipeline.domain.model_key import base_model_of


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A name that meant a key in an edition. `told`: what its publisher said of it that a moving
    name is resolved by; another model that it moved to is no new name of the old one."""

    edition: str
    source: str
    source_model_id: str
    told: str
    key: str


@dataclass(frozen=True, slots=True)
class KeyRedirect:
    """`names` meant `old_key`, first in `since_edition`; of these, `agreeing` mean
    `canonical_model_key` now. None where none of them means any model now."""

    old_key: str
    canonical_model_key: str | None
    since_edition: str
    names: int
    agreeing: int


Name = tuple[str, str, str]
"""Source, source_model_id, and what the publisher told."""


def key_redirects(published: Iterable[PublishedKey], now: Mapping[Name, str]) -> list[KeyRedirect]:
    """What became of each published key, base models included, that is no key today: the key that
    most of its names mean now, the first by spelling of several. `now`: key by name."""
    current = {key for meant in now.values() for key in (meant, base_model_of(meant))}
    names: dict[str, set[Name]] = {}
    since: dict[str, str] = {}
    for entry in published:
        for key in {entry.key, base_model_of(entry.key)} - current:
            name = (entry.source, entry.source_model_id, entry.told)
            names.setdefault(key, set()).add(name)
            since[key] = min(since.get(key, entry.edition), entry.edition)
    return [_redirect(key, names[key], since[key], now) for key in sorted(names)]


def _redirect(old: str, names: set[Name], since: str, now: Mapping[Name, str]) -> KeyRedirect:
    is_base = old == base_model_of(old)
    votes = Counter(
        base_model_of(now[name]) if is_base else now[name] for name in names if name in now
    )
    best = min(votes, key=lambda key: (-votes[key], key), default=None)
    return KeyRedirect(old, best, since, len(names), votes[best] if best else 0)
