"""Tables of outcomes as people bring them: CSV, JSON lines or Parquet.

    matrix   prompt_id, task_type, model, score    every model's score on every prompt
    prior    task_type, model, mean
    log      task_type or use_case, model, score   one outcome a row, oldest first, or by `at`

Scores and means are from 0 to 1; a table whose largest is above 1 is taken as one out of 100.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from llmrec_pipeline.domain.learning import Outcome
from llmrec_pipeline.domain.learning_simulation import OutcomeMatrix
from llmrec_pipeline.domain.task_profile import RequestError
from llmrec_pipeline.sources.pull import one_line

_READERS = {
    ".csv": pl.read_csv,
    ".jsonl": pl.read_ndjson,
    ".ndjson": pl.read_ndjson,
    ".parquet": pl.read_parquet,
}
_PERCENT = 100.0


@dataclass(frozen=True)
class ReadMatrix:
    """A matrix; what its scores were out of (1 or 100), how many prompts were left out since not
    every model has a score on them, and how many rows repeat a prompt and model, which were averaged
    with the first."""

    matrix: OutcomeMatrix
    scale: float
    dropped: int
    repeated: int


def read_matrix(path: Path) -> ReadMatrix:
    """A full table of outcomes; several scores of one model on one prompt count as their mean.
    Raises RequestError."""
    rows, scale = _scored(_read(path, ("prompt_id", "task_type", "model", "score")), "score", path)
    if clash := _prompts_of_two_task_types(rows):
        raise RequestError(f"{path}: prompt_id {clash!r} has several task types; it has one")
    wide = rows.pivot(
        "model", index=["prompt_id", "task_type"], values="score", aggregate_function="mean"
    )
    models = sorted(set(wide.columns) - {"prompt_id", "task_type"})
    full = wide.drop_nulls().sort("task_type", "prompt_id")
    if full.is_empty():
        raise RequestError(
            f"{path}: no prompt has a score of each of the {len(models)} models; leave models out "
            "that were tried on few prompts"
        )
    if len(models) < 2:
        raise RequestError(f"{path}: names {len(models)} model; there is nothing to choose")
    task_types = full["task_type"].unique().sort()
    places = {name: at for at, name in enumerate(task_types)}
    tasks = full["task_type"].replace_strict(places, return_dtype=pl.Int64).to_numpy()
    scores = full.select(models).to_numpy() / scale
    matrix = OutcomeMatrix(tuple(task_types), tuple(models), tasks, scores)
    repeated = rows.height - rows.select(pl.struct("prompt_id", "model").n_unique()).item()
    return ReadMatrix(matrix, scale, wide.height - full.height, repeated)


def read_prior(path: Path, known: OutcomeMatrix | None = None) -> dict[tuple[str, str], float]:
    """Mean by task type and model; raises RequestError, also for a prior that speaks of none of
    the known models."""
    rows, scale = _scored(_read(path, ("task_type", "model", "mean")), "mean", path)
    told = {(t, m): mean / scale for t, m, mean in rows.select("task_type", "model", "mean").rows()}
    if known is not None and not {m for _, m in told} & set(known.models):
        raise RequestError(
            f"{path}: model: none of them is a model of the matrix; names must agree"
        )
    return told


def read_log(path: Path) -> list[Outcome]:
    """Outcomes, oldest first; raises RequestError."""
    frame = _read(path, ("model", "score"))
    use_case = next((name for name in ("use_case", "task_type") if name in frame.columns), None)
    if use_case is None:
        raise RequestError(f"{path}: has no column use_case or task_type; it has {_names(frame)}")
    if "at" in frame.columns:
        frame = frame.sort("at", maintain_order=True)
    rows, scale = _scored(frame, "score", path)
    named = rows.select(pl.col(use_case).cast(pl.String), "model", "score").rows()
    return [Outcome(case, model, score / scale) for case, model, score in named]


def _read(path: Path, columns: Sequence[str]) -> pl.DataFrame:
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise RequestError(f"{path}: its name must end in {', '.join(_READERS)}")
    try:
        frame: pl.DataFrame = reader(path)  # type: ignore[operator]
    except FileNotFoundError:
        raise RequestError(f"{path}: no such file") from None
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise RequestError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from None
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise RequestError(f"{path}: has no column {', '.join(missing)}; it has {_names(frame)}")
    if frame.is_empty():
        raise RequestError(f"{path}: has no rows")
    return frame


def _names(frame: pl.DataFrame) -> str:
    return one_line(", ".join(frame.columns))


def _scored(frame: pl.DataFrame, column: str, path: Path) -> tuple[pl.DataFrame, float]:
    """The rows with names as text and values as numbers, and what the values are out of."""
    named = [name for name in ("prompt_id", "task_type", "model") if name in frame.columns]
    rows = frame.with_columns(
        *(pl.col(name).cast(pl.String) for name in named),
        pl.col(column).cast(pl.Float64, strict=False).alias("value"),
    )
    bad = rows.with_row_index("row", offset=1).filter(
        ~pl.col("value").is_finite().fill_null(value=False)
        | (pl.col("value") < 0)
        | (pl.col("value") > _PERCENT)
    )
    if not bad.is_empty():
        first: Mapping[str, object] = bad.row(0, named=True)
        raise RequestError(
            f"{path}: row {first['row']}: {column} is {first[column]!r}; "
            "allowed: 0 to 1, or 0 to 100 throughout"
        )
    largest = float(rows.select(pl.col("value").max()).item())
    scored = rows.with_columns(pl.col("value").alias(column)).drop("value")
    return scored, (_PERCENT if largest > 1 else 1.0)


def _prompts_of_two_task_types(rows: pl.DataFrame) -> str | None:
    counts = rows.group_by("prompt_id").agg(pl.col("task_type").n_unique().alias("n"))
    several = counts.filter(pl.col("n") > 1)["prompt_id"].sort()
    return None if several.is_empty() else str(several[0])
