"""Reading a model's name as text: words, notes in parentheses, suffixes after a colon, dates.

What belongs here: what holds for every publisher and needs no table. What does not: who makes a
model, and which words are a variant (`identity`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

MAX_LENGTH = 300
_FIRST_YEAR, _LAST_YEAR = 2018, 2039
_FIRST_SHORT_YEAR = 22
_MONTHS = {
    name: month
    for month, names in enumerate(
        (
            ("jan", "january"),
            ("feb", "february"),
            ("mar", "march"),
            ("apr", "april"),
            ("may",),
            ("jun", "june"),
            ("jul", "july"),
            ("aug", "august"),
            ("sep", "sept", "september"),
            ("oct", "october"),
            ("nov", "november"),
            ("dec", "december"),
        ),
        start=1,
    )
    for name in names
}
# "Aug '24", "May' 25", "Feb 2026", "june-2024", "feb24"
_MONTH_NAME = re.compile(
    rf"(?<![a-z0-9])({'|'.join(sorted(_MONTHS, key=len, reverse=True))})"
    r"[ .'_-]{0,3}(20\d\d|\d\d)(?![a-z0-9])"
)
_NOTE = re.compile(r"[(\[]([^()\[\]]*)[)\]]")
_BREAK = re.compile(r"[^a-z0-9]+")
_VERSION_POINT = re.compile(r"(?<=\d)p(?=\d)")
_SIZE = re.compile(r"^(?:\d+x)?\d+[bmt]$|^\d+e$|^e\d+b$")


class Abstain(Exception):
    """A name that cannot be read for certain: why, and the nearest key if there is one."""

    def __init__(self, reason: str, proposal: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.proposal = proposal


@dataclass(frozen=True, slots=True)
class Stamp:
    """A date in a name, known to the day or to the month."""

    year: int
    month: int
    day: int | None = None

    @property
    def iso(self) -> str:
        """`2026-07-02`, or `2026-07` where no day is known."""
        month = f"{self.year:04d}-{self.month:02d}"
        return month if self.day is None else f"{month}-{self.day:02d}"

    def within(self, other: Stamp) -> bool:
        """Whether both may be the same moment: equal as far as both are known."""
        same_month = (self.year, self.month) == (other.year, other.month)
        return same_month and (self.day == other.day or self.day is None or other.day is None)


@dataclass(frozen=True, slots=True)
class Written:
    """A name taken apart. `path`: the segments before the last slash; `words`: the name itself;
    `notes`: what stood in parentheses, by comma; `suffixes`: what followed a colon."""

    path: tuple[str, ...]
    words: tuple[str, ...]
    notes: tuple[tuple[str, ...], ...]
    suffixes: tuple[tuple[str, ...], ...]
    stamps: tuple[Stamp, ...]
    whole: str


def fold(text: str) -> str:
    """Lower case, compatibility forms unified, accents and typographic quotes made plain."""
    letters = unicodedata.normalize("NFKD", text).lower()
    bare = "".join(char for char in letters if not unicodedata.combining(char))
    return re.sub("[\u2018\u2019\u02bc`\u00b4]", "'", bare).strip()


def words_of(text: str) -> list[str]:
    """The words of folded text: runs of letters and digits; `+` reads as a word."""
    return [word for word in _BREAK.split(text.replace("+", " plus ")) if word]


def slug(text: str) -> str:
    """Any text as a slug, empty where it has no letter or digit."""
    return "-".join(words_of(fold(text)))


def plain(text: str) -> str:
    """Letters and digits only: "Open AI", "open-ai" and "OpenAI" are one."""
    return "".join(words_of(fold(text)))


def read(text: str) -> Written:
    """Take a name apart. Slashes separate a path only in ids, which have no spaces around; a colon
    within a path does so too (`hf:org/name`)."""
    folded = fold(text)
    notes: list[str] = []
    while _NOTE.search(folded):
        notes.extend(part for note in _NOTE.findall(folded) for part in note.split(","))
        folded = _NOTE.sub(" ", folded)
    *path, name = folded.strip().split("/") if " / " not in folded else [folded]
    if ": " in name:
        stated, _, name = name.partition(": ")
        path.append(stated)
    name, *suffixes = name.split(":")
    suffixes, name = _drop_revision(suffixes, name)
    stamps: list[Stamp] = []
    return Written(
        path=tuple(part.strip() for s in path for part in s.split(":") if part.strip()),
        words=tuple(_dated_words(name, stamps)),
        notes=tuple(tuple(words) for note in notes if (words := _dated_words(note, stamps))),
        suffixes=tuple(tuple(words) for part in suffixes if (words := _dated_words(part, stamps))),
        stamps=tuple(dict.fromkeys(stamps)),
        whole=slug("-".join((name, *notes, *suffixes))),
    )


def is_size(word: str) -> bool:
    """Whether a word counts parameters or experts: 70b, 270m, 1t, 8x7b, 128e, e4b."""
    return bool(_SIZE.match(word))


def _drop_revision(suffixes: Sequence[str], name: str) -> tuple[list[str], str]:
    """Cloud hosts end ids in `-v2:0` or `-1:0`, a revision of the host's entry. In `-v0:2`, and
    where the name has no other number, it is the model's own version."""
    kept = [part for part in suffixes if not part.strip().isdigit()]
    if len(kept) == len(suffixes):
        return kept, name
    bare = re.sub(r"-(?:v\d+|1)$", "", name)
    if name.endswith("-v0") or not any(char.isdigit() for char in bare):
        return kept, f"{name}-{suffixes[0].strip()}"
    return kept, bare


def _dated_words(text: str, stamps: list[Stamp]) -> list[str]:
    """Words of a text without its dates, which are added to `stamps`."""

    def take(match: re.Match[str]) -> str:
        year = int(match[2]) if len(match[2]) == 4 else 2000 + int(match[2])
        stamps.append(Stamp(year, _MONTHS[match[1]]))
        return " "

    undated = _VERSION_POINT.sub(".", _MONTH_NAME.sub(take, text))
    # What `@` separates is never read as one date: `name-05@2024-08`.
    parts = [_without_stamps(words_of(part), stamps) for part in undated.split("@")]
    return _without_stamps([word for part in parts for word in part], stamps)


def _without_stamps(words: list[str], stamps: list[Stamp]) -> list[str]:
    at = 0
    while at < len(words):
        stamp, length = _stamp_at(words, at)
        if stamp is None:
            at += 1
        else:
            stamps.append(stamp)
            del words[at : at + length]
            at = max(at - 2, 0)
    return words


def _stamp_at(words: Sequence[str], at: int) -> tuple[Stamp | None, int]:
    """The date that starts at a word, longest reading first, and how many words it takes."""
    ahead = words[at : at + 3]
    if not ahead[0].isdecimal() or not ahead[0].isascii():
        return None, 0
    sizes = [len(word) if word.isdecimal() else 0 for word in ahead]
    numbers = [int(word) if size else -1 for word, size in zip(ahead, sizes, strict=True)]
    if sizes == [4, 2, 2]:
        stamp = _stamp(numbers[0], numbers[1], numbers[2])
    elif sizes == [2, 2, 4]:
        stamp = _stamp(numbers[2], numbers[0], numbers[1])
    elif sizes == [2, 2, 2] and numbers[0] > 12:
        stamp = _stamp(2000 + numbers[0], numbers[1], numbers[2])
    else:
        stamp = None
    if stamp is not None:
        return stamp, 3
    if sizes[:2] == [4, 2]:
        stamp = _stamp(numbers[0], numbers[1])
    elif sizes[:2] == [2, 4] and sizes[2:] != [2]:
        stamp = _stamp(numbers[1], numbers[0])
    if stamp is not None:
        return stamp, 2
    word = ahead[0]
    if sizes[0] == 8:
        stamp = _stamp(int(word[:4]), int(word[4:6]), int(word[6:]))
    elif sizes[0] == 6:
        stamp = _stamp(int(word[:4]), int(word[4:])) or _stamp(
            2000 + int(word[:2]), int(word[2:4]), int(word[4:])
        )
    elif sizes[0] == 4 and int(word[:2]) >= _FIRST_SHORT_YEAR:
        # 2407 is July 2024; 0528 names no year and is left to the tables.
        stamp = _stamp(2000 + int(word[:2]), int(word[2:]))
    return stamp, 1


def _stamp(year: int, month: int, day: int | None = None) -> Stamp | None:
    if not _FIRST_YEAR <= year <= _LAST_YEAR or not 1 <= month <= 12:
        return None
    try:
        date(year, month, day or 1)
    except ValueError:
        return None
    return None if day == 0 else Stamp(year, month, day)
