"""Sums of money in a request, and the number of tokens that they are for.

    amount = [currency] number | number [currency]
    unit   = ("/" | "per" | …) [number] [scale] [side] "tokens"

Belongs here: what an amount and a unit are, wherever they stand. Does not belong here: whether an
amount is a price or a cap (`request_price`).
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from llmrec_pipeline.domain.request_numbers import (
    MILLION,
    THOUSAND,
    number,
    phrases,
    scale,
    word_set,
)
from llmrec_pipeline.domain.request_tokens import Match, Phrases, Size, Text
from llmrec_pipeline.domain.request_vocabulary import CONTEXT_WORDS, TOKEN_WORDS

_SCALED_TOKENS = phrases(
    {
        THOUSAND: "ktok|ktoks|ktoken|ktokens|kt",
        MILLION: "mtok|mtoks|mtoken|mtokens|mt|mtk",
    }
)
PER_WORDS = phrases(
    {"per": "/|per|a|an|for|on|each|every|pro|je|par|por|pour|für|para|na|le|la|el|al|每"}
)
_PER_FIRST = word_set("/ per pro par por each every je 每")
_PER_AFTER = phrases({"any": "あたり|当たり|につき|당", "for": "for|for under|for less than|:"})
SIDES = phrases(
    {
        "input": "input|inputs|prompt|in|入力|输入|eingabe|entrada|entrée",
        "output": "output|outputs|completion|completions|generated|out|出力|输出|ausgabe"
        "|salida|saída|sortie",
    }
)
# A meaning of None is a currency that is not converted.
_CURRENCIES: Phrases[Fraction | None] = phrases(
    {
        Fraction(1): "$|us $|us$|usd|us dollar|us dollars|u . s . dollars|dollar|dollars|bucks|buck"
        "|usd $|dollars us|dólar|dólares|dolar|dolares|dollari|ドル|米ドル|美元|美金|刀|달러",
        Fraction(1, 100): "cent|cents|¢|c|us cent|us cents|ct|cts|centavos|美分|セント"
        "|centimes de dollar|centimes de dollars|centavos de dólar|céntimos de dólar",
        None: "centimes|céntimos"
        "|€|eur|euro|euros|欧元|£|gbp|pound|pounds|quid|¥|yen|jpy|円|元|cny|rmb|yuan|人民币|块"
        "|₹|inr|rupees|chf|franken|francs|brl|r $|reais|krw|원|₩",
    }
)
OTHER_UNITS = phrases(
    {
        "other": "month|months|monthly|mo|day|daily|week|weekly|year|yearly|annual|annually|hour"
        "|hourly|hr|minute|min|second|s|sec|request|requests|call|calls|query|queries|user|users"
        "|seat|seats|run|task|session|document|documents|page|pages|image|images|message|messages"
        "|character|characters|chars|word|words|head|person|employee|item|night|monat|tag|jahr"
        "|mois|jour|mes|día|mês|dia|月|年|天"
    }
)


class Unit(NamedTuple):
    """Price per so many tokens; `side` is input, output or empty; `names_tokens` where a word does."""

    tokens: Fraction
    side: str
    start: int
    end: int
    names_tokens: bool = True


class Amount(NamedTuple):
    """A sum: in USD, None where it is in another currency; `stated` where a currency was named."""

    usd: Fraction | None
    stated: bool
    start: int
    end: int


def read_unit(text: Text, start: int, *, of_money: bool = True) -> Unit | None:
    """`/1M tokens`, `per million output tokens`, `per token`, `/mtok`; after a sum of money also
    `1M tokens` alone."""
    side, at = _side(text, start + (text.word(start) == "("))
    per = PER_WORDS.at(text, at)
    if per is not None:
        return _per_tokens(text, start, side, per)
    return _bare_tokens(text, start, side, at) if of_money else None


def _side(text: Text, at: int) -> tuple[str, int]:
    """The side that is named before a unit, and where it ends: "$2 input per 1M tokens"."""
    side = ""
    for _ in range(2):
        named = SIDES.at(text, at)
        if named is not None:
            side, at = named.meaning, named.end
    return side, at


def _bare_tokens(text: Text, start: int, side: str, at: int) -> Unit | None:
    """`1M tokens`, right after a sum of money."""
    bare = number(text, at, counts=True)
    word = None if bare is None else TOKEN_WORDS.at(text, bare.end)
    if bare is None or word is None or bare.value not in (THOUSAND, MILLION):
        return None
    return Unit(bare.value, side, start, word.end)


def _per_tokens(text: Text, start: int, side: str, per: Match[str]) -> Unit | None:
    """What follows "per": so many tokens, or a scale that says tokens by itself (`mtok`)."""
    at = per.end + (text.word(per.end) == "_")  # a key: max_price_per_1m
    at += text.word(at) in _PER_FIRST or text.word(at) == "the"
    scaled = _SCALED_TOKENS.at(text, at)
    if scaled is not None:
        return Unit(scaled.meaning, side, start, scaled.end)
    size, end = _size(text, at, per)
    named = SIDES.at(text, end)
    if named is not None and (size >= 1_000 or TOKEN_WORDS.at(text, named.end) is not None):
        side, end = named.meaning, named.end
    word = TOKEN_WORDS.at(text, end)
    if word is not None:
        end = word.end
        named = SIDES.at(text, end)  # "per million tokens input", "tokens d'entrée"
        if named is not None and text.word(end) not in ("in", "out"):
            side, end = named.meaning, named.end
    elif size not in (THOUSAND, MILLION) or OTHER_UNITS.at(text, end) is not None:
        return None
    if size <= 0 or CONTEXT_WORDS.at(text, end) is not None:
        return None
    return Unit(size, side, start, end, word is not None)


def _size(text: Text, at: int, per: Match[str]) -> Size:
    """How many tokens a unit counts, one where it does not say, and where the words of it end."""
    counted = number(text, at, counts=True)
    alone = scale(text, at, of_one=text.word(per.start) != "por")
    size, end = counted or alone or Size(Fraction(1), at)
    while text.word(end) in ("-", "de", "of", "d'"):
        end += 1
    return Size(size, end)


def read_unit_before(text: Text, start: int) -> Unit | None:
    """`100万トークンあたり`, `1M tokens for`, `per million:`: the unit stands before the amount."""
    if text.word(start) in _PER_FIRST:
        return read_unit(text, start)
    counted = number(text, start, counts=True)
    if counted is None:
        return None
    word = TOKEN_WORDS.at(text, counted.end)
    per = None if word is None else _PER_AFTER.at(text, word.end)
    if per is None or counted.value <= 0:
        return None
    if per.meaning == "for" and counted.value not in (THOUSAND, MILLION):
        return None
    return Unit(counted.value, "", start, per.end)


def unreadable_end(text: Text, start: int) -> int:
    """Where a sum or a price ends whose number is too long to be one: "$1e400 per 1M"; the token
    itself where none stands."""
    before = _CURRENCIES.at(text, start)
    at = start if before is None else before.end
    if not text.word(at)[:1].isdigit() or text.tokens[at].number is not None:
        return start
    after = _CURRENCIES.at(text, at + 1)
    end = at + 1 if after is None else after.end
    unit = read_unit(text, end)
    if unit is not None:
        return unit.end
    return start if before is None and after is None else end


def read_amount(text: Text, start: int) -> Amount | None:
    """A number with its currency, if it has one, before or after it."""
    at, is_negative = start, False
    if text.word(at) == "-" and text.touching(at) and not (at and text.touching(at - 1)):
        at, is_negative = at + 1, True
    before = _CURRENCIES.at(text, at)
    if before is not None and text.word(at) != "c":
        at = before.end
        if text.word(at) == "-":
            at, is_negative = at + 1, True
    else:
        before = None
    counted = number(text, at)
    if counted is None:
        return None
    end = counted.end
    after = _CURRENCIES.at(text, end)
    currency = before or after
    if after is not None:
        end = after.end
    value = -counted.value if is_negative else counted.value
    if currency is None:
        return Amount(value, False, start, end)
    rate = currency.meaning
    return Amount(None if rate is None else value * rate, True, start, end)
