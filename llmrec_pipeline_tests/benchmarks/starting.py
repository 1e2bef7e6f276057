"""How long it takes until something is there: a cold answer, and the import of each entry point."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from llmrec_pipeline_tests.benchmarks.figure import Figure, Goal, progress, seconds_in_turn
from llmrec_pipeline_tests.benchmarks.refresh_cost import build

_CLI = (sys.executable, "-m", "llmrec_pipeline.serving.cli")
_TEXT = "python debugging, prefer quality, budget $5/1M tokens"
_POLARS = (sys.executable, "-c", "import polars")
_ENTRIES = {
    "llmrec": "llmrec_pipeline.serving.cli.app",
    "HTTP API": "llmrec_pipeline.serving.api.app",
    "report": "llmrec_pipeline.serving.report.building",
    "Dagster definitions": "llmrec_pipeline.definitions",
}
_PULLS, _MODELS = 10, 500
# As many as eight sources name.
_MANY_MODELS = 2_000
_ANSWERS, _IMPORTS = 15, 7
COLD_GOAL = Goal(1.0)


def cold_answer() -> list[Figure]:
    """`llmrec recommend` in a process of its own, beside the import of polars, from an edition of
    each size."""
    return [_cold_answer(models) for models in (_MODELS, _MANY_MODELS)]


def _cold_answer(models: int) -> Figure:
    with tempfile.TemporaryDirectory(prefix="llmrec-bench-") as temporary:
        data = Path(temporary) / "data"
        build(data, _PULLS, models, lambda _: None)
        progress(f"{_ANSWERS} cold answers")
        answer = (*_CLI, "recommend", _TEXT)
        ours, polars = seconds_in_turn((answer, _POLARS), _environment(data), _ANSWERS)
    what = f"cold `llmrec recommend`, {models:,} models"
    return Figure(what, ours, "s", "`import polars`", polars, COLD_GOAL)


def imports() -> list[Figure]:
    """Each entry point imported in a process of its own, beside the import of polars."""
    commands = [(sys.executable, "-c", f"import {module}") for module in _ENTRIES.values()]
    with tempfile.TemporaryDirectory(prefix="llmrec-bench-") as temporary:
        environment = _environment(Path(temporary))
        *ours, polars = seconds_in_turn([*commands, _POLARS], environment, _IMPORTS)
    return [
        Figure(f"import of {name}", seconds, "s", "`import polars`", polars)
        for name, seconds in zip(_ENTRIES, ours, strict=True)
    ]


def _environment(data: Path) -> dict[str, str]:
    environment = {**os.environ, "LLMREC_DATA_DIR": str(data), "LLMREC_OFFLINE": "1"}
    # Python keeps what it compiled, unless it is told not to; then every start would compile anew.
    for variable in ("DATABASE_URL", "PYTHONDONTWRITEBYTECODE"):
        environment.pop(variable, None)
    return environment
