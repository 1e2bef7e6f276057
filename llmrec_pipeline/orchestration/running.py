"""Executing a job in this process and reading what it did from its events."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from dagster import (
    AssetCheckEvaluation,
    AssetCheckSeverity,
    DagsterEvent,
    DagsterExecutionInterruptedError,
    DagsterInstance,
    ExecuteInProcessResult,
    HookContext,
    JobDefinition,
    success_hook,
)

from llmrec_pipeline.orchestration.run_summary import RunSummary

_INTERRUPTED = DagsterExecutionInterruptedError.__name__


def quiet_logging() -> None:
    """Dagster's own console log is for its UI; the command line says what matters itself."""
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    if not logging.getLogger().handlers:
        # Dagster's storage tells of its tries on the root logger, which else prints them.
        logging.getLogger().addHandler(logging.NullHandler())


def execute(
    job: JobDefinition,
    instance: DagsterInstance,
    *,
    on_step: Callable[[str], None],
    tags: Mapping[str, str],
) -> RunSummary:
    """Run the job on the instance; never raises for a step that fails."""

    @success_hook(name="tell_step")
    def tell_step(context: HookContext) -> None:
        on_step(context.op.name)

    result = job.with_hooks({tell_step}).execute_in_process(
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        instance=instance,
        tags=dict(tags),
        raise_on_error=False,
    )
    return summarise(job.name, result)


def summarise(name: str, result: ExecuteInProcessResult) -> RunSummary:
    """Failed checks, the first error and the plain metadata of each asset. Where a blocking check
    stopped the run, it is the error."""
    failed_checks: list[str] = []
    blocked: dict[str | None, list[str]] = {}
    failure: DagsterEvent | None = None
    metadata: dict[str, dict[str, Any]] = {}
    for event in result.all_events:
        if event.is_step_failure:
            failure = failure or event
        elif event.event_type_value == "ASSET_CHECK_EVALUATION":
            evaluation = event.asset_check_evaluation_data
            if not evaluation.passed:
                line = _line(evaluation)
                failed_checks.append(line)
                if evaluation.blocking and evaluation.severity == AssetCheckSeverity.ERROR:
                    blocked.setdefault(event.step_key, []).append(line)
        elif event.is_step_materialization:
            materialization = event.step_materialization_data.materialization
            metadata[materialization.asset_key.to_user_string()] = {
                key: value.value for key, value in materialization.metadata.items()
            }
    error = None
    if failure is not None:
        error = "; ".join(blocked.get(failure.step_key, ())) or _first_line(failure)
    return RunSummary(
        name,
        result.run_id,
        result.success,
        tuple(failed_checks),
        error,
        metadata,
        interrupted=failure is not None and _INTERRUPTED in str(failure.step_failure_data.error),
    )


def _line(evaluation: AssetCheckEvaluation) -> str:
    asset = evaluation.asset_key.to_user_string()
    return f"{asset}: {evaluation.check_name}: {evaluation.description or 'failed'}"


def _first_line(event: DagsterEvent) -> str:
    failure = event.step_failure_data.error
    cause = failure
    while cause is not None and cause.cause is not None:
        cause = cause.cause
    message = (cause.message if cause else "") or "unknown error"
    return f"{event.step_key}: {message.strip().splitlines()[0]}"
