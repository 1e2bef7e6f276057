"""`llmrec schema`: the JSON Schema of what a command prints with `--format json`.

A file of schemas/ describes one command. What several print stands once, in
schemas/shared/definitions.json, and is printed with each schema that names it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import resources
from typing import Any

from llmrec_pipeline.domain.task_profile import unknown_name
from llmrec_pipeline.serving.cli import OK
from llmrec_pipeline.serving.cli.output import Format, chosen, print_json, print_table

_SUFFIX = ".json"
_DEFINITIONS = "#/$defs/"


def schema(words: list[str], wanted: Format | None) -> int:
    """Print the schema of one command, or the commands that have one."""
    titles = {name: _parsed(f"{name}{_SUFFIX}")["title"] for name in described()}
    if words:
        name = "-".join(words)
        if name not in titles:
            known = [command.replace("-", " ") for command in titles]
            raise unknown_name("command with a schema", " ".join(words), known)
        print_json(_read(name))
        return OK
    rows = [{"command": name, "prints": title} for name, title in titles.items()]
    if chosen(wanted) is Format.JSON:
        print_json(rows)
    else:
        print_table(rows, ("command", "prints"))
    return OK


def described() -> list[str]:
    """The commands that have a schema, words of a name joined by a hyphen."""
    files = resources.files(__package__).joinpath("schemas").iterdir()
    return sorted(file.name.removesuffix(_SUFFIX) for file in files if file.name.endswith(_SUFFIX))


def _read(name: str) -> dict[str, Any]:
    """The schema of a command, whole: with every definition that it names, or that those name."""
    content = _parsed(f"{name}{_SUFFIX}")
    shared = _parsed("shared", f"definitions{_SUFFIX}")
    needed: dict[str, Any] = {}
    open_names = list(_named_in(content))
    while open_names:
        definition = open_names.pop()
        if definition not in needed:
            needed[definition] = shared[definition]
            open_names += _named_in(shared[definition])
    return {**content, "$defs": dict(sorted(needed.items()))} if needed else content


def _named_in(schema: Any) -> Iterator[str]:
    """The definitions to which a schema refers."""
    if isinstance(schema, dict):
        reference = schema.get("$ref")
        if isinstance(reference, str):
            yield reference.removeprefix(_DEFINITIONS)
    parts = schema.values() if isinstance(schema, dict) else schema
    for part in parts if isinstance(schema, dict | list) else ():
        yield from _named_in(part)


def _parsed(*path: str) -> dict[str, Any]:
    text = resources.files(__package__).joinpath("schemas", *path).read_text("utf-8")
    content: dict[str, Any] = json.loads(text)
    return content
