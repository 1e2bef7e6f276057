"""What else a request states: capabilities, how many results, and what nobody can check.

results      = "top" number | number ["best"] ("models" | "options" | …)
capabilities = a configured phrase, unless it is negated
"""

from __future__ import annotations

from typing import NamedTuple

from llmrec_pipeline.domain.request_numbers import number, phrases, word_set
from llmrec_pipeline.domain.request_tokens import Phrases, Text

_TOP = phrases({"top": "top|best|first|show me|show|give me|list|name|suggest|recommend|nenne|前"})
_RESULTS = phrases(
    {
        "results": "option|options|models|llms|candidates|suggestions|recommendations"
        "|alternatives|choices|picks|results|ideas|optionen|vorschläge|modelle|suggestions"
        "|modèles|opciones|modelos|opções|个模型|个选项|个"
    }
)
_BEFORE_RESULTS = word_set("best different good other top fastest cheapest suitable great possible")
_NEGATIONS = word_set(
    "no not without don't doesn't needn't never ohne kein keine sans sin sem 不 不要"
)
_MOST_RESULTS = 100
_LOOK_BACK = 3


class Wishes(NamedTuple):
    """Capabilities in the order of the text, each with its words; how many results; what was
    heard and cannot be checked."""

    capabilities: tuple[str, ...] = ()
    capability_quotes: tuple[str, ...] = ()
    topk: int | None = None
    topk_quotes: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


class Unchecked(NamedTuple):
    """Why something that a request may ask for is not known of any model."""

    reason: str


def read_wishes(text: Text, known: Phrases[str | Unchecked]) -> Wishes:
    """Read them; the words stay for the task type ("function calling" names both)."""
    topk, topk_quotes = _results(text)
    found: dict[str, str] = {}
    ignored: list[str] = []
    for match in known.find(text):
        quote = text.quote(match.start, match.end)
        before = {text.word(i) for i in range(match.start - _LOOK_BACK, match.start)}
        if isinstance(match.meaning, Unchecked):
            ignored.append(f"{quote!r}: {match.meaning.reason}")
        elif not before & _NEGATIONS:
            found.setdefault(match.meaning, quote)
    return Wishes(tuple(found), tuple(found.values()), topk, topk_quotes, tuple(ignored))


def _results(text: Text) -> tuple[int | None, tuple[str, ...]]:
    for start in range(len(text.tokens)):
        size = number(text, start)
        if size is None or size.value.denominator != 1 or not 1 <= size.value <= _MOST_RESULTS:
            continue
        first = start
        while first and _TOP.at(text, first - 1) is not None and first > start - 3:
            first -= 1
        leads = _leads(text, start)
        end = size.end
        while text.word(end) in _BEFORE_RESULTS:
            end += 1
        noun = _RESULTS.at(text, end)
        is_top = text.word(start - 1) in ("top", "前")
        if noun is not None and (leads or start == 0):
            end = noun.end
        elif not is_top or text.word(size.end) in ("%", "-"):
            continue
        quote = text.quote(first, end)
        text.take(start, size.end)
        if noun is not None:  # "cheapest" between them is left to the priority
            text.take(noun.start, noun.end)
        return int(size.value), (quote,)
    return None, ()


def _leads(text: Text, start: int) -> bool:
    """Whether words before a number ask for that many: "give me", "the top"."""
    for index in range(start - 1, max(-1, start - _LOOK_BACK - 1), -1):
        match = _TOP.at(text, index)
        if match is not None and match.end <= start:
            return True
    return False
