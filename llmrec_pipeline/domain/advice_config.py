"""The shape of config/advice.yaml."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Text = Annotated[str, Field(min_length=1)]
Share = Annotated[Decimal, Field(ge=0, le=1, allow_inf_nan=False)]
Ratio = Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]
Change = Annotated[Decimal, Field(ge=-1, allow_inf_nan=False)]


class _Frozen(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", coerce_numbers_to_str=True, populate_by_name=True
    )


class ComponentWeights(_Frozen):
    """What each part of the composite weighs."""

    price: Share
    benchmark: Share
    runtime: Share
    sentiment: Share

    @model_validator(mode="after")
    def _sum_is_one(self) -> Self:
        total = self.price + self.benchmark + self.runtime + self.sentiment
        if total != 1:
            raise ValueError(f"the weights sum to {total}, not to 1")
        return self


class PriceRung(_Frozen):
    """The score of a price ratio up to this one."""

    up_to: Ratio
    score: Share


class BenchmarkRung(_Frozen):
    """The score of a change from this one on, or of a greater one."""

    at_least: Annotated[Change | None, Field(alias="from")] = None
    above: Change | None = None
    score: Share

    @model_validator(mode="after")
    def _has_one_edge(self) -> Self:
        if (self.at_least is None) == (self.above is None):
            raise ValueError("a rung has either from or above")
        return self


class RuntimeWeights(_Frozen):
    """How our own calls are weighed."""

    success_weight: Share
    cost_weight: Share
    success_span: Ratio


class OtherProvider(_Frozen):
    """What a model of another provider needs to be considered."""

    max_price_ratio: Ratio
    min_benchmark_change: Change


class Confidence(_Frozen):
    """How sure the advice is."""

    with_telemetry: Share
    without: Share


class AdviceConfig(_Frozen):
    """advice.yaml."""

    version: Text
    weights: ComponentWeights
    neutral: Share
    input_per_output: Ratio
    price_ladder: Annotated[tuple[PriceRung, ...], Field(min_length=1)]
    benchmark_ladder: Annotated[tuple[BenchmarkRung, ...], Field(min_length=1)]
    ratio_units: tuple[Text, ...]
    elo_units: tuple[Text, ...]
    runtime: RuntimeWeights
    success_confidence: Annotated[float, Field(gt=0, lt=1)]
    other_provider: OtherProvider
    confidence: Confidence
    max_candidates: Annotated[int, Field(ge=1)]
    task_types: dict[Text, Text]
    task_type_otherwise: Text

    def task_type(self, use_case: str) -> str:
        """The task type of a use case, by its name or its first word."""
        first = use_case.partition("_")[0]
        return self.task_types.get(use_case) or self.task_types.get(first, self.task_type_otherwise)
