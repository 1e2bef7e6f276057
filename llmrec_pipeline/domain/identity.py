"""One model, many names: from a publisher's name to creator, base model, variant and offering.

What belongs here: the steps that turn a name into a key, in order. What does not: the tables
(`config/identity.yaml`, shaped by `identity_config`), the grammar of keys (`model_key`) and the
steps themselves: plain text (`model_text`), creators and hosts (`creators`), how a model runs
(`model_variants`), its base name (`model_spelling`) and its release (`model_releases`).

A name joins another only by rule or by an accepted alias. What the tables leave open is
`Unresolved`: a missing join costs a row, a wrong one misprices a model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import date

from llmrec_pipeline.domain import model_text
from llmrec_pipeline.domain.creators import CreatorsAndHosts
from llmrec_pipeline.domain.identity_config import Alias, IdentityConfig, SourceReading
from llmrec_pipeline.domain.model_key import ModelKey, format_key, parse_key
from llmrec_pipeline.domain.model_releases import Published, Releases
from llmrec_pipeline.domain.model_spelling import Spelling
from llmrec_pipeline.domain.model_text import Abstain, Written
from llmrec_pipeline.domain.model_variants import Variants
from llmrec_pipeline.domain.naming_trail import UNTOLD, Step, Trail

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_CONFIDENCE = {"alias": 1.0, "table": 0.99, "given": 0.98, "publisher": 0.97, "rule": 0.95}
_UNLISTED_CREATOR, _CREATOR_BY_HOST = 0.85, 0.9
# Where a publisher's own id for a model is read: by the scheme that it names.
_SCHEMES = frozenset({"openrouter", "huggingface", "models_dev"})


@dataclass(frozen=True, slots=True)
class SourceName:
    """A name as a source gives it. `creator` and `host` as written there, empty where unsaid.
    `same_as`: ids that the publisher itself gives for the model, each `scheme:id` with scheme
    openrouter, huggingface or models_dev."""

    source: str
    source_model_id: str
    model_name: str | None = None
    creator: str | None = None
    host: str | None = None
    release_date: date | None = None
    same_as: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """What a name means. `base_model` is the key without its variant; `method` is what decided:
    alias, table (a row knows the release), given (an id that the publisher gives), publisher (its
    release date chose), or rule."""

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
class Explanation:
    """What a name means, and the steps that led there."""

    outcome: Identity | Unresolved
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class _Served:
    """Who serves a row, and its id there; nothing where the row says no host. `text` is the rest of
    the id, or the whole of it."""

    host: str | None
    host_model_id: str | None
    text: str


@dataclass(frozen=True, slots=True)
class _Located:
    """A name taken apart: who serves it, and the text that names the model."""

    served: _Served
    written: Written
    words: tuple[str, ...]


class IdentityRules:
    """The tables, compiled once. `resolve` is pure: one name, one answer, in any order."""

    def __init__(self, config: IdentityConfig) -> None:
        self._sources = config.sources
        self._who = CreatorsAndHosts(config)
        self._not_orgs = {*config.wrappers, *config.redistributors, *config.regions}
        self._service_suffixes = config.service_suffixes
        self._quantisers = frozenset(config.quantisers)
        self._regions = frozenset(tuple(region.split("-")) for region in config.regions)
        self._longest_region = max(map(len, self._regions), default=0)
        self._variants = Variants(config)
        self._spelling = Spelling(config)
        self._releases = Releases(config)
        self._aliases: dict[str, list[Alias]] = {}
        self._aliases_of_rows: dict[tuple[str | None, str], list[Alias]] = {}
        for alias in config.aliases:
            parse_key(alias.key)
            if alias.source_model_id is not None:
                row = (alias.source, alias.source_model_id)
                self._aliases_of_rows.setdefault(row, []).append(alias)
            elif alias.name is not None:
                self._aliases.setdefault(alias.name, []).append(alias)

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
        """The identity of a name, or why it has none. Never raises for any text.

        The name's own reading and the ids that its publisher gives (`same_as`) decide together:
        a given id decides the base model that the name leaves open, and the variant is what the
        name says; a name that two ids contradict goes with neither, it is left open."""
        return self._decide(name, UNTOLD)

    def explain(self, name: SourceName) -> Explanation:
        """As `resolve`, with the steps and the rows that decided."""
        trail = Trail()
        outcome = self._decide(name, trail)
        return Explanation(outcome, tuple(trail.steps))

    def plain_name(self, name: SourceName) -> str | None:
        """What of a name tells the model, as a slug; None for one that cannot be read."""
        try:
            return self._as_sold_once(self._locate(name, UNTOLD).written.whole)
        except Abstain:
            return None

    def _decide(self, name: SourceName, trail: Trail) -> Identity | Unresolved:
        own: Identity | Unresolved
        try:
            own = self._resolve(name, trail)
        except Abstain as abstain:
            own = Unresolved(abstain.reason, abstain.proposal)
        if not name.same_as or (isinstance(own, Identity) and own.method == "alias"):
            return own
        try:
            return self._with_given(name, own, trail)
        except Abstain as abstain:
            return Unresolved(abstain.reason, abstain.proposal)

    def _resolve(self, name: SourceName, trail: Trail) -> Identity:
        decided = self._aliases_of_rows.get((name.source, name.source_model_id), ())
        if (alias := self._holding(decided, name)) is not None:
            return self._by_alias(alias, self._served(name), trail)
        located = self._locate(name, trail)
        written = located.written
        if (alias := self._holding(self._named_aliases(name, located), name)) is not None:
            return self._by_alias(alias, located.served, trail)
        creator, certainty = self._creator(name, located)
        trail.note("creator", creator)
        words, variant, pointer = self._variants.read(located.words, written, creator, trail)
        words = self._spelling.respelled(words, creator, trail)
        words = self._spelling.as_served(words, creator, located.served.host, trail)
        words, variant = self._variants.with_own_mode(
            words, variant, written.stamps, creator, trail
        )
        if not words:
            raise Abstain("no model name")
        published = Published(name.release_date, not self._dates_release(name))
        base, release, method = self._releases.of(
            words, written.stamps, creator, pointer, published, trail
        )
        variant = self._variants.without_default(variant, creator, base, trail)
        key = ModelKey(creator, base, release, variant)
        return self._identity(key, located.served, method, certainty)

    def _by_alias(self, alias: Alias, served: _Served, trail: Trail) -> Identity:
        trail.note("alias", f"{alias.decides} is {alias.key}", alias)
        return self._identity(parse_key(alias.key), served, "alias", 1.0)

    # ids that the publisher gives ---------------------------------------------------------------

    def _with_given(
        self, name: SourceName, own: Identity | Unresolved, trail: Trail
    ) -> Identity | Unresolved:
        given = self._given(name.same_as, trail)
        if not given:
            return own
        if isinstance(own, Identity):
            if any(_agree(own, identity) for identity in given.values()):
                return own
            if own.confidence > _UNLISTED_CREATOR:
                raise Abstain(
                    f"the name says {own.base_model}, the id that its publisher gives "
                    f"{' and '.join(given)}",
                    min(given),
                )
        if len(given) > 1:
            raise Abstain(f"the ids that its publisher gives say {' and '.join(given)}", min(given))
        ((base_model, identity),) = given.items()
        located = self._locate(name, UNTOLD)
        key = parse_key(base_model)
        variant = self._variants.read(located.words, located.written, key.creator)[1]
        variant = self._variants.without_default(variant, key.creator, key.base)
        trail.note("given", f"its publisher says {base_model}")
        return self._identity(
            ModelKey(key.creator, key.base, key.release, variant),
            located.served,
            "given",
            identity.confidence,
        )

    def _given(self, same_as: Sequence[str], trail: Trail) -> dict[str, Identity]:
        """What the given ids mean, by base model; one that cannot be read tells nothing."""
        found: dict[str, Identity] = {}
        for text in same_as:
            scheme, _, model_id = text.partition(":")
            if scheme not in _SCHEMES:
                continue
            outcome = self._decide(SourceName(scheme, model_id), UNTOLD)
            if isinstance(outcome, Identity):
                trail.note("given id", f"{text} is {outcome.base_model}")
                found.setdefault(outcome.base_model, outcome)
        return dict(sorted(found.items()))

    # a name's own reading -----------------------------------------------------------------------

    def _identity(
        self,
        key: ModelKey,
        served: _Served,
        method: str,
        certainty: float,
    ) -> Identity:
        host, host_model_id = served.host, served.host_model_id
        return Identity(
            canonical_model_key=format_key(key.creator, key.base, key.release, key.variant),
            base_model=format_key(key.creator, key.base, key.release),
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

    def _dates_release(self, name: SourceName) -> bool:
        """Whether the source's date is that of the very release, so that it tells one of a name
        that moves. The date of a first use stays while the name's target moves on."""
        return self._reading(name).release_date == "release"

    def _served(self, name: SourceName) -> _Served:
        """Who serves a row: as it states, as ids of its source start, or, where nobody knows how
        its source writes, as the id tells by itself."""
        stated, model_id = (name.host or "").strip(), name.source_model_id.strip()
        if self._reading(name).id_starts_with_host:
            first, slash, rest = model_id.partition("/")
            if slash and (not stated or first.strip() == stated):
                stated, model_id = stated or first.strip(), rest
        elif not stated and name.source not in self._sources:
            stated, model_id = self._who.host_told(model_id)
        host = (self.host_id(stated) or model_text.slug(stated) or None) if stated else None
        return _Served(host, model_id if host and model_id else None, model_id)

    def _locate(self, name: SourceName, trail: Trail) -> _Located:
        """The name taken apart; raises Abstain where there is nothing to read."""
        served = self._served(name)
        by_name = self._reading(name).read == "model_name"
        text = (name.model_name or "") if by_name else served.text
        if not model_text.slug(text):
            raise Abstain("no model name")
        if len(text) > model_text.MAX_LENGTH:
            raise Abstain(f"longer than {model_text.MAX_LENGTH} characters")
        written = model_text.read(text)
        words = self._who.without_sellers(self._without_region(written.words), served.host)
        located = _Located(served, written, words)
        trail.note("taken apart", _told_apart(located))
        return located

    def _holding(self, aliases: Sequence[Alias], name: SourceName) -> Alias | None:
        """The alias that holds for the release date its publisher gives. A name whose aliases all
        depend on the date, and none holds, is left open."""
        day = name.release_date if self._dates_release(name) else None
        holding = next((alias for alias in aliases if alias.holds_on(day)), None)
        if aliases and holding is None:
            raise Abstain(
                "a moving name, and its publisher gives no release date that an alias covers",
                aliases[-1].key,
            )
        return holding

    def _named_aliases(self, name: SourceName, located: _Located) -> list[Alias]:
        """The accepted aliases of a name in this source, whatever its date."""
        told = (name.creator or "").strip()
        stated = (self._who.stated(told) or "") if told else self._organisation(located)
        written = located.written
        whole = self._as_sold_once(written.whole)
        return [
            alias
            for alias in self._aliases.get(_with_organisation(written, whole), ())
            if alias.source in (None, name.source)
        ] or [
            alias
            for alias in self._aliases.get(whole, ())
            if alias.source in (None, name.source)
            and stated in (None, parse_key(alias.key).creator)
        ]

    def _as_sold_once(self, whole: str) -> str:
        """A whole name without its last words that only say how one buys."""
        endings = (
            f"-{suffix}" for suffix in self._service_suffixes if whole.endswith(f"-{suffix}")
        )
        return whole.removesuffix(next(endings, ""))

    def _without_region(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """Cloud hosts put a region before a creator: `us.anthropic.claude-…`."""
        for length in range(min(self._longest_region, len(words) - 2), 0, -1):
            if words[:length] in self._regions:
                return words[length:]
        return words

    def _organisation(self, located: _Located) -> str | None:
        """Creator id of the nearest organisation in a path; empty text for one in no table."""
        for segment in reversed(located.written.path):
            if (said := model_text.slug(segment)) in self._not_orgs or not said:
                continue
            if (known := self._who.stated(segment)) is not None:
                if self._who.only_serves(located.served.host, known):
                    continue
                return known
            if self._who.host_id(segment) is None:
                return ""
        return None

    def _creator(self, name: SourceName, located: _Located) -> tuple[str, float]:
        """Creator id and how sure it is: stated, else told by the name, else by a host that
        serves only its own models, else an organisation in no table."""
        implied = self._who.implied(located.words)
        told = (name.creator or "").strip()
        organisation = self._who.stated(told) if told else self._organisation(located)
        stated = bool(told) or organisation is not None
        if organisation:
            copied = self._who.made_by(organisation, located.words)
            if copied is not None:
                return copied, 1.0
            if implied is None or implied.creator == organisation:
                return organisation, 1.0
            if implied.closed:
                raise Abstain(
                    f"stated creator {organisation}, but the name belongs to {implied.creator}"
                )
            fewer_bits = self._variants.is_quantised(located.words)
            quantised = organisation in self._quantisers and fewer_bits
            return (implied.creator if quantised else organisation), 1.0
        if implied is not None and (implied.closed or not stated):
            return implied.creator, 1.0
        unlisted = self._unlisted(told or _nearest(located.written, self._not_orgs))
        builds_on = implied is not None and not (
            unlisted and not told and self._path_names_creator(name, located)
        )
        if implied is not None and builds_on:
            raise Abstain(
                f"creator {told or '/'.join(located.written.path)!r} is in no table, and others "
                f"build on models of {implied.creator} under their names",
                self._proposal(implied.creator, located.words),
            )
        if stated and unlisted:
            return unlisted, _UNLISTED_CREATOR
        if not stated and (first_party := self._who.first_party(located.served.host)) is not None:
            return first_party, _CREATOR_BY_HOST
        raise Abstain("creator unknown")

    def _unlisted(self, text: str) -> str | None:
        """Creator id of an organisation in no table; None where the text names a model."""
        said = model_text.slug(text)
        return said if said and self._who.implied(said.split("-")) is None else None

    def _path_names_creator(self, name: SourceName, located: _Located) -> bool:
        return self._reading(name).path_names_creator or self._who.path_names_creator(
            located.served.host
        )

    def _proposal(self, creator: str, words: Sequence[str]) -> str | None:
        base = "-".join(self._spelling.respelled(words, creator))
        return format_key(creator, base) if base else None


def _agree(own: Identity, given: Identity) -> bool:
    """Whether a given id means what the name says. An aggregator's id may date a model that no
    table knows to have several releases: that date says when it was listed."""
    undated = own.method == "rule" and "@" not in own.base_model
    return given.base_model == own.base_model or (
        undated and given.base_model.partition("@")[0] == own.base_model
    )


def _nearest(written: Written, not_organisations: Set[str]) -> str:
    """The last segment of a path that may be an organisation; empty text where there is none."""
    segments = (segment for segment in reversed(written.path))
    return next((s for s in segments if model_text.slug(s) not in {"", *not_organisations}), "")


def _with_organisation(written: Written, whole: str) -> str:
    """`organisation/name`, as an alias may name it."""
    organisation = model_text.slug(written.path[-1]) if written.path else ""
    return f"{organisation}/{whole}" if organisation else whole


def _told_apart(located: _Located) -> str:
    parts = {
        "host": located.served.host or "",
        "path": "/".join(located.written.path),
        "words": " ".join(located.words),
        "notes": ", ".join(" ".join(note) for note in located.written.notes),
        "suffixes": ", ".join(" ".join(suffix) for suffix in located.written.suffixes),
        "dates": ", ".join(stamp.iso for stamp in located.written.stamps),
    }
    return "; ".join(f"{part} {text}" for part, text in parts.items() if text)
