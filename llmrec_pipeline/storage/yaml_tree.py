"""YAML with its comments and places, for changes that leave every other byte as it was."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError
from yaml import YAMLError as SafeYAMLError

from llmrec_pipeline.domain.task_profile import RequestError
from llmrec_pipeline.sources.pull import one_line
from llmrec_pipeline.yaml_section import require_shallow


def yaml_tree(path: Path, text: str) -> CommentedMap:
    """The mapping in a file's text; raises RequestError naming the file."""
    try:
        require_shallow(text)
        tree = YAML().load(text)
    except (SafeYAMLError, YAMLError, ValueError, RecursionError) as error:
        raise RequestError(f"{path}: {one_line(str(error))}; fix the YAML") from None
    if not isinstance(tree, CommentedMap):
        raise RequestError(f"{path}: a mapping is expected")
    return tree


def plain(value: Any) -> Any:
    """A tree as plain Python, as the settings read it."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value
