"""`llmrec intel`: catalogue, evidence and advice by the commands alone."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from llmrec_pipeline.locations import PROJECT_ROOT
from llmrec_pipeline_tests.e2e.command_line import Llmrec, one_line

_MODELS = """\
# Which model does what.
models:
  gemini-now: {model_id: google/gemini-3-1-pro-preview}   # since spring
  gemini-flash: {model_id: google/gemini-2-5-flash}
tool_models:
  tidy_semantic: 'gemini-now'  # many short calls
use_cases: {unpriced: laboratory/unheard-of}
"""
_PRICING = "source_url: https://example.org\nretrieved_at: 2026-07-02\nprices: []\n"


def test_the_catalogue_is_entered_once(ran: Llmrec) -> None:
    first = ran.well("intel", "ingest-catalog")
    assert first["models"]["new"] == first["models"]["told"] > 0
    assert first["prices"]["new"] > 0
    assert first["benchmarks"]["new"] > 0
    again = ran("intel", "ingest-catalog")
    assert {
        name: (part["new"], part["changed"])
        for name, part in again.json.items()
        if name != "warnings"
    } == dict.fromkeys(("models", "prices", "benchmarks"), (0, 0))
    assert "the evidence store is SQLite" in again.err


def test_a_score_of_ones_own(ran: Llmrec) -> None:
    ran.well("intel", "ingest-catalog")
    told = (
        *("intel", "add-benchmark", "--model", "gpt-5.4", "--benchmark", "our-evals"),
        *("--unit", "fraction", "--task-type", "coding", "--source", "us"),
        *("--url", "https://example.org/7", "--score"),
    )
    assert [ran.well(*told, score)["new"] for score in ("0.8", "0.9")] == [True, False]
    quiet = {"DATABASE_URL": f"sqlite:///{ran.data / 'evidence.sqlite3'}"}
    assert "--score 'good' is no decimal" in one_line(ran(*told, "good", **quiet), 2)


def test_the_catalogue_needs_an_edition(llmrec: Llmrec) -> None:
    assert "no edition yet" in one_line(llmrec("intel", "ingest-catalog"), 4)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Configuration of a team with one use case, in a repository of its own."""
    config = Path(shutil.copytree(PROJECT_ROOT / "config", tmp_path / "team" / "config"))
    (config / "models.yaml").write_text(_MODELS, "utf-8")
    (config / "pricing.yaml").write_text(_PRICING, "utf-8")
    subprocess.run(["git", "init", "-q", str(config.parent)], check=True)
    return config


def _workflow(llmrec: Llmrec, config: Path, database_url: str) -> dict[str, Any]:
    """From the catalogue to an applied patch, and what was told on the way."""
    (config / "models.yaml").write_text(_MODELS, "utf-8")
    place = {"DATABASE_URL": database_url, "LLMREC_CONFIG_DIR": str(config)}
    llmrec.well("db", "upgrade", **place)
    counts = llmrec.well("intel", "ingest-catalog", **place)
    ask = ("intel", "recommend", "--use-case", "tidy_semantic")
    advice = llmrec.well(*ask, "--persist", **place)
    assert llmrec.well(*ask, "--persist", **place) == advice
    number = str(advice["candidates"][0]["recommendation_id"])
    reports = ("intel", "report", "--latest", "--use-case", "tidy_semantic")
    reported = llmrec.well(*reports, **place)[0]
    assert (str(reported["id"]), reported["status"]) == (number, "proposed")

    patch = config.parent / "upgrade.patch"
    proposed = llmrec.well(
        "intel", "propose-patch", "--recommendation-id", number, "--output", str(patch), **place
    )
    decide = ("intel", "decide", "--recommendation-id", number, "--by", "ana")
    llmrec.well(*decide, "accepted", "--why", "trial went well", **place)
    assert "apply the patch" in one_line(llmrec(*decide, "implemented", **place), 2)
    for flags in (["--check"], []):
        subprocess.run(["git", "apply", *flags, str(patch)], cwd=config.parent, check=True)
    llmrec.well(*decide, "implemented", **place)
    (verified,) = llmrec.well("intel", "verify", **place)
    assert verified["is_named"]

    explained = llmrec.well("intel", "explain", number, **place)
    assert explained["is_reproduced"]
    assert [(event["to"], event["by"]) for event in explained["events"]] == [
        ("proposed", "llmrec"),
        ("accepted", "ana"),
        ("implemented", "ana"),
    ]
    moved_on = llmrec("intel", "propose-patch", "--recommendation-id", number, **place)
    assert "tidy_semantic is google/gemini-2-5-flash now" in one_line(moved_on, 2)
    return {
        "counts": {name: part for name, part in counts.items() if name != "warnings"},
        "advice": advice,
        "patch": proposed["patch"],
        "figures": explained["figures"],
        "models": (config / "models.yaml").read_text("utf-8"),
    }


def test_from_the_catalogue_to_an_applied_patch_on_both_databases(
    ran: Llmrec, config: Path, tmp_path: Path, postgresql_url: str
) -> None:
    on_sqlite = _workflow(ran, config, f"sqlite:///{tmp_path / 'evidence.sqlite3'}")
    on_postgresql = _workflow(ran, config, postgresql_url)
    assert on_postgresql == on_sqlite
    assert on_sqlite["advice"]["verdict"] == "upgrade"
    assert on_sqlite["models"] == _MODELS.replace(
        "tidy_semantic: 'gemini-now'", "tidy_semantic: 'gemini-flash'"
    )
    assert on_sqlite["patch"].startswith(
        "# Recommendation 1: tidy_semantic, gemini-now to gemini-flash\n"
    )


def test_advice_that_cannot_be_given_is_told(ran: Llmrec, config: Path) -> None:
    place = {
        "DATABASE_URL": f"sqlite:///{ran.data / 'evidence.sqlite3'}",
        "LLMREC_CONFIG_DIR": str(config),
    }
    warned = ran("intel", "ingest-catalog", **place)
    assert "no source knows laboratory/unheard-of" in warned.err
    ask = ("intel", "recommend", "--use-case")
    unpriced = ran(*ask, "unpriced", **place)
    assert (unpriced.code, unpriced.json["verdict"]) == (3, "no_advice")
    assert "laboratory/unheard-of has no price" in unpriced.err
    assert "unknown use case 'tidy'" in one_line(ran(*ask, "tidy", **place), 2)
    ad_hoc = ran.well(*ask, "tidy", "--current-model", "gemini-flash", **place)
    assert ad_hoc["current_model"] == "google/gemini-2-5-flash"
    for arguments, told in (
        (
            ("decide", "--recommendation-id", "9", "accepted", "--by", "ana"),
            "no recommendation has the id 9",
        ),
        (
            ("decide", "--recommendation-id", "9", "postponed", "--by", "ana"),
            "'postponed' is no decision",
        ),
        (("explain", "9"), "no recommendation has the id 9"),
    ):
        assert told in one_line(ran("intel", *arguments, **place), 2)
    markdown = ran("intel", "report", "--format", "markdown", **place)
    assert markdown.out.startswith("| id | created_at | status |")
