"""Which release a name means: the tables of releases against the dates in the name.

What belongs here: dates, codes and names of releases, and when to leave a name open. What does
not: reading dates from text (`model_text`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from llmrec_pipeline.domain.identity_config import (
    IdentityConfig,
    NameTable,
    Release,
    ReleaseFamily,
)
from llmrec_pipeline.domain.model_text import Abstain, Stamp
from llmrec_pipeline.domain.naming_trail import UNTOLD, Trail


@dataclass(frozen=True, slots=True)
class Published:
    """The date that a publisher gives a name, and whether it dates the name's first use."""

    day: date | None
    by_first_use: bool

    def release(self, family: ReleaseFamily) -> Release | None:
        """The release that the date means. A name that is dated by its first use keeps the first
        release's date when it moves on, so that date proves nothing."""
        if self.day is None:
            return None
        year, month = self.day.year, self.day.month
        release = _dated(family, Stamp(year, month, self.day.day)) or _dated(
            family, Stamp(year, month)
        )
        return None if self.by_first_use and release == family.releases[0] else release


class Releases:
    """The tables of releases and of names released once. Raises ValueError for a name that two
    families have."""

    def __init__(self, config: IdentityConfig) -> None:
        self._single_releases = NameTable(config.single_releases)
        self._unspecific_names = NameTable(config.unspecific_names)
        self._families = {family.base: family for family in config.releases}
        self._named: dict[str, tuple[ReleaseFamily, Release]] = {}
        for family in config.releases:
            creator = family.base.partition("/")[0]
            for release in family.releases:
                for name in release.named:
                    if self._named.setdefault(f"{creator}/{name}", (family, release))[0] != family:
                        raise ValueError(f"releases: {name!r} is named by two families")
        self._codes = {code for f in config.releases for r in f.releases for code in _codes(r)}

    def of(
        self,
        words: Sequence[str],
        stamps: Sequence[Stamp],
        creator: str,
        pointer: bool,
        published: Published,
        trail: Trail = UNTOLD,
    ) -> tuple[str, str | None, str]:
        """Base name, its release where the name needs one, and what decided. Raises Abstain where
        the name leaves the release open or its dates disagree."""
        for base, code in self._readings_with_code(words):
            family = self._families.get(f"{creator}/{base}")
            coded = [r for r in family.releases if code in _codes(r)] if family else []
            if family is not None and len(coded) == 1:
                return self._listed(family, coded, stamps, pointer, published, trail)
        base = "-".join(words)
        key = f"{creator}/{base}"
        if (named := self._named.get(key)) is not None:
            return self._listed(named[0], [named[1]], stamps, pointer, published, trail)
        if (family := self._families.get(key)) is not None:
            return self._listed(family, [], stamps, pointer, published, trail)
        if (single := self._single_releases.first(creator, base)) is not None:
            trail.note("release", "one release, whatever the date", single)
            return base, None, "table"
        if pointer and not stamps:
            raise Abstain("a moving name that says no date, of a base in no release table")
        unspecific = self._unspecific_names.first(creator, base)
        if unspecific is not None and not stamps:
            raise Abstain(f"{base} leaves open which model it means: {unspecific.reason}")
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
        published: Published,
        trail: Trail,
    ) -> tuple[str, str | None, str]:
        """The release among those that the table lists for a base name."""
        trail.note("release", f"among {', '.join(r.date for r in family.releases)}", family)
        base = family.base.partition("/")[2]
        matched = [release for stamp in stamps if (release := _dated(family, stamp)) is not None]
        unlisted = [stamp for stamp in stamps if _dated(family, stamp) is None]
        dates = {release.date for release in (*found, *matched)}
        if len(dates) > 1 or (dates and unlisted):
            raise Abstain(f"the dates in the name of {family.base} disagree")
        if unlisted:
            return base, _one_date(unlisted, family.base), "rule"
        if len(family.releases) == 1:
            return base, None, "table"
        if dates:
            return base, dates.pop(), "table"
        if (release := published.release(family)) is not None:
            return base, release.date, "publisher"
        if family.undated is not None and not pointer:
            return base, family.undated, "table"
        listed = ", ".join(release.date for release in family.releases)
        raise Abstain(
            f"{family.base} has several releases ({listed}) and the name says none",
            f"{family.base}@{_nearest(family, published.day).date}",
        )


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
        raise Abstain(f"the dates in the name of {key} disagree", key)
    return best.iso


def _nearest(family: ReleaseFamily, day: date | None) -> Release:
    """The release nearest to a date, the newest where there is none."""
    if day is None:
        return family.releases[-1]

    def distance(release: Release) -> int:
        stamp = _stamp_of(release.date)
        return abs((date(stamp.year, stamp.month, stamp.day or 15) - day).days)

    return min(family.releases, key=distance)
