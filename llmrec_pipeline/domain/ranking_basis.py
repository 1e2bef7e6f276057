"""What a ranking rests on: its scorer, quality basis and missing policy, and the rows that they give.

In: stated names, or None for the configured ones; candidates of an edition's ranking payload. Out:
the choice, the basis of comparison, and the candidates that have a quality reading. An answer
(`ranking`) and the batch (`ranking_pool`) go through these same steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from llmrec_pipeline.domain.candidates import Candidate
from llmrec_pipeline.domain.measure_choice import (
    Basis,
    all_measures,
    measure_of_each_row,
    one_measure,
)
from llmrec_pipeline.domain.scorers import ANCHORED, SCORERS, WEIGHTED, Row
from llmrec_pipeline.domain.scoring.weighted import MISSING_NORMS
from llmrec_pipeline.domain.task_profile import (
    CONSENSUS_BASIS,
    QUALITY_BASES,
    RequestError,
    Tasks,
    unknown_name,
)


class Choice(NamedTuple):
    """How a ranking is made: names of a scorer, a quality basis and a missing policy."""

    scorer: str
    quality_basis: str
    policy: str


def choice_of(
    tasks: Tasks, scorer: str | None, quality_basis: str | None, policy: str | None
) -> Choice:
    """The stated names, else the configured ones. Raises RequestError for an unknown name, and for a
    consensus with a scorer that rests on measures."""
    scorer = _one_of("scorer", scorer or tasks.scorer, SCORERS)
    basis = _one_of("quality basis", quality_basis or tasks.quality_basis, QUALITY_BASES)
    if quality_basis == CONSENSUS_BASIS and scorer != ANCHORED:
        raise RequestError(f"{scorer} rests on a measure; a consensus needs {ANCHORED}")
    policy = _one_of("missing policy", policy or tasks.missing_policy, MISSING_NORMS)
    return Choice(scorer, basis, policy)


def basis_of(
    choice: Choice,
    payload: Mapping[str, Any],
    candidates: Sequence[Candidate],
    task_type: str,
    tasks: Tasks,
) -> Basis:
    """What the candidates are compared on, as the scorer and the quality basis have it. Where a
    consensus speaks of none of them, one measure. Raises RequestError for an unknown task type."""
    columns = tasks.task_type(task_type).columns
    if choice.scorer == WEIGHTED:
        return measure_of_each_row(payload, candidates, columns)
    if choice.scorer != ANCHORED or choice.quality_basis != CONSENSUS_BASIS:
        return one_measure(payload, candidates, columns, tasks.minimum_measured)
    basis = all_measures(payload, candidates, task_type)
    if basis.summary["measured"] or not candidates:
        return basis
    measure = one_measure(payload, candidates, columns, tasks.minimum_measured)
    warning = f"no candidate has {basis.lacks}: ranked by one measure"
    return measure._replace(warnings=[warning, *measure.warnings])


def rows_of(candidates: Sequence[Candidate], basis: Basis) -> list[Row]:
    """The candidates that have a reading, in their order."""
    return [
        Row(candidate, reading)
        for candidate, reading in zip(candidates, basis.readings, strict=True)
        if reading is not None
    ]


def _one_of(kind: str, name: str, allowed: Iterable[str]) -> str:
    names = tuple(allowed)
    if name not in names:
        raise unknown_name(kind, name, names)
    return name
