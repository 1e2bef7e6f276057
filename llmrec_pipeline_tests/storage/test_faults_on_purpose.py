"""A taste of `python -m llmrec_pipeline_tests.faults` in the fast gate, the rest of it in the slow."""

from __future__ import annotations

import random

import pytest

from llmrec_pipeline_tests.faults.__main__ import FAULTS, main, play
from llmrec_pipeline_tests.faults.crash_points import sampled
from llmrec_pipeline_tests.faults.outcome import COLUMNS, Outcome, Setting

_FAST = {
    "kill -9 while landing a pull",
    "kill -9 while publishing",
    "kill -9 while deciding",
    "kill -9 while migrating",
    "kill -9 while spooling answers",
    "crash points while spooling answers",
    "crash points while draining answers",
    "damaged raw page",
    "damaged bronze file",
    "damaged edition",
    "damaged SQLite page",
    "publishers that lie",
}
_NAMES = [
    pytest.param(name, marks=() if name in _FAST else pytest.mark.slow, id=name) for name in FAULTS
]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", _NAMES)
def test_a_fault_loses_nothing_and_the_next_call_heals(name: str) -> None:
    outcome, _ = play(name, seed=1, is_short=True)
    assert outcome.cases > 0
    assert outcome.is_good, outcome


def test_the_table_tells_what_was_played(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--short", "--only", "raw page"]) == 0
    heading, _, row = capsys.readouterr().out.splitlines()
    assert heading.split()[1::2] == list(COLUMNS)
    assert row.startswith("| damaged raw page | 5 ")
    with pytest.raises(SystemExit):
        main(["--only", "nothing"])


def test_a_fault_that_breaks_off_is_a_case_lost_and_the_others_are_played(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_setting: Setting) -> Outcome:
        raise FileNotFoundError("there is\nno file")

    monkeypatch.setitem(FAULTS, "damaged bronze file", breaks)
    assert main(["--short", "--only", "damaged b"]) == 1
    monkeypatch.setitem(FAULTS, "a raw page before", breaks)
    assert main(["--short", "--only", "raw page"]) == 1
    first, *_, other, broken = capsys.readouterr().out.splitlines()
    assert first.startswith("| what")
    assert broken.split("|")[2:6] == [" 1     ", " 0    ", " 1    ", " 0    "]
    assert broken.endswith(" FileNotFoundError: there is no file |")
    assert other.startswith("| damaged raw page ")


def test_each_place_is_crashed_at_before_one_is_a_second_time() -> None:
    places = ["often"] * 50 + ["once", "twice", "twice"]
    for seed in range(5):
        numbers = sampled(places, 10, random.Random(seed))
        assert {places[number] for number in numbers[:3]} == set(places)
        assert len(set(numbers)) == 10
    assert sorted(sampled(places, 100, random.Random(0))) == list(range(53))
