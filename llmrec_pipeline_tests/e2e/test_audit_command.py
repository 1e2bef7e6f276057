"""`llmrec audit`: which model strings stand in a tree, with an edition and without."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmrec_pipeline_tests.e2e.command_line import Llmrec, one_line

pytestmark = pytest.mark.usefixtures("in_this_process")

FINDING = {
    *("path", "line", "column", "text", "where", "model_id", "candidates", "status"),
    *("successor", "fail_on", "fails"),
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "src").mkdir(parents=True)
    (root / ".gitignore").write_text("vendored/\n", "utf-8")
    (root / "src" / "a.py").write_text(
        '# glm-4.6 was slow\nMODEL = "z-ai/glm-4.6"\nFLASH = "google/gemini-2.5-flash"\n', "utf-8"
    )
    (root / "src" / "b.yaml").write_text("model: gpt-4o-mini\nother: deepseek-chat\n", "utf-8")
    (root / "vendored").mkdir()
    (root / "vendored" / "c.py").write_text('M = "glm-4.6"\n', "utf-8")
    return root


def test_a_string_to_fail_on(reader: Llmrec, tree: Path) -> None:
    answer = reader("audit", "--glob", "*.py", "--fail-on", "glm-4.6", str(tree))
    assert (answer.code, answer.err) == (1, "")
    told = answer.json
    assert (told["schema_version"], told["edition"]) == (1, reader.current())
    assert (told["files"], told["failures"], told["skipped"]) == (1, 1, {"ignored": 1})
    failing, flash = told["findings"]
    assert set(failing) == FINDING
    assert (failing["path"], failing["line"], failing["fails"]) == ("src/a.py", 2, True)
    assert (flash["model_id"], flash["status"]) == ("google/gemini-2-5-flash", "current")
    (comment,) = told["in_comments_and_docs"]
    assert (comment["line"], comment["where"], comment["fails"]) == (1, "comment", False)
    ask = ("audit", str(tree), "--fail-on", "glm-4.7", "--fail-on", "gpt-4o-mini")
    assert reader(*ask, "--glob", "*.py").code == 0
    table = reader(*ask, "--format", "table")
    assert table.code == 1
    assert "src/b.yaml:1:8" in table.out
    assert "1 must not be there" in table.out


def test_comments_fail_where_that_is_asked_for(reader: Llmrec, tree: Path) -> None:
    (tree / "src" / "a.py").write_text("# glm-4.6\n", "utf-8")
    ask = ("audit", "--fail-on", "glm-4.6", str(tree))
    assert [reader(*ask).code, reader(*ask, "--include-comments").code] == [0, 1]


def test_an_audit_needs_no_edition(tmp_path: Path, tree: Path) -> None:
    empty = Llmrec(tmp_path / "data")
    answer = empty("audit", str(tree), "--fail-on", "glm-4.6")
    assert "no edition yet" in one_line(answer, 1)
    found = {finding["text"]: finding for finding in answer.json["findings"]}
    assert found["google/gemini-2.5-flash"]["status"] == "unknown"
    assert found["glm-4.6"]["fails"]
    moving = found["deepseek-chat"]
    assert (moving["model_id"], moving["status"]) == (None, "unknown")
    assert "deepseek/deepseek-v3-2" in moving["candidates"]


def test_a_wrong_call(reader: Llmrec, tree: Path) -> None:
    assert "no such file or folder" in one_line(reader("audit", str(tree / "nowhere")), 2)
    assert "--fail-on is empty" in one_line(reader("audit", str(tree), "--fail-on", " "), 2)
    allow = {"LLMREC_AUDIT__ALLOW": "[{reason: because}]"}
    assert "path and text are missing" in one_line(reader("audit", str(tree), **allow), 5)
