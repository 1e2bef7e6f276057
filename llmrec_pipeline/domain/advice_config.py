"""The shape of config/advice.yaml: when another model is advised. Decimals are exact."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from llmrec_pipeline.domain.config_shape import ConfigShapeOfNames, NonEmptyText

Share = Annotated[Decimal, Field(ge=0, le=1)]
Ratio = Annotated[Decimal, Field(gt=0)]
Change = Annotated[Decimal, Field(ge=-1)]


class ComponentWeights(ConfigShapeOfNames):
    """Shares of the parts in the composite; they sum to 1."""

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


class PriceRung(ConfigShapeOfNames):
    """The score (0 to 1) where the candidate's price over the current one's is up to this ratio."""

    up_to: Ratio
    score: Share


class BenchmarkRung(ConfigShapeOfNames):
    """The score (0 to 1) of a relative change from this one on, or of one above it."""

    # A recommendation keeps the thresholds by field name.
    model_config = ConfigDict(populate_by_name=True)

    at_least: Annotated[Change | None, Field(alias="from")] = None
    above: Change | None = None
    score: Share

    @model_validator(mode="after")
    def _has_one_edge(self) -> Self:
        if (self.at_least is None) == (self.above is None):
            raise ValueError("a rung has either from or above")
        return self


class RuntimeWeights(ConfigShapeOfNames):
    """Shares of success and cost in the part of our own calls; they count `success_span` of success
    rate as the whole of it."""

    success_weight: Share
    cost_weight: Share
    success_span: Ratio


class OtherProvider(ConfigShapeOfNames):
    """What a model of another provider needs to be considered: at most this price over the current
    one's, and a mean relative change of its benchmarks above this one."""

    max_price_ratio: Ratio
    min_benchmark_change: Change


class Confidence(ConfigShapeOfNames):
    """How sure the advice is, from 0 to 1."""

    with_telemetry: Share
    without: Share


class AdviceConfig(ConfigShapeOfNames):
    """advice.yaml. `input_per_output` input tokens to one output token make a price; units are those
    of benchmark scores; `task_types` is by use case, or by its first word."""

    version: NonEmptyText
    weights: ComponentWeights
    neutral: Share
    input_per_output: Ratio
    price_ladder: Annotated[tuple[PriceRung, ...], Field(min_length=1)]
    benchmark_ladder: Annotated[tuple[BenchmarkRung, ...], Field(min_length=1)]
    ratio_units: tuple[NonEmptyText, ...]
    elo_units: tuple[NonEmptyText, ...]
    runtime: RuntimeWeights
    success_confidence: Annotated[float, Field(gt=0, lt=1)]
    other_provider: OtherProvider
    confidence: Confidence
    max_candidates: Annotated[int, Field(ge=1)]
    task_types: dict[NonEmptyText, NonEmptyText]
    task_type_otherwise: NonEmptyText

    def task_type(self, use_case: str) -> str:
        """The task type of a use case, by its name or its first word."""
        first = use_case.partition("_")[0]
        return self.task_types.get(use_case) or self.task_types.get(first, self.task_type_otherwise)
