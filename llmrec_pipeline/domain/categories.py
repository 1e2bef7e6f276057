"""Category rankings: the scores of several publishers on one scale of 0 to 100.

What belongs here: choosing each publisher's reading of a category, mapping it to 0-100 and
blending the publishers. What does not: where the readings are stored.

    score = 0.7 * first + 0.3 * second      where both publishers of `blend` score a model
    score = the one that does               where only one does
    score = the publisher of `fills_in`     where neither does

A publisher's scores in a category are all of one reading, the first of its list that scores any
model, so that they are one scale. A reading over several benchmarks is the mean of those that a
model has; where `both` is set, a model must have a score in every category of the reading that
any model has a score in, so that nobody is compared on the easier half.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from math import fsum
from typing import Annotated, Any, Literal, NamedTuple, Self

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

    def takes(self, score: PublisherScore) -> bool:
        """Whether a score is part of this reading."""
        if self.column is not None:
            return score.column == self.column
        if score.column is not None or score.unit != self.unit:
            return False
        named = any(fnmatchcase(score.benchmark or "", glob) for glob in self.benchmarks)
        told = any(fnmatchcase((score.category or "").lower(), g) for g in self.in_categories)
        return named and told if self.both else named or told


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


class PublisherScore(NamedTuple):
    """What a publisher says of a model: an index column's value, or a benchmark's score."""

    publisher: str
    canonical_model_key: str
    column: str | None
    benchmark: str | None
    category: str | None
    unit: str
    value: float
    index_version: str | None
    verified: bool | None
    observed_at: datetime


class _Reading(NamedTuple):
    """A model's score by one publisher, and where it comes from."""

    mapped: float
    source: dict[str, Any]
    observed_at: datetime


def rank_categories(
    config: CategoriesConfig,
    scores: Iterable[PublisherScore],
    models: Mapping[str, Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Rows of `category_rankings`, best first within each category, ties by key.

    `models` holds the models that may be ranked, by canonical key: `provider`, `model_name`,
    `output_tokens_per_s`, `ttft_s` (s), `price_input_per_1m` (USD per 1M tokens) and
    `context_window` (tokens). `score` is 0 to 100; `sources` says per publisher which reading,
    value, share and pull it rests on; `metadata` holds `speed` (tokens/s), `latency_ms`,
    `cost_per_token` (USD per input token) and `context_window`; `last_updated` is the newest
    observation among the sources.
    """
    by_publisher: dict[str, list[PublisherScore]] = {}
    for score in scores:
        if score.canonical_model_key in models:
            by_publisher.setdefault(score.publisher, []).append(score)
    rows = []
    for category in CATEGORIES:
        readings = {
            publisher: _read(listed, by_publisher.get(publisher, ()), config)
            for publisher, listed in config.categories[category].items()
        }
        rows += _ranked(category, readings, config, models)
    return rows


def _read(
    listed: Sequence[CategoryReading], scores: Sequence[PublisherScore], config: CategoriesConfig
) -> dict[str, _Reading]:
    """Each model's score by one publisher, all of the first reading that has any."""
    for reading in listed:
        taken: dict[str, list[PublisherScore]] = {}
        for score in scores:
            if reading.takes(score):
                taken.setdefault(score.canonical_model_key, []).append(score)
        if taken:
            return _mapped(reading, taken, config)
    return {}


def _mapped(
    reading: CategoryReading,
    taken: Mapping[str, Sequence[PublisherScore]],
    config: CategoriesConfig,
) -> dict[str, _Reading]:
    wanted = {score.category for scores in taken.values() for score in scores}
    readings = {}
    for key, scores in sorted(taken.items()):
        if reading.both and {score.category for score in scores} != wanted:
            continue
        # A benchmark that the publisher files under two categories is one score.
        values: dict[tuple[str | None, str | None], list[float]] = {}
        for score in scores:
            name = score.benchmark, score.category if reading.both else None
            values.setdefault(name, []).append(score.value)
        value = _mean([_mean(told) for told in values.values()])
        newest = max(score.observed_at for score in scores)
        source = {
            "publisher": scores[0].publisher,
            "reading": reading.name,
            "value": value,
            "unit": reading.unit,
            "scores": len(values),
            "verified": sum(score.verified is True for score in scores),
            "index_version": scores[0].index_version,
            "observed_at": newest.isoformat(),
        }
        readings[key] = _Reading(config.maps[reading.unit].of(value), source, newest)
    return readings


def _mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values)


def _ranked(
    category: str,
    readings: Mapping[str, Mapping[str, _Reading]],
    config: CategoriesConfig,
    models: Mapping[str, Mapping[str, Any]],
) -> list[dict[str, Any]]:
    blended = []
    for key in sorted({key for scored in readings.values() for key in scored}):
        parts = _parts({p: scored[key] for p, scored in readings.items() if key in scored}, config)
        score = fsum(share * reading.mapped for share, reading in parts)
        blended.append((-score, key, parts))
    return [
        {
            "category": category,
            "rank": rank,
            "provider": models[key]["provider"],
            "model_name": models[key]["model_name"],
            "canonical_model_key": key,
            "score": -negative,
            "sources": {
                "formula": _formula(parts),
                "map_version": config.version,
                "publishers": [
                    {**reading.source, "mapped": reading.mapped, "share": share}
                    for share, reading in parts
                ],
            },
            "metadata": _metadata(models[key]),
            "last_updated": max(reading.observed_at for _, reading in parts),
        }
        for rank, (negative, key, parts) in enumerate(sorted(blended, key=lambda b: b[:2]), start=1)
    ]


def _parts(
    scored: Mapping[str, _Reading], config: CategoriesConfig
) -> list[tuple[float, _Reading]]:
    """Which publishers make a model's score, and with which share."""
    first = {publisher: scored[publisher] for publisher in config.blend if publisher in scored}
    if len(first) == len(config.blend):
        return [(config.blend[publisher], reading) for publisher, reading in first.items()]
    alone = next(iter(first.values()), None) or scored[config.fills_in]
    return [(1.0, alone)]


def _formula(parts: Sequence[tuple[float, _Reading]]) -> str:
    return " + ".join(f"{share:g} * {reading.source['publisher']}" for share, reading in parts)


def _metadata(model: Mapping[str, Any]) -> dict[str, Any]:
    ttft_s, price = model.get("ttft_s"), model.get("price_input_per_1m")
    return {
        "speed": model.get("output_tokens_per_s"),
        "latency_ms": None if ttft_s is None else ttft_s * 1000,
        "cost_per_token": None if price is None else price / 1_000_000,
        "context_window": model.get("context_window"),
    }
