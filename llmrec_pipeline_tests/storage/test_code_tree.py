"""Which files of a tree are read: as git would take them, and as git itself says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from llmrec_pipeline.storage.code_tree import Skipped, code_files

TREE = {
    ".gitignore": "*.log\n!keep.log\nbuild/\n/top.txt\ndocs/**/draft.md\n",
    "a.py": "a",
    "x.log": "x",
    "keep.log": "k",
    "top.txt": "t",
    "sub/top.txt": "t",
    "build/out.py": "o",
    "build/keep.log": "o",
    "sub/build/out.py": "o",
    "sub/.gitignore": "*.tmp\n!x.log\nkeep.log\n",
    "sub/x.log": "taken back in",
    "sub/keep.log": "left out again",
    "sub/y.tmp": "y",
    "docs/a/b/draft.md": "d",
    "docs/a/b/final.md": "d",
    "private.py": "by .git/info/exclude",
    "name with blank.py": "n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "work"
    for name, content in TREE.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content, "utf-8")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    (root / ".git" / "info" / "exclude").write_text("private.py\n", "utf-8")
    return root


def _paths(root: Path, *globs: str, skipped: Skipped | None = None) -> list[str]:
    found = code_files(root, globs, 1_000, skipped or Skipped())
    return [file.path for file in found]


def test_what_git_leaves_out_is_left_out(tree: Path) -> None:
    told = subprocess.run(
        ["git", "-C", str(tree), "ls-files", "-co", "--exclude-standard", "-z"],
        capture_output=True,
        check=True,
        text=True,
    )
    assert sorted(_paths(tree)) == sorted(filter(None, told.stdout.split("\0")))


def test_rules_above_the_folder_count(tree: Path) -> None:
    assert _paths(tree / "sub") == [".gitignore", "top.txt", "x.log"]


def test_globs_choose_files(tree: Path) -> None:
    assert _paths(tree, "*.py") == ["a.py", "name with blank.py"]
    assert _paths(tree, "docs/**/*.md", "/a.py") == ["a.py", "docs/a/b/final.md"]


def test_one_file(tree: Path) -> None:
    assert _paths(tree / "sub" / "x.log") == ["x.log"]


def test_what_is_no_text_is_left_out_and_told(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.py").write_text("gpt-4", "utf-8")
    root = tmp_path / "tree"
    root.mkdir()
    (root / "picture.png").write_bytes(b"\x89PNG\0\0gpt-4")
    (root / "long.json").write_text("x" * 2_000, "utf-8")
    (root / "latin.py").write_bytes("# \xe9t\xe9 gpt-4".encode("latin-1"))
    (root / "wide.txt").write_text("gpt-4", "utf-16")
    (root / "marked.py").write_text("gpt-4", "utf-8-sig")
    (root / "link.py").symlink_to(outside / "secret.py")
    (root / "folder").symlink_to(outside)
    (root / "dangling").symlink_to(outside / "nowhere")
    os.mkfifo(root / "pipe")
    skipped = Skipped()
    texts = {file.path: file.text for file in code_files(root, (), 1_000, skipped)}
    assert texts == {"latin.py": "# \xe9t\xe9 gpt-4", "wide.txt": "gpt-4", "marked.py": "gpt-4"}
    assert skipped.counts == {"binary": 1, "too long": 1, "link": 3}
    assert skipped.notes == ["long.json: is longer than 0.001 MB"]


def test_a_file_that_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.py").write_text("a", "utf-8")
    (tmp_path / "b.py").write_text("b", "utf-8")
    opened = Path.open

    def refusing(path: Path, *arguments: Any, **more: Any) -> object:
        if path.name == "a.py":
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments, **more)

    monkeypatch.setattr(Path, "open", refusing)
    skipped = Skipped()
    assert [file.path for file in code_files(tmp_path, (), 1_000, skipped)] == ["b.py"]
    assert skipped.notes == ["a.py: cannot be read: Permission denied"]
