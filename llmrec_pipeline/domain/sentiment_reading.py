"""Which model a text speaks of: the one that it names, or a person has to say. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from llmrec_pipeline.domain.model_key import base_model_of
from llmrec_pipeline.domain.model_mentions import Mention, ModelNames
from llmrec_pipeline.domain.outside_text import cleaned, cleaned_json
from llmrec_pipeline.domain.sentiment import (
    LABEL_BY,
    PERSON,
    Lexicon,
    SentimentReview,
    SentimentSignal,
    plain_url,
    snippet_of,
    tags_of,
)
from llmrec_pipeline.domain.sentiment_config import SentimentConfig


@dataclass(frozen=True, slots=True)
class Entry:
    """A text as somebody gives it. `model_id`: the model that a person says it speaks of. A reply's
    title is that of what it replies to, and no word of its own. Its texts are cleaned; raises
    ValueError for tags that are no JSON."""

    source: str
    url: str
    text: str
    title: str | None = None
    sentiment: str | None = None
    tags: Mapping[str, Any] = field(default_factory=dict)
    model_id: str | None = None
    is_reply: bool = False

    def __post_init__(self) -> None:
        # Whoever gives it, any database and any terminal takes it.
        object.__setattr__(self, "text", cleaned(self.text))
        object.__setattr__(self, "title", self.title and cleaned(self.title))
        object.__setattr__(self, "tags", cleaned_json(self.tags))


@dataclass(frozen=True, slots=True)
class _Named:
    """The models that a text names for certain, those that it may mean beside them, and where it
    first names one."""

    certain: tuple[str, ...]
    possible: tuple[str, ...]
    others: tuple[str, ...]
    place: int

    @property
    def is_silent(self) -> bool:
        return not (self.certain or self.possible or self.others)


class SentimentReader:
    """Entries made into rows. `released`: when a model was released, where that is known."""

    def __init__(
        self,
        config: SentimentConfig,
        names: ModelNames,
        now: datetime,
        released: Mapping[str, date],
    ) -> None:
        self._config = config
        self._names = names
        self._now = now
        self._released = released
        self._lexicon = Lexicon(config.lexicon)

    def read(self, entry: Entry) -> SentimentSignal | SentimentReview | None:
        """A signal of the one model that the text speaks of, a review where that is not certain,
        None for a text that names no model. Raises ValueError for an address that is none."""
        spoken = entry.text if entry.is_reply else f"{entry.title or ''}\n{entry.text}"
        named = self._named(spoken)
        doubt = _doubt(entry.model_id, named)
        if entry.model_id is None and named.is_silent:
            return None
        lead = len(spoken) - len(entry.text)
        text = entry.text if entry.text.strip() else spoken
        snippet = snippet_of(text, self._config.snippet_characters, max(0, named.place - lead))
        kept = f"{'' if entry.is_reply else entry.title or ''}\n{snippet}"
        row: dict[str, Any] = {
            "source": entry.source,
            "source_url": plain_url(entry.url, self._config.tracking_parameters),
            "title": entry.title,
            "snippet": snippet,
            # By what is kept of the text, so that a reader can see why.
            "sentiment": entry.sentiment or self._lexicon.label(kept),
            "retrieved_at": self._now,
            "tags": {
                **tags_of(kept, self._config.tags),
                **entry.tags,
                LABEL_BY: PERSON if entry.sentiment else self._lexicon.name,
            },
        }
        if doubt is None:
            return SentimentSignal(model_id=entry.model_id or named.certain[0], **row)
        candidates = tuple(dict.fromkeys((*_told(entry), *named.certain, *named.possible)))
        return SentimentReview(
            candidates=candidates[: self._config.max_candidates], reason=doubt, **row
        )

    def _named(self, text: str) -> _Named:
        mentions = list(self._names.mentions(text))
        certain = dict.fromkeys(
            self._names.without_variant(mention.models[0])
            for mention in mentions
            if len(mention.models) == 1
        )
        open_mentions = [
            mention
            for mention in mentions
            if len(mention.models) != 1 and not set(mention.models) & set(certain)
        ]
        possible = dict.fromkeys(
            model for m in open_mentions for model in sorted(m.models, key=self._likelihood)
        )
        others = tuple(m.text for m in open_mentions if not m.models)
        return _Named(tuple(certain), tuple(possible), others, _first(mentions))

    def _likelihood(self, model_id: str) -> tuple[bool, int, str]:
        """The team's own models first: it reads what concerns them. Then the newest, of which more
        people speak."""
        released = self._released.get(model_id, date.min)
        return model_id not in self._names.own_keys, -released.toordinal(), model_id


def _first(mentions: list[Mention]) -> int:
    return mentions[0].start if mentions else 0


def _told(entry: Entry) -> tuple[str, ...]:
    return () if entry.model_id is None else (entry.model_id,)


def _doubt(model_id: str | None, named: _Named) -> str | None:
    """Why a person has to say which model it is; None where it is certain."""
    if model_id is not None:
        if named.is_silent or {model_id, base_model_of(model_id)} & {
            *named.certain,
            *named.possible,
        }:
            return None
        told = ", ".join((*named.certain, *named.possible[:3], *named.others))
        return f"entered as {model_id}, and the text names {told}"
    if len(named.certain) == 1 and not named.possible and not named.others:
        return None
    if named.certain:
        return f"names several models: {', '.join((*named.certain, *named.others))}"
    if named.possible:
        return "names a family, or a model of several releases"
    return f"names a model that is not in the catalogue: {', '.join(named.others)}"
