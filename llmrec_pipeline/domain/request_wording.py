"""The words of constraints that are configured: the section `request` of config/tasks.yaml."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from llmrec_pipeline.domain.checked_mapping import CheckedMapping
from llmrec_pipeline.domain.records import CAPABILITIES

_NUMBERS = {
    "tokens_per_page": (1, 10_000),
    "tokens_per_word": (0.1, 100),
    "largest_bare_price": (0, 1_000_000),
    "dominance": (0, 1),
    "least_share": (0, 1),
}
_TEXTS = ("provider_names", "capabilities", "unchecked")
_LISTS = ("everyday_names", "other_goods")
_GROUP_KEYS = ("adjectives", "places", "creators")


@dataclass(frozen=True, slots=True)
class ProviderGroup:
    """Creators that requests name together, and the words for it: adjectives, which a noun
    follows ("Chinese providers"), and places, which they come from."""

    adjectives: tuple[str, ...]
    places: tuple[str, ...]
    creators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wording:
    """The configured words and figures.

    `tokens_per_page` and `tokens_per_word` estimate a context from the length of a document;
    `largest_bare_price` is USD: a higher amount without "per 1M tokens" is no price per 1M tokens.
    `provider_names` and `capabilities` map a creator and a capability to words, `unchecked` a
    reason to the words for what is not known of any model. `everyday_names` are names of providers
    that are words of any text too, `other_goods` what a creator of models sells beside them:
    "Google Sheets". `dominance` and `least_share` are probabilities: below the first no task type
    stands alone, and those of the second are shown.
    """

    tokens_per_page: float = 500.0
    tokens_per_word: float = 1.3333
    largest_bare_price: float = 200.0
    dominance: float = 0.5
    least_share: float = 0.1
    provider_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    provider_groups: Mapping[str, ProviderGroup] = field(default_factory=dict)
    capabilities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unchecked: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    everyday_names: tuple[str, ...] = ()
    other_goods: tuple[str, ...] = ()

    @classmethod
    def read(cls, content: CheckedMapping) -> Wording:
        """From the section; content without it has the defaults. Raises ValueError."""
        if "request" not in content.content:
            return cls()
        reader = content.child("request", {*_NUMBERS, *_TEXTS, *_LISTS, "provider_groups"})
        capabilities = _texts(reader, "capabilities")
        for name in capabilities:
            if name not in CAPABILITIES:
                allowed = ", ".join(CAPABILITIES)
                raise ValueError(f"request.capabilities.{name}: unknown key; allowed: {allowed}")

        def number(key: str) -> float:
            return reader.number(key, *_NUMBERS[key])

        groups = reader.children("provider_groups", set(_GROUP_KEYS))
        return cls(
            tokens_per_page=number("tokens_per_page"),
            tokens_per_word=number("tokens_per_word"),
            largest_bare_price=number("largest_bare_price"),
            dominance=number("dominance"),
            least_share=number("least_share"),
            provider_names=_texts(reader, "provider_names"),
            capabilities=capabilities,
            unchecked=_texts(reader, "unchecked"),
            everyday_names=reader.texts("everyday_names"),
            other_goods=reader.texts("other_goods"),
            provider_groups={
                name: ProviderGroup(*(child.texts(key) for key in _GROUP_KEYS))
                for name, child in groups
            },
        )

    def to_mapping(self) -> dict[str, Any]:
        """The section as plain JSON values."""
        return {
            **{key: getattr(self, key) for key in _NUMBERS},
            **{
                key: {name: list(words) for name, words in getattr(self, key).items()}
                for key in _TEXTS
            },
            **{key: list(getattr(self, key)) for key in _LISTS},
            "provider_groups": {
                name: {key: list(getattr(group, key)) for key in _GROUP_KEYS}
                for name, group in self.provider_groups.items()
            },
        }


def _texts(reader: CheckedMapping, key: str) -> dict[str, tuple[str, ...]]:
    value = reader.content.get(key)
    names: Iterable[str] = value if isinstance(value, Mapping) else ()
    child = reader.child(key, set(names))
    return {name: child.texts(name) for name in names}
