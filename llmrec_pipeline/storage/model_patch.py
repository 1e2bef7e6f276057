"""A patch of `models.yaml` that changes one model and no other byte. Nothing is written: a person
applies it, with `git apply`."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from difflib import unified_diff
from pathlib import Path
from typing import Any

from ruamel.yaml.comments import CommentedMap

from llmrec_pipeline.domain.task_profile import RequestError
from llmrec_pipeline.storage.yaml_tree import plain, yaml_tree

# What YAML reads as text without quotes, in a block and in a flow mapping.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./@-]*")
_NO_NEWLINE = "\n\\ No newline at end of file\n"


def model_patch(path: Path, place: Sequence[str], model: str, header: Sequence[str]) -> str:
    """The patch that puts another model at a place, below a header of comments. Raises RequestError
    where the file cannot be changed that way."""
    before = path.read_bytes().decode()
    after = with_model(path, before, place, model)
    name = _name_in_repository(path)
    diff = unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{name}", f"b/{name}"
    )
    comments = "".join(f"# {line}\n" for entry in header for line in entry.splitlines())
    body = "".join(line if line.endswith("\n") else line + _NO_NEWLINE for line in diff)
    return f"{comments}diff --git a/{name} b/{name}\n{body}"


def with_model(path: Path, text: str, place: Sequence[str], model: str) -> str:
    """The text with another model at a place; raises RequestError where that cannot be changed
    alone."""
    line, column, value = _position(path, text, place)
    lines = text.splitlines(keepends=True)
    # Where nothing stands behind the key, its place may be behind the last line.
    written = _written(lines[line][column:], value) if line < len(lines) else None
    if written is None:
        raise RequestError(
            f"{path}: {'.'.join(place)}: is not written as one plain or quoted text in its line; "
            f"change it by hand"
        )
    start, end = lines[line][:column], lines[line][column + len(written) :]
    lines[line] = start + _as_written(written, model) + end
    changed = "".join(lines)
    expected = plain(yaml_tree(path, text))
    _put(expected, place, model)
    if plain(yaml_tree(path, changed)) != expected:
        raise RequestError(f"{path}: {'.'.join(place)}: cannot be changed alone; do it by hand")
    return changed


def _position(path: Path, text: str, place: Sequence[str]) -> tuple[int, int, str]:
    """Line, column and value at a place, counted from 0."""
    node: Any = yaml_tree(path, text)
    for key in place[:-1]:
        node = node.get(key) if isinstance(node, CommentedMap) else None
    if not isinstance(node, CommentedMap) or place[-1] not in node:
        raise RequestError(f"{path}: {'.'.join(place)}: is not there any more")
    line, column = node.lc.value(place[-1])
    return line, column, str(node[place[-1]])


def _written(rest: str, value: str) -> str | None:
    """How a value is written at the start of the rest of its line."""
    for candidate in (value, f"'{value}'", f'"{value}"'):
        if candidate and rest.startswith(candidate):
            return candidate
    return None


def _as_written(written: str, model: str) -> str:
    """A model with the quotes that the other one had, or those that it needs."""
    if written[0] in "'\"":
        return f"{written[0]}{model}{written[0]}"
    return model if _PLAIN.fullmatch(model) else json.dumps(model)


def _put(tree: dict[str, Any], place: Sequence[str], model: str) -> None:
    for key in place[:-1]:
        tree = tree[key]
    tree[place[-1]] = model


def _name_in_repository(path: Path) -> str:
    """The file's name from the root of its repository; outside of one, from the folder above."""
    for folder in path.parents:
        if (folder / ".git").exists():
            return path.relative_to(folder).as_posix()
    return f"{path.parent.name}/{path.name}"
