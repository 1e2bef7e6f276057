"""`llmrec intel`: catalogue, evidence and advice by the commands alone."""

from __future__ import annotations

from llmrec_pipeline_tests.e2e.command_line import Llmrec, one_line


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
