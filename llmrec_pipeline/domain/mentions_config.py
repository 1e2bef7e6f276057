"""The shape of config/mentions.yaml: how prose speaks of models."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from llmrec_pipeline.domain.config_shape import ConfigShape
from llmrec_pipeline.domain.model_mentions import ProseWords

Word = Annotated[str, Field(pattern=r"^[a-z]+$")]
Words = Annotated[str, Field(pattern=r"^[a-z]+( [a-z]+)*$")]


class MentionsConfig(ConfigShape):
    """mentions.yaml; see `ProseWords`."""

    families: frozenset[Word] = frozenset()
    short_names: dict[Word, Words] = Field(default={})
    tiers: frozenset[Word] = frozenset()
    common_words: frozenset[Word] = frozenset()

    def words(self) -> ProseWords:
        """As a reader of prose takes them."""
        return ProseWords(self.families, self.short_names, self.tiers, self.common_words)
