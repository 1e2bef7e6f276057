"""`llmrec schema`: the JSON Schema of what a command prints with `--format json`."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from llmrec_pipeline.domain.task_profile import unknown_name
from llmrec_pipeline.serving.cli import OK
from llmrec_pipeline.serving.cli.output import Format, chosen, print_json, print_table

_SUFFIX = ".json"


def schema(words: list[str], wanted: Format | None) -> int:
    """Print the schema of one command, or the commands that have one."""
    titles = {name: _read(name)["title"] for name in described()}
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
    path = resources.files(__package__).joinpath("schemas", f"{name}{_SUFFIX}")
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return content
