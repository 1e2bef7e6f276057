"""Providers that a request asks for or refuses.

    providers = cue list | list cue-after          cue = "only" | "no" | "anything but" | …
              | {list "is fine"} "nobody else"
    list      = name {("," | "or" | "and") name}   name = a provider, a product, or a group

A group stands for the creators that the configuration counts among it ("Chinese"). A provider that
is only mentioned restricts nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from llmrec_pipeline.domain.request_numbers import phrases, word_set
from llmrec_pipeline.domain.request_tokens import Match, Phrases, Text
from llmrec_pipeline.domain.request_vocabulary import STOPS

_CUES = phrases(
    {
        "allow": "only|just|either|solely|exclusively|strictly|stick to|stick with|limit to"
        "|limited to|limit it to|restrict to|restricted to|restrict it to|must be|has to be|be from|come from"
        "|coming from|coming only from|model from|models from|llm from|llms from|something from"
        "|anything from|one from|made by|model by|models by|provider|providers|vendor|vendors"
        "|provider must be|approved vendors are|we can use|may use only|can only use|allowed"
        "|whitelist|allowlist|only use|use only|nur|ausschließlich|uniquement|seulement"
        "|exclusivement|solo|sólo|solamente|únicamente|exclusivamente|apenas|somente|só|只用|只要|只能用|仅限|仅|只"
        "|anbieter|fournisseur|proveedor|fornecedor",
        "deny": "no|not|without|w / o|avoid|avoids|avoiding|exclude|excludes|excluding|except"
        "|except for|other than|another than|besides|apart from|anything but|any but|all but"
        "|anyone but|anything except|anything other than|everything but|everything except|but not"
        "|non|nor|never|don't use|do not use|can't use|cannot use|may not use|not allowed to use"
        "|don't want|do not want|nothing|nothing from|nothing by|none of|neither|skip|ban|banned|block"
        "|blocked|blacklist|denylist|forbidden|leave out|stay away from|keep away from|rule out"
        "|ohne|weder|nicht|nicht von|kein|keine|keinen|außer|bloß nicht|sans|pas de|pas|sauf|excepté"
        "|éviter|évitez|hors|sin|excepto|evitar|menos|nada de|que no sea|sem|exceto|evite|não"
        "|não use|不要|不用|别用|除了|排除|避免|不能用|不想用",
        "clause": "allow|permit|deny|!",
        "neither": "not only|not just|not limited to|not restricted to|no preference|nicht nur"
        "|pas seulement|no solo|não só|better than|cheaper than|faster than|alternative to"
        "|alternatives to|compared to|like|instead of|replace|replacing|switch from|from",
    }
)
_CUES_AFTER = phrases(
    {
        "allow": "only|models only|model only|llms only|exclusively|or nothing|only please"
        "|providers only|based only|made only|, nobody else|and nobody else"
        "|, no one else|and no one else|, nothing else|and nothing else|nur|uniquement|solamente|のみ|だけ",
        "deny": "excluded|is excluded|are excluded|not allowed|is not allowed|are not allowed"
        "|forbidden|is forbidden|are forbidden|is banned|are banned|banned|is out|are out"
        "|is off limits|are off limits|not an option|is not an option|is off the table|out"
        "|not ok|ausgeschlossen|exclu|excluido|以外|は除く|除外|除く",
    }
)
# Whom they name is allowed where the text says that nobody else is.
_FINE = phrases(
    {"allow": "is fine|are fine|is ok|are ok|is okay|are okay|is allowed|are allowed|is good"}
)
_NOBODY_ELSE = phrases(
    {
        "nobody": "nobody else|no one else|nothing else|no others|none other|sonst niemand"
        "|sonst keiner|personne d'autre|nadie más|ninguém mais"
    }
)
_HOSTING = word_set(
    "host hosted hosting hosts stay stays stored residency processed deployed located gehostet"
    " hébergé alojado hospedado"
)
_BEFORE_NAME = word_set(
    "from by any use using want the models model llms llm of be is are anything made hosted"
    " provided - : = von de d' des los der a an by: vendors providers provider companies or our"
    " built developed based in coming something do es em modelle modell modèles modelos modelo models: with us"
    " que 用 使 的 模 型 anbieter fournisseurs fournisseur proveedores proveedor fornecedores fornecedor"
    " provedores provedor"
)
_BETWEEN_NAMES = word_set(
    ", / & + or and nor oder und ou et o u y e noch ni nem 、 或 和 与 跟 及 者 -"
)
_AFTER_LIST_NAME = word_set("from by the any models model")
_STILL_REFUSED = word_set("no not nor non without ohne kein keine sans sin sem")
_GROUP_NOUNS = word_set(
    "provider providers model models llm llms company companies vendor vendors lab labs maker"
    " makers ai firm firms creator creators brand brands one ones stuff based made built only"
    " anbieter modelle modell firmen fournisseurs fournisseur modèles proveedores modelos"
    " fornecedores provedores empresas 模 厂 公 的 模型 - owned"
)
_MODEL_WORDS = word_set(
    "model models llm llms provider providers vendor vendors lab labs ai from by provided made built"
    " anbieter modell modelle modèle modèles fournisseur fournisseurs modelo modelos proveedor"
    " proveedores fornecedor fornecedores von de 模 厂"
)
_PLACE_WORDS = word_set("from in by out of aus de da do von")
_ENDS = word_set(", . ; ! ? ) and or but please |") | {""}


_HOSTING_REACH = 4  # tokens: "hosted only in the EU"


class NamedGroup(NamedTuple):
    """Creators that go by one word: `adjective` where it needs a noun ("Chinese providers")."""

    name: str
    members: tuple[str, ...]
    adjective: bool


class _Named(NamedTuple):
    """What a list of a request names: creators, and the group where a group named them."""

    ids: tuple[str, ...]
    group: str


class ProviderReading(NamedTuple):
    """Providers asked for and refused, in the order of the text, with the words."""

    allowed: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    allowed_quotes: tuple[str, ...] = ()
    denied_quotes: tuple[str, ...] = ()
    contradiction: str = ""
    ignored: tuple[str, ...] = ()


Names = Phrases["str | NamedGroup"]


def provider_names(aliases: Mapping[str, str], groups: Iterable[tuple[str, NamedGroup]]) -> Names:
    """The names that a request may use: {alias: creator id}, the ids, and words of groups."""
    named: list[tuple[str, str | NamedGroup]] = [(group[0], group[1]) for group in groups]
    taken = {word for word, _ in named}
    singles = {**{name: name for name in aliases.values()}, **aliases}
    named += [(alias, creator) for alias, creator in singles.items() if alias not in taken]
    return Phrases(named)


class OtherSenses(NamedTuple):
    """Where a provider's name is none: everyday words, and goods of a creator that are no models."""

    everyday: frozenset[str]
    goods: Phrases[str]

    def apply(self, text: Text, cue: Match[str] | None, start: int, end: int) -> bool:
        """Whether the names from start to end, after a cue, mean something else."""
        if self.goods.at(text, end) is not None:
            return True
        named = {text.word(index) for index in range(start, end)} - _BETWEEN_NAMES
        if not named <= self.everyday:
            return False
        led = start if cue is None else cue.start
        beside = {text.word(index) for index in (*range(led, start), end, end + 1)}
        return not beside & _MODEL_WORDS


def read_providers(text: Text, names: Names, other: OtherSenses) -> ProviderReading:
    """Providers that the text asks for ("only", "must be from") or refuses ("no", "not from").

    Who is refused is taken out of a list that asks for several; where nobody is left, or where
    one is both asked for and refused by name, that is a contradiction. Takes the words it used.
    """
    return _Reader(text, names, other).read()


class _Reader:
    """One pass over a text; see `read_providers`."""

    def __init__(self, text: Text, names: Names, other: OtherSenses) -> None:
        self.text = text
        self._names = names
        self._other = other
        self._is_exclusive = any(_NOBODY_ELSE.find(text))
        self._found: dict[str, list[tuple[_Named, str]]] = {"allow": [], "deny": [], "neither": []}
        self._ignored: list[str] = []

    def read(self) -> ProviderReading:
        index = 0
        while index < len(self.text.tokens):
            index = self._list(index)
        found = _resolved(self._found["allow"], self._found["deny"])
        return found._replace(ignored=tuple(self._ignored))

    def _list(self, index: int) -> int:
        """Reads the list that begins at a token, with its cue; where reading goes on."""
        text, cue = self.text, _cue(self.text, index)
        start = index if cue is None else self._behind(cue)
        is_refused = cue is not None and cue.meaning == "deny"
        listed, end = _list(text, start, self._names, is_refused=is_refused)
        if not listed:
            return index + 1
        if self._other.apply(text, cue, start, end):
            self._pass_over(cue, index, end)
            return end
        meaning, end = self._meaning(cue, index, end)
        if meaning:
            quote = text.quote(index, end)
            self._found[meaning].extend((name, quote) for name in listed)
            text.take(index, end)
        return end

    def _behind(self, cue: Match[str]) -> int:
        """Where names may begin after a cue, over words that only lead to them."""
        at = cue.end
        while at < cue.end + 4 and self.text.word(at) in _BEFORE_NAME:
            if _names_one(self.text, at, self._names):  # "us" leads to names, and is a country
                break
            at += 1
        return at

    def _pass_over(self, cue: Match[str] | None, start: int, end: int) -> None:
        if cue is not None and cue.meaning != "neither":
            self._ignored.append(
                f"{self.text.quote(start, end)!r} was not read as naming a provider; if one is"
                " meant, say so: models from …"
            )

    def _meaning(self, cue: Match[str] | None, start: int, end: int) -> tuple[str, int]:
        """What the words before and after a list make of it, and where the last of them ends."""
        after = _cue_after(self.text, end)
        meaning = "" if cue is None else cue.meaning
        if after is not None and meaning in ("", "neither"):
            meaning = after.meaning
        if after is not None and meaning == after.meaning:
            end = after.end
        if self._is_exclusive and not meaning and (fine := _FINE.at(self.text, end)) is not None:
            meaning, end = fine.meaning, fine.end
        if meaning == "clause":
            meaning = _of_clause(self.text, start, end)
        return meaning, end


def _cue(text: Text, index: int) -> Match[str] | None:
    """A cue at a token; a "!" is one before a name that it touches."""
    cue = _CUES.at(text, index)
    if text.word(index) == "!" and (
        not text.touching(index) or (index and text.touching(index - 1))
    ):
        return None
    return cue


def _of_clause(text: Text, start: int, end: int) -> str:
    """What "allow google" means where it is a clause of its own; nothing within a sentence."""
    if text.word(start) == "!":
        return "deny"
    if text.word(start - 1) not in _ENDS or text.word(end) not in _ENDS:
        return ""
    return "deny" if text.word(start) == "deny" else "allow"


def _names_one(text: Text, start: int, names: Names) -> bool:
    name = names.at(text, start)
    if name is None or not isinstance(name.meaning, NamedGroup):
        return name is not None
    return _is_group(text, start, name.end, name.meaning)


def _list(text: Text, start: int, names: Names, *, is_refused: bool) -> tuple[list[_Named], int]:
    glue = _AFTER_LIST_NAME | _STILL_REFUSED if is_refused else _AFTER_LIST_NAME
    found: list[_Named] = []
    end = at = start
    while (name := names.at(text, at)) is not None:
        if isinstance(name.meaning, NamedGroup):
            if not _is_group(text, at, name.end, name.meaning):
                break
            found.append(_Named(name.meaning.members, name.meaning.name))
        else:
            found.append(_Named((name.meaning,), ""))
        end = at = name.end
        while text.word(at) in _GROUP_NOUNS and not _CUES_AFTER.at(text, at):
            at += 1
        if isinstance(name.meaning, NamedGroup):
            end = at
        joined = at
        while text.word(at) in _BETWEEN_NAMES:
            at += 1
        if at == joined:
            break
        while at < joined + 4 and text.word(at) in glue:
            at += 1
    return found, end


def _cue_after(text: Text, end: int) -> Match[str] | None:
    """What follows a list, over a noun: "Google only", "Google's models are out"."""
    at = end
    while at <= end + 2:
        match = _CUES_AFTER.at(text, at)
        if match is not None or text.word(at) not in _GROUP_NOUNS:
            return match
        at += 1
    return None


def _is_hosting(text: Text, start: int, end: int) -> bool:
    """Whether a group's word tells where something is hosted: "hosted only in the EU"."""
    if text.word(end) in _HOSTING or text.word(end + 1) in _HOSTING:
        return True
    if text.word(end) in _GROUP_NOUNS - {"only"}:
        return False
    for index in range(start - 1, start - 1 - _HOSTING_REACH, -1):
        if text.word(index) in STOPS:
            return False
        if text.word(index) in _HOSTING:
            return True
    return False


def _is_group(text: Text, start: int, end: int, group: NamedGroup) -> bool:
    """Whether the word speaks of who makes models: "Chinese providers", "from China"; not of where
    they are hosted, which is not known."""
    if _is_hosting(text, start, end):
        return False
    if not group.adjective:
        return text.word(start - 1) in _PLACE_WORDS or text.word(end) in (*_GROUP_NOUNS, "-")
    return text.word(end) in _GROUP_NOUNS or text.word(end) in _ENDS


def _resolved(
    allowed: Sequence[tuple[_Named, str]], denied: Sequence[tuple[_Named, str]]
) -> ProviderReading:
    refused = list(dict.fromkeys(_ids(denied)))
    asked = [name for name in dict.fromkeys(_ids(allowed)) if name not in refused]
    return ProviderReading(
        tuple(asked),
        tuple(refused),
        tuple(dict.fromkeys(quote for _, quote in allowed)),
        tuple(dict.fromkeys(quote for _, quote in denied)),
        _contradiction(allowed, denied, asked),
    )


def _contradiction(
    allowed: Sequence[tuple[_Named, str]],
    denied: Sequence[tuple[_Named, str]],
    asked: Sequence[str],
) -> str:
    for wanted, wanted_quote in allowed:
        for unwanted, unwanted_quote in denied:
            both = [name for name in wanted.ids if name in unwanted.ids]
            if both and (not wanted.group or not asked):
                return (
                    f"the request both allows and denies {', '.join(both)}:"
                    f" {wanted_quote!r} and {unwanted_quote!r}"
                )
    return ""


def _ids(named: Iterable[tuple[_Named, str]]) -> Iterator[str]:
    for name, _ in named:
        yield from name.ids
