"""The pipeline in this process, against the loopback publishers, with a clock that can be moved."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from dagster import AssetCheckEvaluation, DagsterEventType, DagsterInstance

from llmrec_pipeline.orchestration.build import build_defs
from llmrec_pipeline.orchestration.run_summary import RunSummary
from llmrec_pipeline.orchestration.running import execute, quiet_logging
from llmrec_pipeline.settings import Settings, load_settings
from llmrec_pipeline.storage.editions import Edition, current_edition
from llmrec_pipeline.storage.lake import Lake
from llmrec_pipeline.storage.origins import Serving, read_serving
from llmrec_pipeline.storage.states import SourceState, read_state
from llmrec_pipeline.storage.warehouse import open_warehouse

# Time-outs and waits that let a fault show within a second.
HASTE = {
    "LLMREC_PIPELINE__HTTP__CONNECT_S": "1",
    "LLMREC_PIPELINE__HTTP__READ_S": "0.4",
    "LLMREC_PIPELINE__HTTP__BUDGET_S": "3",
    "LLMREC_PIPELINE__HTTP__ATTEMPTS": "2",
    "LLMREC_PIPELINE__HTTP__WAIT_INITIAL_S": "0.02",
    "LLMREC_PIPELINE__HTTP__WAIT_MAX_S": "0.1",
    "LLMREC_PIPELINE__INGEST__DEADLINE_S": "10",
}


class MovableClock:
    """Real time and what it was moved by, so that it agrees with what Dagster writes down."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def move(self, **by: float) -> None:
        self.ahead += timedelta(**by)


@dataclass
class Pipeline:
    """Jobs, warehouse and lake of one data folder; `environment` is all that settings see."""

    data: Path
    environment: Mapping[str, str]
    instance: DagsterInstance
    clock: MovableClock = field(default_factory=MovableClock)

    @property
    def settings(self) -> Settings:
        return load_settings({**self.environment, "LLMREC_DATA_DIR": str(self.data)})

    @property
    def lake(self) -> Lake:
        return Lake(self.data)

    def run(self, job: str, tags: Mapping[str, str] | None = None) -> RunSummary:
        """Run a job to its end."""
        quiet_logging()
        definition = build_defs(self.settings, clock=self.clock).resolve_job_def(job)
        return execute(definition, self.instance, on_step=lambda _: None, tags=tags or {})

    def checks(self, *runs: RunSummary) -> dict[str, AssetCheckEvaluation]:
        """What the checks of these runs found, by `asset: check`."""
        found = {}
        for run in runs:
            for entry in self.instance.all_logs(
                run.run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION
            ):
                assert entry.dagster_event is not None
                evaluation = entry.dagster_event.asset_check_evaluation_data
                asset = evaluation.asset_key.to_user_string()
                found[f"{asset}: {evaluation.check_name}"] = evaluation
        return found

    def steps(self, run: RunSummary) -> dict[str, str]:
        """How each step of a run ended: STEP_SUCCESS, STEP_FAILURE or STEP_SKIPPED."""
        ends = {"STEP_SUCCESS", "STEP_FAILURE", "STEP_SKIPPED"}
        return {
            str(entry.step_key): entry.dagster_event.event_type_value
            for entry in self.instance.all_logs(run.run_id)
            if entry.dagster_event and entry.dagster_event.event_type_value in ends
        }

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Rows from the warehouse."""
        with self._warehouse() as con:
            return con.sql(sql).pl().to_dicts()

    def silver(self, source: str) -> pl.DataFrame:
        """The source's silver rows in a fixed order."""
        with self._warehouse() as con:
            rows = con.execute("SELECT * FROM silver_models WHERE source = ?", [source]).pl()
        return rows.sort("source_model_id")

    def origins(self) -> dict[str, Serving]:
        """What serves for each source."""
        with self._warehouse() as con:
            return {entry.source: entry for entry in read_serving(con)}

    def state(self, source: str) -> SourceState:
        return read_state(self.data / "state", source)

    def bronze(self, source: str) -> list[str]:
        """Names of the source's bronze model files."""
        folder = self.data / "bronze" / source
        return sorted(path.name for path in folder.glob("models_snapshot_*.parquet"))

    def edition(self) -> Edition | None:
        return current_edition(self.data / "published")

    def copy(self, data: Path) -> Pipeline:
        """The same pipeline on a copy of its data, on the same instance."""
        shutil.copytree(self.data, data, symlinks=True)
        return Pipeline(data, dict(self.environment), self.instance, MovableClock())

    def _warehouse(self) -> Any:
        settings = self.settings
        return open_warehouse(
            settings.locations.warehouse, settings.pipeline.warehouse, read_only=True
        )
