"""The shape of config/learning.yaml: how much our own outcomes weigh beside the benchmarks."""

from __future__ import annotations

from math import exp
from typing import Annotated, Self

from pydantic import Field, model_validator

from llmrec_pipeline.domain.config_shape import ConfigShapeOfNames, NonEmptyText

NotNegative = Annotated[float, Field(ge=0)]


class Doubt(ConfigShapeOfNames):
    """Variances of what a prior misses of all cells and of a model, in units of what it misses of
    one model in one use case, which is 1 / pseudo_observations of the noise's."""

    level: NotNegative
    model: NotNegative


class UseCaseDoubt(ConfigShapeOfNames):
    """How far a use case's level may lie from the prior's, in the unit of `Doubt`."""

    of_rates: NotNegative
    of_standings: NotNegative


class StandingMap(ConfigShapeOfNames):
    """The default map of a standing in standard deviations to a success rate."""

    level: float
    slope: Annotated[float, Field(gt=0)]

    def rate(self, standing: float) -> float:
        """logistic(level + slope * standing)."""
        return 1.0 / (1.0 + exp(-(self.level + self.slope * standing)))


class SimulationConfig(ConfigShapeOfNames):
    """Policies that are simulated and not served."""

    linucb_alpha: NotNegative


class RatingScale(ConfigShapeOfNames):
    """The ratings that people give."""

    lowest: int
    highest: int

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.highest <= self.lowest:
            raise ValueError(f"highest {self.highest} is not above lowest {self.lowest}")
        return self

    def score(self, rating: int) -> float:
        """The rating from 0 to 1; raises ValueError for one beyond the scale."""
        if not self.lowest <= rating <= self.highest:
            raise ValueError(f"rating is {rating}; allowed: {self.lowest} to {self.highest}")
        return (rating - self.lowest) / (self.highest - self.lowest)


class LearningConfig(ConfigShapeOfNames):
    """learning.yaml. `pseudo_observations` is a number of outcomes, `confidence` that of intervals."""

    version: NonEmptyText
    pseudo_observations: Annotated[float, Field(gt=0)]
    doubt: Doubt
    use_case_doubt: UseCaseDoubt
    standing_map: StandingMap
    confidence: Annotated[float, Field(gt=0, lt=1)]
    simulation: SimulationConfig
    rating: RatingScale
