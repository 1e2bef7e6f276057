"""What a place in a file is: code, a comment, or documentation.

In: a file's text, and how its language is read. Out: the kind of each place that is asked for. Pure.
Python is read by its own tokenizer: only strings count as code, since a model string is one, and
docstrings are documentation. Other languages by the comments that config/audit.yaml tells; what is
not certain to be a comment is code.
"""

from __future__ import annotations

import io
import re
import tokenize
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from llmrec_pipeline.domain.audit_config import Language

CODE, COMMENT, DOCS = ("code", "comment", "docs")

_STRINGS = r'"(?:\\.|[^"\\\n])*"' + r"|'(?:\\.|[^'\\\n])*'" + r"|`(?:\\.|[^`\\])*`"
_BARE_WORD = re.compile(r"[A-Za-z_]\w*")
_QUOTES = "\"'`"
# Tokens that neither start nor end a statement.
_SILENT = frozenset({tokenize.NL, tokenize.COMMENT})
_BEFORE_A_STATEMENT = frozenset(
    {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING}
)
# From Python 3.12 on a formatted string is told in parts.
_STRING_TOKENS = frozenset({"STRING", "FSTRING_MIDDLE"})


class _Region(NamedTuple):
    start: int
    end: int
    place: str


class Regions:
    """The places of one file, known up to `until`; places are characters, counted from 0."""

    def __init__(self, text: str, language: Language | None, until: int) -> None:
        self._text = text
        self._language = language
        self._otherwise: str | None = DOCS if language and language.is_docs else CODE
        self._regions: list[_Region] = []
        if language is None or language.is_docs:
            return
        if language.tokens == "python":
            try:
                self._regions = list(_python_regions(text, until))
                self._otherwise = None
                return
            except (tokenize.TokenError, SyntaxError, ValueError):
                pass  # another version of the language, or a template: its comments are the same
        self._regions = list(_comments(text, language))

    def at(self, start: int, end: int) -> str | None:
        """What a name from `start` on and before `end` is part of: one of CODE, COMMENT and DOCS;
        None where it is no text but a name of the program's."""
        place = self._otherwise
        index = bisect_right(self._regions, start, key=lambda region: region.start) - 1
        if index >= 0 and start < self._regions[index].end:
            place = self._regions[index].place
        return None if place == CODE and self._is_identifier(start, end) else place

    def _is_identifier(self, start: int, end: int) -> bool:
        """Whether it may be a variable: a word without quotes where text has quotes."""
        if self._language is None or self._language.bare_words or self._otherwise is None:
            return False
        quoted = self._text[start - 1 : start] in _QUOTES and self._text[end : end + 1] in _QUOTES
        return bool(_BARE_WORD.fullmatch(self._text, start, end)) and not (quoted and start)


def _comments(text: str, language: Language) -> Iterator[_Region]:
    pattern = _comment_pattern(
        language.line_comments, language.block_comments, language.blank_before
    )
    if pattern is None:
        return
    for match in pattern.finditer(text):
        if match["comment"] is not None:
            yield _Region(*match.span(), COMMENT)


@cache
def _comment_pattern(
    line_comments: tuple[str, ...],
    block_comments: tuple[tuple[str, str], ...],
    blank_before: bool,
) -> re.Pattern[str] | None:
    """Strings, which are passed over, and comments."""
    before = r"(?<!\S)" if blank_before else ""
    comments = [f"{before}{re.escape(mark)}[^\n]*" for mark in line_comments] + [
        rf"{re.escape(start)}(?s:.*?){re.escape(end)}" for start, end in block_comments
    ]
    return re.compile(f"{_STRINGS}|(?P<comment>{'|'.join(comments)})") if comments else None


def _python_regions(text: str, until: int) -> Iterator[_Region]:
    """Strings, docs and comments up to the end of a statement; raises what the tokenizer raises."""
    starts = [0]
    for line in io.StringIO(text, newline=""):
        starts.append(starts[-1] + len(line))
    tokens = []
    for token in tokenize.generate_tokens(io.StringIO(text, newline="").readline):
        tokens.append(token)
        if token.type == tokenize.NEWLINE and starts[token.end[0] - 1] > until:
            break

    def region(token: tokenize.TokenInfo, place: str) -> _Region:
        (row, column), (last_row, last_column) = token.start, token.end
        return _Region(starts[row - 1] + column, starts[last_row - 1] + last_column, place)

    before = tokenize.ENCODING
    for place, token in enumerate(tokens):
        if token.type == tokenize.COMMENT:
            yield region(token, COMMENT)
        elif tokenize.tok_name[token.type] in _STRING_TOKENS:
            stands_alone = before in _BEFORE_A_STATEMENT and _ends(tokens, place + 1)
            yield region(token, DOCS if stands_alone else CODE)
        if token.type not in _SILENT:
            before = token.type


def _ends(tokens: Sequence[tokenize.TokenInfo], place: int) -> bool:
    """Whether a statement ends before this token."""
    while tokens[place].type in _SILENT:
        place += 1
    return tokens[place].type in (tokenize.NEWLINE, tokenize.ENDMARKER)
