"""The shape of config/consensus.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Method = Literal["two_way_fit", "shrunk_z_mean", "rank_mean"]
Text = Annotated[str, Field(min_length=1)]
Weight = Annotated[float, Field(gt=0, le=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", coerce_numbers_to_str=True, allow_inf_nan=False
    )


class EvidenceWeights(_Frozen):
    """What a reading weighs, beside a measured one of the task type itself, which weighs 1."""

    unverified: Weight
    other_variant: Weight
    inferred: Weight
    related: Weight


class BenchmarkUse(_Frozen):
    """A publisher's benchmark and the task types that it measures."""

    source: Text
    name: Text
    category: Text | None = None
    unit: Literal["elo", "fraction", "index", "percent", "points"] = "fraction"
    task_types: Annotated[tuple[Text, ...], Field(min_length=1)]
    higher_is_better: bool = True


class ConsensusConfig(_Frozen):
    """consensus.yaml."""

    version: Text
    method: Method
    shrinkage: Annotated[float, Field(gt=0, le=100)]
    minimum_population: Annotated[int, Field(ge=2)]
    minimum_evidence: Annotated[float, Field(gt=0)]
    confidence: Annotated[float, Field(gt=0, lt=1)]
    weights: EvidenceWeights
    benchmarks: tuple[BenchmarkUse, ...] = ()
