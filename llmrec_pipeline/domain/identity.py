"""One model, many names: from a publisher's name to creator, base model, variant and offering.

What belongs here: the steps that turn a name into a key, in order. What does not: the tables
(`config/identity.yaml`, shaped by `identity_config`) and the steps themselves: plain text
(`model_text`), makers and hosts (`creators`), how a model runs (`model_variants`), its base name
(`model_spelling`) and its release (`model_releases`).

A name joins another only by rule or by an accepted alias. What the tables leave open is
`Unresolved`: a missing join costs a row, a wrong one misprices a model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from llmrec_pipeline.domain import model_text
from llmrec_pipeline.domain.creators import CreatorsAndHosts
from llmrec_pipeline.domain.identity_config import SLUG, Alias, IdentityConfig, SourceReading
from llmrec_pipeline.domain.model_releases import Published, Releases
from llmrec_pipeline.domain.model_spelling import Spelling
from llmrec_pipeline.domain.model_text import Abstain, Written
from llmrec_pipeline.domain.model_variants import Variants

__all__ = ["Identity", "IdentityConfig", "IdentityRules", "ModelKey", "SourceName", "Unresolved"]

_KEY = re.compile(
    rf"(?P<creator>{SLUG})/(?P<base>{SLUG})"
    rf"(?:@(?P<release>\d{{4}}-\d{{2}}(?:-\d{{2}})?))?(?::(?P<variant>{SLUG}))?"
)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
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


class IdentityRules:
    """The tables, compiled once. `resolve` is pure: one name, one answer, in any order."""

    def __init__(self, config: IdentityConfig) -> None:
        self._sources = config.sources
        self._who = CreatorsAndHosts(config)
        self._not_orgs = {*config.wrappers, *config.regions}
        self._regions = frozenset(config.regions)
        self._variants = Variants(config)
        self._spelling = Spelling(config)
        self._releases = Releases(config)
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
        except Abstain as abstain:
            return Unresolved(abstain.reason, abstain.proposal)

    def _resolve(self, name: SourceName) -> Identity:
        host, host_model_id, text = self._locate(name)
        if len(text) > model_text.MAX_LENGTH:
            raise Abstain(f"longer than {model_text.MAX_LENGTH} characters")
        written = model_text.read(text)
        alias = self._alias(name, written)
        if alias is not None:
            return self._identity(self.parse_key(alias.key), host, host_model_id, "alias", 1.0)
        words = self._who.without_sellers(self._without_region(written.words), host)
        creator, certainty = self._creator(name, written, words, host)
        words, variant, pointer = self._variants.read(words, written, creator)
        words = self._spelling.respelled(words, creator)
        words, variant = self._variants.with_own_mode(words, variant, written.stamps, creator)
        if not words:
            raise Abstain("no model name")
        published = Published(name.release_date, self._reading(name).release_date == "first_use")
        base, release, method = self._releases.of(
            words, written.stamps, creator, pointer, published
        )
        variant = self._variants.without_default(variant, creator, base)
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
            raise Abstain("no model name")
        return host, model_id if host and model_id else None, text

    def _alias(self, name: SourceName, written: Written) -> Alias | None:
        """The accepted alias that holds for this source and for the date its publisher gives.
        A name whose aliases all depend on the date, and none holds, is left open."""
        told = (name.creator or "").strip()
        stated = (self._who.stated(told) or "") if told else self._organisation(written)
        aliases = [
            alias
            for alias in self._aliases.get(written.whole, ())
            if alias.source in (None, name.source)
            and stated in (None, self.parse_key(alias.key).creator)
        ]
        holding = next((alias for alias in aliases if alias.holds_on(name.release_date)), None)
        if aliases and holding is None:
            raise Abstain(
                "a moving name, and its publisher gives no date that an alias covers",
                aliases[-1].key,
            )
        return holding

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
                raise Abstain(
                    f"stated creator {organisation}, but the name belongs to {implied.creator}"
                )
            return organisation, 1.0
        if implied is not None and (implied.closed or not stated):
            return implied.creator, 1.0
        if implied is not None:
            raise Abstain(
                f"creator {told or '/'.join(written.path)!r} is in no table, and others build on "
                f"models of {implied.creator} under their names",
                self._proposal(implied.creator, words),
            )
        if told and (unlisted := model_text.slug(told)):
            return unlisted, _UNLISTED_CREATOR
        if not stated and (first_party := self._who.first_party(host)) is not None:
            return first_party, _CREATOR_BY_HOST
        raise Abstain("creator unknown")

    def _proposal(self, creator: str, words: Sequence[str]) -> str | None:
        base = "-".join(self._spelling.respelled(words, creator))
        return self.format_key(creator, base) if base else None
