"""The grammar of a request in words: prices, context sizes and providers.

Everything looks at a bounded window of tokens, so reading takes time linear in the text. Numbers
are exact fractions until the end: "0.5 USD per 1K tokens" is 500 USD per 1M tokens, not nearly so.

Belongs here: what a phrase means. Does not belong here: task types and priorities, whose words
are configuration, and what is done with the reading (`llmrec_pipeline.domain.task_profile`).
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple, TypeVar

from llmrec_pipeline.domain.request_tokens import Match, Phrases, Text

Meaning = TypeVar("Meaning")

_MILLION = Fraction(1_000_000)


class PriceReading(NamedTuple):
    """The price cap in USD per 1M tokens (None: none stated), its words, and what to know."""

    cap: Fraction | None
    quotes: tuple[str, ...]
    notes: tuple[str, ...]


class ContextReading(NamedTuple):
    """The smallest context window asked for, in tokens (None: none stated), and its words."""

    tokens: int | None
    quotes: tuple[str, ...]


class ProviderReading(NamedTuple):
    """Providers asked for and refused, in the order of the text, with the words."""

    allowed: tuple[str, ...]
    denied: tuple[str, ...]
    allowed_quotes: tuple[str, ...]
    denied_quotes: tuple[str, ...]


def _phrases(meanings: dict[Meaning, str]) -> Phrases[Meaning]:
    return Phrases(
        (phrase.strip(), meaning)
        for meaning, phrases in meanings.items()
        for phrase in phrases.split("|")
    )


def _word_set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_SPELLED = _phrases(
    {
        Fraction(1): "a|one|ein|eine|einer|un|une|una|um|uma",
        Fraction(2): "two|zwei|deux|dos",
        Fraction(3): "three|drei|trois|tres",
        Fraction(4): "four",
        Fraction(5): "five",
        Fraction(10): "ten",
        Fraction(20): "twenty",
        Fraction(100): "hundred|a hundred|one hundred",
        Fraction(1, 2): "half a",
    }
)
_SCALES = _phrases(
    {
        Fraction(1_000): "k|thousand|tausend|mille|mil|千",
        Fraction(10_000): "万|萬",
        Fraction(1_000_000): "m|mn|mio|million*|millón|millones|milhão|milhões|百万|百萬|백만",
    }
)
_TOKEN_WORDS = _phrases({Fraction(1): "token|tokens|tok|toks|トークン|토큰|词元|jeton|jetons"})
_SCALED_TOKENS = _phrases(
    {Fraction(1_000): "ktok|ktoks|ktoken|ktokens", _MILLION: "mtok|mtoks|mtoken|mtokens"}
)
_PER = _phrases({"per": "/|per|a|an|for|each|every|pro|je|par|por|每"})
_PER_AFTER = _phrases({"any": "あたり|当たり|につき|당", "for": "for|for under|for less than"})
_SIDES = _phrases(
    {
        "input": "input|inputs|prompt|in|入力|eingabe",
        "output": "output|outputs|completion|completions|generated|out|出力|ausgabe",
    }
)
# A meaning of None is a currency that is not converted.
_CURRENCIES: Phrases[Fraction | None] = _phrases(
    {
        Fraction(1): "$|us $|usd|us dollar|us dollars|dollar|dollars|bucks|buck"
        "|dólar|dólares|dolar|dolares|ドル|美元|달러",
        Fraction(1, 100): "cent|cents|¢|us cent|us cents",
        None: "€|eur|euro|euros|£|gbp|¥|yen|jpy|円|元|cny|rmb|₹|inr|chf",
    }
)
_CUES = _phrases(
    {
        "max": "under|below|less than|lower than|cheaper than|at most|no more than|not more than"
        "|exceed|exceeds|exceeding|not over|not above|no higher than|max|maximum|maximal|up to"
        "|within|budget|cap|caps|capped|ceiling|limit|limited to|<|<=|≤|spend|afford|pay up to"
        "|less than or equal to|unter|höchstens|bis zu|weniger als|maximal|moins de|au plus"
        "|menos de|máximo|máx|hasta|até|presupuesto|不超过|低于|少于|最多|预算|予算|최대",
        "min": "over|above|more than|at least|from|between|minimum|>|≥|> =|starting at"
        "|currently|paying|we pay|i pay|now pay|mindestens|zwischen|über|entre|au moins|至少",
    }
)
_CUES_AFTER = _phrases(
    {
        "max": "or less|or under|or below|or cheaper|max|maximum|tops|at most|budget|cap|ceiling"
        "|limit|以下|以内|未満|まで|以內|이하",
        "min": "or more|and up|以上|이상",
    }
)
_OTHER_UNITS = _phrases(
    {
        "other": "month|monthly|mo|day|week|year|hour|hr|minute|second|request|requests|call|calls"
        "|query|queries|user|users|seat|run|task|session|document|documents|page|pages|image"
        "|images|message|messages|character|characters|chars|word|words|monat|tag|mois|mes"
    }
)
_CONTEXT_WORDS = _phrases(
    {"context": "context*|ctx|kontext*|window|コンテキスト|コンテクスト|上下文|컨텍스트"}
)
_STOPS = frozenset(",.;!?()") | {"and", "with", "but", "then", "、", "。"}
_RANGE_SIGNS = frozenset("-\u2013\u2014~") | {"to", "bis"}
_BEFORE_CONTEXT_SIZE = _word_set(
    "window length size of at least minimum min is = > < ≥ : about around ~ with a an up to the"
    " must be over more than above - ( tokens"
)
_AFTER_CONTEXT_SIZE = _word_set("- + of long or more input prompt size sized の de")
_MADE_WORDS = _word_set(
    "output outputs generate generates generating produce response responses reply replies"
    " completion completions write writes per / answer answers"
)
_RATE_WORDS = _word_set("per / a each every daily monthly pro")
_SMALLEST_CONTEXT = 512  # tokens; a smaller number beside "context" counts something else
_LOOK_BACK = 6

_PROVIDER_CUES = _phrases(
    {
        "allow": "only|just|either|solely|exclusively|stick to|stick with|limit to|limited to"
        "|restrict to|restricted to|must be|be from|come from|coming only from|model from"
        "|models from|llm from|llms from|something from|anything from|one from|made by|model by"
        "|models by|provider|providers|vendor|vendors|nur|uniquement|seulement|solo|apenas|只用",
        "deny": "no|not|without|avoid|avoiding|exclude|excludes|excluding|except|except for"
        "|other than|anything but|anything except|everything but|everything except|but not|non"
        "|never|don't use|do not use|can't use|cannot use|don't want|nothing from|skip|ban"
        "|ohne|nicht|kein|keine|sans|pas de|sin|sem|excepto|不要|不用",
        "neither": "not only|not just|not limited to|not restricted to",
    }
)
_PROVIDER_CUES_AFTER = _phrases(
    {
        "allow": "only|models only|model only|llms only|exclusively|のみ|だけ",
        "deny": "excluded|is excluded|are excluded|not allowed|is not allowed|are not allowed"
        "|forbidden|is forbidden|is banned|are banned|is out|以外",
    }
)
_BEFORE_PROVIDER = _word_set(
    "from by any use using want the models model llms of be is are anything made hosted provided"
    " - : = von de"
)
_BETWEEN_PROVIDERS = _word_set(", / & + or and nor oder und ou et o y e 、 或 和")


class _Size(NamedTuple):
    value: Fraction
    end: int


def _number(text: Text, start: int) -> _Size | None:
    """A number with its scale: 128k, 2^17, one million, 1,000,000."""
    if start >= len(text.tokens) or text.taken[start]:
        return None
    value, end = text.tokens[start].number, start + 1
    if value is None:
        spelled = _SPELLED.at(text, start)
        if spelled is None:
            return None
        value, end = spelled.meaning, spelled.end
    sign_end = end + 1 if text.word(end) == "^" else end + 2
    if text.word(end) == "^" or (text.word(end) == "*" and text.word(end + 1) == "*"):
        power = text.tokens[sign_end].number if sign_end < len(text.tokens) else None
        if power is not None and power.denominator == 1 and power < 64 and value < 100:
            value, end = value ** int(power), sign_end + 1
    scale = _SCALES.at(text, end)
    return _Size(value, end) if scale is None else _Size(value * scale.meaning, scale.end)


class _Unit(NamedTuple):
    """Price per so many tokens; `side` is input, output or empty."""

    tokens: Fraction
    side: str
    start: int
    end: int


def _unit(text: Text, start: int) -> _Unit | None:
    """`/1M tokens`, `per million output tokens`, `per token`, `/mtok`."""
    side, at = "", start
    for _ in range(2):  # "$2 input per 1M tokens"
        named = _SIDES.at(text, at)
        if named is not None:
            side, at = named.meaning, named.end
    per = _PER.at(text, at)
    if per is None:
        return None
    end, size = per.end, Fraction(1)
    scaled = _SCALED_TOKENS.at(text, end)
    if scaled is not None:
        return _Unit(scaled.meaning, side, start, scaled.end)
    number = _number(text, end)
    scale = _SCALES.at(text, end)
    if number is not None:
        size, end = number
    elif scale is not None:
        size, end = scale.meaning, scale.end
    if text.word(end) == "-":
        end += 1
    named = _SIDES.at(text, end)
    if named is not None and (size >= 1_000 or _TOKEN_WORDS.at(text, named.end) is not None):
        side, end = named.meaning, named.end
    word = _TOKEN_WORDS.at(text, end)
    if word is not None:
        end = word.end
    elif size not in (1_000, _MILLION) or _OTHER_UNITS.at(text, end) is not None:
        return None
    if size <= 0 or _CONTEXT_WORDS.at(text, end) is not None:
        return None
    return _Unit(size, side, start, end)


def _unit_before(text: Text, start: int) -> _Unit | None:
    """`100万トークンあたり`, `1M tokens for`, `per million:`: the unit stands before the amount."""
    if text.word(start) in ("/", "per", "pro", "par", "por", "每"):
        return _unit(text, start)
    number = _number(text, start)
    if number is None:
        return None
    word = _TOKEN_WORDS.at(text, number.end)
    per = None if word is None else _PER_AFTER.at(text, word.end)
    if per is None or number.value <= 0:
        return None
    if per.meaning == "for" and number.value not in (1_000, _MILLION):
        return None
    return _Unit(number.value, "", start, per.end)


class _Amount(NamedTuple):
    usd: Fraction | None  # None: another currency
    stated: bool  # a currency was named
    start: int
    end: int


def _amount(text: Text, start: int) -> _Amount | None:
    at, sign = start, 1
    if text.word(at) == "-" and text.touching(at) and not (at and text.touching(at - 1)):
        at, sign = at + 1, -1
    before = _CURRENCIES.at(text, at)
    if before is not None:
        at = before.end
        if text.word(at) == "-":
            at, sign = at + 1, -1
    number = _number(text, at)
    if number is None:
        return None
    end = number.end
    after = _CURRENCIES.at(text, end)
    currency = before or after
    if after is not None:
        end = after.end
    if currency is None:
        return _Amount(number.value * sign, False, start, end)
    rate = currency.meaning
    return _Amount(None if rate is None else number.value * sign * rate, True, start, end)


def _cue(text: Text, floor: int, start: int) -> Match[str] | None:
    """The nearest cue before a token, not beyond a stop or another number."""
    nearest: Match[str] | None = None
    for index in range(start - 1, max(floor, start - _LOOK_BACK) - 1, -1):
        token = text.tokens[index]
        if text.taken[index] or token.text in _STOPS or token.number is not None:
            break
        match = _CUES.at(text, index)
        # Further left but ending at the same place is the longer one: "no more than".
        if match is not None and match.end <= start and (not nearest or match.end >= nearest.end):
            nearest = match
    return nearest


class _Price(NamedTuple):
    usd_per_1m: Fraction
    bound: str  # max, min or empty
    side: str
    quote: str


def read_price(text: Text) -> PriceReading:
    """The cap on the price, in USD per 1M tokens; takes the words it used.

    An amount is a cap where it is per a number of tokens, or where words such as "under" or
    "budget" say so. Without a unit it is per 1M tokens. Of a range the upper end counts; of
    several caps the one said to be a cap, then one for input tokens, then the lowest.
    """
    prices: list[_Price] = []
    notes: list[str] = []
    floor = index = 0
    unit_ahead: _Unit | None = None
    range_end = False
    while index < len(text.tokens):
        amount = _amount(text, index)
        unit = None if amount is None else _unit(text, amount.end)
        cue = None if amount is None else _cue(text, floor, index)
        if amount is None or not (amount.stated or range_end or (unit and cue)):
            ahead = _unit_before(text, index)
            if ahead is not None:
                unit_ahead, index = ahead, ahead.end
            else:
                index += 1
                range_end = range_end and text.word(index - 1) in (_RANGE_SIGNS | {"and"})
            continue
        end = amount.end if unit is None else unit.end
        start = index
        if unit is None and unit_ahead is not None and index - unit_ahead.end <= _LOOK_BACK:
            unit, start = unit_ahead, unit_ahead.start
        unit_ahead = None
        after = _CUES_AFTER.at(text, end)
        bound = "max" if range_end else "" if cue is None else cue.meaning
        if after is not None:
            bound, end = after.meaning, after.end
        starts_range = text.word(end) in _RANGE_SIGNS
        other = _OTHER_UNITS.at(text, end + 1) if _PER.at(text, end) else _OTHER_UNITS.at(text, end)
        side = unit.side if unit is not None else ""
        if cue is not None:
            start = min(start, cue.start)
            near = [_SIDES.at(text, i) for i in range(max(floor, cue.start - 2), index)]
            side = side or next((match.meaning for match in near if match is not None), "")
        quote = text.quote(start, end)
        if amount.usd is None:
            notes.append(f"{quote!r} is not in USD and was not read as a price")
        elif unit is None and other is not None:
            quote = text.quote(start, other.end)
            notes.append(f"{quote!r} is not a price per token and was not read as a cap")
        elif starts_range and not range_end:
            bound = "min"
        if amount.usd is not None and (unit is not None or (bound == "max" and other is None)):
            per = _MILLION if unit is None else unit.tokens
            prices.append(_Price(amount.usd * _MILLION / per, bound, side, quote))
            text.take(start, end)
        range_end = bound == "min" and (starts_range or text.word(end) == "and")
        floor = index = end
    caps = [price for price in prices if price.bound != "min"]
    if not caps:
        return PriceReading(None, (), tuple(notes))
    cap = min(caps, key=lambda price: (price.bound != "max", price.side == "output", price[0]))
    if cap.side == "output":
        notes.append(f"{cap.quote!r} names output tokens; the cap compares with the input price")
    return PriceReading(cap.usd_per_1m, (cap.quote,), tuple(notes))


def read_context(text: Text) -> ContextReading:
    """The smallest context window asked for, in tokens; takes the words it used.

    A number counts where it stands beside "context", or else where it counts tokens that are not
    a rate ("per day") or an output. The largest of several wins.
    """
    named: list[tuple[int, str]] = []
    counted: list[tuple[int, str]] = []
    index = 0
    while index < len(text.tokens):
        number = _number(text, index)
        if number is None:
            index += 1
            continue
        at = number.end
        while text.word(at) in ("-", "+"):
            at += 1
        word = _TOKEN_WORDS.at(text, at)
        end = at if word is None else word.end
        start, beside_end = _beside_context(text, index, end)
        size = -(-number.value.numerator // number.value.denominator)
        if size >= _SMALLEST_CONTEXT and beside_end > start:
            named.append((size, text.quote(start, beside_end)))
            text.take(start, beside_end)
            end = beside_end
        elif size >= _SMALLEST_CONTEXT and word is not None and not _made(text, index, end):
            counted.append((size, text.quote(index, end)))
            text.take(index, end)
        index = max(end, number.end)
    found = named or counted
    if not found:
        return ContextReading(None, ())
    size, quote = max(found, key=lambda item: item[0])
    return ContextReading(size, (quote,))


def _beside_context(text: Text, start: int, end: int) -> tuple[int, int]:
    """The tokens that join a number to the word "context" after or before it; empty if none."""
    at = end
    while at < end + 3 and text.word(at) in _AFTER_CONTEXT_SIZE:
        at += 1
    after = _CONTEXT_WORDS.at(text, at)
    if after is not None:
        return start, after.end
    for index in range(start - 1, max(0, start - _LOOK_BACK) - 1, -1):
        if text.taken[index]:
            break
        if _CONTEXT_WORDS.at(text, index) is not None and text.word(index) != "window":
            return index, end
        if text.word(index) not in _BEFORE_CONTEXT_SIZE:
            break
    return start, start


def _made(text: Text, start: int, end: int) -> bool:
    """Whether a count of tokens is a rate or a length of output, not a context."""
    before = {text.word(index) for index in range(start - 3, start)}
    after = {text.word(end), text.word(end + 1)}
    return bool(before & _MADE_WORDS or after & _MADE_WORDS or text.word(end) in _RATE_WORDS)


def _provider_list(text: Text, start: int, names: Phrases[str]) -> tuple[list[str], int]:
    found: list[str] = []
    end = at = start
    while (name := names.at(text, at)) is not None:
        found.append(name.meaning)
        end = at = name.end
        while text.word(at) in _BETWEEN_PROVIDERS:
            at += 1
        if at == end:
            break
        at += text.word(at) in ("from", "by", "the")
    return found, end


def read_providers(text: Text, names: Phrases[str]) -> ProviderReading:
    """Providers that the text asks for ("only", "must be from") or refuses ("no", "not from").

    A provider that is only mentioned restricts nothing. Takes the words it used.
    """
    lists: dict[str, list[str]] = {"allow": [], "deny": [], "neither": []}
    quotes: dict[str, list[str]] = {"allow": [], "deny": [], "neither": []}
    index = 0
    while index < len(text.tokens):
        cue = _PROVIDER_CUES.at(text, index)
        at = index if cue is None else cue.end
        while cue is not None and at < cue.end + 4 and text.word(at) in _BEFORE_PROVIDER:
            at += 1
        found, end = _provider_list(text, at, names)
        if not found:
            index += 1
            continue
        after = _PROVIDER_CUES_AFTER.at(text, end)
        meaning = cue.meaning if cue is not None else after.meaning if after is not None else ""
        if after is not None and meaning == after.meaning:
            end = after.end
        if meaning:
            lists[meaning].extend(found)
            quotes[meaning].append(text.quote(index, end))
            text.take(index, end)
        index = end
    return ProviderReading(
        tuple(dict.fromkeys(lists["allow"])),
        tuple(dict.fromkeys(lists["deny"])),
        tuple(quotes["allow"]),
        tuple(quotes["deny"]),
    )
