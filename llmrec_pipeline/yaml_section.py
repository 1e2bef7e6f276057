"""One YAML file with the variables that override values in it.

The only reader of YAML. Every mistake, of the file or of a variable, is a `SettingsError` of one
line: file and line or key, or variable; the value; what is allowed.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import yaml
from pydantic import BaseModel, ValidationError

from llmrec_pipeline.locations import SettingsError

PREFIX = "LLMREC_"
SEPARATOR = "__"
_LONGEST_VALUE = 60
_LARGEST_FILE = 4 * 1024 * 1024  # characters; the largest of config/ has some 80 thousand
_DEEPEST = 100  # levels; what is read has at most ten
_Model = TypeVar("_Model", bound=BaseModel)


def require_known_sections(environment: Mapping[str, str], sections: Sequence[str]) -> None:
    """Raises SettingsError for a variable that names another section than these."""
    for variable in environment:
        if not variable.startswith(PREFIX) or SEPARATOR not in variable:
            continue
        section = variable.removeprefix(PREFIX).split(SEPARATOR)[0]
        if section not in sections:
            raise SettingsError(
                f"{variable}: {section!r} is not a section; allowed: {', '.join(sections)}"
            )


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Plain YAML in which a key that stands twice is a mistake, not the last one's word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[Hashable, int] = {}
        for key_node, _ in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is None or key == "<<":
                continue
            line = key_node.start_mark.line + 1
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None,
                    None,
                    f"{key!r} stands twice in one mapping (first in line {seen[key]})",
                    key_node.start_mark,
                )
            seen[key] = line
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def _load_yaml(text: str) -> Any:
    """Raises yaml.YAMLError, and ValueError for a date or number that is none."""
    require_shallow(text)
    return yaml.load(text, _Loader)  # noqa: S506 - a safe loader


def require_shallow(text: str) -> None:
    """Raises yaml.YAMLError for nesting that is too deep: libyaml composes by recursion, which ends
    the process where the stack does. Events come one by one, so that nothing is read beyond."""
    depth = 0
    for event in yaml.parse(text, _Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                problem = f"nested deeper than the {_DEEPEST} levels that are allowed"
                mark: Any = event.start_mark  # libyaml's own, which the error's type leaves out
                raise yaml.MarkedYAMLError(None, None, problem, mark)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _read_text(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        text = file.read(_LARGEST_FILE + 1)
    if len(text) > _LARGEST_FILE:
        raise SettingsError(
            f"{path}: longer than the {_LARGEST_FILE:,} characters that are allowed; shorten it"
        )
    return text


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = _load_yaml(_read_text(path))
    except FileNotFoundError:
        raise SettingsError(
            f"{path}: no such file; set LLMREC_CONFIG_DIR to the folder that holds it"
        ) from None
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}, column {mark.column + 1}:" if mark else ""
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"
        raise SettingsError(f"{path}:{where} {problem}; fix the YAML") from None
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: {first_line(error)}; fix the YAML") from None
    if not isinstance(content, dict):
        kind = "nothing" if content is None else f"a {type(content).__name__}"
        raise SettingsError(f"{path}: holds {kind}; a mapping is expected")
    return content


def first_line(error: Exception) -> str:
    """The first line of what an error says; its kind where it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def _parse_value(text: str) -> Any:
    """A variable's text as YAML would read it. What YAML cannot read stays text, and so does what
    looks like a list or mapping by accident, such as a title with a colon."""
    try:
        value = _load_yaml(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return text
    is_flow = text.lstrip()[:1] in ("[", "{")
    return text if isinstance(value, (dict, list)) and not is_flow else value


@dataclass(frozen=True, slots=True)
class Section:
    """One file's content, with the variables that override values in it."""

    path: Path
    tree: dict[str, Any]
    variables: Mapping[tuple[str, ...], str]

    @classmethod
    def read(cls, folder: Path, name: str, environment: Mapping[str, str]) -> Section:
        """`<folder>/<name>.yaml` with its overrides; raises SettingsError."""
        path = folder / f"{name}.yaml"
        tree = _read_yaml(path)
        start = f"{PREFIX}{name.upper()}{SEPARATOR}"
        variables: dict[tuple[str, ...], str] = {}
        for variable, text in sorted(environment.items()):
            if variable.startswith(start):
                keys = variable[len(start) :].split(SEPARATOR)
                _override(tree, variable, keys, text)
                variables[tuple(key.lower() for key in keys)] = variable
        return cls(path, tree, variables)

    def place(self, location: tuple[str, ...]) -> str:
        """The variable that set a key or what is above it; else file and key, with the variable
        that set something below it."""
        wanted = tuple(part.lower() for part in location)
        where = f"{self.path}: {'.'.join(location)}" if location else str(self.path)
        for keys, variable in self.variables.items():
            if wanted[: len(keys)] == keys:
                below = ".".join(location[len(keys) :])
                return f"{variable}: {below}" if below else variable
            if keys[: len(wanted)] == wanted:
                where = f"{where} (after {variable})"
        return where

    def validated(self, model: type[_Model]) -> _Model:
        """The tree as that model; raises SettingsError."""
        try:
            return model.model_validate(self.tree)
        except ValidationError as invalid:
            raise self._error(invalid, model) from None

    def _error(self, invalid: ValidationError, model: type[BaseModel]) -> SettingsError:
        """The first thing wrong, in one line; a misspelt key before the one that it stands for."""
        found = invalid.errors(include_url=False)
        first = next((error for error in found if error["type"] == "extra_forbidden"), found[0])
        location = tuple(str(part) for part in first["loc"] if part != "[key]")
        place = self.place(location)
        if first["type"] == "extra_forbidden":
            allowed = ", ".join(_keys_allowed(model, location[:-1]))
            return SettingsError(f"{place}: unknown key; allowed: {allowed}")
        if first["type"] == "missing":
            return SettingsError(f"{place}: missing; add it")
        message = first["msg"].removeprefix("Value error, ")
        if first["type"] == "value_error" and isinstance(first.get("input"), dict):
            return SettingsError(f"{place}: {message}")
        message = _EXPECTED.get(first["type"], message).removeprefix("Input should be ")
        message = message.removeprefix("a valid ").replace("String should ", "text that should ")
        return SettingsError(
            f"{place}: {_shown(first.get('input'))} is not allowed; expected {message}"
        )


# Where pydantic speaks of Python's types, by its name of the error.
_EXPECTED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "finite_number": "a finite number",
    "float_parsing": "a number",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "invalid_key": "a text as key",
    "model_type": "a mapping",
    "string_too_short": "a text",
    "string_type": "a text",
    "tuple_type": "a list",
}


def _keys_allowed(model: type[BaseModel], location: tuple[str, ...]) -> list[str]:
    """The keys of the model that stands at a location below this one."""
    holder: Any = model
    for part in location:
        if isinstance(holder, type) and issubclass(holder, BaseModel):
            known = {field.alias or name: field for name, field in holder.model_fields.items()}
            holder = known[part].annotation if part in known else _extra_of(holder)
        else:  # a key of a mapping, a place in a list
            holder = _model_within(holder)
            continue
        if get_origin(holder) not in (dict, tuple):
            holder = _model_within(holder)
    fields = _model_within(holder).model_fields
    return [field.alias or name for name, field in fields.items()]


def _extra_of(model: type[BaseModel]) -> Any:
    return get_args(get_type_hints(model)["__pydantic_extra__"])[-1]


def _model_within(annotation: Any) -> type[BaseModel]:
    """The first model among an annotation's parts."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in get_args(annotation):
        with suppress(LookupError):
            return _model_within(part)
    raise LookupError(f"no model in {annotation}")


def _shown(value: object) -> str:
    text = json.dumps(value, default=str, ensure_ascii=True)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 3] + "..."


def _override(tree: dict[str, Any], variable: str, keys: list[str], text: str) -> None:
    """Set the value that the variable names; what is not there yet comes to be, below the first
    key, and validation judges it."""
    if not all(keys):
        raise SettingsError(
            f"{variable}: a key is empty; allowed: {variable.split(SEPARATOR)[0]}{SEPARATOR}<KEY>"
        )
    node = tree
    for depth, key in enumerate(keys):
        known = {str(name).lower(): name for name in node}
        if depth == 0 and key.lower() not in known:
            allowed = ", ".join(str(name).upper() for name in node)
            raise SettingsError(f"{variable}: {key} is not known; allowed: {allowed}")
        name = known.get(key.lower(), key.lower())
        if depth == len(keys) - 1:
            node[name] = _parse_value(text)
            return
        if node.get(name) is None:
            node[name] = {}
        child = node[name]
        if not isinstance(child, dict):
            raise SettingsError(f"{variable}: {key} has no keys below it; it is {_shown(child)}")
        node = child
