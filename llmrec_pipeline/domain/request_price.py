"""Prices in a request: which amounts are prices, and which of them is the cap.

    price  = [cue] range | [cue] amount [unit] [cue after] | unit [cue] amount
    range  = amount ("-" | "to" | "and") amount [unit]
    keyed  = "price" sign number

Amounts and units are those of `request_amounts`. Everything looks at a bounded window of tokens, so
reading takes time linear in the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from llmrec_pipeline.domain.request_amounts import (
    OTHER_UNITS,
    PER_WORDS,
    SIDES,
    Amount,
    Unit,
    read_amount,
    read_unit,
    read_unit_before,
)
from llmrec_pipeline.domain.request_numbers import MILLION, THOUSAND, phrases, word_set
from llmrec_pipeline.domain.request_tokens import Match, Text
from llmrec_pipeline.domain.request_vocabulary import LONGEST_SHORT_TEXT, SOFT, STOPS

_CUES = phrases(
    {
        "max": "under|below|beneath|less than|lower than|cheaper than|fewer than|at most"
        "|no more than|not more than|no greater than|never more than|nothing over|nothing above"
        "|exceed|exceeds|exceeding|not over|not above|no higher than|not beyond|max|max .|maximum"
        "|maximal|up to|within|budget|budget of|cap|caps|capped|capped at|cap of|ceiling|limit"
        "|limited to|<|<=|= <|≤|spend|spending|afford|can pay|will pay|willing to pay|pay up to"
        "|less than or equal to|inside|keep it under|unter|höchstens|maximal|bis zu|bis|weniger als"
        "|nicht mehr als|nicht über|günstiger als|billiger als|moins de|moins cher que|au plus"
        "|au maximum|pas plus de|jusqu'à|maxi|sous|inférieur à|inférieure à|menos de|no más de"
        "|como máximo|máximo|máx|por debajo de|inferior a|hasta|até|no máximo|abaixo de|não mais"
        " de|não mais que|menos que|presupuesto|orçamento|不超过|不超過|低于|低於|少于|少於|最多"
        "|不高于|小于|以下|预算|予算|上限|最大|최대",
        "min": "over|above|more than|at least|minimum|min|>|≥|> =|starting at"
        "|mindestens|über|mehr als|au moins|plus de|más de|mais de|al menos|pelo menos|至少|超过",
        "from": "from|between|zwischen|entre|von|de|desde",
        "now": "currently|paying|we pay|i pay|now pay|used to pay|instead of|costs us"
        "|costing us|zahlen derzeit|charges|charged|charging|pays|paid|sells|sold",
    }
)
_CUES_AFTER = phrases(
    {
        "max": "or less|or under|or below|or cheaper|or lower|max|maximum|tops|at most|budget"
        "|at the most|is my limit|is our limit|is the limit|is my max|is the max|is our max"
        "|is the ceiling|cap|ceiling|limit|oder weniger|maximal|höchstens|ou moins|maximum"
        "|au maximum|o menos|como máximo|máximo|ou menos|no máximo|以下|以内|之内|未満|まで|以內|이하",
        "min": "or more|and up|or above|以上|이상",
    }
)
_NEGATIONS = word_set(
    "not no never don't doesn't won't can't cannot isn't shouldn't mustn't wouldn't nothing without"
    " nicht kein keine pas ne no não nunca jamais sin"
)
_RANGE_SIGNS = frozenset("-\u2013\u2014~〜至到") | {"to", "bis", "à", "a", "até"}
_AND = frozenset({"and", "und", "et", "y", "e", "和"})
_COMPARISONS = word_set("under below less cheaper lower < up max at within no")
_BEFORE_BARE_PRICE = word_set(
    "model models llm llms something anything one ones ai api price priced prices pricing cost costs"
    " costing be is are stay stays keep it them that which but and or for at of best cheap fast good"
    " want need needs pay spend to budget input output tokens code coding please strictly well set"
    " find use using get assistant agent chatbot bot coder anyone any option options available"
)
_PRICE_WORDS = word_set("price pricing cost prix preis precio preço 价 格")
_KEY_GLUE = word_set(": = < ≤ _ max maximum cap limit input output per usd 1 m 1m token tokens")
_SIGNS = word_set(": = < ≤")
_BETWEEN_SIDES = word_set("/ , ; | + and und et y e")
_LOOK_BACK = 6
_LONGEST_KEY = 8  # tokens: max_price_per_1m =


class PriceReading(NamedTuple):
    """The price cap in USD per 1M tokens (None: none stated), its words, and what to know."""

    cap: Fraction | None = None
    quotes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    contradiction: str = ""


class _Price(NamedTuple):
    usd_per_1m: Fraction
    bound: str  # max, min, from, now or empty
    side: str
    quote: str
    is_wish: bool = False


def _cue(text: Text, floor: int, start: int) -> Match[str] | None:
    """The nearest cue before a token, not beyond a stop or another number."""
    nearest: Match[str] | None = None
    for index in range(start - 1, max(floor, start - _LOOK_BACK) - 1, -1):
        token = text.tokens[index]
        if text.taken[index] or token.text in STOPS or token.number is not None:
            break
        match = _CUES.at(text, index)
        # Further left but ending at the same place is the longer one: "no more than".
        if match is not None and match.end <= start and (not nearest or match.end >= nearest.end):
            nearest = match
    if nearest is not None and nearest.meaning == "min" and _is_negated(text, nearest.start):
        return Match("max", nearest.start, nearest.end)
    return nearest


def _is_wish(text: Text, floor: int, start: int, end: int) -> bool:
    """Whether an amount is only wished for: "prefer under $5", "$5 would be nice"."""
    if SOFT.at(text, end) is not None:
        return True
    for index in range(start - 1, max(floor, start - _LOOK_BACK) - 1, -1):
        if SOFT.at(text, index) is not None:
            return True
        if text.word(index) in STOPS:
            return False
    return False


def _is_keyed(text: Text, floor: int, start: int) -> bool:
    """Whether a number is the value of a price: "price: 2", "max_price_per_1m=", "price ≤"."""
    if text.word(start - 1) not in _SIGNS:
        return False
    for index in range(start - 1, max(floor, start - _LONGEST_KEY) - 1, -1):
        word = text.word(index)
        if word in _PRICE_WORDS:
            before = text.word(index - 1)
            return before in STOPS or before in _KEY_GLUE or before in _BEFORE_BARE_PRICE | {""}
        if word not in _KEY_GLUE:
            return False
    return False


def _shared_unit(text: Text, end: int) -> Unit | None:
    """The unit that two sides share, stated after the second: "$1 in / $4 out per 1M"."""
    own = SIDES.at(text, end)
    at = end if own is None else own.end
    if text.word(at) not in _BETWEEN_SIDES:
        return None
    for index in range(at + 1, min(at + _LOOK_BACK, len(text.tokens))):
        other = read_amount(text, index)
        if other is not None:
            found = read_unit(text, other.end, of_money=other.stated)
            between = range(at, index)
            sides = [side for i in between if (side := SIDES.at(text, i)) is not None]
            if found is None or not (found.side or sides):
                return None
            return found._replace(side="" if own is None else own.meaning, start=end, end=at)
        if text.word(index) in STOPS:
            return None
    return None


def _is_negated(text: Text, start: int) -> bool:
    """Whether a "more than" stands under a negation: "I won't pay more than"."""
    for index in range(start - 1, max(-1, start - _LOOK_BACK - 1), -1):
        if text.word(index) in STOPS:
            return False
        if text.word(index) in _NEGATIONS:
            return True
    return False


def _is_of_something_else(text: Text, start: int) -> bool:
    """Whether an amount without a unit is the price of what stands before it: "items under $20"."""
    before = text.word(start - 1)
    named = before.isascii() and before.isalpha() and text.word(start) in _COMPARISONS
    return named and before not in _BEFORE_BARE_PRICE


class _Reader:
    """One pass over a text; see `read_price`."""

    def __init__(self, text: Text, largest_bare_price: float) -> None:
        self.text = text
        self.largest_bare = largest_bare_price
        self.prices: list[_Price] = []
        self.ignored: list[str] = []
        self._floor = 0
        self._ahead: Unit | None = None
        self._is_range_end = False

    def read(self) -> None:
        index = 0
        while index < len(self.text.tokens):
            amount = read_amount(self.text, index)
            found = None if amount is None else self._unit(amount)
            if amount is None or not self._is_price(amount, found):
                index = self._passed(index)
            else:
                index = self._price(amount, found)

    def _unit(self, amount: Amount) -> Unit | None:
        """The unit after an amount, over "or less", or shared with the amount of the other side."""
        end = amount.end
        found = read_unit(self.text, end, of_money=amount.stated)
        if found is not None or (not amount.stated and not self._cue(amount)):
            return found
        after = _CUES_AFTER.at(self.text, end)
        if after is not None:
            return read_unit(self.text, after.end)
        return _shared_unit(self.text, end)

    def _cue(self, amount: Amount) -> Match[str] | None:
        return _cue(self.text, self._floor, amount.start)

    def _is_price(self, amount: Amount, found: Unit | None) -> bool:
        if amount.stated or self._is_range_end:
            return True
        if self._is_key_value(amount):
            return True
        if found is None:
            return False
        if found.names_tokens and found.tokens >= THOUSAND:
            return True
        return self._cue(amount) is not None

    def _is_key_value(self, amount: Amount) -> bool:
        is_short = len(self.text.tokens) <= LONGEST_SHORT_TEXT
        return is_short and _is_keyed(self.text, self._floor, amount.start)

    def _passed(self, index: int) -> int:
        ahead = read_unit_before(self.text, index)
        if ahead is not None:
            self._ahead = ahead
            return ahead.end
        joins = self.text.word(index) in _RANGE_SIGNS | _AND
        self._is_range_end = self._is_range_end and joins
        return index + 1

    def _price(self, amount: Amount, found: Unit | None) -> int:
        text, start = self.text, amount.start
        cue, is_key_value = self._cue(amount), self._is_key_value(amount)
        end = amount.end if found is None else found.end
        if found is None and self._ahead and start - self._ahead.end <= _LOOK_BACK:
            found, start = self._ahead, self._ahead.start
        self._ahead = None
        after = _CUES_AFTER.at(text, amount.end) or _CUES_AFTER.at(text, end)
        bound = "max" if self._is_range_end or is_key_value else "" if cue is None else cue.meaning
        if after is not None and bound != "now":
            bound, end = after.meaning, max(end, after.end)
        starts_range = text.word(end) in _RANGE_SIGNS and read_amount(text, end + 1) is not None
        starts_range = starts_range or (bound == "from" and text.word(end) in _AND)
        side = found.side if found is not None else ""
        if cue is not None:
            start = min(start, cue.start)
            near = [SIDES.at(text, i) for i in range(max(self._floor, cue.start - 2), amount.start)]
            side = side or next((match.meaning for match in near if match is not None), "")
        if starts_range and not self._is_range_end:
            bound = "from"
        self._keep(amount, found, bound, side, start, end)
        self._is_range_end = starts_range and bound == "from"
        self._floor = end
        return end

    def _keep(
        self, amount: Amount, found: Unit | None, bound: str, side: str, start: int, end: int
    ) -> None:
        text = self.text
        quote = text.quote(start, end)
        per = PER_WORDS.at(text, end)
        other = OTHER_UNITS.at(text, end if per is None else per.end)
        if amount.usd is None:
            if found is not None or bound == "max":
                self.ignored.append(f"{quote!r} is not in USD and was not read as a price")
                text.take(start, end)
        elif found is None and other is not None:
            if bound == "max" or per is not None:
                quote = text.quote(start, other.end)
                self.ignored.append(f"{quote!r} is not a price per token and was not read as a cap")
        elif found is not None:
            is_wish = _is_wish(text, self._floor, start, end)
            self._add(amount.usd * MILLION / found.tokens, bound, side, quote, is_wish)
            text.take(start, end)
        elif bound in ("max", "from") and len(text.tokens) <= LONGEST_SHORT_TEXT:
            is_wish = _is_wish(text, self._floor, start, end)
            is_other = not is_wish and _is_of_something_else(text, start)
            if amount.usd > self.largest_bare or is_other:
                self.ignored.append(
                    f"{quote!r} says no number of tokens and was not read as a price per 1M tokens"
                )
                return
            self._add(amount.usd, bound, side, quote, is_wish)
            text.take(start, end)

    def _add(self, usd: Fraction, bound: str, side: str, quote: str, is_wish: bool) -> None:
        if self._is_range_end and self.prices and self.prices[-1].bound == "from":
            # Whichever end stands first, the upper one is the cap.
            usd = max(usd, self.prices[-1].usd_per_1m)
        self.prices.append(_Price(usd, bound, side, quote, is_wish))


def read_price(text: Text, *, largest_bare_price: float) -> PriceReading:
    """The cap on the price, in USD per 1M tokens; takes the words it used.

    An amount is a cap where it is per a number of tokens, or where words such as "under" or
    "budget" say so. Without a unit it is per 1M tokens, unless it is above `largest_bare_price` (USD).
    Of a range the upper end counts; of several caps the lowest one for input tokens, else the
    lowest; one for output tokens beside it is ignored, and so is a wish ("prefer under $5") beside a
    limit. A cap below a stated minimum is a contradiction.
    """
    reader = _Reader(text, largest_bare_price)
    reader.read()
    caps = [price for price in reader.prices if price.bound in ("max", "")]
    ignored = tuple(reader.ignored)
    if not caps:
        return PriceReading(ignored=ignored)
    wishes = [price for price in caps if price.is_wish]
    if len(wishes) < len(caps):
        caps = [price for price in caps if not price.is_wish]
        ignored += tuple(f"{price.quote!r} is a wish beside a stated limit" for price in wishes)
    cap = min(caps, key=lambda price: (price.side == "output", price.bound != "max", price[0]))
    if cap.side != "output":
        ignored += tuple(
            f"{price.quote!r} caps output tokens; the cap compares with the input price"
            for price in caps
            if price.side == "output"
        )
    return PriceReading(
        cap.usd_per_1m,
        (cap.quote,),
        _notes(cap),
        ignored,
        _contradiction(cap, reader.prices),
    )


def _notes(cap: _Price) -> tuple[str, ...]:
    if cap.side != "output":
        return ()
    return (f"{cap.quote!r} names output tokens; the cap compares with the input price",)


def _contradiction(cap: _Price, prices: Sequence[_Price]) -> str:
    floors = [price for price in prices if price.bound == "min"]
    over = next((price for price in floors if price.usd_per_1m > cap.usd_per_1m), None)
    return "" if over is None else f"{over.quote!r} and {cap.quote!r} leave no price"
