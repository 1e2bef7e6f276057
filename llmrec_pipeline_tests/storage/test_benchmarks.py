"""Small forms of benchmarks: they run, and their tables say what they promise. No speed is asserted."""

from __future__ import annotations

import pytest

from llmrec_pipeline_tests.benchmarks import audit_speed, refresh


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_refreshes_of_few_pulls_and_of_more_are_one_table(
    capsys: pytest.CaptureFixture[str],
) -> None:
    refresh.main(["--pulls", "30", "--models", "40", "--repeat", "1"])
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[1].split() == ["10", "pulls", "30", "pulls", "ratio"]
    for wanted in ("one refresh, ms", "publish_edition", "peak memory, MB", "edition's own files"):
        (line,) = (line for line in lines if line.strip().startswith(wanted))
        few, many, ratio = map(float, line.split()[-3:])
        assert few > 0
        assert many > 0
        assert ratio > 0
    assert "30 pulls: writing" in printed.err


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_audit_of_a_small_tree_is_timed(capsys: pytest.CaptureFixture[str]) -> None:
    audit_speed.main(["--lines", "2000"])
    sparse, dense, _ = capsys.readouterr().out.splitlines()
    assert "a model in 1 of 20 files: " in sparse
    assert "a model in 1 of 1 files: " in dense
