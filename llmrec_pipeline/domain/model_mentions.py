"""Where a text names a model, and which one: by known names, and by the identity rules.

What belongs here: reading names out of code and prose, at word boundaries. What does not: what a
name means (`identity`), and what is made of a mention.

A name is never found within a longer one: `gpt-4` is in neither `gpt-4o` nor `gpt-4-turbo`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from llmrec_pipeline.domain.identity import Identity, IdentityRules, SourceName
from llmrec_pipeline.domain.model_key import base_model_of, parse_key
from llmrec_pipeline.domain.model_text import fold

# What an id is written with: `openai/gpt-4o`, `us.anthropic.claude-opus-4-5-20251101-v1:0`.
_ID_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:@/+-")
_ENDS_NO_ID = ".:@/+"
_LONGEST_ID = 200
# Words of prose; what joins letters and digits belongs to the word. What an underscore touches is a
# name of some program's.
_WORD = re.compile(
    r"(?<![A-Za-z0-9_])[A-Za-z0-9]+(?:[-.@][A-Za-z0-9]+)*+(?![A-Za-z0-9_])(?!-\W|-$)"
)
_MOST_WORDS = 6
_NUMBER = re.compile(r"\d+(?:\.\d+)*")
_DIGIT = re.compile(r"\d")
# What tells a name from plain words: a digit, or words that are joined.
_TELLING = re.compile(r"\d|[a-z][-/.:][a-z]")
_LETTERS = re.compile(r"[a-z]+")
_JOINTS = re.compile(r"[\s.-]+")
_POINT = re.compile(r"(?<=\d)-(?=\d)")


@dataclass(frozen=True, slots=True)
class Mention:
    """A name in a text, from `start` on and before `end`. `models` are the keys that it may mean:
    one where it is decided, several where it is open, none for a model that is not known here."""

    start: int
    end: int
    text: str
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProseWords:
    """How prose speaks of models. `families`: words that name a family and no model of it;
    `short_names`: first words that stand for more ("opus" for "claude opus"); `tiers`: words that
    make another model of a name before them; `common_words`: first words that say something else
    too, so that only an id counts (`step-3`, not "step 3")."""

    families: frozenset[str] = frozenset()
    short_names: Mapping[str, str] | None = None
    tiers: frozenset[str] = frozenset()
    common_words: frozenset[str] = frozenset()


class ModelNames:
    """The names of some models. `own_names` are the team's (name → key) and decide first; `names`
    are what sources call the models."""

    def __init__(
        self,
        rules: IdentityRules,
        keys: Iterable[str],
        names: Iterable[tuple[str, str]] = (),
        own_names: Mapping[str, str] | None = None,
        prose: ProseWords | None = None,
    ) -> None:
        self._rules = rules
        self._keys = frozenset(keys)
        self._prose = prose or ProseWords()
        self.own_keys = frozenset((own_names or {}).values())
        self._own = {_spelled(name): key for name, key in (own_names or {}).items()}
        self._names: dict[str, set[str]] = defaultdict(set)
        self._releases: dict[str, list[str]] = defaultdict(list)
        self._patterns: set[str] = set()
        for key in sorted(self._keys):
            for name in _names_of(key):
                self._note(name, key)
            parts = parse_key(key)
            if parts.variant is None:
                self._releases[parts.base].append(key)
        for name, key in (*names, *(own_names or {}).items()):
            self._note(name, key)
        self._heads = {match[0] for name in self._names if (match := _LETTERS.match(name))}
        self._heads |= set(self._prose.short_names or {}) | self._prose.families
        self._known: dict[str, tuple[str, ...] | None] = {}

    def _note(self, name: str, key: str) -> None:
        self._names[_spelled(name)].add(key)
        self._patterns.add(name.lower())

    @property
    def patterns(self) -> list[str]:
        """Lower-case texts, one of which is in every name: where to look closer. Plain words name
        no model in code, where they are most often something else."""
        starts = {
            f"{head}{joint}{digit}"
            for head in self._heads
            for joint in ("-", " ", "")
            for digit in range(10)
            if len(head) > 1
        }
        return sorted(starts | {name for name in self._patterns if _TELLING.search(name)})

    def meaning(self, name: str) -> tuple[str, ...] | None:
        """The keys that a whole name may mean; None for a name that is no known model's."""
        if name not in self._known:
            self._known[name] = self._meaning(name)
        return self._known[name]

    def _meaning(self, name: str) -> tuple[str, ...] | None:
        spelled = _spelled(name)
        if spelled in self._own:
            return (self._own[spelled],)
        outcome = self._rules.resolve(SourceName("", name))
        if isinstance(outcome, Identity):
            told = (outcome.canonical_model_key, outcome.base_model)
            if (key := next((key for key in told if key in self._keys), None)) is not None:
                return (key,)
        if spelled in self._names:
            return tuple(sorted(self._names[spelled]))
        base = spelled.rpartition("/")[2]
        if not isinstance(outcome, Identity) and base in self._releases:
            return tuple(self._releases[base])
        return None

    # ids in code --------------------------------------------------------------------------------

    def id_at(self, text: str, at: int) -> Mention | None:
        """The id that a place in a text is within, or the longer name in words that starts there;
        None for what no model is called."""
        start, end = _id_around(text, at)
        if text[start - 1 : start] == "_" or text[end - 1 : end] in "-_":
            return None  # a name of the program's, or the start of a template
        named = self._id_within(text, start, end, at)
        if at == start or text[at - 1] in "/:":
            phrase = self._phrase(text, _words(text, at))
            if phrase is not None and (named is None or phrase.end > named.end):
                return phrase if phrase.models else None
        return named

    def _id_within(self, text: str, start: int, end: int, at: int) -> Mention | None:
        """The longest id that holds a place: the whole, without what stands before a / or colon,
        or a part between two."""
        starts = [start, *(place + 1 for place in range(start, at) if text[place] in "/:")]
        parts = [(first, end) for first in starts]
        parts += [
            (start + part.start(), start + part.end())
            for part in re.finditer(r"[^/:]+", text[start:end])
            if part.start() <= at - start < part.end()
        ]
        for first, last in parts:
            if (found := self.meaning(text[first:last])) is not None:
                return Mention(first, last, text[first:last], found)
        return None

    # names in prose -----------------------------------------------------------------------------

    def mentions(self, text: str) -> Iterator[Mention]:
        """Every model and family that a text of prose names, in order."""
        words = list(_WORD.finditer(text))
        place = 0
        while place < len(words):
            mention = self._phrase(text, words[place : place + _MOST_WORDS + 1])
            if mention is None:
                place += 1
                continue
            yield mention
            while place < len(words) and words[place].start() < mention.end:
                place += 1

    def _phrase(self, text: str, words: Sequence[re.Match[str]]) -> Mention | None:
        """The longest name that the words start with; a family that stands alone."""
        head = _LETTERS.match(words[0][0].lower()) if words else None
        if head is None or head[0] not in self._heads:
            return None
        joined = _joined(text, words)
        if head[0] in self._prose.common_words:
            joined = joined[:1]
        for length in range(len(joined), 0, -1):
            name = self._in_full(text[words[0].start() : words[length - 1].end()])
            found = self.meaning(name) if _DIGIT.search(name) else None
            if found is None:
                continue
            if length < len(joined) and joined[length][0].lower() in self._prose.tiers:
                return _mention(text, words[: length + 1], ())
            return _mention(text, words[:length], found)
        if words[0][0].lower() not in self._prose.families:
            return None
        for length in range(len(joined), 0, -1):
            found = self.family(text[words[0].start() : words[length - 1].end()])
            if found or length == 1:
                return _mention(text, words[:length], found)
        return None

    def family(self, name: str) -> tuple[str, ...]:
        """The models, without their variants, whose names start with the first word and have the
        others: "claude opus" is every Claude that is an Opus."""
        first, *others = _spelled(self._in_full(name)).split("-")
        found = (
            keys
            for base, keys in sorted(self._releases.items())
            if base.startswith(f"{first}-") and set(others) <= set(base.split("-"))
        )
        return tuple(key for keys in found for key in keys)

    def without_variant(self, model_id: str) -> str:
        """The model itself, where it is known: prose says "thinking" of how it is used."""
        base = base_model_of(model_id)
        return base if base in self._keys else model_id

    def _in_full(self, name: str) -> str:
        first, separator, rest = name.partition(" ")
        return f"{(self._prose.short_names or {}).get(first.lower(), first)}{separator}{rest}"


def dotted(base: str) -> str:
    """A base name with points in its version: `claude-opus-4.5`."""
    return _POINT.sub(".", base)


def _spelled(name: str) -> str:
    """One spelling of a name: lower case, one joint between its words."""
    return _JOINTS.sub("-", fold(name)).strip("-")


def _names_of(key: str) -> Iterator[str]:
    """How the model of a key is written: by its key, its base, and as its creator dates it."""
    parts = parse_key(key)
    base = "-".join(part for part in (parts.base, parts.release, parts.variant) if part)
    for name in (base, dotted(parts.base)) if base == parts.base else (base,):
        yield name
        yield f"{parts.creator}/{name}"
    yield key


def _id_around(text: str, at: int) -> tuple[int, int]:
    """Start and end of what is written like an id around a place."""
    start, end = at, at
    while start > 0 and text[start - 1] in _ID_CHARACTERS and at - start < _LONGEST_ID:
        start -= 1
    while end < len(text) and text[end] in _ID_CHARACTERS and end - at < _LONGEST_ID:
        end += 1
    while end > start and text[end - 1] in _ENDS_NO_ID:
        end -= 1
    return start, end


def _words(text: str, at: int) -> list[re.Match[str]]:
    return list(islice(_WORD.finditer(text, at), _MOST_WORDS + 1))


def _joined(text: str, words: Sequence[re.Match[str]]) -> list[re.Match[str]]:
    """The words that one name may be written with: a space between them, and no number after a
    number, which would count something else."""
    joined = [words[0]]
    for before, word in pairwise(words):
        if text[before.end() : word.start()] != " " or len(joined) == _MOST_WORDS:
            break
        is_versioned = any(_DIGIT.search(part[0]) for part in joined)
        if _NUMBER.fullmatch(word[0]) and is_versioned:
            break
        joined.append(word)
    return joined


def _mention(text: str, words: Sequence[re.Match[str]], models: tuple[str, ...]) -> Mention:
    start, end = words[0].start(), words[-1].end()
    return Mention(start, end, text[start:end], models)
