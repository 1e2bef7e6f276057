"""The smallest context window that a request asks for, or implies.

context  = size [glue] "context" | "context" [glue] size
counted  = number "tokens"                    (neither a rate nor an output)
document = number "-page" document | document "of" number "pages"     (an estimate)
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple

from llmrec_pipeline.domain.request_numbers import number, phrases, word_set
from llmrec_pipeline.domain.request_price import CONTEXT_WORDS, STOPS, TOKEN_WORDS
from llmrec_pipeline.domain.request_tokens import Text

_BEFORE_CONTEXT_SIZE = word_set(
    "window length size of at least minimum min is = > < ≥ : about around ~ with a an up to the"
    " must be over more than above - ( tokens not less no fewer should needs need ideally roughly"
    " von mindestens de au moins d'au d'au-moins al menos mínimo mínima pelo no least support"
    " supporting 至少 长度 要 为 至 少 需 度 长 大 小 窗 口 from"
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
_LOOK_BACK = 6
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


class _Found(NamedTuple):
    tokens: int
    quote: str


def read_context(
    text: Text, *, tokens_per_page: float = 500.0, tokens_per_word: float = 4 / 3
) -> ContextReading:
    """The smallest context window asked for, in tokens; takes the words it used.

    A number counts where it stands beside "context", or else where it counts tokens that are not
    a rate ("per day") or an output, or else where a usual size stands alone ("128k"). Only where
    no size is stated is it estimated from the length of a document, and said so. The largest of
    several wins.
    """
    named: list[_Found] = []
    counted: list[_Found] = []
    alone: list[_Found] = []
    estimated: list[_Found] = []
    per_length = {"page": tokens_per_page, "word": tokens_per_word}
    contexts = {match.end - 1: match.start for match in CONTEXT_WORDS.find(text)}
    index = 0
    while index < len(text.tokens):
        size = number(text, index, counts=True)
        if size is None:
            index += 1
            continue
        at = size.end
        while text.word(at) in ("-", "+"):
            at += 1
        word = TOKEN_WORDS.at(text, at)
        end = at if word is None else word.end
        start, beside_end = _beside_context(text, index, end, contexts)
        tokens = -(-size.value.numerator // size.value.denominator)
        if tokens >= _SMALLEST_CONTEXT and beside_end > start:
            named.append(_Found(tokens, text.quote(start, beside_end)))
            text.take(start, beside_end)
            end = beside_end
        elif tokens >= _SMALLEST_CONTEXT and word is not None:
            if not _made(text, index, end):
                counted.append(_Found(tokens, text.quote(index, end)))
                text.take(index, end)
        elif _stands_alone(text, index, size.end, size.value):
            alone.append(_Found(tokens, text.quote(index, size.end)))
            text.take(index, size.end)
        elif (length := _length(text, index, at)) is not None:
            kind, end = length
            guess = -int(-float(size.value) * per_length[kind] // 1)
            if guess >= _SMALLEST_ESTIMATE:
                estimated.append(_Found(guess, text.quote(index, end)))
        index = max(end, size.end)
    found = named or counted or alone
    if found:
        best = max(found, key=lambda item: item.tokens)
        return ContextReading(best.tokens, (best.quote,))
    if not estimated:
        return ContextReading()
    best = max(estimated, key=lambda item: item.tokens)
    note = (
        f"{best.quote!r} is estimated as {best.tokens} tokens"
        f" ({tokens_per_page:g} a page, {tokens_per_word:.2f} a word)"
    )
    return ContextReading(best.tokens, (best.quote,), (note,))


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
    starts = start == 0 or before in STOPS or before in _LEADS
    return starts and text.word(end) in _ENDS


def _length(text: Text, start: int, at: int) -> tuple[str, int] | None:
    """`300-page report`, `a report of 300 pages`: the kind of length and where it ends."""
    if (unit := _LENGTHS.at(text, at)) is None or _made(text, start, unit.end):
        return None
    end = unit.end
    after = {text.word(end), text.word(end + 1), text.word(end + 2)}
    before = {text.word(index) for index in range(start - 4, start)}
    if after & _DOCUMENTS:
        return unit.meaning, end
    if before & _DOCUMENTS and before & {"of", "with", "has", "is", "are", "von", "mit", "de"}:
        return unit.meaning, end
    return None
