"""Numbers as people write them: 128k, 2^17, two and a half, 1.000.000, 20万, 三.

Everything is an exact fraction: "0.5 USD per 1K tokens" is 500 USD per 1M tokens, not nearly so.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TypeVar

from llmrec_pipeline.domain.request_tokens import Phrases, Size, Text

Meaning = TypeVar("Meaning")

THOUSAND, MILLION = Fraction(1_000), Fraction(1_000_000)


def phrases(meanings: dict[Meaning, str]) -> Phrases[Meaning]:
    """Phrases of a table {meaning: "one|another"}."""
    return Phrases(
        (phrase.strip(), meaning)
        for meaning, listed in meanings.items()
        for phrase in listed.split("|")
    )


def word_set(words: str) -> frozenset[str]:
    """The words between blanks."""
    return frozenset(words.split())


_ONES = phrases(
    {
        Fraction(1): "a|an|one|ein|eine|einem|einer|einen|un|une|una|um|uma|一",
        Fraction(2): "two|a couple of|a couple|zwei|deux|dos|dois|duas|二|两|兩",
        Fraction(3): "three|drei|trois|tres|três|三",
        Fraction(4): "four|vier|quatre|cuatro|quatro|四",
        Fraction(5): "five|fünf|cinq|cinco|五",
        Fraction(6): "six|sechs|seis|六",
        Fraction(7): "seven|sieben|sept|siete|sete|七",
        Fraction(8): "eight|acht|huit|ocho|oito|八",
        Fraction(9): "nine|neun|neuf|nueve|nove|九",
        Fraction(10): "ten|zehn|dix|diez|dez|十",
        Fraction(11): "eleven|elf|onze|once",
        Fraction(12): "twelve|zwölf|douze|doce|doze",
        Fraction(15): "fifteen|fünfzehn|quinze|quince",
        Fraction(16): "sixteen|sechzehn|seize",
        Fraction(18): "eighteen",
        Fraction(1, 2): "half a|a half|half|halber|ein halber|einen halben|halben|un demi|demi"
        "|medio|meio|半",
        Fraction(1, 4): "a quarter of a|quarter of a|a quarter",
        Fraction(3, 4): "three quarters of a",
    }
)
_TENS = phrases(
    {
        Fraction(20): "twenty|zwanzig|vingt|veinte|vinte",
        Fraction(30): "thirty|dreißig|trente|treinta|trinta",
        Fraction(40): "forty|vierzig|quarante|cuarenta",
        Fraction(50): "fifty|fünfzig|cinquante|cincuenta|cinquenta",
        Fraction(60): "sixty|sechzig|soixante|sesenta",
        Fraction(70): "seventy",
        Fraction(80): "eighty",
        Fraction(90): "ninety",
    }
)
_HUNDREDS = phrases({Fraction(100): "hundred|hundert|百"})
# A hundred that needs no number before it.
_BARE_HUNDREDS = phrases({Fraction(100): "hundred|a hundred|hundert|cien|cem"})
_SCALES = phrases(
    {
        THOUSAND: "k|thousand|thousands|tausend|mille|mil|千",
        Fraction(10_000): "万|萬",
        MILLION: "m|mm|mn|mio|mln|million|millions|millionen|millón|millon|millones|milhão"
        "|milhao|milhões|milhoes|百万|百萬|백만",
    }
)
_TEN = "十"
_MOST_GROUPS = 6  # of three digits: more are no amount
_SLANG_MILLION = "mil"  # "1 mil", "per mil" in English; a thousand in Spanish and Portuguese


def number(text: Text, start: int, *, counts: bool = False) -> Size | None:
    """A number with its scale. Where it counts things, it has no decimals: "128.000" and
    "200 000" are thousands then."""
    if start >= len(text.tokens) or text.taken[start]:
        return None
    key = (start, counts)
    if key in text.sizes:
        kept = text.sizes[key]
        # What was no number before other words were taken is none after it.
        if kept is None or True not in text.taken[start : kept.end]:
            return kept
    size = text.sizes[key] = _read_number(text, start, counts)
    return size


def _read_number(text: Text, start: int, counts: bool) -> Size | None:
    plain = _digits(text, start, counts) or _spelled(text, start)
    if plain is None:
        return None
    value, end = _powered(text, plain)
    return _scaled(text, value, end)


def _digits(text: Text, start: int, counts: bool) -> Size | None:
    token = text.tokens[start]
    if token.number is None:
        return None
    value, end = token.number, start + 1
    if counts:
        whole, point, rest = token.text.partition(".")
        if point and len(rest) == 3 and 1 <= len(whole) <= 3 and whole != "0":
            value *= 1_000
        last = min(len(text.tokens), start + _MOST_GROUPS)
        while end < last and _continues(text, end):
            value, end = value * 1_000 + (text.tokens[end].number or 0), end + 1
    return Size(value, end)


def _continues(text: Text, index: int) -> bool:
    """Whether this token is three more digits of the number before it: "200 000"."""
    before, here = text.tokens[index - 1], text.tokens[index]
    return (
        len(before.text) <= 3
        and len(here.text) == 3
        and here.text.isdigit()
        and before.text.isdigit()
        and here.start == before.end + 1
        and not text.taken[index]
    )


def _spelled(text: Text, start: int) -> Size | None:
    """`twenty five`, `two hundred`, `one and a half`, `二十`."""
    hundred = _BARE_HUNDREDS.at(text, start)
    tens = _TENS.at(text, start)
    ones = _ONES.at(text, start)
    if hundred is not None and (ones is None or hundred.end > ones.end):
        return Size(hundred.meaning, hundred.end)
    if tens is not None:
        at = tens.end + (text.word(tens.end) == "-")
        ones = _ONES.at(text, at)
        if ones is not None and 1 < ones.meaning < 10:
            return Size(tens.meaning + ones.meaning, ones.end)
        return Size(tens.meaning, tens.end)
    if ones is None:
        return None
    value, end = ones.meaning, ones.end
    if text.word(end) == _TEN and value < 10:
        value, end = value * 10, end + 1
        unit = _ONES.at(text, end)
        if unit is not None and unit.meaning < 10:
            value, end = value + unit.meaning, unit.end
    more = _HUNDREDS.at(text, end)
    # 百万 is a scale of its own.
    if more is not None and value < 10 and _SCALES.at(text, end) is None:
        value, end = value * 100, more.end
    if text.word(end) == "and" and text.word(end + 1) == "a" and text.word(end + 2) == "half":
        value, end = value + Fraction(1, 2), end + 3
    return Size(value, end)


def _powered(text: Text, plain: Size) -> Size:
    value, end = plain
    sign_end = end + 1 if text.word(end) == "^" else end + 2
    if text.word(end) == "^" or (text.word(end) == "*" and text.word(end + 1) == "*"):
        power = text.tokens[sign_end].number if sign_end < len(text.tokens) else None
        if power is not None and power.denominator == 1 and power < 64 and value < 100:
            return Size(value ** int(power), sign_end + 1)
    return plain


def _scaled(text: Text, value: Fraction, end: int) -> Size:
    """The number times its scales: `128k`, `2 hundred thousand`, `1 mil`."""
    found = scale(text, end, of_one=value == 1)
    if found is None:
        return Size(value, end)
    again = scale(text, found.end)
    if again is not None and found.value < again.value:
        return Size(value * found.value * again.value, again.end)
    return Size(value * found.value, found.end)


def scale(text: Text, start: int, *, of_one: bool = False) -> Size | None:
    """`thousand`, `M`, `万` alone. `of_one`: after a one or nothing, where "mil" is a million."""
    found = _SCALES.at(text, start)
    if found is None:
        return None
    if of_one and text.word(start) == _SLANG_MILLION:
        return Size(MILLION, found.end)
    return Size(found.meaning, found.end)
