"""The smallest context window that a request asks for, or implies.

context  = size [glue] "context" | "context" [glue] size
limit    = "at most" size                 (no minimum: it is ignored, or contradicts one)
counted  = number "tokens"                    (neither a rate nor an output)
document = number "-page" document | document "of" number "pages" ["each"]     (an estimate)
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple

from llmrec_pipeline.domain.request_numbers import MILLION, number, phrases, scale, word_set
from llmrec_pipeline.domain.request_tokens import Match, Size, Text
from llmrec_pipeline.domain.request_vocabulary import CONTEXT_WORDS, SOFT, STOPS, TOKEN_WORDS

_BEFORE_CONTEXT_SIZE = word_set(
    "window length size of at least minimum min is = > < ≥ : about around ~ with a an up to the"
    " must be over more than above - ( tokens not less no fewer should needs need ideally roughly"
    " von mindestens de au moins d'au d'au-moins al menos mínimo mínima pelo no least support"
    " supporting 至少 长度 要 为 至 少 需 度 长 大 小 窗 口 不 于 低 from"
)
_AFTER_CONTEXT_SIZE = word_set(
    "- + of long or more input prompt size sized の de memory max minimum min at least total ) le"
    " la al des 的 长 以 上 working is are will enough sufficient suffices do plenty usable"
)
_MADE_WORDS = word_set(
    "output outputs generate generates generating produce produces producing response responses"
    " reply replies completion completions write writes writing draft drafts drafting per /"
    " answer answers compose create creating schreiben rédiger escribir escrever 写"
)
_RATE_WORDS = word_set("per / a each every daily monthly pro par por s")
_SMALLEST_CONTEXT = 512  # tokens; a smaller number beside "context" counts something else
_SMALLEST_ESTIMATE = 4_096  # tokens; what is shorter fits every model
_BOUNDS = phrases(
    {
        "upper": "at most|no more than|not more than|less than|under|below|no larger than|höchstens"
        "|weniger als|au plus|moins de|como máximo|menos de|no máximo|menos que|最多|不超过|少于"
        "|低于|小于",
        "lower": "at least|not under|not below|no less than|not less than|不少于|不低于|不小于",
    }
)
_REQUIRED_AFTER = phrases(
    {"required": "is the minimum|is the least|is a must|is required|is needed|are needed|needed"}
)
_OF = word_set("of de d' des")
_EACH = word_set("each apiece jeweils chacun chacune cada 每")
_LOOK_BACK = 6
_LONGEST_BOUND = 4  # words of an upper or lower bound
_LONGEST_GLUE = 4  # words between a size and "context"
_ROUND_SIZES = frozenset(
    Fraction(k * 1_000) for k in (8, 16, 32, 64, 100, 128, 200, 256, 400, 500, 512, 1_000, 2_000)
)
_LEADS = word_set("least min minimum ≥ = >")
_ENDS = STOPS | {"or", "for", "+", "minimum", "min", ""}
_LENGTHS = phrases(
    {
        "page": "page|pages|pp|seite|seiten|seitig*|página|páginas|pagina|paginas|页|頁|ページ",
        "word": "word|words|wort|worte|wörter|mots|palabras|palavras|字",
    }
)
_DOCUMENTS = word_set(
    "book books novel novels manuscript manuscripts document documents report reports pdf pdfs"
    " contract contracts thesis theses dissertation dissertations filing filings file files paper"
    " papers transcript transcripts manual manuals agreement agreements brief briefs memoir policy"
    " policies spec specs specification textbook textbooks script screenplay text texts long"
    " handbook handbooks deposition proceedings buch buches roman dokument dokumente bericht"
    " berichte vertrag livre rapport rapports contrat libro libros informe informes documento"
    " documentos contrato livro livros relatório relatórios 书 的 文 报 合 小"
)


class ContextReading(NamedTuple):
    """The smallest context window asked for, in tokens (None: none stated), and its words."""

    tokens: int | None = None
    quotes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    contradiction: str = ""


class _Found(NamedTuple):
    tokens: int
    quote: str
    is_wish: bool = False


def read_context(text: Text, *, tokens_per_page: float, tokens_per_word: float) -> ContextReading:
    """The smallest context window asked for, in tokens; takes the words it used.

    A number counts where it stands beside "context", or else where it counts tokens that are not
    a rate ("per day") or an output, or else where a usual size stands alone ("128k"). Only where
    no size is stated is it estimated from the length of a document, and said so. The largest of
    several wins; a wish ("ideally 128k") and an upper bound give way to a limit and are ignored,
    and an upper bound below the minimum is a contradiction.
    """
    reader = _Reader(text, {"page": tokens_per_page, "word": tokens_per_word})
    reader.read()
    return reader.reading()


class _Reader:
    """One pass over a text; see `read_context`."""

    def __init__(self, text: Text, per_length: Mapping[str, float]) -> None:
        self.text = text
        self._per_length = per_length
        self._contexts = {match.end - 1: match.start for match in CONTEXT_WORDS.find(text)}
        self._named: list[_Found] = []
        self._counted: list[_Found] = []
        self._alone: list[_Found] = []
        self._estimated: list[_Found] = []
        self._upper: list[_Found] = []

    def read(self) -> None:
        index = 0
        while index < len(self.text.tokens):
            size = number(self.text, index, counts=True) or _bare_scale(self.text, index)
            index = index + 1 if size is None else self._size(index, size)

    def _size(self, index: int, size: Size) -> int:
        """Reads one number; where reading goes on."""
        text = self.text
        at = size.end
        while text.word(at) in ("-", "+"):
            at += 1
        word = TOKEN_WORDS.at(text, at + (text.word(at) in _OF))
        end = at if word is None else word.end
        start, beside_end = _beside_context(text, index, end, self._contexts)
        tokens = -(-size.value.numerator // size.value.denominator)
        is_large = tokens >= _SMALLEST_CONTEXT
        if is_large and beside_end > start:
            self._keep(self._named, tokens, index, (start, beside_end))
            end = beside_end
        elif is_large and word is not None:
            if not _made(text, index, end):
                self._keep(self._counted, tokens, index, (index, end))
        elif _stands_alone(text, index, size.end, size.value):
            self._keep(self._alone, tokens, index, (index, size.end))
        elif (length := _length(text, index, at)) is not None:
            kind, end = length
            first, times = _times(text, index, end)
            guess = -int(-float(size.value * times) * self._per_length[kind] // 1)
            if guess >= _SMALLEST_ESTIMATE:
                self._estimated.append(_Found(guess, text.quote(first, end)))
        return max(end, size.end)

    def _keep(self, kind: list[_Found], tokens: int, at: int, span: tuple[int, int]) -> None:
        text, (start, end) = self.text, span
        is_wish = _is_wish(text, start, at, end)
        bound = _bound(text, at)
        if bound is not None and bound.meaning == "upper":
            kind, start = self._upper, min(start, bound.start)
        kind.append(_Found(tokens, text.quote(start, end), is_wish))
        text.take(start, end)

    def reading(self) -> ContextReading:
        kinds = (self._named, self._counted, self._alone)
        wishes = [found for kind in kinds for found in kind if found.is_wish]
        limits = [[found for found in kind if not found.is_wish] for kind in kinds]
        stated = next((kind for kind in limits if kind), [])
        best = max(stated or wishes, key=lambda found: found.tokens, default=None)
        if best is None:
            return self._estimate()
        upper = self._upper if stated else ()
        lowest = min(upper, key=lambda found: found.tokens, default=best)
        contradiction = (
            f"{best.quote!r} and {lowest.quote!r} leave no context window"
            if lowest.tokens < best.tokens
            else ""
        )
        passed = [f"{found.quote!r} is a wish beside a stated minimum" for found in wishes]
        ignored = (*(passed if stated else ()), *self._ignored_bounds())
        return ContextReading(best.tokens, (best.quote,), (), ignored, contradiction)

    def _estimate(self) -> ContextReading:
        ignored = self._ignored_bounds()
        best = max(self._estimated, key=lambda found: found.tokens, default=None)
        if best is None:
            return ContextReading(ignored=ignored)
        per = self._per_length
        note = (
            f"{best.quote!r} is estimated as {best.tokens} tokens"
            f" ({per['page']:g} a page, {per['word']:.2f} a word)"
        )
        return ContextReading(best.tokens, (best.quote,), (note,), ignored)

    def _ignored_bounds(self) -> tuple[str, ...]:
        return tuple(
            f"{found.quote!r} is no minimum of context; a larger window does no harm"
            for found in self._upper
        )


def _bare_scale(text: Text, start: int) -> Size | None:
    """A million that no number counts: `百万token上下文`, `million-token context`."""
    found = scale(text, start)
    if found is None or found.value < MILLION or text.taken[start]:
        return None
    at = found.end + (text.word(found.end) == "-")
    word = TOKEN_WORDS.at(text, at)
    return None if word is None or CONTEXT_WORDS.at(text, word.end) is None else found


def _bound(text: Text, start: int) -> Match[str] | None:
    """The words right before a size that make it a lower or an upper bound."""
    for index in range(max(0, start - _LONGEST_BOUND), start):
        found = _BOUNDS.at(text, index)
        if found is not None and found.end == start:
            return found
    return None


def _is_wish(text: Text, start: int, at: int, end: int) -> bool:
    """Whether a size is only wished for: "ideally 128k context", "128k would be nice"."""
    before = (SOFT.at(text, index) for index in range(max(0, start - 2), at))
    return SOFT.at(text, end) is not None or any(match is not None for match in before)


def _times(text: Text, start: int, end: int) -> tuple[int, Fraction]:
    """Of how many documents a length is that of each: "5 papers, 20 pages each"; where that
    begins."""
    if text.word(end) in _EACH:
        for index in range(start - 1, max(-1, start - _LOOK_BACK - 1), -1):
            count = number(text, index, counts=True)
            if count is not None and text.word(count.end) in _DOCUMENTS:
                return index, count.value
    return start, Fraction(1)


def _beside_context(
    text: Text, start: int, end: int, contexts: Mapping[int, int]
) -> tuple[int, int]:
    """The tokens that join a number to the word "context" after or before it; empty if none.

    `contexts` tells by the last token of each such word in the text its first.
    """
    for at in range(end, end + _LONGEST_GLUE + 1):
        after = CONTEXT_WORDS.at(text, at)
        if after is not None:
            return start, after.end
        if text.word(at) not in _AFTER_CONTEXT_SIZE:
            break
    for index in range(start - 1, max(-1, start - _LOOK_BACK - 1), -1):
        if text.taken[index]:
            break
        before = contexts.get(index)
        if before is not None and not _is_plain_window(text, before):
            return before, end
        if text.word(index) not in _BEFORE_CONTEXT_SIZE:
            break
    return start, start


def _is_plain_window(text: Text, index: int) -> bool:
    """Whether this is the word "window" of something else: Windows 2000, a browser window."""
    return text.word(index).startswith("window") and not text.word(index - 1).startswith("context")


def _made(text: Text, start: int, end: int) -> bool:
    """Whether a count is a rate or a length of output, not a context."""
    before = {text.word(index) for index in range(start - 3, start)}
    after = {text.word(end), text.word(end + 1)}
    return bool(before & _MADE_WORDS or after & _MADE_WORDS or text.word(end) in _RATE_WORDS)


def _stands_alone(text: Text, start: int, end: int, value: Fraction) -> bool:
    """Whether a size is a usual context on its own: ", 128k,"."""
    if value not in _ROUND_SIZES or text.word(end - 1) not in ("k", "m"):
        return False
    before = text.word(start - 1)
    is_bound = before in _LEADS or _bound(text, start) is not None
    starts = start == 0 or before in STOPS or is_bound
    ends = text.word(end) in _ENDS or SOFT.at(text, end) or _REQUIRED_AFTER.at(text, end)
    return starts and bool(ends)


def _length(text: Text, start: int, at: int) -> tuple[str, int] | None:
    """`300-page report`, `a report of 300 pages`: the kind of length and where it ends."""
    if (unit := _LENGTHS.at(text, at)) is None:
        return None
    if _times(text, start, unit.end)[0] < start:
        return unit.meaning, unit.end
    if _made(text, start, unit.end):
        return None
    end = unit.end
    after = {text.word(end), text.word(end + 1), text.word(end + 2)}
    before = {text.word(index) for index in range(start - 4, start)}
    if after & _DOCUMENTS:
        return unit.meaning, end
    if before & _DOCUMENTS and before & {"of", "with", "has", "is", "are", "von", "mit", "de"}:
        return unit.meaning, end
    return None
