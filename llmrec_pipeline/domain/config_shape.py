"""What every shape of a configuration file has in common.

In: the content of a file, as plain values. Out: a frozen model. An unknown key and a number that is
not finite are refused, with pydantic's ValidationError.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

NonEmptyText = Annotated[str, Field(min_length=1)]


class ConfigShape(BaseModel):
    """A mapping of a configuration file."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ConfigShapeOfNames(ConfigShape):
    """Besides, a number where text is due counts as that text: unquoted, YAML reads a version 1 or
    a model 4.6 as a number."""

    model_config = ConfigDict(coerce_numbers_to_str=True)
