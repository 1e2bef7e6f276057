"""What the Dagster UI shows, as one readable snapshot, and who may import what."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from dagster import (
    AssetSpec,
    DefaultScheduleStatus,
    DefaultSensorStatus,
    Definitions,
)

import llmrec_pipeline
from llmrec_pipeline.locations import PROJECT_ROOT
from llmrec_pipeline.orchestration.build import build_defs
from llmrec_pipeline.orchestration.vocabulary import GROUP_EVIDENCE
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.storage.evidence_store.models import Base
from llmrec_pipeline_tests.schema_tables import TABLES

PACKAGE = Path(llmrec_pipeline.__file__).parent

ASSETS = """
bronze     bronze/artificial_analysis
bronze     bronze/epoch
bronze     bronze/genai_prices
bronze     bronze/litellm
bronze     bronze/llm_stats
bronze     bronze/lmarena
bronze     bronze/models_dev
bronze     bronze/openrouter
evidence   model_benchmarks
evidence   model_pricing
evidence   model_recommendations
evidence   model_runtime_stats
evidence   model_sentiment_signals
evidence   models_catalog
published  edition
published  market_digest
published  recommendation_report
published  written_by_people
ranking    category_rankings
ranking    market_changes
ranking    task_rankings
raw        raw/artificial_analysis
raw        raw/epoch
raw        raw/genai_prices
raw        raw/litellm
raw        raw/llm_stats
raw        raw/lmarena
raw        raw/models_dev
raw        raw/openrouter
warehouse  bronze_models
warehouse  models_history
warehouse  models_latest
warehouse  silver_models
"""

JOBS = {
    "evidence": """
model_benchmarks
model_pricing
model_recommendations
model_runtime_stats
model_sentiment_signals
models_catalog
""",
    "ingest": """
bronze/artificial_analysis
bronze/epoch
bronze/genai_prices
bronze/litellm
bronze/llm_stats
bronze/lmarena
bronze/models_dev
bronze/openrouter
raw/artificial_analysis
raw/epoch
raw/genai_prices
raw/litellm
raw/llm_stats
raw/lmarena
raw/models_dev
raw/openrouter
""",
    "refresh": """
bronze_models
category_rankings
edition
market_changes
market_digest
models_history
models_latest
recommendation_report
silver_models
task_rankings
written_by_people
""",
}

_PULL_CHECKS = """
warns   bronze/{source}: no_value_was_unreadable
warns   bronze/{source}: the_pages_have_the_known_structure
warns   raw/{source}: the_publisher_answered
"""
CHECKS = (
    """
warns   market_digest: every_channel_took_its_alerts
warns   bronze_models: the_newest_pulls_are_believed
warns   bronze_models: the_newest_pulls_are_on_the_scale_before
warns   model_recommendations: every_use_case_is_answered
warns   model_runtime_stats: telemetry_is_present_and_recent
blocks  models_latest: required_columns_are_filled
blocks  models_latest: the_columns_are_those_of_the_schema
blocks  models_latest: the_key_is_unique
blocks  models_latest: there_are_rows
blocks  models_latest: values_are_within_range
warns   silver_models: every_source_was_seen_lately
warns   silver_models: most_names_are_identified
warns   silver_models: no_source_is_replaced_by_its_fixture
blocks  silver_models: required_columns_are_filled
blocks  silver_models: the_columns_are_those_of_the_schema
blocks  silver_models: the_key_is_unique
blocks  silver_models: there_are_rows
blocks  silver_models: values_are_within_range
blocks  task_rankings: each_ranking_rests_on_one_measure
blocks  task_rankings: required_columns_are_filled
blocks  task_rankings: the_columns_are_those_of_the_schema
blocks  task_rankings: the_key_is_unique
blocks  task_rankings: there_are_rows
blocks  task_rankings: values_are_within_range
"""
    + _PULL_CHECKS.format(source="artificial_analysis")
    + _PULL_CHECKS.format(source="lmarena")
    + _PULL_CHECKS.format(source="models_dev")
    + _PULL_CHECKS.format(source="epoch")
    + _PULL_CHECKS.format(source="genai_prices")
    + _PULL_CHECKS.format(source="litellm")
    + _PULL_CHECKS.format(source="llm_stats")
    + _PULL_CHECKS.format(source="openrouter")
)


@pytest.fixture(scope="module")
def defs() -> Definitions:
    return build_defs(load_settings({}))


@pytest.fixture(scope="module")
def specs(defs: Definitions) -> dict[str, AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}


def _lines(text: str) -> list[str]:
    return sorted(line for line in text.splitlines() if line)


def test_assets_and_their_groups(specs: dict[str, AssetSpec]) -> None:
    found = [f"{str(spec.group_name)[2:]:<9}  {name}" for name, spec in specs.items()]
    assert sorted(found) == _lines(ASSETS)


def test_groups_sort_as_the_data_flows(specs: dict[str, AssetSpec]) -> None:
    groups = {spec.key: str(spec.group_name) for spec in specs.values()}
    for spec in specs.values():
        for dep in spec.deps:
            assert groups[dep.asset_key] <= groups[spec.key], (dep.asset_key, spec.key)


@pytest.mark.parametrize("job", JOBS)
def test_jobs_and_what_they_touch(defs: Definitions, job: str) -> None:
    keys = defs.resolve_job_def(job).asset_layer.executable_asset_keys
    assert sorted(key.to_user_string() for key in keys) == _lines(JOBS[job])


def test_jobs_are_these_two(defs: Definitions) -> None:
    named = {job.name for job in defs.resolve_all_job_defs()}
    assert {name for name in named if not name.startswith("__")} == set(JOBS)


def test_schedule(defs: Definitions) -> None:
    (schedule,) = defs.schedules or ()
    schedule = defs.resolve_schedule_def("ingest_every_six_hours")
    assert schedule.job_name == "ingest"
    assert schedule.cron_schedule == "0 */6 * * *"
    assert schedule.execution_timezone == "UTC"
    assert schedule.default_status == DefaultScheduleStatus.RUNNING


@pytest.mark.parametrize(
    ("name", "job"), [("new_snapshot_sensor", "refresh"), ("new_edition_sensor", "evidence")]
)
def test_sensors(defs: Definitions, name: str, job: str) -> None:
    sensor = defs.resolve_sensor_def(name)
    assert sensor.job_name == job
    assert sensor.default_status == DefaultSensorStatus.RUNNING
    assert sensor.description


def test_checks_and_which_of_them_block(defs: Definitions) -> None:
    graph = defs.resolve_asset_graph()
    found = []
    for key in graph.asset_check_keys:
        spec = graph.get_check_spec(key)
        assert spec.description, f"{key} says nothing of itself"
        word = "blocks" if spec.blocking else "warns"
        found.append(f"{word:<6}  {key.asset_key.to_user_string()}: {key.name}")
    assert sorted(found) == _lines(CHECKS)


def test_every_asset_tells_what_it_is(specs: dict[str, AssetSpec]) -> None:
    for name, spec in specs.items():
        assert spec.description, name
        assert spec.owners == ["team:llm-platform"], name
        assert spec.kinds, name
        table = "models_snapshot" if name.startswith("bronze/") else name
        if spec.group_name == GROUP_EVIDENCE:
            stored = [column.name for column in Base.metadata.tables[name].columns]
            schema = spec.metadata["dagster/column_schema"]
            assert [column.name for column in schema.columns] == stored, name
        elif table in TABLES:
            schema = spec.metadata["dagster/column_schema"]
            assert [column.name for column in schema.columns] == list(TABLES[table].names), name
            assert all(column.description for column in schema.columns), name


def test_freshness_stands_where_age_means_something(specs: dict[str, AssetSpec]) -> None:
    with_policy = {name for name, spec in specs.items() if spec.freshness_policy is not None}
    assert with_policy == {name for name in specs if name.startswith("raw/")} | {"edition"}


def test_licence_and_attribution_stand_at_each_source(specs: dict[str, AssetSpec]) -> None:
    for source, config in load_settings({}).sources.items():
        description = specs[f"raw/{source}"].description or ""
        assert config.attribution in description
        assert config.licence in description


def test_workspace_and_dg_name_one_module() -> None:
    workspace = yaml.safe_load((PROJECT_ROOT / "workspace.yaml").read_text("utf-8"))
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text("utf-8"))
    named = project["tool"]["dg"]["project"]["code_location_target_module"]
    assert workspace == {"load_from": [{"python_module": named}]}


def test_one_run_at_a_time_and_no_slot_that_a_killed_step_keeps() -> None:
    config = yaml.safe_load((PROJECT_ROOT / "config" / "dagster.yaml").read_text("utf-8"))
    assert config["concurrency"]["runs"]["max_concurrent_runs"] == 1
    assert config["concurrency"]["pools"]["granularity"] == "run"
    assert config["telemetry"] == {"enabled": False}
    stuck = load_settings({}).pipeline.refresh.stuck_minutes
    assert config["run_monitoring"]["max_runtime_seconds"] == stuck * 60


def _imports(path: Path, *, everywhere: bool) -> Iterator[str]:
    """Modules that a file imports, at module level or anywhere; TYPE_CHECKING blocks aside."""
    for node in _nodes(ast.parse(path.read_text("utf-8")), everywhere):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _nodes(tree: ast.AST, everywhere: bool) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if everywhere or not inside:
            yield node
            yield from _nodes(node, everywhere)


def _modules(folder: str) -> list[Path]:
    found = sorted((PACKAGE / folder).rglob("*.py"))
    assert found
    return found


def test_only_orchestration_imports_dagster() -> None:
    allowed = {PACKAGE / "definitions.py", *_modules("orchestration")}
    for path in set(_modules("")) - allowed:
        roots = {name.split(".")[0] for name in _imports(path, everywhere=True)}
        assert not {root for root in roots if root.startswith("dagster")}, path


def test_the_door_brings_dagster_only_when_it_is_opened() -> None:
    for name in ("launch.py", "run_lock.py"):
        roots = {
            imported.split(".")[0]
            for imported in _imports(PACKAGE / "orchestration" / name, everywhere=False)
        }
        assert "dagster" not in roots


def test_domain_imports_none_of_the_other_packages() -> None:
    for path in _modules("domain"):
        ours = {n for n in _imports(path, everywhere=True) if n.startswith("llmrec_pipeline.")}
        assert {n for n in ours if not n.startswith("llmrec_pipeline.domain")} == set(), path


def test_storage_and_sources_know_nothing_of_those_who_call_them() -> None:
    callers = ("llmrec_pipeline.orchestration", "llmrec_pipeline.serving")
    for path in (*_modules("storage"), *_modules("sources")):
        assert not [n for n in _imports(path, everywhere=True) if n.startswith(callers)], path
