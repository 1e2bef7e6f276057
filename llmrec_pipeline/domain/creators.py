"""Who makes a model and who serves it, told from what a name states and from its first words.

What belongs here: the creators and hosts tables, looked up. What does not: anything about the
model itself (`identity`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from llmrec_pipeline.domain.identity_config import IdentityConfig, NameTable
from llmrec_pipeline.domain.model_text import fold, plain, slug

_STEM = re.compile(r"([a-z]+)\d+[a-z]?")
_LONGEST_LEAD = 4


@dataclass(frozen=True, slots=True)
class Implied:
    """The creator that a name's words tell. `closed`: nobody else names a model so."""

    creator: str
    closed: bool


class CreatorsAndHosts:
    """Look-ups over the creators and hosts tables; unknown text gives None. Raises ValueError for
    an alias that stands for two of them."""

    def __init__(self, config: IdentityConfig) -> None:
        self._creators: dict[str, str] = {}
        self._leads: dict[tuple[str, ...], Implied] = {}
        self._inside: dict[str, Implied] = {}
        self._own_hosts: dict[str, str] = {}
        self._hosts: dict[str, str] = {}
        self._first_parties: dict[str, str] = {}
        self._prefixes: dict[str, tuple[tuple[str, ...], ...]] = {}
        self._hosts_of_many: set[str] = set()
        self._resold_under: dict[str, str] = {}
        self._id_forms: list[tuple[re.Pattern[str], str]] = []
        self._reuploads = NameTable(config.reuploads)
        for creator in config.creators:
            for alias in (creator.id, *creator.aliases):
                self._add(self._creators, alias, creator.id, "creator")
            for names, closed in ((creator.names, True), (creator.open_names, False)):
                for name in names:
                    self._leads[tuple(name.split())] = Implied(creator.id, closed)
            for word in creator.inside:
                self._inside[word] = Implied(creator.id, closed=False)
            if creator.own_host is not None:
                self._own_hosts[creator.id] = creator.own_host
        for host in config.hosts:
            for alias in (host.id, *host.aliases):
                self._add(self._hosts, alias, host.id, "host")
            if host.first_party_of is not None:
                self._own_hosts.setdefault(host.first_party_of, host.id)
                if not host.serves_others:
                    self._first_parties[host.id] = host.first_party_of
            self._prefixes[host.id] = tuple(tuple(words.split()) for words in host.id_prefixes)
            if host.path_names_creator:
                self._hosts_of_many.add(host.id)
            if host.id_form is not None:
                self._id_forms.append((re.compile(host.id_form), host.id))
            if host.path_names_host and host.first_party_of is not None:
                self._resold_under[host.id] = host.first_party_of

    @staticmethod
    def _add(table: dict[str, str], alias: str, value: str, what: str) -> None:
        known = table.setdefault(plain(alias), value)
        if known != value:
            raise ValueError(f"{what} alias {alias!r} stands for both {known!r} and {value!r}")

    def stated(self, text: str) -> str | None:
        """Creator id of an organisation's name; of the first known one where several stand."""
        for part in (text, re.sub(r"\(.*?\)", "", text), *re.split(r"[,(/]", text)):
            if (known := self._creators.get(plain(part))) is not None:
                return known
        return None

    def creator_id(self, text: str) -> str | None:
        """Creator id of an organisation's name or of the product that it is known for."""
        if (known := self.stated(text)) is not None:
            return known
        implied = self._leads.get(tuple(slug(text).split("-")))
        return None if implied is None else implied.creator

    def host_id(self, text: str) -> str | None:
        """Host id of a host's name."""
        return self._hosts.get(plain(text))

    def host_told(self, model_id: str) -> tuple[str, str]:
        """The host that an id tells by itself, empty text where it tells none, and the id there. A
        first segment that is a creator too tells no host."""
        first, slash, rest = model_id.partition("/")
        if slash and rest and self.host_id(first) and self.stated(first) is None:
            return first.strip(), rest
        form = fold(model_id)
        host = next((host for pattern, host in self._id_forms if pattern.fullmatch(form)), "")
        return host, model_id

    def own_host(self, creator: str) -> str | None:
        """The host by which a creator sells its models itself."""
        return self._own_hosts.get(creator)

    def first_party(self, host: str | None) -> str | None:
        """The creator of everything that a host serves, where it serves nobody else's models."""
        return None if host is None else self._first_parties.get(host)

    def path_names_creator(self, host: str | None) -> bool:
        """Whether an organisation in this host's ids made the model, also one in no table."""
        return host in self._hosts_of_many

    def only_serves(self, host: str | None, creator: str) -> bool:
        """Whether this creator in a path of the host says who serves the model, not who made it."""
        return host is not None and self._resold_under.get(host) == creator

    def made_by(self, organisation: str, words: Sequence[str]) -> str | None:
        """Who made what an organisation copies under that name; None where it copies nothing."""
        row = self._reuploads.first(organisation, "-".join(words))
        return None if row is None else row.made_by

    def implied(self, words: Sequence[str]) -> Implied | None:
        """Who makes a model of that name: a telling word anywhere, else its longest lead."""
        for word in words:
            if (told := self._inside.get(word)) is not None:
                return told
        for length in range(min(_LONGEST_LEAD, len(words)), 0, -1):
            if (told := self._leads.get(tuple(words[:length]))) is not None:
                return told
        stem = _STEM.fullmatch(words[0]) if words else None
        return self._leads.get((stem[1],)) if stem else None

    def without_sellers(self, words: Sequence[str], host: str | None) -> tuple[str, ...]:
        """A name's words without its creator's or host's own name in front of them."""
        rest = self._without_prefix(tuple(words), host)
        while (creator_words := self._creator_words(rest)) > 0:
            rest = rest[creator_words:]
        return rest

    def _without_prefix(self, words: tuple[str, ...], host: str | None) -> tuple[str, ...]:
        """Without the words that a host puts in front. Where the name says no host, it may be
        any, provided that what follows tells a creator and the whole does not."""
        if host is None and self.implied(words) is not None:
            return words
        tables = (self._prefixes.get(host, ()),) if host else self._prefixes.values()
        for prefix in itertools.chain.from_iterable(tables):
            rest = words[len(prefix) :]
            if rest and words[: len(prefix)] == prefix and (host or self.implied(rest)):
                return rest
        return words

    def _creator_words(self, words: tuple[str, ...]) -> int:
        """How many words in front only repeat who makes what the others name."""
        for length in (2, 1):
            creator = self._creators.get("".join(words[:length])) if len(words) > length else None
            told = self.implied(words[length:]) if creator is not None else None
            if told is not None and told.creator == creator:
                return length
        return 0
