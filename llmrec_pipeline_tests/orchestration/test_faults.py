"""What a publisher does wrong costs that publisher's news and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from dagster import AssetCheckSeverity, DagsterInstance, materialize

from llmrec_pipeline.domain.records import SILVER_MODELS
from llmrec_pipeline.domain.table_schema import Kind
from llmrec_pipeline.orchestration import checks
from llmrec_pipeline.orchestration.build import build_defs
from llmrec_pipeline.serving.cli.app import app
from llmrec_pipeline.serving.source_rows import source_rows
from llmrec_pipeline_tests.orchestration.pipeline import HASTE, Pipeline
from llmrec_pipeline_tests.publishers import (
    AA,
    LMARENA,
    MODELS_DEV,
    SOURCES,
    BadCells,
    CutOff,
    EmptyList,
    FailingPage,
    Fault,
    Hang,
    HtmlPage,
    PartOfTheRows,
    Publishers,
    RenamedFields,
    Status,
    ZeroForUnknown,
)

# No answer that could be kept: nothing in raw, nothing in bronze.
NO_ANSWER: dict[str, tuple[Fault, str]] = {
    "401": (Status(401), "401"),
    "403": (Status(403), "403"),
    "410": (Status(410), "410"),
    "429 for ever": (Status(429, retry_after=0.05), "429"),
    "429 for an hour": (Status(429, retry_after=3600), "429"),
    "500 for ever": (Status(500), "500"),
    "hang": (Hang(), "no answer within"),
    "cut-off body": (CutOff(), ""),
}
NEVER_RETRIED = {"401", "403", "410", "429 for an hour"}
# An answer, but none of this publisher's pages: raw, no bronze.
NO_STRUCTURE: dict[str, Fault] = {
    "HTML with 200": HtmlPage(),
    "empty list": EmptyList(),
    "renamed fields": RenamedFields(),
}
RECOVERS: dict[str, Fault] = {
    "429 once": Status(429, times=1, retry_after=0.05),
    "500 once": Status(500, times=1),
}

# What goes wrong below the parser is the same for every publisher: a few, one each, in the fast
# tests; each fault alone is tried there at the landing.
_FAST = {"429 for an hour", "500 for ever", "hang"}
_ONE_EACH = {(name, SOURCES[place % 3]) for place, name in enumerate(NO_ANSWER) if name in _FAST}
_ANSWERLESS = [
    pytest.param(name, source, marks=() if (name, source) in _ONE_EACH else pytest.mark.slow)
    for name in NO_ANSWER
    for source in SOURCES
]
_STRUCTURELESS = [
    pytest.param(
        name,
        source,
        marks=()
        if (name, source) in {("HTML with 200", LMARENA), ("renamed fields", AA)}
        else pytest.mark.slow,
    )
    for name in NO_STRUCTURE
    for source in (LMARENA, MODELS_DEV, AA)
]


def _run(pipeline: Pipeline, town: Publishers, source: str, fault: Fault) -> list[str]:
    """Six hours later, with the fault at one source; the warnings of both jobs. What holds for
    every fault is asserted here."""
    town.facts = town.facts.next_day()
    town.fault(source, fault)
    before = {name: len(pipeline.bronze(name)) for name in SOURCES}
    ingest, refresh = pipeline.run("ingest"), pipeline.run("refresh")
    assert (ingest.error, refresh.error) == (None, None)
    assert ingest.success
    assert refresh.success
    for other in set(SOURCES) - {source}:
        assert len(pipeline.bronze(other)) == before[other] + 1, f"{other} did not land"
        assert pipeline.origins()[other].origin == "live"
    assert _bad_values(pipeline) == []
    found = pipeline.checks(ingest, refresh)
    for name, evaluation in found.items():
        if not evaluation.passed:
            assert evaluation.severity == AssetCheckSeverity.WARN, name
    return [*ingest.warnings, *refresh.warnings]


def _bad_values(pipeline: Pipeline) -> list[dict[str, object]]:
    """Rows of silver with a value that cannot be one, or that share a key."""
    conditions = ["source_model_id IS NULL", "canonical_model_key IS NULL", "model_name IS NULL"]
    for column in SILVER_MODELS.columns:
        if column.minimum is not None:
            conditions.append(f"{column.name} < {column.minimum}")
        if column.maximum is not None:
            conditions.append(f"{column.name} > {column.maximum}")
        if column.kind is Kind.REAL:
            conditions.append(f"NOT isfinite({column.name})")
    conditions.append(
        "(price_input_per_1m = 0 OR price_output_per_1m = 0) AND NOT coalesce(is_free, false)"
    )
    conditions += ["output_tokens_per_s = 0", "ttft_s = 0", "context_window = 0"]
    bad = pipeline.query(f"SELECT * FROM silver_models WHERE {' OR '.join(conditions)}")
    return bad + pipeline.query(
        "SELECT source, source_model_id, count(*) FROM silver_models GROUP BY ALL "
        "HAVING count(*) > 1"
    )


def _told(warnings: list[str], asset: str, check: str) -> str:
    """What the run's summary says of a check that found something."""
    found = [line for line in warnings if line.startswith(f"{asset}: {check}: ")]
    assert len(found) == 1, warnings
    return found[0]


def _listed(
    pipeline: Pipeline,
    source: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> dict[str, object]:
    """The source's row of `llmrec sources`."""
    for name, value in {**pipeline.environment, "LLMREC_DATA_DIR": str(pipeline.data)}.items():
        monkeypatch.setenv(name, value)
    capsys.readouterr()
    app(["sources", "--format", "json"], standalone_mode=False)
    rows = json.loads(capsys.readouterr().out)
    (row,) = [row for row in rows if row["source"] == source]
    assert isinstance(row, dict)
    return row


@pytest.mark.parametrize(("name", "source"), _ANSWERLESS)
def test_no_answer_leaves_what_was_there(
    ran: Pipeline,
    town: Publishers,
    name: str,
    source: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fault, reason = NO_ANSWER[name]
    before, raw = ran.silver(source), len(list((ran.data / "raw" / source).iterdir()))
    warnings = _run(ran, town, source, fault)
    assert reason in _told(warnings, f"raw/{source}", checks.PULL_SUCCEEDED)
    assert len(ran.bronze(source)) == 1
    assert len(list((ran.data / "raw" / source).iterdir())) == raw
    assert ran.silver(source).equals(before)
    state = ran.state(source)
    assert (state.last_status, state.failures) == ("failed", 1)
    if name in NEVER_RETRIED:
        assert town.count(source) == 1
    row = _listed(ran, source, monkeypatch, capsys)
    assert reason in str(row["last_error"])
    assert (row["origin"], row["last_pull"]) == ("live", "failed")


@pytest.mark.parametrize(("name", "source"), _STRUCTURELESS)
def test_another_structure_stays_raw(
    ran: Pipeline,
    town: Publishers,
    name: str,
    source: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before, raw = ran.silver(source), len(list((ran.data / "raw" / source).iterdir()))
    warnings = _run(ran, town, source, NO_STRUCTURE[name])
    _told(warnings, f"bronze/{source}", checks.STRUCTURE_KNOWN)
    assert len(ran.bronze(source)) == 1
    assert len(list((ran.data / "raw" / source).iterdir())) == raw + 1
    assert ran.silver(source).equals(before)
    row = _listed(ran, source, monkeypatch, capsys)
    assert (row["last_pull"], row["failures"]) == ("invalid", 1)
    assert row["last_error"]
    assert row["origin"] == "live"


@pytest.mark.parametrize(
    ("name", "source"),
    [("429 once", AA), pytest.param("500 once", LMARENA, marks=pytest.mark.slow)],
)
def test_what_heals_within_the_budget_is_no_failure(
    ran: Pipeline, town: Publishers, name: str, source: str
) -> None:
    warnings = _run(ran, town, source, RECOVERS[name])
    assert [line for line in warnings if source in line] == []
    assert ran.state(source).last_status == "new"
    assert ran.state(source).last_error is None
    assert len(ran.bronze(source)) == 2
    assert ran.origins()[source].origin == "live"


def test_a_failing_second_page_leaves_no_half_pull(ran: Pipeline, town: Publishers) -> None:
    before, raw = ran.silver(AA), len(list((ran.data / "raw" / AA).iterdir()))
    warnings = _run(ran, town, AA, FailingPage())
    assert "500" in _told(warnings, f"raw/{AA}", checks.PULL_SUCCEEDED)
    assert len(list((ran.data / "raw" / AA).iterdir())) == raw
    assert ran.silver(AA).equals(before)


@pytest.mark.parametrize(
    "source",
    [LMARENA, *(pytest.param(source, marks=pytest.mark.slow) for source in (AA, MODELS_DEV))],
)
def test_a_third_of_the_rows_is_kept_but_not_believed(
    ran: Pipeline, town: Publishers, source: str
) -> None:
    before = ran.silver(source)
    warnings = _run(ran, town, source, PartOfTheRows())
    assert "are missing" in _told(warnings, "bronze_models", checks.PULLS_BELIEVED)
    assert len(ran.bronze(source)) == 2
    newest, first = ran.query(
        f"SELECT status, reason, rows, rows_previous FROM pulls WHERE source = '{source}' "
        "ORDER BY snapshot_ts DESC"
    )
    assert (newest["status"], first["status"]) == ("quarantined", "accepted")
    assert newest["rows"] * 2 < newest["rows_previous"] == first["rows"]
    assert ran.silver(source).drop("origin").equals(before.drop("origin"))
    assert ran.origins()[source].origin == "live"
    (row,) = [row for row in source_rows(ran.settings) if row["source"] == source]
    assert row["last_pull"] == "quarantined"
    assert row["last_error"] == newest["reason"]


def test_another_index_version_is_told_until_the_next_content(
    ran: Pipeline, town: Publishers
) -> None:
    town.facts = town.facts.rebased(5.0, 0.6)
    warnings = list(ran.run("ingest").warnings + ran.run("refresh").warnings)
    told = _told(warnings, "bronze_models", checks.SCALES_KEPT)
    assert told.endswith(f"{AA}: index version 5 since this pull: its publisher says so")
    town.facts = town.facts.next_day()
    runs = ran.run("ingest"), ran.run("refresh")
    evaluation = ran.checks(*runs)[f"bronze_models: {checks.SCALES_KEPT}"]
    assert evaluation.passed


@pytest.mark.parametrize(
    "source",
    [AA, *(pytest.param(source, marks=pytest.mark.slow) for source in (LMARENA, MODELS_DEV))],
)
def test_a_bad_value_is_null_and_counted(
    ran: Pipeline,
    town: Publishers,
    source: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = ran.silver(source).height
    warnings = _run(ran, town, source, BadCells(rows=3))
    _told(warnings, f"bronze/{source}", checks.VALUES_GOOD)
    counted = ran.state(source).bad_values
    assert counted is not None
    assert sum(counted.values()) == 3
    assert ran.silver(source).height == rows
    assert (
        ran.origins()[source].snapshot_ts
        == ran.query(f"SELECT max(snapshot_ts) AS newest FROM pulls WHERE source = '{source}'")[0][
            "newest"
        ]
    )
    row = _listed(ran, source, monkeypatch, capsys)
    assert row["bad_values"] == counted


@pytest.mark.parametrize(
    "source",
    [AA, *(pytest.param(source, marks=pytest.mark.slow) for source in (MODELS_DEV, LMARENA))],
)
def test_zero_that_means_unknown_is_never_a_value(
    ran: Pipeline, town: Publishers, source: str
) -> None:
    before = ran.silver(source)
    _run(ran, town, source, ZeroForUnknown())
    after = ran.silver(source)
    free = [set(rows.filter(is_free=True)["source_model_id"]) for rows in (before, after)]
    assert free[0] == free[1]
    if source == MODELS_DEV:
        # Every context became unknown at once: the pull is doubted, the one before it serves.
        (newest, *_) = ran.query(
            f"SELECT status FROM pulls WHERE source = '{source}' ORDER BY snapshot_ts DESC"
        )
        assert newest["status"] == "quarantined"
        assert after["context_window"].equals(before["context_window"])


@pytest.mark.parametrize(
    ("source", "origin"),
    [
        (AA, "none"),
        (MODELS_DEV, "fixture"),
        pytest.param(LMARENA, "fixture", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize(
    "fault", [Status(401), pytest.param(EmptyList(), marks=pytest.mark.slow)], ids=repr
)
def test_without_an_earlier_pull_bundled_facts_stand_in_where_they_may(
    pipeline: Pipeline, town: Publishers, source: str, origin: str, fault: Fault
) -> None:
    town.fault(source, fault)
    ingest, refresh = pipeline.run("ingest"), pipeline.run("refresh")
    assert ingest.success
    assert refresh.success
    origins = pipeline.origins()
    assert {name: origins[name].origin for name in SOURCES} == {
        name: origin if name == source else "live" for name in SOURCES
    }
    stale = _told(list(refresh.warnings), "silver_models", checks.OBSERVATION_FRESH)
    assert source in stale
    replaced = pipeline.checks(refresh)[f"silver_models: {checks.NO_FALLBACK}"]
    assert replaced.passed == (origin == "none")
    assert pipeline.bronze(source) == []
    edition = pipeline.edition()
    assert edition is not None
    assert edition.ranking()["origins"][source]["origin"] == origin


def test_the_whole_graph_in_one_run_goes_on_without_a_publisher(
    pipeline: Pipeline, town: Publishers
) -> None:
    """As "Materialize all" does; what stands behind a skipped asset would be skipped too."""
    town.fault(AA, Status(403))
    defs = build_defs(pipeline.settings, clock=pipeline.clock)
    result = materialize(
        list(defs.assets or ()),  # type: ignore[arg-type]
        instance=pipeline.instance,
        resources=dict(defs.resources or {}),
        raise_on_error=False,
    )
    assert result.success
    assert [e.step_key for e in result.all_events if e.event_type_value == "STEP_SKIPPED"] == []
    edition = pipeline.edition()
    assert edition is not None
    assert edition.ranking()["origins"][LMARENA]["origin"] == "live"


def test_one_source_alone_asks_no_other_publisher(pipeline: Pipeline, town: Publishers) -> None:
    defs = build_defs(pipeline.settings, clock=pipeline.clock)
    result = materialize(
        list(defs.assets or ()),  # type: ignore[arg-type]
        instance=pipeline.instance,
        resources=dict(defs.resources or {}),
        selection=[f"raw/{LMARENA}"],
    )
    assert result.success
    assert {source: town.count(source) for source in SOURCES} == {AA: 0, MODELS_DEV: 0, LMARENA: 1}
    assert pipeline.bronze(LMARENA) == []


def test_a_missing_key_is_one_clear_line(pipeline: Pipeline, town: Publishers) -> None:
    pipeline.environment = {
        name: value for name, value in pipeline.environment.items() if name != "AA_API_KEY"
    }
    ingest = pipeline.run("ingest")
    assert ingest.success
    assert "AA_API_KEY is not set" in _told(
        list(ingest.warnings), f"raw/{AA}", checks.PULL_SUCCEEDED
    )
    assert town.count(AA) == 0


def test_the_key_shows_nowhere(pipeline: Pipeline, town: Publishers) -> None:
    town.fault(MODELS_DEV, Status(500))
    for job in ("ingest", "refresh"):
        pipeline.run(job)
    written = [path for path in pipeline.data.rglob("*") if path.is_file()]
    assert [path for path in written if town.key.encode() in path.read_bytes()] == []
    for run in pipeline.instance.get_runs():
        assert town.key not in str(pipeline.instance.all_logs(run.run_id))


def test_sources_that_all_hang_end_at_the_deadline(pipeline: Pipeline, town: Publishers) -> None:
    pipeline.environment = {
        **pipeline.environment,
        "LLMREC_PIPELINE__HTTP__READ_S": "30",
        "LLMREC_PIPELINE__HTTP__BUDGET_S": "60",
        "LLMREC_PIPELINE__INGEST__DEADLINE_S": "1",
    }
    town.fault_all(Hang())
    assert pipeline.run("ingest").success
    for source in SOURCES:
        assert "1 s of the whole ingest" in str(pipeline.state(source).last_error)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_sources_that_all_hang_end_as_configured(
    tmp_path: Path, town: Publishers, instance: DagsterInstance
) -> None:
    """Within two minutes, beside what a run itself takes: the limit of this test."""
    environment = town.environment()
    assert not set(HASTE) & set(environment)
    pipeline = Pipeline(tmp_path / "data", environment, instance)
    town.fault_all(Hang())
    assert pipeline.run("ingest").success


def test_a_module_that_crashes_on_an_answer_fails_alone(
    ran: Pipeline, town: Publishers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise ZeroDivisionError(town.key)

    monkeypatch.setattr("llmrec_pipeline.sources.lmarena.fetch", crash)
    warnings = _run(ran, town, LMARENA, Fault())
    told = _told(warnings, f"raw/{LMARENA}", checks.PULL_SUCCEEDED)
    assert "ZeroDivisionError" in told
    assert town.key not in told


def test_what_our_own_machine_refuses_fails_the_run_but_not_the_other_sources(
    ran: Pipeline, town: Publishers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("llmrec_pipeline.sources.lmarena.fetch", refuse)
    town.facts = town.facts.next_day()
    ingest = ran.run("ingest")
    assert not ingest.success
    assert ingest.error == f"pull_{LMARENA}: OSError: [Errno 28] No space left on device"
    landed = {source: len(ran.bronze(source)) for source in SOURCES}
    assert landed == {AA: 2, MODELS_DEV: 2, LMARENA: 1}
    assert ran.run("refresh").success
