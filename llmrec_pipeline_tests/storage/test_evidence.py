"""Readings and frozen populations: what pulls make of them, what an edition carries, and the
command that judges rankings by them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from llmrec_pipeline.domain.populations import MeasureKey, Population
from llmrec_pipeline.domain.timestamps import iso
from llmrec_pipeline.serving.cli.output import Format
from llmrec_pipeline.serving.cli.rank_quality import rank_quality
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.storage.evidence import MeasureEvidence, stored_evidence, warehouse_evidence
from llmrec_pipeline_tests.storage.pulled import AA, LMARENA, DataFolder, at, models

SETTINGS = load_settings({})
EPOCH = "epoch"
QUALITY = MeasureKey(AA, "quality_index", None, "4.1")
ARENA = "lmarena_text_style_control"


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data", SETTINGS)


def evidence(folder: DataFolder, number: float) -> MeasureEvidence:
    with folder.open() as con:
        folder.load(con, at(number))
        return warehouse_evidence(con, SETTINGS)


def values(population: Population) -> list[float]:
    return sorted(value for _, value in population.members)


def board(count: int, **values: Any) -> list[dict[str, Any]]:
    """Rows of a publisher that knows models by their names alone."""
    rows = enumerate(models(count, **values))
    return [{**row, "source_model_id": f"invented-{number}"} for number, row in rows]


def score(number: int, name: str, category: str, value: float, **more: Any) -> dict[str, Any]:
    return {
        "source_model_id": f"invented-{number}",
        "benchmark_name": name,
        "category": category,
        "score": value,
        "unit": "fraction",
        "verified": True,
        **more,
    }


def test_the_first_accepted_pull_freezes_a_population(folder: DataFolder) -> None:
    folder.land(AA, at(0), models(12), index_version="4.1")
    first = evidence(folder, 0)
    frozen = first.populations[QUALITY]
    assert values(frozen) == [20.0 + n for n in range(12)]
    assert frozen.snapshot_ts == iso(at(0))
    assert frozen.members[0][0] == "laboratory/invented-0"
    folder.land(AA, at(1), models(14, quality_index=50.0, coding_index=3.0), index_version="4.1")
    folder.land(AA, at(2), models(15, first=1), index_version="4.1")
    later = evidence(folder, 2)
    assert later.populations[QUALITY] == frozen
    assert {r.value for r in later.readings if r.measure == QUALITY} == {
        20.0 + n for n in range(1, 16)
    }


def test_a_pull_with_too_few_values_freezes_nothing_where_a_later_one_has_enough(
    folder: DataFolder,
) -> None:
    few, enough = 9, SETTINGS.consensus.minimum_population
    folder.land(AA, at(0), models(few), index_version="4.1")
    assert len(evidence(folder, 0).populations[QUALITY].members) == few
    folder.land(AA, at(1), models(enough), index_version="4.1")
    assert evidence(folder, 1).populations[QUALITY].snapshot_ts == iso(at(1))


def test_what_files_hold_is_counted_as_bronze_holds_it(folder: DataFolder) -> None:
    folder.land(AA, at(0), models(12, coding_index=None), index_version="4.1")
    folder.land(AA, at(1), models(5, agentic_index=None), index_version="4.3")
    told = [
        *(score(n, ARENA, "overall", 0.5, index_version="2026-05-01") for n in range(7)),
        *(score(n, ARENA, "coding", 0.5, index_version="2026-05-08") for n in range(3)),
        *(score(n, "another", "overall", 5.0, unit="points") for n in range(2)),
    ]
    folder.land(LMARENA, at(2), board(7), benchmarks=told)
    held = folder.rows("SELECT * FROM measures_held ORDER BY ALL", at(2))
    columns = ("quality_index", "coding_index", "math_index", "reasoning_index", "agentic_index")
    counted = " UNION ALL ".join(
        f"SELECT source, observed_at, '{column}' AS name, NULL AS category, NULL AS index_version, "
        f"NULL AS unit, count({column}) AS n FROM bronze_models GROUP BY ALL HAVING n > 0"
        for column in columns
    )
    counted += (
        " UNION ALL SELECT source, observed_at, benchmark_name, category, index_version, unit, "
        "count(*) FROM bronze_benchmarks GROUP BY ALL"
    )
    assert held == folder.rows(f"SELECT * FROM ({counted}) ORDER BY ALL")
    assert {(row["name"], row["n"]) for row in held} >= {("quality_index", 12), (ARENA, 3)}


def test_a_new_index_version_has_a_population_of_its_own(folder: DataFolder) -> None:
    folder.land(AA, at(0), models(12), index_version="4.1")
    rebased = [{**row, "quality_index": row["quality_index"] / 2} for row in models(12)]
    folder.land(AA, at(1), rebased, index_version="4.3")
    found = evidence(folder, 1)
    newer = QUALITY._replace(index_version="4.3")
    assert values(found.populations[newer]) == [10.0 + n / 2 for n in range(12)]
    assert values(found.populations[QUALITY]) == [20.0 + n for n in range(12)]
    assert {reading.measure for reading in found.readings if reading.measure.source == AA} == {
        newer
    }


def test_a_quarantined_pull_freezes_nothing(folder: DataFolder) -> None:
    constant = models(12, quality_index=7.0)
    folder.land(AA, at(0), constant, index_version="4.1")
    folder.land(AA, at(1), models(12), index_version="4.1")
    assert evidence(folder, 1).populations[QUALITY].snapshot_ts == iso(at(1))


def test_the_order_of_arrival_does_not_matter(folder: DataFolder, tmp_path: Path) -> None:
    other = DataFolder(tmp_path / "other", SETTINGS)
    pulls = [(at(0), models(12)), (at(1), models(13, first=1))]
    for when, rows in pulls:
        folder.land(AA, when, rows, index_version="4.1", landed_at=at(2))
    evidence(other, 0)
    for when, rows in reversed(pulls):
        other.land(AA, when, rows, index_version="4.1", landed_at=at(2))
        evidence(other, 2)
    assert evidence(folder, 2) == evidence(other, 2)


def test_benchmarks_count_as_configured(folder: DataFolder) -> None:
    rows = board(12)
    scores = [
        row
        for n in range(12)
        for row in (
            score(n, "swe_bench_verified", "coding", n / 20, stderr=0.02),
            score(n, "gpqa_diamond", "reasoning", n / 20),  # stands for an index column
            score(n, "aider_polyglot", "coding", float(n), unit="points"),  # another scale
            score(n, "terminal_bench", "agentic", n / 30, verified=False),
        )
    ]
    folder.land(EPOCH, at(0), rows, benchmarks=scores)
    found = evidence(folder, 0)
    swe = MeasureKey(EPOCH, "swe_bench_verified", "coding", None)
    terminal = MeasureKey(EPOCH, "terminal_bench", "agentic", None)
    names = {measure for measure in found.populations if measure.category is not None}
    assert names == {swe, terminal}
    assert values(found.populations[swe]) == [n / 20 for n in range(12)]
    by_measure = {(r.key, r.measure): r for r in found.readings}
    assert by_measure["laboratory/invented-3", swe].stderr == 0.02
    assert by_measure["laboratory/invented-3", terminal].verified is False


def test_a_board_gives_its_category_as_an_index_with_its_error(folder: DataFolder) -> None:
    rows = board(12)
    scores = [
        score(n, ARENA, category, value + n, unit="elo", stderr=4.0)
        for n in range(12)
        for category, value in (("creative_writing", 1400.0), ("overall", 20.0))
    ]
    folder.land(LMARENA, at(0), rows, benchmarks=scores)
    found = evidence(folder, 0)
    writing = MeasureKey(LMARENA, "writing_index", None, None)
    assert values(found.populations[writing]) == [1400.0 + n for n in range(12)]
    general = writing._replace(name="quality_index")
    told = {r.measure: r for r in found.readings if r.key == "laboratory/invented-3"}
    assert (told[writing].value, told[writing].stderr) == (1403.0, 4.0)
    assert (told[general].value, told[general].stderr) == (23.0, 4.0)


def test_a_benchmark_in_percent_gives_its_error_in_percent(folder: DataFolder) -> None:
    rows = board(12, quality_index=None)
    for number, row in enumerate(rows):
        row["reasoning_index"] = 5.0 * number
    scores = [score(n, "gpqa_diamond", "reasoning", n / 20, stderr=0.03) for n in range(12)]
    folder.land(EPOCH, at(0), rows, benchmarks=scores)
    told = [r.stderr for r in evidence(folder, 0).readings if r.measure.name == "reasoning_index"]
    assert told == [pytest.approx(3.0)] * 12


def judged(folder: DataFolder) -> None:
    """Forty models, whose measures all see the same ability through noise."""
    dice = random.Random(3)
    ability = [dice.gauss(0, 1) for _ in range(40)]

    def seen(noise: float) -> list[float]:
        return [value + dice.gauss(0, noise) for value in ability]

    general, coding = seen(0.3), seen(0.3)
    rows = [
        {**row, "quality_index": 50 + 10 * general[n], "coding_index": 50 + 10 * coding[n]}
        for n, row in enumerate(models(40))
    ]
    folder.land(AA, at(0), rows, index_version="4.1")
    scores = [
        score(n, name, "coding", 0.5 + values_of[n] / 10)
        for name in ("swe_bench_verified", "aider_polyglot", "weirdml")
        for values_of in (seen(0.4),)
        for n in range(40)
    ]
    folder.land(EPOCH, at(0), board(40, quality_index=None), benchmarks=scores)


def test_an_edition_carries_what_its_consensus_rests_on(folder: DataFolder) -> None:
    judged(folder)
    edition = folder.refresh(at(0)).edition
    payload = edition.ranking()
    assert payload["anchors"]["version"] == SETTINGS.anchors["version"]
    (population,) = (
        row for row in payload["populations"] if (row["source"], row["name"]) == QUALITY[:2]
    )
    assert (population["snapshot_ts"], population["n"]) == (iso(at(0)), 40)
    table = pl.read_parquet(edition.folder / "consensus.parquet")
    assert set(table["task_type"]) == set(SETTINGS.tasks["task_types"])
    for row in table.filter(task_type="coding").to_dicts():
        carried = payload["consensus"]["task_types"]["coding"][row["canonical_model_key"]]
        numbers = [row[name] for name in ("score", "low", "high", "rank", "rank_low", "rank_high")]
        assert carried[:6] == pytest.approx(numbers)
        assert len(carried[6]) == row["n_measures"] == 5
        assert row["publishers"] == "artificial_analysis, epoch"
    stored = stored_evidence(
        pl.read_parquet(edition.folder / "measure_readings.parquet"),
        pl.read_parquet(edition.folder / "measure_populations.parquet"),
    )
    assert stored == evidence(folder, 0)


def test_the_consensus_is_the_same_after_a_rebuild(folder: DataFolder) -> None:
    judged(folder)
    digest = folder.refresh(at(0)).manifest["content_digest"]
    folder.warehouse.unlink()
    assert folder.refresh(at(0)).manifest["content_digest"] == digest


def test_rank_quality_tells_each_method_and_scorer(
    folder: DataFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    judged(folder)
    folder.refresh(at(0))
    monkeypatch.setenv("LLMREC_DATA_DIR", str(folder.published.parent))
    assert rank_quality(32, None, Format.JSON) == 0
    report = json.loads(capsys.readouterr().out)
    assert [row["method"] for row in report["methods"]] == [
        "shrunk_z_mean",
        "rank_mean",
        "two_way_fit",
    ]
    scorers = {row["scorer"]: row for row in report["scorers"]}
    assert set(scorers) == {"anchored_v1", "single_measure_v1", "weighted_v1"}
    assert all(row["kendall_tau"] > 0.5 for row in report["methods"])
    assert all(row["order_changes"] == 0 for row in report["methods"])
    assert scorers["anchored_v1"]["order_changes"] == 0
    assert 0 < scorers["anchored_v1"]["stability"] <= 1
    assert report["goals"]["no order changes"] is True
    assert rank_quality(8, None, Format.TABLE) == 0
    told = capsys.readouterr().out
    assert "two_way_fit" in told
    assert "Goal met: no order changes." in told
