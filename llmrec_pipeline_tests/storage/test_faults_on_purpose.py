"""A taste of `python -m llmrec_pipeline_tests.faults` in the fast gate, the rest of it in the slow."""

from __future__ import annotations

import pytest

from llmrec_pipeline_tests.faults.__main__ import FAULTS, main, play
from llmrec_pipeline_tests.faults.outcome import COLUMNS

_FAST = {
    "kill -9 while landing a pull",
    "kill -9 while publishing",
    "kill -9 while deciding",
    "kill -9 while migrating",
    "kill -9 while spooling answers",
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
