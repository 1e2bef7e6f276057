"""The shape of config/consensus.yaml: how all measures together make a score."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from llmrec_pipeline.domain.config_shape import ConfigShapeOfNames, NonEmptyText

Method = Literal["two_way_fit", "shrunk_z_mean", "rank_mean"]
Weight = Annotated[float, Field(gt=0, le=1)]


class EvidenceWeights(ConfigShapeOfNames):
    """What a reading weighs, beside a measured one of the task type itself, which weighs 1."""

    unverified: Weight
    other_variant: Weight
    inferred: Weight
    related: Weight


class BenchmarkUse(ConfigShapeOfNames):
    """A publisher's benchmark and the task types that it measures."""

    source: NonEmptyText
    name: NonEmptyText
    category: NonEmptyText | None = None
    unit: Literal["elo", "fraction", "index", "percent", "points"] = "fraction"
    task_types: Annotated[tuple[NonEmptyText, ...], Field(min_length=1)]
    higher_is_better: bool = True


class ConsensusConfig(ConfigShapeOfNames):
    """consensus.yaml. `shrinkage` and `minimum_evidence` are in weights of a full reading,
    `minimum_population` in models; `confidence` is that of intervals."""

    version: NonEmptyText
    method: Method
    shrinkage: Annotated[float, Field(gt=0, le=100)]
    minimum_population: Annotated[int, Field(ge=2)]
    minimum_evidence: Annotated[float, Field(gt=0)]
    confidence: Annotated[float, Field(gt=0, lt=1)]
    weights: EvidenceWeights
    benchmarks: tuple[BenchmarkUse, ...] = ()
