"""The formats of logs: which mapping reads each, and how its records come out of a file."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from llmrec_pipeline.domain.usage_mapping import UsageMapping
from llmrec_pipeline.domain.usage_paths import Record
from llmrec_pipeline.telemetry.databases import DatabaseLog, is_database
from llmrec_pipeline.telemetry.files import open_file
from llmrec_pipeline.telemetry.log import Log, UsageLogError
from llmrec_pipeline.telemetry.otlp import span_records
from llmrec_pipeline.yaml_section import Section

MAPPINGS = "telemetry"


class LogFormat(StrEnum):
    """What `--format` may name."""

    OTEL = "otel"
    LITELLM = "litellm"
    LLM_USAGE_EVENTS = "llm_usage_events"
    LANGFUSE = "langfuse"
    OPENROUTER = "openrouter"
    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


_PLAIN = (LogFormat.CSV, LogFormat.JSONL, LogFormat.PARQUET)


def read_mapping(form: LogFormat, config: Path, told: Path | None) -> UsageMapping:
    """The mapping in the file that was told, else the format's own below the folder of
    configuration. Raises UsageLogError, and SettingsError for a mapping that is wrong."""
    if told is None:
        if form in _PLAIN:
            raise UsageLogError(
                f"--format {form} needs --mapping FILE, which says what the columns mean; those in "
                f"{config / MAPPINGS} are examples"
            )
        told = config / MAPPINGS / f"{form}.yaml"
    if told.suffix != ".yaml" or not told.is_file():
        raise UsageLogError(f"{told}: no such file; a mapping is a file NAME.yaml")
    return mapping_in(told)


def mapping_in(file: Path) -> UsageMapping:
    """The mapping in a file NAME.yaml; raises SettingsError."""
    return Section.read(file.parent, file.stem, {}).validated(UsageMapping)


def open_log(form: LogFormat, place: str, mapping: UsageMapping) -> Log:
    """The log at a path or URL; raises UsageLogError."""
    if is_database(place):
        if form in (*_PLAIN, LogFormat.OTEL):
            raise UsageLogError(f"--format {form} reads files; give a path")
        return DatabaseLog(place, mapping)
    records_of = partial(span_records, reads=mapping.reads) if form is LogFormat.OTEL else _record
    return open_file(Path(place), mapping, records_of, form if form in _PLAIN else None)


def _record(document: Any) -> list[Record] | None:
    return [document] if isinstance(document, dict) else None
