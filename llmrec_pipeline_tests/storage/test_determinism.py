"""The same lake, configuration and moment make the same content, wherever and however."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from llmrec_pipeline.locations import PROJECT_ROOT
from llmrec_pipeline_tests.benchmarks.synthetic_lake import SyntheticLake
from llmrec_pipeline_tests.storage.pulled import (
    AA,
    LMARENA,
    MODELS_DEV,
    DataFolder,
    Row,
    at,
    model,
    models,
)

THREADS = "LLMREC_PIPELINE__WAREHOUSE__THREADS"
# Names in which a locale's rules for case, order and bytes would show.
_NAMES = ("İnvented I", "invented \u0131", "Straße 1", "Ünïted 2", "Ωmega 3", "模型 4")
# DuckDB splits work over threads by row groups of 122,880; below that nothing runs in parallel.
_PULLS, _MODELS = 300, 450


def land(folder: DataFolder, first: datetime) -> datetime:
    """Pulls of three publishers; returns a moment after all of them. Many values are equal, so that
    ties show, and sums depend on their order."""
    for number in range(3):
        moment = first + timedelta(hours=6) * number
        measured = models(40, first=number, index_version="4.1")
        folder.land(AA, moment, [*measured, *_named()], index_version="4.1")
        board = [model(n, quality_index=1300.0 + n % 7, index_version=None) for n in range(30)]
        folder.land(LMARENA, moment, board, benchmarks=[_vote(n, number) for n in range(30)])
        folder.land(MODELS_DEV, moment, [_priced(n, number) for n in range(50)])
    return moment + timedelta(minutes=1)


def _named() -> list[Row]:
    return [
        model(900 + n, model_name=name, quality_index=30.1, coding_index=0.1 * n)
        for n, name in enumerate(_NAMES)
    ]


def _vote(number: int, pull: int) -> Row:
    return {
        "source_model_id": f"id-{number:03d}",
        "model_name": f"Invented {number}",
        "benchmark_name": "text_arena",
        "category": "creative_writing",
        "score": 1300.1 + (number + pull) % 7,
        "stderr": 0.1 * (1 + number % 3),
        "unit": "elo",
    }


def _priced(number: int, pull: int) -> Row:
    return {
        "source_model_id": f"host-{number // 25}/invented-{number % 25}",
        "model_name": f"Invented {number % 25}",
        "creator": "Laboratory",
        "host": f"host-{number // 25}",
        "price_input_per_1m": 0.1 * (1 + (number + pull) % 5),
        "price_output_per_1m": 0.3 * (1 + number % 5),
        "context_window": 64_000,
        "is_deprecated": False,
    }


def refreshed(home: Path, data: Path, now: datetime, **environment: str) -> dict[str, Any]:
    """What `refresh_apart` tells of a copy of the lake; `environment` comes on top of nothing."""
    shutil.copytree(data, home, ignore=shutil.ignore_patterns("warehouse*", "published"))
    process = subprocess.run(
        [
            *(sys.executable, "-m", "llmrec_pipeline_tests.storage.refresh_apart"),
            *(str(home), now.isoformat()),
        ],
        env={"PATH": os.environ["PATH"], "HOME": str(home), **environment},
        cwd=PROJECT_ROOT,
        capture_output=True,
        timeout=240,
        check=False,
    )
    assert process.returncode == 0, process.stderr.decode()
    told: dict[str, Any] = json.loads(process.stdout)
    return told


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> set[str]:
    """Tables and months whose content differs."""
    mine, theirs = one["tables"], other["tables"]
    return {name for name in {*mine, *theirs} if mine.get(name) != theirs.get(name)}


def assert_equal_content(one: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    assert differing(one, other) == set()
    assert one["content_digest"] == other["content_digest"]


def test_content_is_the_same_in_another_process_with_other_threads_zone_and_locale(
    tmp_path: Path,
) -> None:
    folder = DataFolder(tmp_path / "data")
    now = land(folder, at(0))
    manifest = folder.refresh(now).manifest
    assert min(manifest["tables"][name]["rows"] for name in ("consensus", "task_rankings")) > 100
    told = refreshed(
        tmp_path / "other",
        tmp_path / "data",
        now,
        **{THREADS: "8", "POLARS_MAX_THREADS": "1", "TZ": "Asia/Kathmandu"},
        # Python itself else takes UTF-8 for the C locale's ASCII.
        **{"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONHASHSEED": "1"},
    )
    assert (told["threads"], told["polars_threads"], told["locale"]) == (8, 1, "C")
    assert told["utc_offset_s"] == 5.5 * 3600
    tables = {**manifest["tables"], **manifest["months"]}
    here = {name: entry["digest"] for name, entry in tables.items()}
    assert_equal_content({**manifest, "tables": here}, told)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, datetime, dict[str, Any]]:
    """A lake in which DuckDB works in parallel, a moment, and what a refresh with one thread makes
    of it."""
    data = tmp_path_factory.mktemp("lake") / "data"
    synthetic = SyntheticLake(data, _MODELS)
    synthetic.write(_PULLS)
    land_beside(DataFolder(data), synthetic.now)
    now = synthetic.now + timedelta(hours=1)
    base = refreshed(data.parent / "base", data, now, **{THREADS: "1", "TZ": "UTC"})
    assert base["rows"]["models_latest"] > _MODELS
    return data, now, base


def land_beside(folder: DataFolder, newest: datetime) -> None:
    """The publishers that the synthetic lake does not tell of."""
    for number in range(3):
        moment = newest - timedelta(hours=6) * (2 - number)
        board = [model(n, quality_index=1300.0 + n % 7) for n in range(30)]
        folder.land(LMARENA, moment, board, benchmarks=[_vote(n, number) for n in range(30)])
        folder.land(MODELS_DEV, moment, [_priced(n, number) for n in range(50)])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_content_depends_on_no_single_circumstance(
    large: tuple[Path, datetime, dict[str, Any]], tmp_path: Path
) -> None:
    data, now, base = large
    locales = _turkish(tmp_path)
    circumstances: list[dict[str, str]] = [
        {THREADS: "1", "PYTHONHASHSEED": "0"},
        *({THREADS: threads} for threads in ("2", "8", "8")),
        *({"POLARS_MAX_THREADS": threads} for threads in ("1", "8")),
        {"PYTHONHASHSEED": "4242"},
        {"TZ": "Pacific/Kiritimati"},
        {"TZ": "America/St_Johns"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"LC_ALL": "tr_TR.UTF-8", **locales},
        {"LC_ALL": "tr_TR.UTF-8", **locales, THREADS: "8", "TZ": "Asia/Kathmandu"},
    ]
    for number, environment in enumerate(circumstances):
        home = tmp_path / str(number)
        told = refreshed(home, data, now, **environment)
        shutil.rmtree(home)
        assert (environment, differing(base, told)) == (environment, set())
        assert told["content_digest"] == base["content_digest"]


def _turkish(folder: Path) -> dict[str, str]:
    """The variable by which a Turkish locale is found, which is made first; none where the machine
    cannot make one: Python then falls back to C."""
    compiler = shutil.which("localedef")
    if compiler is None:
        return {}
    made = subprocess.run(
        [compiler, "-i", "tr_TR", "-f", "UTF-8", str(folder / "tr_TR.UTF-8")],
        capture_output=True,
        check=False,
    )
    return {"LOCPATH": str(folder)} if made.returncode == 0 else {}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_content_is_the_same_whether_history_came_at_once_or_pull_by_pull(
    tmp_path: Path,
) -> None:
    moments = [at(number) for number in range(0, 30, 3)]
    stepwise, at_once = (DataFolder(tmp_path / name) for name in ("stepwise", "at_once"))
    for number, moment in enumerate(moments):
        now = land(stepwise, moment)
        land(at_once, moment)
        if number % 2:
            stepwise.refresh(now)
    one, other = (folder.refresh(now).manifest for folder in (stepwise, at_once))
    assert one["tables"] == other["tables"]
    assert one["content_digest"] == other["content_digest"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_content_is_the_same_with_duckdb_1_and_2(
    large: tuple[Path, datetime, dict[str, Any]], tmp_path: Path
) -> None:
    data, now, base = large
    newer = _duckdb_2(tmp_path / "duckdb")
    told = refreshed(tmp_path / "newer", data, now, PYTHONPATH=f"{newer}{os.pathsep}{PROJECT_ROOT}")
    assert (base["duckdb"].split(".")[0], told["duckdb"].split(".")[0]) == ("1", "2")
    assert_equal_content(base, told)


def _duckdb_2(folder: Path) -> Path:
    """A folder that holds DuckDB 2.0 alone, installed by pip from where pip installs."""
    if duckdb.__version__.startswith("2."):
        pytest.skip("DuckDB here is 2.x already; the other version cannot be told from it")
    installed = subprocess.run(
        [
            *(shutil.which("python3.11") or sys.executable, "-m", "pip", "install", "--quiet"),
            *("--no-deps", "--disable-pip-version-check", "--target", str(folder), "duckdb==2.0.*"),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if installed.returncode:
        pytest.skip(f"DuckDB 2.0 cannot be installed: {installed.stderr.strip()[-200:]}")
    return folder
