"""The shape of config/audit.yaml."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Text = Annotated[str, Field(min_length=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class Language(_Frozen):
    """How the files of a language are read. `files`: shell patterns of their names; `tokens`: the
    language's own tokenizer tells strings, comments and docs apart."""

    files: Annotated[tuple[Text, ...], Field(min_length=1)]
    tokens: Literal["python"] | None = None
    line_comments: tuple[Text, ...] = ()
    block_comments: tuple[tuple[Text, Text], ...] = ()
    blank_before: bool = False
    bare_words: bool = False
    is_docs: bool = False


class Allowed(_Frozen):
    """A model string that may stay, everywhere or in some files, and why."""

    path: Text | None = None
    text: Text | None = None
    reason: Text

    @model_validator(mode="after")
    def _allows_something(self) -> Self:
        if self.path is None and self.text is None:
            raise ValueError("path and text are missing; an allowed row has at least one")
        return self


class AuditConfig(_Frozen):
    """audit.yaml."""

    max_file_mb: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    languages: dict[Text, Language]
    allow: tuple[Allowed, ...] = ()
