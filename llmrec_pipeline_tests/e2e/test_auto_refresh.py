"""`recommend` refreshes what is stale: once, in the background, and answers either way."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from llmrec_pipeline_tests.e2e.command_line import Llmrec, one_line
from llmrec_pipeline_tests.publishers import (
    AA,
    LMARENA,
    MODELS_DEV,
    SOURCES,
    Hang,
    Publishers,
    Status,
)

QUESTION = ("recommend", "python debugging", "--topk", "1")


def _ends(llmrec: Llmrec, patience_s: float = 60) -> None:
    """Wait for the refresh in the background to end."""
    pid = json.loads((llmrec.data / "logs" / "refresh.json").read_text("utf-8"))["pid"]
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        if "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text("utf-8"):
            return
        time.sleep(0.1)
    raise AssertionError(f"the refresh, process {pid}, goes on")


@pytest.fixture
def stale(ran: Llmrec) -> Llmrec:
    ran.age(12)
    return ran


def test_stale_data_is_refreshed_before_the_answer(stale: Llmrec, publishers: Publishers) -> None:
    publishers.facts = publishers.facts.next_day()
    before = stale.current()
    answer = stale(*QUESTION)
    assert answer.code == 0
    assert answer.err.startswith("llmrec: refreshed in ")
    assert answer.json["edition"] == stale.current() != before
    assert publishers.count(LMARENA) == 1
    again = stale(*QUESTION)
    assert again.err == ""
    assert publishers.count(LMARENA) == 1


def test_a_slow_refresh_is_not_waited_for_but_goes_on(
    stale: Llmrec, publishers: Publishers
) -> None:
    stale.age(0, wait_s=1)
    edition = stale.current()
    publishers.facts = publishers.facts.next_day()
    publishers.fault(LMARENA, Hang())
    stale.environment = {
        **stale.environment,
        "LLMREC_PIPELINE__HTTP__READ_S": "45",
        "LLMREC_PIPELINE__HTTP__ATTEMPTS": "1",
    }
    answer = stale(*QUESTION)
    assert answer.code == 0
    assert "under way" in answer.err
    assert answer.json["edition"] == edition
    assert {answer.json["origins"][source]["origin"] for source in SOURCES} == {"cached"}
    # Who asks now is answered at once, and starts nothing.
    second = stale(*QUESTION)
    assert second.err == "llmrec: a refresh is under way; this answer does not wait for it\n"
    assert second.json["edition"] == edition
    publishers.let_go()
    _ends(stale)
    assert stale.current() != edition
    assert publishers.count(MODELS_DEV) == 1
    last = stale(*QUESTION)
    assert last.json["edition"] == stale.current()


def test_a_refresh_that_fails_is_left_alone_for_a_while(
    stale: Llmrec, publishers: Publishers
) -> None:
    publishers.fault_all(Status(403))
    first = stale(*QUESTION)
    assert first.code == 0
    asked = publishers.count(LMARENA)
    assert asked == 1
    for _ in range(2):
        answer = stale(*QUESTION)
        assert (answer.code, answer.err) == (0, "")
        assert answer.json["recommendations"]
    assert publishers.count(LMARENA) == asked


def test_a_run_that_cannot_even_start_is_left_alone_for_a_while(
    stale: Llmrec, publishers: Publishers
) -> None:
    """No source's state tells of such a failure."""
    broken = {"LLMREC_PIPELINE__HTTP__READ_S": "soon"}
    first = stale(*QUESTION, **broken)
    assert first.code == 0
    assert "exit code 5" in first.err
    assert "READ_S" in (stale.data / "logs" / "refresh.log").read_text("utf-8")
    second = stale(*QUESTION, **broken)
    assert (second.code, second.err) == (0, "")


def test_before_the_first_edition_a_wrong_setting_is_told_at_once(llmrec: Llmrec) -> None:
    answer = llmrec(*QUESTION, LLMREC_PIPELINE__HTTP__READ_S="soon")
    assert "LLMREC_PIPELINE__HTTP__READ_S" in one_line(answer, 5)


def test_before_the_first_edition_a_failing_run_is_left_alone_too(
    llmrec: Llmrec, tmp_path: Path
) -> None:
    """Its first attempt cannot write where Dagster is to keep its runs."""
    (tmp_path / "a-file").touch()
    broken = {"DAGSTER_HOME": str(tmp_path / "a-file")}
    first = llmrec(*QUESTION, **broken)
    assert first.code == 4
    assert "the refresh failed" in first.err
    assert "no edition yet" in one_line(llmrec(*QUESTION, **broken), 4)


def test_the_first_question_of_all_is_answered(llmrec: Llmrec, publishers: Publishers) -> None:
    answer = llmrec(*QUESTION)
    assert answer.code == 0, answer.err
    assert answer.json["recommendations"]
    assert publishers.count(LMARENA) == 1


def test_two_questions_at_once_start_one_refresh(llmrec: Llmrec, publishers: Publishers) -> None:
    both = [llmrec.start(*QUESTION) for _ in range(2)]
    answers = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], answers
    assert len({json.loads(out)["edition"] for out, _ in answers}) == 1
    assert publishers.count(LMARENA) == 1
    assert len(llmrec.editions()) == 1


def test_no_refresh_and_offline_answer_from_what_is_there(
    stale: Llmrec, publishers: Publishers
) -> None:
    for flags, variables in ((("--no-refresh",), {}), ((), {"LLMREC_OFFLINE": "1"})):
        answer = stale(*QUESTION, *flags, **variables)
        assert (answer.code, answer.err) == (0, "")
    assert publishers.requests == []


def test_force_refresh_asks_however_fresh_the_data_is(ran: Llmrec, publishers: Publishers) -> None:
    publishers.facts = publishers.facts.next_day()
    before = ran.current()
    answer = ran(*QUESTION, "--force-refresh")
    assert answer.code == 0
    assert answer.err.startswith("llmrec: refreshed in ")
    assert answer.json["edition"] != before
    assert publishers.count(AA) > 0


def test_an_answer_does_not_hang_on_a_refresh_that_cannot_be_written(stale: Llmrec) -> None:
    (stale.data / "logs").touch()
    answer = stale(*QUESTION)
    assert "no refresh: " in one_line(answer, 0)
    assert answer.json["recommendations"]
