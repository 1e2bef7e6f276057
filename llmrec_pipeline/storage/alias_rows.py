"""Appending an accepted alias to `identity.yaml`: one row more, every other byte as it was."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from llmrec_pipeline.domain.identity import IdentityRules
from llmrec_pipeline.domain.identity_config import Alias, IdentityConfig
from llmrec_pipeline.domain.task_profile import RequestError
from llmrec_pipeline.sources.pull import one_line
from llmrec_pipeline.storage.files import write_bytes
from llmrec_pipeline.storage.yaml_tree import plain, yaml_tree


def append_alias(path: Path, alias: Mapping[str, Any]) -> None:
    """Add the row behind the last alias. Raises RequestError where one decides the same already,
    or where the file would not hold afterwards; then nothing is written."""
    text = _text(path)
    tree = _tree(path, text)
    _refuse_double(path, _aliases(path, tree), Alias.model_validate(alias))
    changed = _with_line(text, tree, f"  - {_flow(alias)}")
    try:
        IdentityRules(IdentityConfig.model_validate(plain(_tree(path, changed))))
    except (ValidationError, ValueError) as error:
        raise RequestError(
            f"{path}: the alias does not fit: {str(error).splitlines()[0]}"
        ) from None
    write_bytes(path, changed.encode())


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise RequestError(f"{path}: no UTF-8 at byte {error.start}; save it as UTF-8") from None


def _tree(path: Path, text: str) -> CommentedMap:
    tree = yaml_tree(path, text)
    aliases = tree.get("aliases")
    if isinstance(aliases, CommentedSeq) and aliases and not aliases.fa.flow_style():
        return tree
    raise RequestError(f"{path}: aliases: a list with one row a line is expected")


def _aliases(path: Path, tree: CommentedMap) -> list[Alias]:
    try:
        return TypeAdapter(list[Alias]).validate_python(plain(tree["aliases"]))
    except ValidationError as invalid:
        first = invalid.errors(include_url=False)[0]
        place = ".".join(map(str, ("aliases", *first["loc"])))
        raise RequestError(f"{path}: {place}: {one_line(first['msg'])}; fix the row") from None


def _refuse_double(path: Path, rows: Sequence[Alias], alias: Alias) -> None:
    for known in rows:
        same_name = (known.name, known.source_model_id) == (alias.name, alias.source_model_id)
        same_source = known.source in (None, alias.source)
        if same_name and same_source and _overlap(known, alias):
            raise RequestError(
                f"{path}: {alias.decides!r} is {known.key} already; edit that row to change it"
            )


def _overlap(one: Alias, other: Alias) -> bool:
    starts = max(one.since or date.min, other.since or date.min)
    return starts < min(one.until or date.max, other.until or date.max)


def _with_line(text: str, tree: CommentedMap, line: str) -> str:
    """The text with a line behind the last line of the aliases; comments in front of the section
    that follows stay with it."""
    lines = text.splitlines(keepends=True)
    start = tree.lc.key("aliases")[0]
    following = [row for key in tree if (row := tree.lc.key(key)[0]) > start]
    end = min(following, default=len(lines))
    while end > start and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    if not lines[end - 1].endswith("\n"):
        lines[end - 1] += "\n"
    return "".join([*lines[:end], f"{line}\n", *lines[end:]])


def _flow(alias: Mapping[str, Any]) -> str:
    """`{name: …, key: …}`: dates plain, other values quoted as JSON, which YAML reads."""
    parts = [
        f"{field}: {value.isoformat() if isinstance(value, date) else _quoted(value)}"
        for field, value in alias.items()
    ]
    return "{" + ", ".join(parts) + "}"


def _quoted(value: object) -> str:
    return json.dumps(str(value), ensure_ascii=False)
