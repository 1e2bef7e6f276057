"""How a model runs, as its name says: precision, mode, effort and thinking budget.

What belongs here: telling a variant word from a word of the name. What does not: the base name
(`model_spelling`) and its releases (`model_releases`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmrec_pipeline.domain.identity_config import Budget, IdentityConfig, NameTable, VariantWord
from llmrec_pipeline.domain.model_text import Abstain, Stamp, Written
from llmrec_pipeline.domain.naming_trail import UNTOLD, Trail

_BUDGET_WORD = re.compile(r"\d+k")
_THINKING, _NON_THINKING = "thinking", "non-thinking"
_LENGTHS = (3, 2, 1)
_SLOTS = ("precision", "mode", "effort", "budget")


class Variants:
    """The tables of variant words, own words, separate modes and default variants."""

    def __init__(self, config: IdentityConfig) -> None:
        self._service_suffixes = {tuple(s.split("-")) for s in config.service_suffixes}
        self._variant_words: dict[tuple[str, ...], VariantWord] = {
            tuple(words.split()): row for row in config.variant_words for words in row.words
        }
        self._budget = config.budget
        self._budget_creators = frozenset(config.budget.trailing)
        self._own_words = NameTable(config.own_words)
        self._separate_modes = NameTable(config.separate_modes)
        self._default_variants = NameTable(config.default_variants)

    def read(
        self, words: Sequence[str], written: Written, creator: str, trail: Trail = UNTOLD
    ) -> tuple[tuple[str, ...], str | None, bool]:
        """Words without those that say how the model runs, what these say together, and whether
        the name says that it moves (`-latest`). Raises Abstain where they contradict."""
        slots: dict[str, str] = {}
        kept = list(words)
        for added in (*written.notes, *written.suffixes):
            if added not in self._service_suffixes and not self._take_all(added, slots, trail):
                kept.extend(added)
        pointer = False
        while True:
            if len(kept) > 1 and kept[-1] == "latest":
                pointer = bool(kept.pop())
            elif not self._take_last(kept, creator, slots, trail):
                return tuple(kept), _variant_text(slots), pointer

    def is_quantised(self, words: Sequence[str]) -> bool:
        """Whether a name ends in a precision."""
        return any(
            (row := self._variant_words.get(tuple(words[-length:]))) is not None
            and row.slot == "precision"
            for length in _LENGTHS
        )

    def with_own_mode(
        self,
        words: tuple[str, ...],
        variant: str | None,
        stamps: Sequence[Stamp],
        creator: str,
        trail: Trail = UNTOLD,
    ) -> tuple[tuple[str, ...], str | None]:
        """Words and variant: where each mode is a release of its own, it is a word of the name."""
        if variant not in (_THINKING, _NON_THINKING):
            return words, variant
        for row in self._separate_modes.matches(creator, "-".join(words)):
            if row.release is not None and row.release not in {stamp.iso for stamp in stamps}:
                continue
            word = row.thinking if variant == _THINKING else row.non_thinking
            if word is not None:
                trail.note("separate mode", f"{word} is a word of the name", row)
                return (words if words[-1] == word else (*words, word)), None
        return words, variant

    def without_default(
        self, variant: str | None, creator: str, base: str, trail: Trail = UNTOLD
    ) -> str | None:
        """The variant, or None where it is what one gets without asking."""
        rows = self._default_variants.matches(creator, base)
        row = next((row for row in rows if row.variant == variant), None)
        if row is None:
            return variant
        trail.note("default variant", f"{variant} is the bare model", row)
        return None

    def _take_all(self, words: Sequence[str], slots: dict[str, str], trail: Trail) -> bool:
        """Read a whole expression such as `Reasoning Max Effort`; all of it, or nothing."""
        found: list[tuple[str, str, VariantWord | Budget]] = []
        at = 0
        while at < len(words):
            for length in _LENGTHS:
                row = self._variant_words.get(tuple(words[at : at + length]))
                if row is not None:
                    found.append((row.slot, row.value or "-".join(words[at : at + length]), row))
                    at += length
                    break
            else:
                if not _BUDGET_WORD.fullmatch(words[at]):
                    return False
                found.append(("budget", words[at], self._budget))
                at += 1
        for slot, value, deciding in found:
            _fill(slots, slot, value)
            trail.note("variant", f"{slot} {value}", deciding)
        return True

    def _take_last(
        self, words: list[str], creator: str, slots: dict[str, str], trail: Trail
    ) -> bool:
        """Take the last variant word off a name, unless it is a word of the name itself."""
        for length in _LENGTHS:
            row = self._variant_words.get(tuple(words[-length:]))
            if len(words) <= length or row is None or not row.trails(creator):
                continue
            base = "-".join(words)
            if (own := self._own_words.first(creator, base)) is not None:
                trail.note("own word", f"{words[-1]} is a word of the name", own)
                return False
            value = row.value or "-".join(words[-length:])
            _fill(slots, row.slot, value)
            trail.note("variant", f"{row.slot} {value}", row)
            del words[-length:]
            return True
        if len(words) > 1 and _BUDGET_WORD.fullmatch(words[-1]):
            before = self._variant_words.get((words[-2],))
            thinks = before is not None and before.slot in ("mode", "effort")
            trails = before is not None and before.trails(creator)
            after_word = thinks and trails and len(words) > 2
            if after_word or creator in self._budget_creators:
                _fill(slots, "budget", words.pop())
                trail.note("variant", f"budget {slots['budget']}", self._budget)
                return True
        return False


def _fill(slots: dict[str, str], slot: str, value: str) -> None:
    """Note what a variant word says; each slot holds one value."""
    if slot != "nothing" and slots.setdefault(slot, value) != value:
        raise Abstain(f"the name says both {slots[slot]} and {value}")


def _variant_text(slots: dict[str, str]) -> str | None:
    if "budget" in slots and not slots.keys() & {"mode", "effort"}:
        slots = {**slots, "mode": _THINKING}
    return "-".join(slots[slot] for slot in _SLOTS if slot in slots) or None
