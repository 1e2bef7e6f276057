"""A code location whose team runs each step in a process of its own."""

from __future__ import annotations

from dagster import JobDefinition, multiprocess_executor

from llmrec_pipeline.orchestration.build import build_defs
from llmrec_pipeline.settings import load_settings


def ingest() -> JobDefinition:
    return build_defs(load_settings(), executor=multiprocess_executor).resolve_job_def("ingest")


def refresh() -> JobDefinition:
    return build_defs(load_settings(), executor=multiprocess_executor).resolve_job_def("refresh")
