"""Category rankings: the scores of several publishers on one scale of 0 to 100.

What belongs here: choosing each publisher's reading of a category, mapping it to 0-100 and
blending the publishers. What does not: what may be configured (`categories_config`), and where the
readings are stored.

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
from typing import Any, NamedTuple

from llmrec_pipeline.domain.categories_config import (
    CATEGORIES,
    CategoriesConfig,
    CategoryReading,
)


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
            if _takes(reading, score):
                taken.setdefault(score.canonical_model_key, []).append(score)
        if taken:
            return _mapped(reading, taken, config)
    return {}


def _takes(reading: CategoryReading, score: PublisherScore) -> bool:
    """Whether a score is part of a reading."""
    if reading.column is not None:
        return score.column == reading.column
    if score.column is not None or score.unit != reading.unit:
        return False
    named = any(fnmatchcase(score.benchmark or "", glob) for glob in reading.benchmarks)
    told = any(fnmatchcase((score.category or "").lower(), g) for g in reading.in_categories)
    return named and told if reading.both else named or told


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
