"""The only reader of YAML, and with `locations` of the environment.

`load_settings` returns one frozen tree. A wrong file or variable ends in a `SettingsError` of one
line that names the file (or variable), the key, the value and what is allowed. Keys are
`SecretStr`: they show as stars wherever they are printed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from llmrec_pipeline.domain.identity_config import IdentityConfig
from llmrec_pipeline.domain.task_profile import Tasks
from llmrec_pipeline.locations import Locations, read_locations

PREFIX = "LLMREC_"
SEPARATOR = "__"

Seconds = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, le=1)]


class SettingsError(Exception):
    """One line for the user: file or variable, key, value, and what is allowed."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class FieldRule(_Frozen):
    """Where a column's value stands in a record, and how to read it."""

    path: str
    scale: float = 1.0
    zero: Literal["value", "unknown"] = "value"


class Quota(_Frozen):
    """What the publisher allows: so many requests in a sliding window."""

    requests: Annotated[int, Field(gt=0)]
    window_hours: Annotated[float, Field(gt=0)]


class SourceSettings(_Frozen):
    """One entry of sources.yaml."""

    title: str
    enabled: bool = True
    base_url: Annotated[str, Field(pattern=r"^https?://[^/\s]+$")]
    path: Annotated[str, Field(pattern=r"^/")]
    key_variables: tuple[str, ...] = ()
    key_header: str | None = None
    redirect_hosts: tuple[str, ...] = ()
    max_pages: Annotated[int, Field(gt=0)] = 1
    quota: Quota | None = None
    offers_at: Literal["creator", "row", "none"] = "row"
    measures: bool = False
    fixture: bool = False
    licence: str
    attribution: str
    max_bad_share: Share = 0.5
    required: tuple[str, ...] = ()
    fields: dict[str, FieldRule] = {}
    legacy_required: tuple[str, ...] = ()
    legacy_fields: dict[str, FieldRule] = {}
    benchmark: str | None = None
    categories: dict[str, str] = {}


class Schedule(_Frozen):
    """When the pipeline pulls, and how long what it pulled counts as current."""

    cron: str
    every_hours: Annotated[float, Field(gt=0)]
    grace_hours: Annotated[float, Field(ge=0)]
    cached_days: Annotated[float, Field(gt=0)]

    @property
    def live_hours(self) -> float:
        return self.every_hours + self.grace_hours


class Refresh(_Frozen):
    """Waiting, backing off and trying again."""

    wait_s: Annotated[float, Field(ge=0)]
    backoff_minutes: Annotated[float, Field(ge=0)]
    attempts: Annotated[int, Field(gt=0)]
    attempt_backoff_minutes: tuple[Annotated[float, Field(ge=0)], ...]
    stuck_minutes: Annotated[float, Field(gt=0)]


class Http(_Frozen):
    """Limits of one source's conversation with its publisher."""

    connect_s: Seconds
    read_s: Seconds
    budget_s: Seconds
    attempts: Annotated[int, Field(gt=0)]
    wait_initial_s: Seconds
    wait_max_s: Seconds
    max_body_mb: Annotated[float, Field(gt=0)]
    max_redirects: Annotated[int, Field(ge=0)]
    user_agent: str


class Ingest(_Frozen):
    """Limits of one ingest as a whole."""

    deadline_s: Seconds


class Acceptance(_Frozen):
    """When a valid pull is kept but not believed."""

    max_lost_share: Share
    believe_after_hours: Annotated[float, Field(gt=0)]
    min_values: Annotated[int, Field(gt=1)]


class Merge(_Frozen):
    """Order of sources, by kind of field."""

    price: tuple[str, ...]
    limits: tuple[str, ...]
    speed: tuple[str, ...]
    facts: tuple[str, ...]
    names: tuple[str, ...]


class WarehouseSettings(_Frozen):
    """Limits of the DuckDB process."""

    lock_wait_s: Annotated[float, Field(ge=0)]
    max_memory_mb: Annotated[int, Field(ge=128)]
    threads: Annotated[int, Field(gt=0)]


class PipelineSettings(_Frozen):
    """pipeline.yaml."""

    schedule: Schedule
    refresh: Refresh
    http: Http
    ingest: Ingest
    acceptance: Acceptance
    merge: Merge
    warehouse: WarehouseSettings


class Settings(BaseModel):
    """Everything that is configured, read once."""

    model_config = ConfigDict(frozen=True, ignored_types=(cached_property,))

    locations: Locations
    sources: dict[str, SourceSettings]
    pipeline: PipelineSettings
    tasks: dict[str, Any]
    identity: IdentityConfig
    keys: dict[str, SecretStr]

    @model_validator(mode="after")
    def _merge_names_sources(self) -> Settings:
        for kind, order in self.pipeline.merge.model_dump().items():
            for source in order:
                if source not in self.sources:
                    known = ", ".join(self.sources)
                    raise ValueError(
                        f"pipeline.yaml: merge.{kind}: {source!r} is not a source; known: {known}"
                    )
        return self

    def key_of(self, source: str) -> SecretStr | None:
        """The source's key, from the first of its variables that is set."""
        return self.keys.get(source)

    @property
    def enabled_sources(self) -> tuple[str, ...]:
        return tuple(name for name, source in self.sources.items() if source.enabled)

    @property
    def publisher_order(self) -> tuple[str, ...]:
        """Sources with measures of their own, in the order in which a ranking tries them."""
        return tuple(name for name, source in self.sources.items() if source.measures)

    @cached_property
    def content_hash(self) -> str:
        """Hash of what decides the content of an edition: not folders, limits, URLs or keys."""
        derived = {
            "sources": {
                name: source.model_dump(
                    mode="json",
                    include={
                        "enabled",
                        "offers_at",
                        "measures",
                        "fixture",
                        "licence",
                        "attribution",
                        "fields",
                        "legacy_fields",
                        "benchmark",
                        "categories",
                    },
                )
                for name, source in self.sources.items()
            },
            "order": list(self.sources),
            "acceptance": self.pipeline.acceptance.model_dump(mode="json"),
            "merge": self.pipeline.merge.model_dump(mode="json"),
            "schedule": self.pipeline.schedule.model_dump(mode="json"),
            "tasks": self.tasks,
            "identity": self.identity.model_dump(mode="json"),
        }
        text = json.dumps(derived, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        raise SettingsError(
            f"{path}: no such file; set LLMREC_CONFIG_DIR to the folder that holds it"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise SettingsError(f"{path}:{where} {problem}; fix the YAML") from None
    if not isinstance(content, dict):
        raise SettingsError(f"{path}: holds a {type(content).__name__}; a mapping is expected")
    return content


def _parse_value(text: str) -> Any:
    """A variable's text as YAML would read it; what YAML cannot read stays text."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _set_by_variable(tree: dict[str, Any], variable: str, keys: list[str], text: str) -> None:
    node = tree
    for depth, key in enumerate(keys):
        names = {str(name).lower(): name for name in node}
        name = names.get(key.lower(), key.lower())
        if depth == len(keys) - 1:
            node[name] = _parse_value(text)
            return
        child = node.get(name)
        if not isinstance(child, dict):
            allowed = ", ".join(str(known) for known, sub in node.items() if isinstance(sub, dict))
            raise SettingsError(f"{variable}: {key!r} is not known here; allowed: {allowed}")
        node = child


def _overrides(environment: Mapping[str, str], section: str) -> list[tuple[str, list[str], str]]:
    start = f"{PREFIX}{section.upper()}{SEPARATOR}"
    return [
        (variable, variable[len(start) :].split(SEPARATOR), text)
        for variable, text in sorted(environment.items())
        if variable.startswith(start)
    ]


def _one_line(error: ValidationError, path: Path, variables: Mapping[str, str]) -> SettingsError:
    first = error.errors(include_url=False)[0]
    location = ".".join(str(part) for part in first["loc"] if part != "[key]")
    variable = variables.get(location.lower())
    where = variable or f"{path}: {location}"
    if first["type"] == "extra_forbidden":
        return SettingsError(f"{where}: unknown key; remove it or check its spelling")
    if first["type"] == "missing":
        return SettingsError(f"{where}: missing; add it")
    value = json.dumps(first.get("input"), default=str, ensure_ascii=False)
    if len(value) > 60:
        value = value[:57] + "..."
    message = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return SettingsError(f"{where}: {value} is not allowed; expected {message}")


def _validated(
    model: type[BaseModel], locations: Locations, section: str, environment: Mapping[str, str]
) -> Any:
    path = locations.config / f"{section}.yaml"
    tree = _read_yaml(path)
    variables = {}
    for variable, keys, text in _overrides(environment, section):
        _set_by_variable(tree, variable, keys, text)
        variables[".".join(keys).lower()] = variable
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        raise _one_line(error, path, variables) from None


class _Sources(BaseModel):
    """sources.yaml as a whole: a mapping of source to its entry."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, SourceSettings]


def _tasks(locations: Locations, environment: Mapping[str, str]) -> dict[str, Any]:
    """tasks.yaml with its overrides, as the plain mapping that an edition carries."""
    path = locations.config / "tasks.yaml"
    tree = _read_yaml(path)
    for variable, keys, text in _overrides(environment, "tasks"):
        _set_by_variable(tree, variable, keys, text)
    try:
        return Tasks.from_mapping(tree).to_mapping()
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from None


def _sections(environment: Mapping[str, str]) -> None:
    known = {"SOURCES", "PIPELINE", "TASKS", "IDENTITY"}
    for variable in environment:
        if not variable.startswith(PREFIX) or SEPARATOR not in variable:
            continue
        section = variable.removeprefix(PREFIX).split(SEPARATOR)[0]
        if section not in known:
            raise SettingsError(
                f"{variable}: {section!r} is not a section; allowed: {', '.join(sorted(known))}"
            )


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read config/*.yaml and the environment; raises SettingsError."""
    env = dict(os.environ if environment is None else environment)
    locations = read_locations(env)
    _sections(env)
    sources = _validated(_Sources, locations, "sources", env).__pydantic_extra__
    pipeline = _validated(PipelineSettings, locations, "pipeline", env)
    tasks = _tasks(locations, env)
    identity = _validated(IdentityConfig, locations, "identity", env)
    keys = {}
    for name, source in sources.items():
        for variable in source.key_variables:
            value = env.get(variable, "").strip()
            if value:
                keys[name] = SecretStr(value)
                break
    try:
        return Settings(
            locations=locations,
            sources=sources,
            pipeline=pipeline,
            tasks=tasks,
            identity=identity,
            keys=keys,
        )
    except ValidationError as error:
        message = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{locations.config}/{message}") from None
