"""The team's own configuration of models: which it uses for what, under which names, at what price.

The shapes of config/models.yaml and config/pricing.yaml, and what follows from them. A use case is
a name such as `builder_low`, and stands at one place of the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Annotated, NamedTuple, Self

from pydantic import (
    AfterValidator,
    Field,
    field_validator,
    model_validator,
)

from llmrec_pipeline.domain.config_shape import ConfigShapeOfNames, NonEmptyText
from llmrec_pipeline.domain.decimals import within_bounds
from llmrec_pipeline.domain.model_key import parse_key

PricePer1k = Annotated[Decimal, Field(ge=0), AfterValidator(within_bounds)]


class TeamModel(ConfigShapeOfNames):
    """A model under the team's own name. What is left out comes from the sources."""

    model_id: NonEmptyText
    aliases: tuple[NonEmptyText, ...] = ()
    family: NonEmptyText | None = None
    display_name: NonEmptyText | None = None
    notes: NonEmptyText | None = None

    @field_validator("model_id")
    @classmethod
    def _is_a_key(cls, key: str) -> str:
        parse_key(key)
        return key


class ComplexityModels(ConfigShapeOfNames):
    """A role's models, by how hard the work is."""

    low: NonEmptyText
    medium: NonEmptyText
    high: NonEmptyText


class DoctorModels(ConfigShapeOfNames):
    """Who looks at a failed run: the cheap one first."""

    cheap: NonEmptyText
    strong: NonEmptyText


class UseCase(NamedTuple):
    """What a model is used for: its name, where it stands in the file, and what stands there."""

    name: str
    place: tuple[str, ...]
    model: str


class ModelsConfig(ConfigShapeOfNames):
    """models.yaml. Every model is named by its name or an alias in `models`, or by its key."""

    models: Annotated[dict[NonEmptyText, TeamModel], Field(min_length=1)]
    defaults: dict[NonEmptyText, NonEmptyText] = Field(default={})
    routing: dict[NonEmptyText, Annotated[tuple[NonEmptyText, ...], Field(min_length=1)]] = Field(
        default={}
    )
    tool_models: dict[NonEmptyText, NonEmptyText] = Field(default={})
    complexity_models: dict[NonEmptyText, ComplexityModels] = Field(default={})
    doctor_models: DoctorModels | None = None
    use_cases: dict[NonEmptyText, NonEmptyText] = Field(default={})

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        for name in self._ids:
            if "/" in name:
                raise ValueError(f"models: {name!r} would be taken for a key; a name has no /")
        for place, name in self._uses():
            if self.model_id(name) is None:
                known = ", ".join(self.models)
                raise ValueError(
                    f"{'.'.join(place)}: {name!r} is no model; known: {known}, or a key such as "
                    f"creator/base"
                )
        return self

    @cached_property
    def _ids(self) -> dict[str, str]:
        """Name or alias → key."""
        found: dict[str, str] = {}
        for name, model in self.models.items():
            for written in (name, *model.aliases):
                if found.setdefault(written, model.model_id) != model.model_id:
                    raise ValueError(
                        f"models.{name}: {written!r} is {found[written]} already; "
                        f"one name, one model"
                    )
        return found

    def _uses(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Every place at which a model is named, with the name."""
        for use_case in self._each_use_case():
            yield use_case.place, use_case.model
        for name, model in self.defaults.items():
            yield ("defaults", name), model
        for name, route in self.routing.items():
            for place, model in enumerate(route):
                yield ("routing", name, str(place)), model

    def _each_use_case(self) -> Iterator[UseCase]:
        for name, model in self.tool_models.items():
            yield UseCase(name, ("tool_models", name), model)
        for role, models in self.complexity_models.items():
            for level, model in models:
                yield UseCase(f"{role}_{level}", ("complexity_models", role, level), model)
        for strength, model in self.doctor_models or ():
            yield UseCase(f"doctor_{strength}", ("doctor_models", strength), model)
        for name, model in self.use_cases.items():
            yield UseCase(name, ("use_cases", name), model)

    @cached_property
    def by_use_case(self) -> dict[str, UseCase]:
        """Every use case; of two places of one name the first holds."""
        found: dict[str, UseCase] = {}
        for use_case in self._each_use_case():
            found.setdefault(use_case.name, use_case)
        return found

    @property
    def names(self) -> Mapping[str, str]:
        """Every name and alias of the file → key."""
        return self._ids

    def model_id(self, name: str) -> str | None:
        """The key of a name, an alias or a key; None for anything else."""
        if name in self._ids:
            return self._ids[name]
        try:
            parse_key(name)
        except ValueError:
            return None
        return name

    @property
    def model_ids(self) -> set[str]:
        """The keys of all models that the file names."""
        named = (name for _, name in self._uses())
        return {*self._ids.values(), *filter(None, map(self.model_id, named))}

    def name_of(self, model_id: str) -> str:
        """How the file names a model: by its name there, else by its key."""
        named = (name for name, model in self.models.items() if model.model_id == model_id)
        return next(named, model_id)


class PriceRow(ConfigShapeOfNames):
    """What a model costs from a day (UTC) on."""

    model: NonEmptyText
    input_per_1k: PricePer1k
    output_per_1k: PricePer1k
    cached_input_per_1k: PricePer1k | None = None
    effective_at: date


class PricingConfig(ConfigShapeOfNames):
    """pricing.yaml: prices in `currency` per 1,000 tokens, and where they were read, and when."""

    source_url: NonEmptyText
    retrieved_at: date
    currency: NonEmptyText = "USD"
    prices: tuple[PriceRow, ...] = ()
