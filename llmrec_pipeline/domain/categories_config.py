"""The shape of config/categories.yaml: what each publisher scores of a category, and the blend."""

from __future__ import annotations

from math import fsum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from llmrec_pipeline.domain.config_shape import ConfigShape, NonEmptyText

CATEGORIES = ("coding", "math", "reasoning", "research", "empathy", "general")
Unit = Literal["index", "fraction", "elo"]


class ScoreMap(ConfigShape):
    """A linear map: `low` becomes 0 and `high` 100; beyond them it is held."""

    low: float
    high: float

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.high <= self.low:
            raise ValueError(f"high {self.high:g} is not above low {self.low:g}")
        return self

    def of(self, value: float) -> float:
        """The value on 0 to 100."""
        return min(100.0, max(0.0, 100.0 * (value - self.low) / (self.high - self.low)))


class CategoryReading(ConfigShape):
    """One way to read a publisher's score of a category: an index column, or benchmarks by name
    or by the publisher's own category (by both where `both` is set)."""

    column: str | None = None
    benchmarks: tuple[str, ...] = ()
    in_categories: tuple[str, ...] = ()
    both: bool = False
    unit: Unit = "index"

    @model_validator(mode="after")
    def _reads_something(self) -> Self:
        if (self.column is None) == (not (self.benchmarks or self.in_categories)):
            raise ValueError("either column, or benchmarks and in_categories")
        return self

    @property
    def name(self) -> str:
        """How an answer cites it."""
        if self.column is not None:
            return self.column
        parts = (", ".join(self.benchmarks), ", ".join(self.in_categories))
        return f"mean of {' / '.join(filter(None, parts))}"


class CategoriesConfig(ConfigShape):
    """config/categories.yaml."""

    version: NonEmptyText
    blend: Annotated[dict[str, float], Field(min_length=2, max_length=2)]
    fills_in: str
    maps: dict[Unit, ScoreMap]
    of_task_type: dict[str, str]
    categories: dict[str, dict[str, tuple[CategoryReading, ...]]]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if abs(fsum(self.blend.values()) - 1) > 1e-9:
            raise ValueError(f"blend: the shares sum to {fsum(self.blend.values()):g}, not to 1")
        if set(self.categories) != set(CATEGORIES):
            told = ", ".join(sorted(self.categories))
            raise ValueError(f"categories: {told}; it must be {', '.join(CATEGORIES)}")
        for task_type, category in self.of_task_type.items():
            if category not in CATEGORIES:
                raise ValueError(f"of_task_type.{task_type}: {category!r} is no category")
        known = {*self.blend, self.fills_in}
        for category, publishers in self.categories.items():
            if unknown := set(publishers) - known:
                raise ValueError(
                    f"categories.{category}: {', '.join(sorted(unknown))} is neither blended nor "
                    "fills in"
                )
            for reading in (r for readings in publishers.values() for r in readings):
                if reading.unit not in self.maps:
                    raise ValueError(f"maps: {reading.unit} missing")
        return self
