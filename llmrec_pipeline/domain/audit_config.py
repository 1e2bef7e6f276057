"""The shape of config/audit.yaml: how code is read, and which model strings may stay."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from llmrec_pipeline.domain.config_shape import ConfigShapeOfNames, NonEmptyText


class Language(ConfigShapeOfNames):
    """How the files of a language are read. `files`: shell patterns of their names; `tokens`: the
    language's own tokenizer tells strings, comments and docs apart."""

    files: Annotated[tuple[NonEmptyText, ...], Field(min_length=1)]
    tokens: Literal["python"] | None = None
    line_comments: tuple[NonEmptyText, ...] = ()
    block_comments: tuple[tuple[NonEmptyText, NonEmptyText], ...] = ()
    blank_before: bool = False
    bare_words: bool = False
    is_docs: bool = False


class Allowed(ConfigShapeOfNames):
    """A model string that may stay, everywhere or in some files, and why."""

    path: NonEmptyText | None = None
    text: NonEmptyText | None = None
    reason: NonEmptyText

    @model_validator(mode="after")
    def _allows_something(self) -> Self:
        if self.path is None and self.text is None:
            raise ValueError("path and text are missing; an allowed row has at least one")
        return self


class AuditConfig(ConfigShapeOfNames):
    """audit.yaml. `max_file_mb` is in 1,000,000 bytes."""

    max_file_mb: Annotated[float, Field(gt=0)]
    languages: dict[NonEmptyText, Language]
    allow: tuple[Allowed, ...] = ()
