"""A text as tokens, and the finding of phrases in it.

The text is cut in one pass by an expression that never looks back; a phrase looks at as many
tokens as it has words. So the time is linear in the text, whatever is typed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from string import ascii_lowercase
from typing import Generic, NamedTuple, TypeVar

Meaning = TypeVar("Meaning")

_TOKEN = re.compile(
    r"""[0-9]+(?:\.[0-9]+)?e[+-]?[0-9]+(?!\w)           # 3e-6
      | 0,[0-9]+(?![0-9])                              # 0,002: a decimal comma
      | [0-9]+(?:[,_][0-9]{3}(?![0-9]))+(?:\.[0-9]+)?  # 1,000,000
      | [0-9]+(?:\.[0-9]{3}(?![0-9])){2,}              # 1.000.000
      | [0-9]+,[0-9]{1,2}(?![0-9])                     # 2,50: a decimal comma
      | [0-9]+(?:\.[0-9]+)?
      | \.[0-9]+
      | [^\W\d_]+(?:'[^\W\d_]+)*
      | \S""",
    re.VERBOSE,
)
_FIRST_UNSPACED, _LAST_UNSPACED = "\u3040", "\ud7af"  # kana, Han, Hangul: a character a token
_SUPERSCRIPT = re.compile("([\u2070\u00b9\u00b2\u00b3\u2074-\u2079]+)")
_LONGEST_NUMBER = 18  # characters; a longer run of digits is an id, not an amount
_LONGEST_EXPONENT = 2  # digits; beyond is no amount, and no float holds it


class Token(NamedTuple):
    """A word, number or sign, folded to lower case, with its place in the folded text."""

    text: str
    start: int
    end: int
    number: Fraction | None


class Size(NamedTuple):
    """A number and the token after it."""

    value: Fraction
    end: int


class Text(NamedTuple):
    """A folded text, its tokens, and which of them a reading has used.

    `sizes` keeps the numbers read at a token, with their ends, since several readings look there.
    """

    folded: str
    tokens: list[Token]
    taken: list[bool]
    sizes: dict[tuple[int, bool], Size | None]

    @classmethod
    def of(cls, text: str, spellings: Mapping[str, str] | None = None) -> Text:
        """The text cut into tokens; a word that `spellings` knows is read as what it means."""
        # Written as a power first: NFKC would turn 2¹⁷ into 217.
        powers = _SUPERSCRIPT.sub(r"^\1", text)
        folded = unicodedata.normalize("NFKC", powers).casefold().replace("\u2019", "'")
        tokens = [token for found in _TOKEN.finditer(folded) for token in _tokens(found)]
        if spellings:
            tokens = [
                token._replace(text=spellings[token.text]) if token.text in spellings else token
                for token in tokens
            ]
        return cls(folded, tokens, [False] * len(tokens), {})

    def word(self, index: int) -> str:
        """The token at a place; empty text beyond either end."""
        return self.tokens[index].text if 0 <= index < len(self.tokens) else ""

    def quote(self, start: int, end: int) -> str:
        """The folded text of the tokens from start to end."""
        return self.folded[self.tokens[start].start : self.tokens[end - 1].end]

    def take(self, start: int, end: int) -> None:
        """Mark the tokens from start to end as used by a reading."""
        self.taken[start:end] = [True] * (end - start)

    def release(self, start: int, end: int) -> None:
        """Undo `take`: the numbers kept while the tokens were taken are read anew."""
        self.taken[start:end] = [False] * (end - start)
        for index in range(start, end):
            for counts in (False, True):
                self.sizes.pop((index, counts), None)

    def touching(self, index: int) -> bool:
        """Whether nothing stands between this token and the next."""
        return (
            index + 1 < len(self.tokens) and self.tokens[index].end == self.tokens[index + 1].start
        )


class Match(NamedTuple, Generic[Meaning]):
    """A phrase found: what it means and the tokens it covers."""

    meaning: Meaning
    start: int
    end: int


def words_of(phrase: str) -> tuple[str, ...]:
    """The tokens of a phrase as `Text` cuts it."""
    # Nearly all phrases are plain words, and a command cuts a thousand of them when it starts.
    if phrase.isascii() and phrase.islower() and phrase.replace(" ", "").isalpha():
        return tuple(phrase.split())
    return tuple(token.text for token in Text.of(phrase).tokens)


class Phrases(Generic[Meaning]):
    """Phrases with a meaning each. A trailing `*` lets the last word go on: `refactor*`.

    Raises ValueError for a phrase without a word.
    """

    def __init__(self, phrases: Iterable[tuple[str, Meaning]]) -> None:
        # By the whole first word, or by its first letter where that word may go on.
        self._by_first: dict[str, list[tuple[tuple[str, ...], bool, Meaning]]] = {}
        self._by_letter: dict[str, list[tuple[tuple[str, ...], bool, Meaning]]] = {}
        for phrase, meaning in phrases:
            words = words_of(phrase.removesuffix("*"))
            if not words:
                raise ValueError(f"the phrase {phrase!r} has no word")
            open_ended = phrase.endswith("*")
            goes_on = open_ended and len(words) == 1
            place = self._by_letter if goes_on else self._by_first
            key = words[0][0] if goes_on else words[0]
            place.setdefault(key, []).append((words, open_ended, meaning))
        for entries in (*self._by_first.values(), *self._by_letter.values()):
            entries.sort(key=lambda entry: (-len(entry[0]), -sum(map(len, entry[0]))))

    def at(self, text: Text, start: int) -> Match[Meaning] | None:
        """The longest phrase that begins at this token and uses none that is taken."""
        # Asked a dozen times for each token of a text: most words begin no phrase.
        word = text.word(start)
        for entries in (self._by_first.get(word), self._by_letter.get(word[:1])):
            for words, open_ended, meaning in entries or ():
                end = start + len(words)
                if _stands_at(text, start, words, open_ended) and True not in text.taken[start:end]:
                    return Match(meaning, start, end)
        return None

    def find(self, text: Text) -> Iterator[Match[Meaning]]:
        """Phrases from left to right, the longest at each place, none overlapping."""
        index = 0
        while index < len(text.tokens):
            match = self.at(text, index)
            if match is not None:
                yield match
            index = index + 1 if match is None else match.end


def _stands_at(text: Text, start: int, words: tuple[str, ...], open_ended: bool) -> bool:
    """Whether the tokens from here on are these words, whose last may go on where `open_ended`."""
    last = len(words) - 1
    if start + last >= len(text.tokens):
        return False
    for place in range(last):
        if text.tokens[start + place].text != words[place]:
            return False
    final = text.tokens[start + last].text
    return final == words[last] or (open_ended and final.startswith(words[last]))


def misspellings(words: Iterable[str]) -> dict[str, str]:
    """What becomes of words by one slip of the finger (a letter lost, doubled, or two swapped),
    each with the word. One that is itself a word, or could be two, is left out."""
    correct = set(words)
    slips: dict[str, set[str]] = {}
    for word in correct:
        for i in range(1, len(word)):
            slips.setdefault(word[:i] + word[i + 1 :], set()).add(word)
            slips.setdefault(word[:i] + word[i] + word[i:], set()).add(word)
            slips.setdefault(word[: i - 1] + word[i] + word[i - 1] + word[i + 1 :], set()).add(word)
    return {
        slip: next(iter(meant))
        for slip, meant in slips.items()
        if len(meant) == 1 and slip not in correct
    }


def substitutions(words: Iterable[str]) -> dict[str, str]:
    """What becomes of words by one wrong letter, each with the word."""
    return {
        f"{word[:i]}{letter}{word[i + 1 :]}": word
        for word in words
        for i in range(1, len(word))
        for letter in ascii_lowercase
        if letter != word[i]
    }


def _tokens(found: re.Match[str]) -> Iterator[Token]:
    """The token of a match; a word in a script without spaces is cut into characters."""
    text, start = found[0], found.start()
    if text.isascii():
        yield Token(text.removesuffix("'s"), start, found.end(), _exact(text))
        return
    cut = 0
    for index, character in enumerate(text):
        if _FIRST_UNSPACED <= character <= _LAST_UNSPACED:
            if cut < index:
                yield Token(text[cut:index], start + cut, start + index, None)
            yield Token(character, start + index, start + index + 1, None)
            cut = index + 1
    if cut < len(text):
        yield Token(text[cut:], start + cut, found.end(), None)


def _exact(text: str) -> Fraction | None:
    """The value of digits: a comma before one or two digits, or after a 0, is a decimal comma."""
    if len(text) > _LONGEST_NUMBER or not text[-1].isdigit():
        return None
    if len(text.partition("e")[2].lstrip("+-")) > _LONGEST_EXPONENT:
        return None
    if text.count(".") > 1:
        return Fraction(text.replace(".", ""))
    whole, comma, rest = text.partition(",")
    if comma and (whole == "0" or len(rest) < 3):
        return Fraction(f"{whole}.{rest}")
    return Fraction(text.replace(",", "").replace("_", ""))
