"""`llmrec intel`: catalogue, evidence and advice by the commands alone."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmrec_pipeline.locations import PROJECT_ROOT
from llmrec_pipeline_tests.e2e.command_line import Answer, Llmrec, one_line

pytestmark = pytest.mark.usefixtures("in_this_process")

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
    for far in ("1e200000", "-1e15", "1e-16"):
        assert f"--score '{Decimal(far)}' has too many digits" in one_line(
            ran(*told, far, **quiet), 2
        )
    pulled = [*told, "0.8"]
    pulled[pulled.index("us")] = "lmarena"
    assert "'lmarena' is a source that is pulled" in one_line(ran(*pulled, **quiet), 2)


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


@dataclass
class Team:
    """A team's configuration, the database of its evidence, and the command for both."""

    llmrec: Llmrec
    config: Path
    database: dict[str, str]

    def __call__(self, *arguments: str) -> Answer:
        return self.llmrec(*arguments, LLMREC_CONFIG_DIR=str(self.config), **self.database)

    def well(self, *arguments: str) -> Any:
        answer = self(*arguments)
        assert answer.code == 0, answer.err or answer.out
        return answer.json

    def refused(self, *arguments: str) -> str:
        """Why a call was refused; which store it is may be told before."""
        answer = self(*arguments)
        assert (answer.code, answer.out) == (2, ""), answer.err
        return answer.err.splitlines()[-1]

    def git_apply(self, patch: Path, *flags: str) -> None:
        subprocess.run(["git", "apply", *flags, str(patch)], cwd=self.config.parent, check=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def team(request: pytest.FixtureRequest, llmrec: Llmrec, config: Path) -> Team:
    """A team that has nothing yet: on the embedded store, or on a PostgreSQL."""
    if request.param == "sqlite":
        return Team(llmrec, config, {})
    team = Team(llmrec, config, {"DATABASE_URL": request.getfixturevalue("postgresql_url")})
    assert "run `llmrec db upgrade`" in one_line(team("intel", "report"), 1)
    team.well("db", "upgrade")
    return team


# The publishers' invented facts and both scores and one text of our own, by either database.
_FIGURES = {
    "model": "google/gemini-2-5-flash",
    # 0.35 * 0.75 + 0.4 * 1 + 0.2 * 0.5 + 0.05 * 1
    "composite": 0.8125,
    "components": {"price": 0.75, "benchmark": 1.0, "runtime": 0.5, "sentiment": 1.0},
    "to_keep": 0.675,
    "confidence": 0.6,
    "expected_cost_delta_pct": 21.73913,
    "expected_quality_delta": 0.25775,
    "shared_benchmarks": 13,
}


@pytest.mark.timeout(600)
def test_from_an_empty_folder_to_an_applied_patch(team: Team) -> None:
    team.well("run")
    team.well("intel", "ingest-catalog")
    for model, score in (("gemini-now", "0.50"), ("gemini-flash", "0.65")):
        team.well(
            *("intel", "add-benchmark", "--model", model, "--benchmark", "our-evals"),
            *("--unit", "fraction", "--task-type", "general", "--source", "us"),
            *("--url", f"https://example.org/{model}", "--score", score),
        )
    team.well(
        *("intel", "ingest-sentiment", "--model", "gemini-flash", "--source", "blog"),
        *("--url", "https://example.org/a-week", "--snippet", "It is fast and never fails"),
        *("--sentiment", "positive"),
    )
    ask = ("intel", "recommend", "--use-case", "tidy_semantic", "--persist")
    advice = team.well(*ask)
    assert advice["verdict"] == "upgrade"
    assert team.well(*ask) == advice
    best = advice["candidates"][0]
    assert {name: best[name] for name in _FIGURES} == _FIGURES
    number = str(best["recommendation_id"])
    by_id = ("--recommendation-id", number)
    decide = ("intel", "decide", *by_id, "--by", "ana")
    team.well(*decide, "accepted", "--why", "trial went well")

    patch = team.config.parent / "upgrade.patch"
    proposed = team.well("intel", "propose-patch", *by_id, "--output", str(patch))
    assert patch.read_text("utf-8") == proposed["patch"]
    assert proposed["patch"].startswith(
        f"# Recommendation {number}: tidy_semantic, gemini-now to gemini-flash\n"
    )
    assert "apply the patch" in team.refused(*decide, "implemented")
    team.git_apply(patch, "--check")
    team.git_apply(patch)
    assert (team.config / "models.yaml").read_text("utf-8") == _MODELS.replace(
        "tidy_semantic: 'gemini-now'", "tidy_semantic: 'gemini-flash'"
    )
    (verified,) = team.well("intel", "verify")
    assert (verified["status"], verified["is_named"]) == ("accepted", True)
    team.well(*decide, "implemented")
    moved_on = team.refused("intel", "propose-patch", *by_id)
    assert "tidy_semantic is google/gemini-2-5-flash now" in moved_on

    (reported,) = team.well("intel", "report", "--latest", "--use-case", "tidy_semantic")
    assert (str(reported["id"]), reported["status"]) == (number, "implemented")
    explained = team.well("intel", "explain", number)
    assert (explained["is_reproduced"], explained["changed_since"]) == (True, [])
    assert [(event["to"], event["by"], event["why"]) for event in explained["events"]] == [
        ("proposed", "llmrec", None),
        ("accepted", "ana", "trial went well"),
        ("implemented", "ana", None),
    ]


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
    assert markdown.out.startswith("| id | created | status |")
