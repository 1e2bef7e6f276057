"""A patch of models.yaml: one value, and not a byte beside it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from llmrec_pipeline.domain.task_profile import RequestError
from llmrec_pipeline.storage.model_patch import model_patch, with_model

_TEXT = """\
# Kept.
models: &all
  one: {model_id: laboratory/invented-1}   # kept, too

tool_models: {tidy: one, sort: "one"}
complexity_models:
    builder:
        low:   one      # cheap
        high: 'one'
linked:
    a: &name one
    b: *name
"""


@pytest.mark.parametrize(
    ("place", "old", "new"),
    [
        (("tool_models", "tidy"), "{tidy: one,", "{tidy: two-2.5,"),
        (("tool_models", "sort"), 'sort: "one"', 'sort: "two-2.5"'),
        (("complexity_models", "builder", "low"), "low:   one  ", "low:   two-2.5  "),
        (("complexity_models", "builder", "high"), "high: 'one'", "high: 'two-2.5'"),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_only_the_value_differs(
    place: tuple[str, ...], old: str, new: str, ending: str, tmp_path: Path
) -> None:
    text = _TEXT.replace("\n", ending)
    assert with_model(tmp_path, text, place, "two-2.5") == text.replace(old, new)


def test_a_key_that_yaml_would_misread_is_quoted(tmp_path: Path) -> None:
    changed = with_model(tmp_path, _TEXT, ("tool_models", "tidy"), "laboratory/two:high")
    assert '{tidy: "laboratory/two:high", sort' in changed


@pytest.mark.parametrize(
    ("place", "told"),
    [
        (("tool_models", "wash"), "tool_models.wash: is not there any more"),
        (("nowhere", "tidy"), "is not there any more"),
        (("linked", "b"), "change it by hand"),
    ],
)
def test_what_cannot_be_changed_alone_is_refused(
    place: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    with pytest.raises(RequestError) as refused:
        with_model(tmp_path / "models.yaml", _TEXT, place, "two")
    assert told in str(refused.value)


@pytest.mark.parametrize(
    "text", [_TEXT, "tool_models:\n  tidy: one", "tool_models: {tidy: one}\r\n"]
)
def test_git_applies_it(text: str, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    path = tmp_path / "deep" / "config" / "models.yaml"
    path.parent.mkdir(parents=True)
    path.write_bytes(text.encode())
    patch = tmp_path / "patch"
    patch.write_bytes(
        model_patch(path, ("tool_models", "tidy"), "two", ["Why:", "diff -- a\n--- b"]).encode()
    )
    assert patch.read_text("utf-8").startswith(
        "# Why:\n# diff -- a\n# --- b\ndiff --git a/deep/config/"
    )
    subprocess.run(["git", "apply", str(patch)], cwd=tmp_path, check=True)
    assert path.read_bytes().decode() == text.replace("tidy: one", "tidy: two")
