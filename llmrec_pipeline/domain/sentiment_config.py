"""The shape of config/sentiment.yaml."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Text = Annotated[str, Field(min_length=1)]
Phrase = Annotated[str, Field(pattern=r"^[a-z']+( [a-z']+)*$")]
Phrases = Annotated[tuple[Phrase, ...], Field(min_length=1)]
Count = Annotated[int, Field(gt=0)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SearchConfig(_Frozen):
    """How a source is searched: where, and how politely. `max_requests` are for one model."""

    title: Text
    base_url: Annotated[str, Field(pattern=r"^https?://[^/\s]+$")]
    path: Annotated[str, Field(pattern=r"^/")]
    pause_s: Annotated[float, Field(gt=0)]
    max_requests: Count
    max_names: Count
    page_size: Annotated[int, Field(gt=0, le=1000)]
    days: Count
    licence: Text
    attribution: Text


class ScheduledSearch(_Frozen):
    """Whether the asset searches, where, and for how many texts a model."""

    enabled: bool
    source: Text
    limit: Count


class LexiconConfig(_Frozen):
    """The words of the analyser, and how they are counted."""

    version: Text
    negation_reach: Annotated[int, Field(ge=0)]
    mixed_from: Annotated[float, Field(gt=0, le=1)]
    clause_words: frozenset[Phrase]
    negations: frozenset[Phrase]
    positive: Phrases
    negative: Phrases

    @model_validator(mode="after")
    def _no_word_is_both(self) -> Self:
        if both := sorted({*self.positive} & {*self.negative}):
            raise ValueError(f"{both[0]!r} is both positive and negative")
        return self


class SentimentConfig(_Frozen):
    """sentiment.yaml. `tags` is kind → value → words."""

    sources: Annotated[tuple[Text, ...], Field(min_length=1)]
    snippet_characters: Annotated[int, Field(ge=20)]
    tracking_parameters: frozenset[Text]
    max_candidates: Count
    search: dict[Text, SearchConfig]
    scheduled: ScheduledSearch
    lexicon: LexiconConfig
    tags: dict[Text, dict[Text, Phrases]]

    @model_validator(mode="after")
    def _searched_sources_are_sources(self) -> Self:
        for source in self.search:
            if source not in self.sources:
                raise ValueError(f"search.{source}: is none of sources: {', '.join(self.sources)}")
        if self.scheduled.source not in self.search:
            raise ValueError(
                f"scheduled.source: {self.scheduled.source!r} cannot be searched; "
                f"allowed: {', '.join(self.search)}"
            )
        return self
