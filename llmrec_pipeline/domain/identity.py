"""One model, many names: from a publisher's name to creator, base model, variant and offering.

What belongs here: the steps that turn a name into a key, in order. What does not: the tables
(`config/identity.yaml`, shaped by `identity_config`), reading plain text (`model_text`), who
makes and serves models (`creators`).

A name joins another only by rule or by an accepted alias. What the tables leave open is
`Unresolved`: a missing join costs a row, a wrong one misprices a model.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import translate
from typing import Generic, Protocol, TypeVar

from llmrec_pipeline.domain import model_text
from llmrec_pipeline.domain.creators import CreatorsAndHosts
from llmrec_pipeline.domain.identity_config import (
    SLUG,
    Alias,
    IdentityConfig,
    Release,
    ReleaseFamily,
    Rewrite,
    SourceReading,
    VariantWord,
)
from llmrec_pipeline.domain.model_text import Stamp, Written

__all__ = ["Identity", "IdentityConfig", "IdentityRules", "ModelKey", "SourceName", "Unresolved"]

_KEY = re.compile(
    rf"(?P<creator>{SLUG})/(?P<base>{SLUG})"
    rf"(?:@(?P<release>\d{{4}}-\d{{2}}(?:-\d{{2}})?))?(?::(?P<variant>{SLUG}))?"
)
_BUDGET_WORD = re.compile(r"\d+k")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_THINKING, _NON_THINKING = "thinking", "non-thinking"
_SLOTS = ("precision", "mode", "effort", "budget")
_CONFIDENCE = {"alias": 1.0, "table": 0.99, "publisher": 0.97, "rule": 0.95}
_UNLISTED_CREATOR, _CREATOR_BY_HOST = 0.85, 0.9


@dataclass(frozen=True, slots=True)
class SourceName:
    """A name as a source gives it. `creator` and `host` as written there, empty where unsaid."""

    source: str
    source_model_id: str
    model_name: str | None = None
    creator: str | None = None
    host: str | None = None
    release_date: date | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """What a name means. `base_model` is the key without its variant; `method` is what decided:
    alias, table (a row knows the release), publisher (its release date chose), or rule."""

    canonical_model_key: str
    base_model: str
    variant: str | None
    creator: str
    host: str | None
    host_model_id: str | None
    offering_key: str | None
    method: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Unresolved:
    """Why a name has no key, and the nearest key that a person might accept."""

    reason: str
    proposal: str | None


@dataclass(frozen=True, slots=True)
class ModelKey:
    """The parts of `creator/base[@release][:variant]`."""

    creator: str
    base: str
    release: str | None = None
    variant: str | None = None


class _Abstain(Exception):
    def __init__(self, reason: str, proposal: str | None = None) -> None:
        super().__init__(reason)
        self.unresolved = Unresolved(reason, proposal)


class _NamesOfCreator(Protocol):
    @property
    def creator(self) -> str: ...

    @property
    def names(self) -> tuple[str, ...]: ...


_Row = TypeVar("_Row", bound=_NamesOfCreator)


class _NameTable(Generic[_Row]):
    """Rows found by creator and glob of a base name; the first that matches comes first."""

    def __init__(self, rows: Iterable[_Row]) -> None:
        self._rows: dict[str, list[tuple[re.Pattern[str], _Row]]] = {}
        for row in rows:
            pattern = re.compile("|".join(translate(glob) for glob in row.names))
            self._rows.setdefault(row.creator, []).append((pattern, row))

    def matches(self, creator: str, base: str) -> Iterable[_Row]:
        return (row for pattern, row in self._rows.get(creator, ()) if pattern.match(base))

    def has(self, creator: str, base: str) -> bool:
        return any(True for _ in self.matches(creator, base))


class IdentityRules:
    """The tables, compiled once. `resolve` is pure: one name, one answer, in any order."""

    def __init__(self, config: IdentityConfig) -> None:
        self._sources = config.sources
        self._who = CreatorsAndHosts(config)
        self._not_orgs = {*config.wrappers, *config.regions}
        self._regions = frozenset(config.regions)
        self._service_suffixes = {tuple(s.split("-")) for s in config.service_suffixes}
        self._variant_words: dict[tuple[str, ...], VariantWord] = {
            tuple(words.split()): row for row in config.variant_words for words in row.words
        }
        self._budget_creators = frozenset(config.budget.trailing)
        self._own_words = _NameTable(config.own_words)
        self._separate_modes = _NameTable(config.separate_modes)
        self._single_releases = _NameTable(config.single_releases)
        self._default_variants = _NameTable(config.default_variants)
        self._joints = {joint.family: joint.style for joint in config.joints}
        self._word_orders = [
            (tuple(o.family.split()), {w for p in o.words for w in p.split()}, o.version)
            for o in config.word_orders
        ]
        self._rewrites: dict[str | None, list[_CompiledRewrite]] = {}
        for rewrite in config.rewrites:
            self._rewrites.setdefault(rewrite.creator, []).append(_CompiledRewrite(rewrite))
        self._families = {family.base: family for family in config.releases}
        self._named: dict[str, tuple[ReleaseFamily, Release]] = {}
        for family in config.releases:
            creator = family.base.partition("/")[0]
            for release in family.releases:
                for name in release.named:
                    if self._named.setdefault(f"{creator}/{name}", (family, release))[0] != family:
                        raise ValueError(f"releases: {name!r} is named by two families")
        self._codes = {code for f in config.releases for r in f.releases for code in _codes(r)}
        self._aliases: dict[str, list[Alias]] = {}
        for alias in config.aliases:
            self.parse_key(alias.key)
            self._aliases.setdefault(alias.name, []).append(alias)

    # the grammar of keys ------------------------------------------------------------------------

    @staticmethod
    def parse_key(key: str) -> ModelKey:
        """The parts of a canonical key. Raises ValueError for anything else."""
        match = _KEY.fullmatch(key)
        if match is None:
            raise ValueError(f"{key!r} is not creator/base[@release][:variant]")
        return ModelKey(match["creator"], match["base"], match["release"], match["variant"])

    @staticmethod
    def format_key(
        creator: str, base: str, release: str | None = None, variant: str | None = None
    ) -> str:
        """The canonical key of its parts. Raises ValueError where they do not fit the grammar."""
        key = f"{creator}/{base}"
        key += "" if release is None else f"@{release}"
        key += "" if variant is None else f":{variant}"
        if IdentityRules.parse_key(key) != ModelKey(creator, base, release, variant):
            raise ValueError(f"{key!r} does not read back as its parts")
        return key

    # who makes, who serves ----------------------------------------------------------------------

    def creator_id(self, text: str) -> str | None:
        """Creator id of an organisation ("Open AI") or its product ("Claude"); None if unknown."""
        return self._who.creator_id(text)

    def host_id(self, text: str) -> str | None:
        """Host id of a host's name; None if unknown."""
        return self._who.host_id(text)

    def own_host(self, creator: str) -> str | None:
        """The host by which a creator (its id) sells its models itself; None if there is none."""
        return self._who.own_host(creator)

    # names --------------------------------------------------------------------------------------

    def resolve(self, name: SourceName) -> Identity | Unresolved:
        """The identity of a name, or why it has none. Never raises for any text."""
        try:
            return self._resolve(name)
        except _Abstain as abstain:
            return abstain.unresolved

    def _resolve(self, name: SourceName) -> Identity:
        host, host_model_id, text = self._locate(name)
        if len(text) > model_text.MAX_LENGTH:
            raise _Abstain(f"longer than {model_text.MAX_LENGTH} characters")
        written = model_text.read(text)
        alias = self._alias(name, written)
        if alias is not None:
            return self._identity(self.parse_key(alias.key), host, host_model_id, "alias", 1.0)
        words = self._who.without_sellers(self._without_region(written.words), host)
        creator, certainty = self._creator(name, written, words, host)
        words, variant = self._variant(words, written, creator)
        words = self._respelled(words, creator)
        pointer = len(words) > 1 and words[-1] == "latest"
        words = words[:-1] if pointer else words
        words, variant = self._with_own_mode(words, variant, written.stamps, creator)
        if not words:
            raise _Abstain("no model name")
        base, release, method = self._release(words, written.stamps, creator, pointer, name)
        if any(row.variant == variant for row in self._default_variants.matches(creator, base)):
            variant = None
        key = ModelKey(creator, base, release, variant)
        return self._identity(key, host, host_model_id, method, certainty)

    def _identity(
        self,
        key: ModelKey,
        host: str | None,
        host_model_id: str | None,
        method: str,
        certainty: float,
    ) -> Identity:
        return Identity(
            canonical_model_key=self.format_key(key.creator, key.base, key.release, key.variant),
            base_model=self.format_key(key.creator, key.base, key.release),
            variant=key.variant,
            creator=key.creator,
            host=host,
            host_model_id=host_model_id,
            offering_key=f"{host}|{host_model_id}" if host and host_model_id else None,
            method=method,
            confidence=min(_CONFIDENCE[method], certainty),
        )

    def _reading(self, name: SourceName) -> SourceReading:
        """How the source writes; for a source in no table, as its id lets one tell."""
        known = self._sources.get(name.source)
        opaque = _UUID.fullmatch(name.source_model_id.strip()) is not None
        return known or SourceReading(read="model_name" if opaque else "source_model_id")

    def _locate(self, name: SourceName) -> tuple[str | None, str | None, str]:
        """Host, the host's id of the model, and the text that names the model."""
        reading = self._reading(name)
        stated, model_id = (name.host or "").strip(), name.source_model_id.strip()
        if reading.id_starts_with_host:
            first, slash, rest = model_id.partition("/")
            if slash and (not stated or first.strip() == stated):
                stated, model_id = stated or first.strip(), rest
        host = (self.host_id(stated) or model_text.slug(stated) or None) if stated else None
        text = (name.model_name or "") if reading.read == "model_name" else model_id
        if not model_text.slug(text):
            raise _Abstain("no model name")
        return host, model_id if host and model_id else None, text

    def _alias(self, name: SourceName, written: Written) -> Alias | None:
        """The accepted alias that holds for this source and for the date its publisher gives."""
        dated = name.release_date
        for alias in self._aliases.get(written.whole, ()):
            bounded = alias.since is not None or alias.until is not None
            if alias.source not in (None, name.source) or (bounded and dated is None):
                continue
            if dated is not None and alias.since is not None and dated < alias.since:
                continue
            if dated is not None and alias.until is not None and dated >= alias.until:
                continue
            stated = self._who.stated(name.creator or "") or self._organisation(written)
            if stated in (None, "", self.parse_key(alias.key).creator):
                return alias
        return None

    def _without_region(self, words: Sequence[str]) -> tuple[str, ...]:
        """Cloud hosts put a region before a creator: `us.anthropic.claude-…`."""
        start = 1 if len(words) > 2 and words[0] in self._regions else 0
        return tuple(words[start:])

    def _organisation(self, written: Written) -> str | None:
        """Creator id of the nearest organisation in a path; empty text for one in no table."""
        for segment in reversed(written.path):
            if model_text.slug(segment) in self._not_orgs:
                continue
            if (known := self._who.stated(segment)) is not None:
                return known
            if self._who.host_id(segment) is None:
                return ""
        return None

    def _creator(
        self, name: SourceName, written: Written, words: Sequence[str], host: str | None
    ) -> tuple[str, float]:
        """Creator id and how sure it is: stated, else told by the name, else by a host that
        serves only its own models."""
        implied = self._who.implied(words)
        told = (name.creator or "").strip()
        organisation = self._who.stated(told) if told else self._organisation(written)
        stated = bool(told) or organisation is not None
        if organisation:
            if implied is not None and implied.closed and implied.creator != organisation:
                raise _Abstain(
                    f"stated creator {organisation}, but the name belongs to {implied.creator}"
                )
            return organisation, 1.0
        if implied is not None and (implied.closed or not stated):
            return implied.creator, 1.0
        if implied is not None:
            raise _Abstain(
                f"creator {told or '/'.join(written.path)!r} is in no table, and others build on "
                f"models of {implied.creator} under their names",
                self._proposal(implied.creator, words),
            )
        if told and (unlisted := model_text.slug(told)):
            return unlisted, _UNLISTED_CREATOR
        if not stated and (first_party := self._who.first_party(host)) is not None:
            return first_party, _CREATOR_BY_HOST
        raise _Abstain("creator unknown")

    def _proposal(self, creator: str, words: Sequence[str]) -> str | None:
        base = "-".join(self._respelled(words, creator))
        return self.format_key(creator, base) if base else None

    # variants -----------------------------------------------------------------------------------

    def _variant(
        self, words: Sequence[str], written: Written, creator: str
    ) -> tuple[tuple[str, ...], str | None]:
        """Words without those that say how the model runs, and what these say together."""
        slots: dict[str, str] = {}
        kept = list(words)
        extra: list[str] = []
        for note in written.notes:
            if not self._take_all(note, slots):
                extra.extend(note)
        for suffix in written.suffixes:
            if suffix not in self._service_suffixes and not self._take_all(suffix, slots):
                extra.extend(suffix)
        while self._take_last(kept, creator, slots):
            pass
        return (*kept, *extra), _variant_text(slots)

    def _take_all(self, words: Sequence[str], slots: dict[str, str]) -> bool:
        """Read a whole expression such as `Reasoning Max Effort`; all of it, or nothing."""
        found = dict(slots)
        at = 0
        while at < len(words):
            for length in (2, 1):
                row = self._variant_words.get(tuple(words[at : at + length]))
                if row is not None and _fill(found, row.slot, row.value or words[at]):
                    at += length
                    break
            else:
                if not (_BUDGET_WORD.fullmatch(words[at]) and _fill(found, "budget", words[at])):
                    return False
                at += 1
        slots.update(found)
        return True

    def _take_last(self, words: list[str], creator: str, slots: dict[str, str]) -> bool:
        """Take the last variant word off a name, unless it is a word of the name itself."""
        for length in (2, 1):
            if len(words) <= length:
                continue
            row = self._variant_words.get(tuple(words[-length:]))
            if row is None or not row.trails(creator):
                continue
            own = self._own_words.has(creator, "-".join(words))
            if own or not _fill(slots, row.slot, row.value or words[-1]):
                return False
            del words[-length:]
            return True
        if len(words) > 1 and _BUDGET_WORD.fullmatch(words[-1]):
            before = self._variant_words.get((words[-2],))
            after_word = before is not None and before.trails(creator) and len(words) > 2
            allowed = after_word or creator in self._budget_creators
            if allowed and _fill(slots, "budget", words[-1]):
                del words[-1]
                return True
        return False

    def _with_own_mode(
        self, words: tuple[str, ...], variant: str | None, stamps: Sequence[Stamp], creator: str
    ) -> tuple[tuple[str, ...], str | None]:
        """Where each mode is a release of its own, the mode is a word of the base name."""
        if variant not in (_THINKING, _NON_THINKING):
            return words, variant
        for row in self._separate_modes.matches(creator, "-".join(words)):
            if row.release is not None and row.release not in {stamp.iso for stamp in stamps}:
                continue
            word = row.thinking if variant == _THINKING else row.non_thinking
            if word is not None:
                return (words if words[-1] == word else (*words, word)), None
        return words, variant

    # spelling -----------------------------------------------------------------------------------

    def _respelled(self, words: Sequence[str], creator: str) -> tuple[str, ...]:
        """One spelling: joints, word order, then the rewrites of any creator and of this one."""
        spelled = list(words)
        self._set_joints(spelled)
        self._set_version(spelled)
        _set_size(spelled)
        for rewrite in (*self._rewrites.get(None, ()), *self._rewrites.get(creator, ())):
            rewrite.apply(spelled)
        return tuple(spelled)

    def _set_joints(self, words: list[str]) -> None:
        if not words:
            return
        if self._joints.get(words[0]) == "joined" and len(words) > 1 and words[1].isdigit():
            words[:2] = [words[0] + words[1]]
            return
        split = re.fullmatch(r"([a-z]+)(\d+[a-z]?)", words[0])
        if split and self._joints.get(split[1]) == "apart":
            words[:1] = [split[1], split[2]]

    def _set_version(self, words: list[str]) -> None:
        for family, tiers, version in self._word_orders:
            start = len(family)
            if tuple(words[:start]) != family:
                continue
            first_kind = _is_version if version == "last" else tiers.__contains__
            second_kind = tiers.__contains__ if version == "last" else _is_version
            middle = _run(words, start, first_kind)
            end = _run(words, middle, second_kind)
            words[start:end] = words[middle:end] + words[start:middle]
            return

    # releases -----------------------------------------------------------------------------------

    def _release(
        self,
        words: Sequence[str],
        stamps: Sequence[Stamp],
        creator: str,
        pointer: bool,
        name: SourceName,
    ) -> tuple[str, str | None, str]:
        """Base name, its release where the name needs one, and what decided."""
        for base, code in self._readings_with_code(words):
            family = self._families.get(f"{creator}/{base}")
            coded = [r for r in family.releases if code in _codes(r)] if family else []
            if family is not None and len(coded) == 1:
                return self._listed(family, coded, stamps, pointer, name)
        base = "-".join(words)
        key = f"{creator}/{base}"
        if (named := self._named.get(key)) is not None:
            return self._listed(named[0], [named[1]], stamps, pointer, name)
        if (family := self._families.get(key)) is not None:
            return self._listed(family, [], stamps, pointer, name)
        if self._single_releases.has(creator, base):
            return base, None, "table"
        if pointer and not stamps:
            raise _Abstain("a moving name that says no date, of a base in no release table", key)
        return base, _one_date(stamps, key), "rule"

    def _readings_with_code(self, words: Sequence[str]) -> Iterable[tuple[str, str]]:
        """Each way to read one or two words as the code of a release, with the base name left."""
        for at in range(1, len(words)):
            for length in (1, 2):
                code = "".join(words[at : at + length]).removeprefix("v")
                if code in self._codes and at + length <= len(words):
                    yield "-".join((*words[:at], *words[at + length :])), code

    def _listed(
        self,
        family: ReleaseFamily,
        found: list[Release],
        stamps: Sequence[Stamp],
        pointer: bool,
        name: SourceName,
    ) -> tuple[str, str | None, str]:
        """The release among those that the table lists for a base name."""
        base = family.base.partition("/")[2]
        matched = [release for stamp in stamps if (release := _dated(family, stamp)) is not None]
        unlisted = [stamp for stamp in stamps if _dated(family, stamp) is None]
        dates = {release.date for release in (*found, *matched)}
        if len(dates) > 1 or (dates and unlisted):
            raise _Abstain(f"the dates in the name of {family.base} disagree")
        if unlisted:
            return base, _one_date(unlisted, family.base), "rule"
        if len(family.releases) == 1:
            return base, None, "table"
        if dates:
            return base, dates.pop(), "table"
        if (published := self._published(family, name)) is not None:
            return base, published.date, "publisher"
        if family.undated is not None and not pointer:
            return base, family.undated, "table"
        listed = ", ".join(release.date for release in family.releases)
        raise _Abstain(
            f"{family.base} has several releases ({listed}) and the name says none",
            f"{family.base}@{_nearest(family, name.release_date).date}",
        )

    def _published(self, family: ReleaseFamily, name: SourceName) -> Release | None:
        """The release that the publisher's date means. A name that is dated by its first use
        keeps the first release's date when it moves on, so that date proves nothing."""
        day = name.release_date
        if day is None:
            return None
        release = _dated(family, Stamp(day.year, day.month, day.day)) or _dated(
            family, Stamp(day.year, day.month)
        )
        by_first_use = self._reading(name).release_date == "first_use"
        return None if by_first_use and release == family.releases[0] else release


class _CompiledRewrite:
    """A rewrite row, ready to be applied to a list of words in place."""

    def __init__(self, row: Rewrite) -> None:
        self._find, self._put, self._at = row.find.split(), row.put.split(), row.at
        self._name = re.compile(translate(row.name)) if row.name else None

    def apply(self, words: list[str]) -> None:
        size = len(self._find)
        last = len(words) - size
        starts = {"start": range(1), "end": range(last, last + 1), "any": range(last + 1)}[self._at]
        at = next((i for i in starts if i >= 0 and words[i : i + size] == self._find), None)
        if at is None or (self._name and not self._name.match("-".join(words))):
            return
        if self._put or len(words) > size:
            words[at : at + size] = self._put


def _fill(slots: dict[str, str], slot: str, value: str) -> bool:
    """Whether a variant word fits: each slot holds one value."""
    return slot == "nothing" or slots.setdefault(slot, value) == value


def _variant_text(slots: dict[str, str]) -> str | None:
    if "budget" in slots and not slots.keys() & {"mode", "effort"}:
        slots = {**slots, "mode": _THINKING}
    return "-".join(slots[slot] for slot in _SLOTS if slot in slots) or None


def _is_version(word: str) -> bool:
    return word.isdigit() and len(word) <= 2 and (word == "0" or not word.startswith("0"))


def _run(words: Sequence[str], start: int, belongs: object) -> int:
    """Where the words that belong, from `start` on, end."""
    end = start
    while end < len(words) and callable(belongs) and belongs(words[end]):
        end += 1
    return end


def _set_size(words: list[str]) -> None:
    """A size stands before `instruct` and `chat`: `Instruct 3B` is `3b-instruct`."""
    for at in range(len(words) - 1):
        if words[at] in ("instruct", "chat"):
            end = _run(words, at + 1, model_text.is_size)
            words[at:end] = [*words[at + 1 : end], words[at]]
            return


def _codes(release: Release) -> tuple[str, ...]:
    """Undated words that mean a release: those listed, and its month and day."""
    month_day = (release.date[5:7] + release.date[8:10],) if len(release.date) == 10 else ()
    return (*release.codes, *month_day)


def _stamp_of(iso: str) -> Stamp:
    year, month, *day = (int(part) for part in iso.split("-"))
    return Stamp(year, month, *day)


def _dated(family: ReleaseFamily, stamp: Stamp) -> Release | None:
    """The one release that a date means: to the day, else the only one of its month."""
    for release in family.releases:
        if stamp.iso in (release.date, *release.also):
            return release
    within = [
        release
        for release in family.releases
        if any(stamp.within(_stamp_of(iso)) for iso in (release.date, *release.also))
    ]
    return within[0] if len(within) == 1 else None


def _one_date(stamps: Sequence[Stamp], key: str) -> str | None:
    """The most precise of dates that agree; None where there is none."""
    if not stamps:
        return None
    best = max(stamps, key=lambda stamp: (stamp.day is not None, stamp.iso))
    if not all(stamp.within(best) for stamp in stamps):
        raise _Abstain(f"the dates in the name of {key} disagree", key)
    return best.iso


def _nearest(family: ReleaseFamily, day: date | None) -> Release:
    """The release nearest to a date, the newest where there is none."""
    if day is None:
        return family.releases[-1]

    def distance(release: Release) -> int:
        stamp = _stamp_of(release.date)
        return abs((date(stamp.year, stamp.month, stamp.day or 15) - day).days)

    return min(family.releases, key=distance)
