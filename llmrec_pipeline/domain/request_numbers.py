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
        THOUSAND: "k|thousand|thousands|tausend|mille|millier|milliers|mil|千",
        Fraction(10_000): "万|萬",
        MILLION: "m|mm|mn|mio|mln|million|millions|millionen|millón|millon|millones|milhão"
        "|milhao|milhões|milhoes|百万|百萬|백만",
        Fraction(
            10**9
        ): "bn|billion|billions|milliarde|milliarden|milliard|milliards|bilhão|bilhões|十亿",
    }
)
_TEN = "十"
_ARTICLES = word_set("a an ein eine einem einer einen un une una um uma")
_AND_BETWEEN = word_set("and -")
_AND_A_HALF = phrases(
    {
        Fraction(
            1, 2
        ): "and a half|-and-a-half|and-a-half|und ein halb|et demi|et demie|y medio|e meio"
    }
)
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
    plain = _digits(text, start, counts) or _spelled(text, start, counts)
    if plain is None:
        return None
    value, end = _powered(text, _with_half(text, plain))
    return _scaled(text, value, end)


def _digits(text: Text, start: int, counts: bool) -> Size | None:
    token = text.tokens[start]
    if token.number is None:
        return None
    value, end = token.number, start + 1
    if counts:
        whole, point, rest = token.text.partition(".")
        if point and len(rest) == 3 and rest.isdigit() and 1 <= len(whole) <= 3 and whole != "0":
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


def _spelled(text: Text, start: int, counts: bool) -> Size | None:
    """`twenty five`, `one hundred and twenty eight`, `two fifty`, `二十`."""
    hundreds = _hundreds(text, start)
    if hundreds is not None:
        at = hundreds.end
        at += text.word(at) in _AND_BETWEEN
        more = None if text.word(at) in _ARTICLES else _below_hundred(text, at)
        if more is None or more.value.denominator != 1:
            return hundreds
        return Size(hundreds.value + more.value, more.end)
    found = _below_hundred(text, start)
    if found is None or found.value >= 10 or text.word(start) in _ARTICLES:
        return found
    cents = _below_hundred(text, found.end) if _TENS.at(text, found.end) is not None else None
    if cents is None:
        return found
    # "Two fifty" is 2.50 of money; of things it is 250.
    return Size(
        found.value * 100 + cents.value if counts else found.value + cents.value / 100, cents.end
    )


def _hundreds(text: Text, start: int) -> Size | None:
    """`a hundred`, `two hundred`, `三百`."""
    bare, ones = _BARE_HUNDREDS.at(text, start), _ONES.at(text, start)
    if bare is not None and (ones is None or bare.end > ones.end):
        return Size(bare.meaning, bare.end)
    if ones is None or ones.meaning >= 10 or _SCALES.at(text, ones.end) is not None:
        return None  # 百万 is a scale of its own
    more = _HUNDREDS.at(text, ones.end)
    return None if more is None else Size(ones.meaning * 100, more.end)


def _below_hundred(text: Text, start: int) -> Size | None:
    """`fifteen`, `twenty-five`, `五十二`, `half a`."""
    tens, ones = _TENS.at(text, start), _ONES.at(text, start)
    if tens is not None:
        value, end = tens.meaning, tens.end
        at = end + (text.word(end) == "-")
    elif ones is not None and text.word(ones.end) == _TEN and ones.meaning < 10:
        value, end = ones.meaning * 10, ones.end + 1
        at = end
    else:
        return None if ones is None else Size(ones.meaning, ones.end)
    more = None if text.word(at) in _ARTICLES else _ONES.at(text, at)
    if more is None or not 1 <= more.meaning < 10:
        return Size(value, end)
    return Size(value + more.meaning, more.end)


def _with_half(text: Text, plain: Size) -> Size:
    """`two and a half`, `two-and-a-half`."""
    half = _AND_A_HALF.at(text, plain.end)
    return plain if half is None else Size(plain.value + half.meaning, half.end)


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
