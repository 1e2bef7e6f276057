"""One spelling of a base name: joints, word order, one spelling for another, and the word that a
host leaves out.

What belongs here: turning the words of a name into those of its canonical base name. What does
not: variants (`model_variants`) and releases (`model_releases`), which are no part of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fnmatch import translate

from llmrec_pipeline.domain.identity_config import IdentityConfig, NameTable, Rewrite
from llmrec_pipeline.domain.model_text import Abstain, is_size
from llmrec_pipeline.domain.naming_trail import UNTOLD, Trail


class Spelling:
    """The tables of joints, word orders and rewrites."""

    def __init__(self, config: IdentityConfig) -> None:
        self._joints = {joint.family: joint for joint in config.joints}
        self._word_orders = [
            (tuple(order.family.split()), {w for p in order.words for w in p.split()}, order)
            for order in config.word_orders
        ]
        self._rewrites: dict[str | None, list[_CompiledRewrite]] = {}
        for rewrite in config.rewrites:
            self._rewrites.setdefault(rewrite.creator, []).append(_CompiledRewrite(rewrite))
        self._bare_names = NameTable(config.bare_names)

    def respelled(
        self, words: Sequence[str], creator: str, trail: Trail = UNTOLD
    ) -> tuple[str, ...]:
        """One spelling: joints, word order, then the rewrites of any creator and of this one."""
        spelled = list(words)
        self._set_joints(spelled, trail)
        self._set_version(spelled, trail)
        _set_size(spelled)
        for rewrite in (*self._rewrites.get(None, ()), *self._rewrites.get(creator, ())):
            if rewrite.apply(spelled):
                trail.note("spelling", " ".join(spelled), rewrite.row)
        return tuple(spelled)

    def as_served(
        self, words: tuple[str, ...], creator: str, host: str | None, trail: Trail = UNTOLD
    ) -> tuple[str, ...]:
        """Words, with the one that this host leaves out where its bare names are the instructed
        models. Raises Abstain where a host's bare name may be either."""
        bare = self._bare_names.first(creator, "-".join(words))
        if bare is None or host is None or host in bare.pretrained_at:
            return words
        if host not in bare.instructed_at:
            raise Abstain(
                f"{'-'.join(words)} is published pretrained and as {bare.word}, and {host} does "
                "not say which it serves"
            )
        trail.note("bare name", f"{host} serves {bare.word} under it", bare)
        return (*words, bare.word)

    def _set_joints(self, words: list[str], trail: Trail) -> None:
        if not words:
            return
        joint = self._joints.get(words[0])
        if joint and joint.style == "joined" and len(words) > 1 and words[1].isdigit():
            words[:2] = [words[0] + words[1]]
            trail.note("joint", " ".join(words), joint)
            return
        split = re.fullmatch(r"([a-z]+)(\d+[a-z]?)", words[0])
        joint = self._joints.get(split[1]) if split else None
        if split and joint and joint.style == "apart":
            words[:1] = [split[1], split[2]]
            trail.note("joint", " ".join(words), joint)

    def _set_version(self, words: list[str], trail: Trail) -> None:
        for family, tiers, order in self._word_orders:
            start = len(family)
            if tuple(words[:start]) != family:
                continue
            first_kind = _is_version if order.version == "last" else tiers.__contains__
            second_kind = tiers.__contains__ if order.version == "last" else _is_version
            middle = _run(words, start, first_kind)
            end = _run(words, middle, second_kind)
            if start < middle < end:
                words[start:end] = words[middle:end] + words[start:middle]
                trail.note("word order", " ".join(words), order)
            return


class _CompiledRewrite:
    """A rewrite row, ready to be applied to a list of words in place."""

    def __init__(self, row: Rewrite) -> None:
        self.row = row
        self._find, self._put, self._at = row.find.split(), row.put.split(), row.at
        self._name = re.compile(translate(row.name)) if row.name else None

    def apply(self, words: list[str]) -> bool:
        """Whether the row changed anything."""
        size = len(self._find)
        last = len(words) - size
        starts = {"start": range(1), "end": range(last, last + 1), "any": range(last + 1)}[self._at]
        at = next((i for i in starts if i >= 0 and words[i : i + size] == self._find), None)
        if at is None or (self._name and not self._name.match("-".join(words))):
            return False
        if not self._put and len(words) == size:
            return False
        words[at : at + size] = self._put
        return True


def _is_version(word: str) -> bool:
    return word.isdigit() and len(word) <= 2 and (word == "0" or not word.startswith("0"))


def _run(words: Sequence[str], start: int, belongs: Callable[[str], bool]) -> int:
    """Where the words that belong, from `start` on, end."""
    end = start
    while end < len(words) and belongs(words[end]):
        end += 1
    return end


def _set_size(words: list[str]) -> None:
    """A size stands before `instruct` and `chat`: `Instruct 3B` is `3b-instruct`."""
    for at in range(len(words) - 1):
        if words[at] in ("instruct", "chat"):
            end = _run(words, at + 1, is_size)
            words[at:end] = [*words[at + 1 : end], words[at]]
            return
