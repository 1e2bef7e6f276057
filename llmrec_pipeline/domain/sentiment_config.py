"""The shape of config/sentiment.yaml: where texts come from, and how they are labelled."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from llmrec_pipeline.domain.config_shape import ConfigShape, NonEmptyText

Phrase = Annotated[str, Field(pattern=r"^[a-z']+( [a-z']+)*$")]
Phrases = Annotated[tuple[Phrase, ...], Field(min_length=1)]
Count = Annotated[int, Field(gt=0)]


class SearchConfig(ConfigShape):
    """How a source is searched: where, and how politely. `pause_s` (seconds) lies between requests;
    `max_requests` and `max_names` are for one model; texts are of the last `days`."""

    title: NonEmptyText
    base_url: Annotated[str, Field(pattern=r"^https?://[^/\s]+$")]
    path: Annotated[str, Field(pattern=r"^/")]
    pause_s: Annotated[float, Field(gt=0)]
    max_requests: Count
    max_names: Count
    page_size: Annotated[int, Field(gt=0, le=1000)]
    days: Count
    licence: NonEmptyText
    attribution: NonEmptyText


class ScheduledSearch(ConfigShape):
    """Whether the asset searches, where, and for how many texts a model."""

    enabled: bool
    source: NonEmptyText
    limit: Count


class LexiconConfig(ConfigShape):
    """The words of the analyser, and how they are counted."""

    version: NonEmptyText
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


class SentimentConfig(ConfigShape):
    """sentiment.yaml. `tags` is kind → value → words."""

    sources: Annotated[tuple[NonEmptyText, ...], Field(min_length=1)]
    snippet_characters: Annotated[int, Field(ge=20)]
    tracking_parameters: frozenset[NonEmptyText]
    max_candidates: Count
    search: dict[NonEmptyText, SearchConfig]
    scheduled: ScheduledSearch
    lexicon: LexiconConfig
    tags: dict[NonEmptyText, dict[NonEmptyText, Phrases]]

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
