"""The shape of `config/identity.yaml`: every table that the identity rules read.

What belongs here: the models that validate the tables, checks of one row against another, and the
look-up of a row by name.
What does not: how a name is read (`model_text`) and how rules are applied (`identity`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from fnmatch import translate
from typing import Annotated, Generic, Literal, Protocol, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from llmrec_pipeline.domain.config_shape import ConfigShape, NonEmptyText
from llmrec_pipeline.domain.model_key import SLUG


def _iso(value: object) -> object:
    """YAML reads 2024-05-13 as a date and 2025-09 as text; both are kept as text."""
    return value.isoformat() if isinstance(value, date) else value


def _compiles(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is no regular expression: {error}") from None
    return value


Slug = Annotated[str, Field(pattern=rf"^{SLUG}$")]
Words = Annotated[str, Field(pattern=r"^[a-z0-9]+(?: [a-z0-9]+)*$")]
Pattern = Annotated[str, AfterValidator(_compiles)]
Glob = Annotated[str, Field(pattern=r"^[a-z0-9*?\[\]-]+$")]
ReleaseDate = Annotated[
    str, BeforeValidator(_iso), Field(pattern=r"^20\d\d-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?$")
]


class _Row(ConfigShape):
    model_config = ConfigDict(populate_by_name=True)


class _Rule(_Row):
    """A row that can be wrong: why it holds, and a name that it must not touch."""

    reason: NonEmptyText
    counter_example: str | None = Field(default=None, alias="not")


class NamesOfCreator(Protocol):
    """A row about some of a creator's names."""

    @property
    def creator(self) -> str:
        """The creator's id."""

    @property
    def names(self) -> tuple[str, ...]:
        """Globs of base names."""


Named = TypeVar("Named", bound=NamesOfCreator)


class NameTable(Generic[Named]):
    """Rows of a table, found by creator and glob of a base name."""

    def __init__(self, rows: Iterable[Named]) -> None:
        self._rows: dict[str, list[tuple[re.Pattern[str], Named]]] = {}
        for row in rows:
            pattern = re.compile("|".join(translate(glob) for glob in row.names))
            self._rows.setdefault(row.creator, []).append((pattern, row))

    def matches(self, creator: str, base: str) -> Iterable[Named]:
        """Rows for a base name, in the order of the table."""
        return (row for pattern, row in self._rows.get(creator, ()) if pattern.match(base))

    def first(self, creator: str, base: str) -> Named | None:
        """The first row for a base name, None where there is none."""
        return next(iter(self.matches(creator, base)), None)


class SourceReading(_Row):
    """How a source writes names. `release_date: release` where it dates the very release that the
    row is about; `first_use` where a name keeps its first date while its target moves on.
    `path_names_creator`: an organisation in a path made the model, also one in no table."""

    read: Literal["model_name", "source_model_id"]
    id_starts_with_host: bool = False
    path_names_creator: bool = False
    release_date: Literal["release", "first_use"] = "first_use"


class Creator(_Row):
    """Who makes models. `names`: leading words that nobody else uses for a model of their own;
    `open_names`: leading words that others keep when they build on published weights; `inside`:
    words that tell the creator anywhere in a name.
    """

    id: Slug
    aliases: tuple[str, ...] = ()
    names: tuple[Words, ...] = ()
    open_names: tuple[Words, ...] = ()
    inside: tuple[Slug, ...] = ()
    own_host: Slug | None = None


class Host(_Row):
    """Who serves models. `id_prefixes`: words that the host puts before a model's name;
    `path_names_creator`: as of a source; `path_names_host`: its own name in a path says that it
    serves the model, and not that it made it; `id_form`: a regular expression that its ids match
    and no other host's."""

    id: Slug
    aliases: tuple[str, ...] = ()
    first_party_of: Slug | None = None
    serves_others: bool = False
    id_prefixes: tuple[Words, ...] = ()
    path_names_creator: bool = False
    path_names_host: bool = False
    id_form: Pattern | None = None


class VariantWord(_Rule):
    """Words that name a way to run a model. Within parentheses or after a colon they always do;
    as the last words of a name only for the creators in `trailing`."""

    words: tuple[Words, ...]
    slot: Literal["precision", "mode", "effort", "nothing"]
    value: Slug | None = None
    trailing: tuple[Slug, ...] | Literal["any", "never"] = "never"

    def trails(self, creator: str) -> bool:
        """Whether it is a variant word as the last words of a name of this creator."""
        return self.trailing == "any" or (self.trailing != "never" and creator in self.trailing)


class Budget(_Rule):
    """Which creators' names may end in a thinking budget with no other variant word before it."""

    trailing: tuple[Slug, ...]


class OwnWord(_Rule):
    """Names whose last word is a part of the name though it is a variant word elsewhere."""

    creator: Slug
    names: tuple[Glob, ...]


class SeparateMode(_Rule):
    """Names whose modes are separate releases: the mode becomes a word of the base name."""

    creator: Slug
    names: tuple[Glob, ...]
    release: ReleaseDate | None = None
    thinking: Slug | None = None
    non_thinking: Slug | None = None


class Rewrite(_Rule):
    """One spelling for another: `find` becomes `put` in names of `creator` that match `name`."""

    creator: Slug | None = None
    name: Glob | None = None
    find: Words
    put: Words | Literal[""]
    at: Literal["start", "end", "any"] = "any"


class WordOrder(_Rule):
    """Where version numbers stand among the words right after the family's name."""

    family: Words
    words: tuple[Words, ...]
    version: Literal["first", "last"]


class Joint(_Rule):
    """Whether a family's name and its version are one word (`qwen3`) or two (`llama-3`)."""

    family: Words
    style: Literal["joined", "apart"]


class Release(_Row):
    """One release. `codes`: undated words that mean it; `named`: other base names that mean it;
    `also`: further dates under which publishers list it."""

    date: ReleaseDate
    codes: tuple[Slug, ...] = ()
    named: tuple[Slug, ...] = ()
    also: tuple[ReleaseDate, ...] = ()


class ReleaseFamily(_Rule):
    """Every known release of one base name, oldest first. `undated`: the release that the name
    means when it comes without a date and its publisher says nothing; absent: none."""

    base: Annotated[str, Field(pattern=rf"^{SLUG}/{SLUG}$")]
    undated: ReleaseDate | None = None
    releases: Annotated[tuple[Release, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _undated_is_listed(self) -> Self:
        dates = [release.date for release in self.releases]
        _unique(dates, f"{self.base}: release")
        if self.undated is not None and self.undated not in dates:
            raise ValueError(f"{self.base}: undated {self.undated} is none of {', '.join(dates)}")
        return self


class UnspecificName(_Rule):
    """Base names that leave open which model they mean, unless a date tells: they are left open."""

    creator: Slug
    names: tuple[Glob, ...]


class BareName(_Rule):
    """Names of weights that are published pretrained under this very name, and instructed with
    `word` behind it. At hosts in `instructed_at` the bare name is the instructed model; at those in
    `pretrained_at`, and where no host is told, the pretrained one; elsewhere it is left open."""

    creator: Slug
    names: tuple[Glob, ...]
    word: Slug
    instructed_at: tuple[Slug, ...]
    pretrained_at: tuple[Slug, ...]


class Reupload(_Rule):
    """Names under which an organisation, itself a creator, copies another's weights as they are."""

    creator: Slug
    names: tuple[Glob, ...]
    made_by: Slug


class SingleRelease(_Rule):
    """Base names that their creator never releases twice: a date in such a name adds nothing."""

    creator: Slug
    names: tuple[Glob, ...]


class DefaultVariant(_Rule):
    """Names whose `variant` is what one gets without asking: it equals the bare key."""

    creator: Slug
    names: tuple[Glob, ...]
    variant: Slug


class Alias(_Rule):
    """What a person decided: of one row, by `source` and `source_model_id`, for nothing else; or of
    a whole `name`, or `organisation/name` where the path tells it from others of that name. Where
    `since` (inclusive) or `until` (exclusive) is given, it holds only for names of a source that
    dates releases (`release_date: release`), dated within."""

    name: Annotated[str, Field(pattern=rf"^(?:{SLUG}/)?{SLUG}$")] | None = None
    source_model_id: NonEmptyText | None = None
    key: str
    source: str | None = None
    since: date | None = None
    until: date | None = None

    @model_validator(mode="after")
    def _decides_a_row_or_a_name(self) -> Self:
        if (self.name is None) == (self.source_model_id is None):
            raise ValueError("an alias has either a name or a source_model_id")
        if self.source_model_id is not None and self.source is None:
            raise ValueError(f"source_model_id {self.source_model_id!r}: name its source")
        return self

    @property
    def decides(self) -> str:
        """The row or the name that it decides, to be shown."""
        return self.name or f"{self.source} {self.source_model_id}"

    def holds_on(self, day: date | None) -> bool:
        """Whether it holds for a name of that release date; None where no publisher gives one."""
        if day is None:
            return self.since is None and self.until is None
        return (self.since or day) <= day and (self.until is None or day < self.until)


class ProposalSettings(_Row):
    """How alike (0 to 1) a model must be: `min_score`, to be proposed for a name;
    `min_accepted_score`, to be accepted without being named."""

    min_score: Annotated[float, Field(gt=0, le=1)]
    min_accepted_score: Annotated[float, Field(gt=0, le=1)]
    reason: NonEmptyText


class IdentityConfig(ConfigShape):
    """All tables of `config/identity.yaml`. Raises pydantic's ValidationError, row by row."""

    sources: dict[str, SourceReading]
    wrappers: tuple[Slug, ...]
    redistributors: tuple[Slug, ...]
    quantisers: tuple[Slug, ...]
    regions: tuple[Slug, ...]
    service_suffixes: tuple[Slug, ...]
    creators: tuple[Creator, ...]
    hosts: tuple[Host, ...]
    variant_words: tuple[VariantWord, ...]
    budget: Budget
    own_words: tuple[OwnWord, ...]
    separate_modes: tuple[SeparateMode, ...]
    joints: tuple[Joint, ...]
    word_orders: tuple[WordOrder, ...]
    rewrites: tuple[Rewrite, ...]
    bare_names: tuple[BareName, ...]
    reuploads: tuple[Reupload, ...]
    unspecific_names: tuple[UnspecificName, ...]
    releases: tuple[ReleaseFamily, ...]
    single_releases: tuple[SingleRelease, ...]
    default_variants: tuple[DefaultVariant, ...]
    proposals: ProposalSettings
    aliases: tuple[Alias, ...]

    @model_validator(mode="after")
    def _rows_agree(self) -> Self:
        creators = [creator.id for creator in self.creators]
        hosts = [host.id for host in self.hosts]
        _unique(creators, "creators: id")
        _unique(hosts, "hosts: id")
        _unique(
            (w for c in self.creators for w in (*c.names, *c.open_names)), "creators: leading words"
        )
        _unique((w for row in self.variant_words for w in row.words), "variant_words: words")
        _unique((family.base for family in self.releases), "releases: base")
        _known((row.creator for row in self.own_words), creators)
        _known((row.creator for row in self.separate_modes), creators)
        _known((row.creator for row in self.single_releases), creators)
        _known((row.creator for row in self.unspecific_names), creators)
        _known((row.creator for row in self.bare_names), creators)
        _known((row.creator for row in self.reuploads), creators)
        _known((row.made_by for row in self.reuploads), creators)
        _known((row.creator for row in self.default_variants), creators)
        _known((r.creator for r in self.rewrites if r.creator), creators)
        _known((f.base.partition("/")[0] for f in self.releases), creators)
        _known((h.first_party_of for h in self.hosts if h.first_party_of), creators)
        _known(self.quantisers, creators)
        _known((c.own_host for c in self.creators if c.own_host), hosts, "host")
        _known((h for b in self.bare_names for h in b.instructed_at), hosts, "host")
        _known((h for b in self.bare_names for h in b.pretrained_at), hosts, "host")
        return self


def ids_by_alias(rows: Iterable[Creator] | Iterable[Host]) -> dict[str, str]:
    """Every name of a creator or host, folded, with its id."""
    return {name.casefold(): row.id for row in rows for name in (row.id, *row.aliases)}


def _unique(values: Iterable[str], what: str) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"{what} {value!r} stands twice")
        seen.add(value)


def _known(values: Iterable[str], known: Iterable[str], what: str = "creator") -> None:
    for value in sorted(set(values) - set(known)):
        raise ValueError(f"{what} {value!r} is in no row of the {what}s table")
