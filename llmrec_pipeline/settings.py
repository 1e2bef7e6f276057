"""Everything that is configured: the shape of config/*.yaml, and the one way to load it.

`load_settings` returns one frozen tree. A wrong file or variable ends in a `SettingsError` of one
line that names the file (or variable), the key, the value and what is allowed. Keys are
`SecretStr`: they show as stars wherever they are printed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from llmrec_pipeline.domain.advice_config import AdviceConfig
from llmrec_pipeline.domain.alerts_config import AlertsConfig
from llmrec_pipeline.domain.categories_config import CategoriesConfig
from llmrec_pipeline.domain.config_shape import ConfigShapeOfNames, NonEmptyText
from llmrec_pipeline.domain.consensus_config import ConsensusConfig
from llmrec_pipeline.domain.identity_config import IdentityConfig
from llmrec_pipeline.domain.records import INDEX_COLUMNS, VALUE_COLUMNS, WRITING_INDEX
from llmrec_pipeline.domain.scorers import SCORERS
from llmrec_pipeline.domain.scoring.anchored import Anchors
from llmrec_pipeline.domain.scoring.weighted import MISSING_NORMS
from llmrec_pipeline.domain.task_profile import Tasks
from llmrec_pipeline.domain.telemetry_config import TelemetryConfig
from llmrec_pipeline.locations import Locations, SettingsError, read_locations
from llmrec_pipeline.yaml_section import Section, first_line, require_known_sections

__all__ = [
    "Acceptance",
    "BenchmarkRule",
    "FieldRule",
    "Http",
    "Ingest",
    "Merge",
    "PipelineSettings",
    "Quota",
    "Rebase",
    "Refresh",
    "Report",
    "ReportContentSettings",
    "Schedule",
    "Settings",
    "SettingsError",
    "SourceSettings",
    "WarehouseSettings",
    "load_settings",
]

_SECTIONS = (
    "ADVICE",
    "ALERTS",
    "ANCHORS",
    "API",
    "AUDIT",
    "CATEGORIES",
    "CONSENSUS",
    "IDENTITY",
    "LEARNING",
    "MENTIONS",
    "MODELS",
    "PIPELINE",
    "PRICING",
    "PROVIDERS",
    "REPORT",
    "SENTIMENT",
    "SOURCES",
    "TASKS",
    "TELEMETRY",
)

_SOURCE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_URL = re.compile(r"https?://[^/\s@?#]+(/[^\s?#]*)?")
_CRON = re.compile(r"@[a-z]+|[\dA-Za-z*/,-]+( [\dA-Za-z*/,-]+){4}")


def _no_truth_value(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a number")
    return value


def _base_url(value: str) -> str:
    if not _URL.fullmatch(value):
        raise ValueError("http:// or https:// and a host, such as https://example.org")
    return value.rstrip("/")


def _cron(value: str) -> str:
    if not _CRON.fullmatch(value):
        raise ValueError("five fields of a cron schedule, such as 0 */6 * * *")
    return value


Number = Annotated[float, BeforeValidator(_no_truth_value)]
Count = Annotated[int, BeforeValidator(_no_truth_value), Field(gt=0)]
Positive = Annotated[Number, Field(gt=0)]
NotNegative = Annotated[Number, Field(ge=0)]
Seconds = Positive
Share = Annotated[Number, Field(gt=0, le=1)]
Scheme = Literal["openrouter", "huggingface", "models_dev"]


class FieldRule(ConfigShapeOfNames):
    """Where a column's value stands in a record, and how to read it."""

    path: NonEmptyText
    # The value is whether the list at `path` holds one of these.
    contains: tuple[NonEmptyText, ...] = ()
    scale: Positive = 1.0
    zero: Literal["value", "unknown"] = "value"
    # The number may be written as text, and is scaled digit by digit, without a double's noise.
    decimal: bool = False


class BenchmarkRule(ConfigShapeOfNames):
    """One file of benchmark results: what it measures, and which of its columns say what.

    `scores` is category to score column; `scale` brings score, stderr and bounds to `unit`. Where
    a file holds runs in several scaffolds, `scaffold_column` names them and only those in
    `scaffold` count. `column` is the index column that the benchmark stands for, if any; a
    fraction enters it in percent.
    """

    name: NonEmptyText
    scores: Annotated[dict[str, NonEmptyText], Field(min_length=1)]
    unit: Literal["elo", "fraction", "index"] = "fraction"
    scale: Positive = 1.0
    stderr: NonEmptyText | None = None
    n: NonEmptyText | None = None
    lower: NonEmptyText | None = None
    upper: NonEmptyText | None = None
    version: NonEmptyText | None = None
    scaffold_column: NonEmptyText | None = None
    scaffold: NonEmptyText | None = None
    verified: bool = True
    column: str | None = None

    @model_validator(mode="after")
    def _column_has_one_score(self) -> Self:
        if self.column is not None:
            _require_columns([self.column], tuple(column.name for column in INDEX_COLUMNS))
            if len(self.scores) > 1:
                raise ValueError("column needs a file with one score")
        if (self.scaffold is None) != (self.scaffold_column is None):
            raise ValueError("scaffold and scaffold_column go together")
        return self


class Quota(ConfigShapeOfNames):
    """What the publisher allows: so many requests in a sliding window."""

    requests: Count
    window_hours: Positive


class SourceSettings(ConfigShapeOfNames):
    """One entry of sources.yaml. Its data is at `base_url` + `path`, or in an installed `package`.
    Where `infers_index_version`, a rebase is recognised that its pages do not name."""

    title: NonEmptyText
    enabled: bool = True
    base_url: Annotated[str, AfterValidator(_base_url)] = ""
    path: Annotated[str, Field(pattern=r"^/")] = ""
    package: NonEmptyText | None = None
    key_variables: tuple[str, ...] = ()
    key_header: str | None = None
    key_scheme: NonEmptyText | None = None
    redirect_hosts: tuple[str, ...] = ()
    max_pages: Count = 1
    quota: Quota | None = None
    offers_at: Literal["creator", "row", "none"] = "row"
    measures: bool = False
    infers_index_version: bool = False
    fixture: bool = False
    licence: NonEmptyText
    attribution: NonEmptyText
    max_bad_share: Share = 0.5
    required: tuple[str, ...] = ()
    fields: dict[str, FieldRule] = Field(default={})
    # Scheme → path of an id by which the publisher itself says which model it means.
    same_as: dict[Scheme, NonEmptyText] = Field(default={})
    legacy_required: tuple[str, ...] = ()
    legacy_fields: dict[str, FieldRule] = Field(default={})
    benchmark: str | None = None
    categories: dict[str, str] = Field(default={})
    benchmarks: dict[str, BenchmarkRule] = Field(default={})

    @property
    def is_local(self) -> bool:
        """Nobody is asked for its data: it lies in a package on this machine."""
        return self.package is not None

    @field_validator("fields", "legacy_fields")
    @classmethod
    def _fields_are_columns(cls, fields: dict[str, FieldRule]) -> dict[str, FieldRule]:
        _require_columns(fields, tuple(column.name for column in VALUE_COLUMNS))
        return fields

    @field_validator("categories")
    @classmethod
    def _categories_are_columns(cls, categories: dict[str, str]) -> dict[str, str]:
        _require_columns(
            categories.values(),
            (*(column.name for column in INDEX_COLUMNS), WRITING_INDEX.name),
        )
        return categories

    @model_validator(mode="after")
    def _key_has_a_header(self) -> Self:
        if self.key_variables and not self.key_header:
            raise ValueError("key_header is missing; a source with key_variables has one")
        return self

    @model_validator(mode="after")
    def _has_one_address(self) -> Self:
        if self.is_local and (self.base_url or self.path):
            raise ValueError("a source in a package has no base_url and no path")
        for name in ("base_url", "path"):
            if not self.is_local and not getattr(self, name):
                raise ValueError(f"{name} is missing; a source that is no package has one")
        return self


def _require_columns(names: Iterable[str], allowed: tuple[str, ...]) -> None:
    for name in names:
        if name not in allowed:
            raise ValueError(f"{name!r} is no column; allowed: {', '.join(allowed)}")


class Schedule(ConfigShapeOfNames):
    """When the pipeline pulls, and how long what it pulled counts as current."""

    cron: Annotated[str, AfterValidator(_cron)]
    every_hours: Positive
    grace_hours: NotNegative
    cached_days: Positive

    @property
    def live_hours(self) -> float:
        """Hours since a source was last seen within which it counts as live."""
        return self.every_hours + self.grace_hours


class Refresh(ConfigShapeOfNames):
    """Waiting, backing off and trying again: `wait_s` is how long an answer waits for a refresh."""

    wait_s: NotNegative
    backoff_minutes: NotNegative
    attempts: Count
    attempt_backoff_minutes: tuple[NotNegative, ...]
    stuck_minutes: Positive


class Http(ConfigShapeOfNames):
    """Limits of one source's conversation with its publisher; a megabyte is 1,000,000 bytes."""

    connect_s: Seconds
    read_s: Seconds
    budget_s: Seconds
    attempts: Count
    wait_initial_s: Seconds
    wait_max_s: Seconds
    max_body_mb: Positive
    max_redirects: Annotated[int, BeforeValidator(_no_truth_value), Field(ge=0)]
    user_agent: str

    @property
    def max_body_bytes(self) -> int:
        """`max_body_mb` in bytes."""
        return int(self.max_body_mb * 1_000_000)


class Ingest(ConfigShapeOfNames):
    """Limits of one ingest as a whole."""

    deadline_s: Seconds


class Rebase(ConfigShapeOfNames):
    """When an index was put on another scale; see `domain.rebases`."""

    min_move: Positive
    min_moved: Annotated[int, BeforeValidator(_no_truth_value), Field(gt=2)]
    min_moved_share: Share
    min_one_way: Share
    min_explained: Share
    full_share: Share


class Acceptance(ConfigShapeOfNames):
    """When a valid pull is kept but not believed (see `domain.pulls`), and when an index was
    rebased."""

    max_lost_share: Share
    believe_after_hours: Positive
    min_values: Annotated[int, BeforeValidator(_no_truth_value), Field(gt=1)]
    rebase: Rebase


class Merge(ConfigShapeOfNames):
    """Order of sources, by kind of field. Prices of one offering that differ by more than
    `price_conflict_share`, a fraction of the one that is used, are in conflict."""

    price: tuple[str, ...]
    limits: tuple[str, ...]
    speed: tuple[str, ...]
    facts: tuple[str, ...]
    names: tuple[str, ...]
    price_conflict_share: Share

    @property
    def orders(self) -> dict[str, tuple[str, ...]]:
        """Kind of field → sources, first to last."""
        return self.model_dump(exclude={"price_conflict_share"})


class WarehouseSettings(ConfigShapeOfNames):
    """Limits of the DuckDB process: seconds that it waits for another writer, memory in megabytes
    of 1,000,000 bytes."""

    lock_wait_s: NotNegative
    max_memory_mb: Annotated[int, BeforeValidator(_no_truth_value), Field(ge=128)]
    threads: Count


class PipelineSettings(ConfigShapeOfNames):
    """pipeline.yaml."""

    schedule: Schedule
    refresh: Refresh
    http: Http
    ingest: Ingest
    acceptance: Acceptance
    merge: Merge
    warehouse: WarehouseSettings


class Providers(ConfigShapeOfNames):
    """providers.yaml: whom we can call, and how long a choice among them stands."""

    key_variables: dict[str, Annotated[tuple[NonEmptyText, ...], Field(min_length=1)]]
    valid_hours: Positive
    retry_minutes: NotNegative
    last_rankings_days: Positive


class SurenessThresholds(ConfigShapeOfNames):
    """From where on the first of an answer counts as firm, and as likely: the least share of
    nearby weights under which it stays first."""

    firm: Share
    likely: Share


class ReportContentSettings(ConfigShapeOfNames):
    """What a report tells; an edition carries it. Prices in USD per 1M input tokens."""

    models_per_answer: Count
    price_caps_per_1m: tuple[Positive, ...]
    sureness: SurenessThresholds
    chart_models: Count
    history_days: Count
    history_points: Count
    changes_shown: Count


class Report(ConfigShapeOfNames):
    """report.yaml."""

    after_refresh: bool
    content: ReportContentSettings


class Settings(BaseModel):
    """Everything that is configured, read once."""

    model_config = ConfigDict(frozen=True, ignored_types=(cached_property,))

    locations: Locations
    sources: dict[str, SourceSettings]
    pipeline: PipelineSettings
    tasks: dict[str, Any]
    anchors: dict[str, Any]
    consensus: ConsensusConfig
    identity: IdentityConfig
    categories: CategoriesConfig
    providers: Providers
    alerts: AlertsConfig
    advice: AdviceConfig
    report: Report
    telemetry: TelemetryConfig
    webhook: SecretStr | None
    slack_webhook: SecretStr | None
    keys: dict[str, SecretStr]

    @model_validator(mode="after")
    def _merge_names_sources(self) -> Settings:
        for kind, order in self.pipeline.merge.orders.items():
            for source in order:
                if source not in self.sources:
                    known = ", ".join(self.sources)
                    raise ValueError(f"merge.{kind}: {source!r} is not a source; known: {known}")
        return self

    def key_of(self, source: str) -> SecretStr | None:
        """The source's key, from the first of its variables that is set."""
        return self.keys.get(source)

    @property
    def enabled_sources(self) -> tuple[str, ...]:
        """The sources that are pulled, in the order of the file."""
        return tuple(name for name, source in self.sources.items() if source.enabled)

    @property
    def report_rules(self) -> dict[str, Any]:
        """What a report needs beside the edition's tables."""
        return {
            **self.report.content.model_dump(mode="json"),
            "input_per_output": float(self.advice.input_per_output),
        }

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
                        "infers_index_version",
                        "fixture",
                        "licence",
                        "attribution",
                        "fields",
                        "legacy_fields",
                        "benchmark",
                        "categories",
                        "benchmarks",
                        "same_as",
                    },
                )
                for name, source in self.sources.items()
            },
            "order": list(self.sources),
            "acceptance": self.pipeline.acceptance.model_dump(mode="json"),
            "merge": self.pipeline.merge.model_dump(mode="json"),
            "schedule": self.pipeline.schedule.model_dump(mode="json"),
            "tasks": self.tasks,
            "anchors": self.anchors,
            "consensus": self.consensus.model_dump(mode="json"),
            "identity": self.identity.model_dump(mode="json"),
            "categories": self.categories.model_dump(mode="json"),
            "report": self.report_rules,
            "measured_speed": self.telemetry.model_dump(
                mode="json",
                include={"measured_speed", "measured_speed_min_calls", "window_days"},
            ),
        }
        text = json.dumps(derived, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


class _Sources(BaseModel):
    """sources.yaml as a whole: a mapping of source to its entry."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, SourceSettings]


def _tasks(content: Mapping[str, Any]) -> dict[str, Any]:
    """tasks.yaml as the plain mapping that an edition carries; raises ValueError."""
    tasks = Tasks.from_mapping(content)
    _one_of("scorer", tasks.scorer, SCORERS)
    _one_of("missing_policy", tasks.missing_policy, MISSING_NORMS)
    return tasks.to_mapping()


def _anchors(content: Mapping[str, Any]) -> dict[str, Any]:
    """anchors.yaml likewise."""
    Anchors.from_mapping(content)
    return dict(content)


def _consensus(
    section: Section, sources: Mapping[str, SourceSettings], tasks: Mapping[str, Any]
) -> ConsensusConfig:
    """consensus.yaml, whose benchmarks name known sources and task types."""
    config = section.validated(ConsensusConfig)
    for place, use in enumerate(config.benchmarks):
        for field, names, known in (
            ("source", (use.source,), sources),
            ("task_types", use.task_types, tasks["task_types"]),
        ):
            for name in names:
                if name not in known:
                    where = section.place(("benchmarks", str(place), field))
                    raise SettingsError(
                        f"{where}: {name!r} is not allowed; allowed: {', '.join(known)}"
                    )
    return config


def _carried(
    section: Section, check: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    """A file whose content an edition carries, with its overrides. The domain reads and judges it;
    a ValueError of the form `key: problem` becomes a SettingsError that says where the key is."""
    try:
        return check(section.tree)
    except ValueError as error:
        key, separator, problem = first_line(error).partition(": ")
        if not separator:
            raise SettingsError(f"{section.path}: {key}") from None
        raise SettingsError(f"{section.place(tuple(key.split('.')))}: {problem}") from None


def _categories(
    sources: Mapping[str, SourceSettings], tasks: Mapping[str, Any], section: Section
) -> CategoriesConfig:
    """categories.yaml, whose publishers are sources and which has a category for every task type."""
    categories = section.validated(CategoriesConfig)
    if without := set(tasks["task_types"]) ^ set(categories.of_task_type):
        told = ", ".join(sorted(without))
        raise SettingsError(
            f"{section.place(('of_task_type',))}: {told}: the task types must be those of tasks.yaml"
        )
    for key, names in (("blend", categories.blend), ("fills_in", (categories.fills_in,))):
        for name in names:
            if name not in sources:
                known = ", ".join(sources)
                raise SettingsError(
                    f"{section.place((key,))}: {name!r} is not a source; known: {known}"
                )
    return categories


def _advice(section: Section, tasks: Mapping[str, Any]) -> AdviceConfig:
    """advice.yaml, whose use cases are of known task types."""
    advice = section.validated(AdviceConfig)
    told = {f"task_types.{name}": task_type for name, task_type in advice.task_types.items()}
    for key, task_type in {**told, "task_type_otherwise": advice.task_type_otherwise}.items():
        if task_type not in tasks["task_types"]:
            known = ", ".join(tasks["task_types"])
            raise SettingsError(
                f"{section.place(tuple(key.split('.')))}: {task_type!r} is not allowed; "
                f"allowed: {known}"
            )
    return advice


def _one_of(key: str, value: str, allowed: Iterable[str]) -> None:
    if value not in allowed:
        raise ValueError(f"{key}: {value!r} is not allowed; allowed: {', '.join(sorted(allowed))}")


def _keys(
    sources: Mapping[str, SourceSettings], environment: Mapping[str, str]
) -> dict[str, SecretStr]:
    """Each source's key, from the first of its variables that is set."""
    keys = {}
    for name, source in sources.items():
        values = (_secret(environment, variable) for variable in source.key_variables)
        if key := next((value for value in values if value), None):
            keys[name] = key
    return keys


def _secret(environment: Mapping[str, str], variable: str) -> SecretStr | None:
    """What the variable holds; blank counts as unset."""
    value = environment.get(variable, "").strip()
    return SecretStr(value) if value else None


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read config/*.yaml and the environment; raises SettingsError."""
    env = dict(os.environ if environment is None else environment)
    locations = read_locations(env)
    require_known_sections(env, _SECTIONS)
    section = Section.read(locations.config, "sources", env)
    sources = section.validated(_Sources).__pydantic_extra__
    for name in sources:
        if not _SOURCE.fullmatch(name):
            raise SettingsError(
                f"{section.path}: {name!r} is no source; allowed: lower case letters, digits and _"
            )
    pipeline = Section.read(locations.config, "pipeline", env)
    alerts = Section.read(locations.config, "alerts", env).validated(AlertsConfig)
    tasks = _carried(Section.read(locations.config, "tasks", env), _tasks)
    consensus = _consensus(Section.read(locations.config, "consensus", env), sources, tasks)
    try:
        return Settings(
            locations=locations,
            sources=sources,
            pipeline=pipeline.validated(PipelineSettings),
            tasks=tasks,
            anchors=_carried(Section.read(locations.config, "anchors", env), _anchors),
            consensus=consensus,
            identity=Section.read(locations.config, "identity", env).validated(IdentityConfig),
            categories=_categories(
                sources, tasks, Section.read(locations.config, "categories", env)
            ),
            providers=Section.read(locations.config, "providers", env).validated(Providers),
            alerts=alerts,
            advice=_advice(Section.read(locations.config, "advice", env), tasks),
            report=Section.read(locations.config, "report", env).validated(Report),
            telemetry=Section.read(locations.config, "telemetry", env).validated(TelemetryConfig),
            webhook=_secret(env, alerts.webhook_variable),
            slack_webhook=_secret(env, alerts.slack_variable),
            keys=_keys(sources, env),
        )
    except ValidationError as invalid:
        # The one thing that is judged across files is the order in which fields are merged.
        message = invalid.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        key, _, problem = message.partition(": ")
        raise SettingsError(f"{pipeline.place(tuple(key.split('.')))}: {problem}") from None
