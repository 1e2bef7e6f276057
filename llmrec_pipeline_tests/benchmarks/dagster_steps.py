"""What Dagster adds to a refresh: the job in this process, less the functions of its steps called
bare on an equal lake, a step."""

from __future__ import annotations

import inspect
import logging
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from llmrec_pipeline_tests.benchmarks.apart import apart
from llmrec_pipeline_tests.benchmarks.figure import Figure, Goal, progress
from llmrec_pipeline_tests.benchmarks.refresh_cost import build
from llmrec_pipeline_tests.benchmarks.synthetic_lake import SyntheticLake

if TYPE_CHECKING:
    from dagster import DagsterInstance, Definitions

_PULLS, _MODELS, _REPEAT = 10, 500, 3
STEP_GOAL = Goal(0.2)


def figures() -> list[Figure]:
    """The whole refresh job, on a persistent instance as the command has it."""
    with tempfile.TemporaryDirectory(prefix="llmrec-bench-") as temporary:
        data = Path(temporary) / "data"
        build(data, _PULLS, _MODELS, lambda _: None)
        progress(f"{_REPEAT} refreshes as a job, and bare")
        job, bare, steps = apart(_measured, data)
    return [
        Figure("refresh as a Dagster job", job, "s", "its functions called bare", bare),
        Figure(f"Dagster's overhead a step, of {steps}", (job - bare) / steps, "s", goal=STEP_GOAL),
    ]


def _measured(data: Path) -> tuple[float, float, int]:
    """Median seconds of the job and of its functions, by turns, each after a new pull; steps."""
    os.environ.update(LLMREC_DATA_DIR=str(data), LLMREC_OFFLINE="1")
    for variable in ("DATABASE_URL", "DAGSTER_HOME"):
        os.environ.pop(variable, None)
    from dagster import DagsterInstance

    from llmrec_pipeline.orchestration.build import build_defs
    from llmrec_pipeline.orchestration.launch import prepare_home
    from llmrec_pipeline.orchestration.running import execute, quiet_logging
    from llmrec_pipeline.settings import load_settings

    prepare_home()
    quiet_logging()
    synthetic = SyntheticLake(data, _MODELS)
    synthetic.skip(_PULLS)
    definitions = build_defs(load_settings(), clock=lambda: synthetic.now)
    definition = definitions.resolve_job_def("refresh")
    order: list[str] = []
    as_job: list[float] = []
    bare: list[float] = []
    with DagsterInstance.get() as instance:

        def run() -> None:
            order.clear()
            told = execute(definition, instance, on_step=order.append, tags={})
            if not told.success:
                raise RuntimeError(told.error)

        def call() -> None:
            for function in functions:
                function()

        run()
        functions = list(_bare(definitions, order, instance))
        for _ in range(_REPEAT):
            for work, seconds in ((run, as_job), (call, bare)):
                synthetic.land()
                started = time.perf_counter()
                work()
                seconds.append(time.perf_counter() - started)
    return statistics.median(as_job), statistics.median(bare), len(order)


def _bare(
    definitions: Definitions, order: Sequence[str], instance: DagsterInstance
) -> Iterator[Callable[[], None]]:
    """The functions of these steps, with what Dagster would hand them."""
    from dagster import AssetsDefinition

    run = SimpleNamespace(run_id="bare")
    log = logging.getLogger("dagster.bare")
    context = SimpleNamespace(log=log, log_event=log.debug, instance=instance, run=run)
    given = {"context": context, **(definitions.resources or {})}
    by_name: dict[str, Callable[..., object]] = {
        asset.op.name: asset.op.compute_fn.decorated_fn  # type: ignore[union-attr]
        for asset in definitions.assets or ()
        if isinstance(asset, AssetsDefinition)
    }
    for name in order:
        function = by_name[name]
        wanted = {key: given[key] for key in inspect.signature(function).parameters}
        yield partial(_exhaust, function, wanted)


def _exhaust(function: Callable[..., object], arguments: Mapping[str, Any]) -> None:
    result = function(**arguments)
    if inspect.isgenerator(result):
        for _ in result:
            pass
