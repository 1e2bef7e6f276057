"""`use_cases`: which model the team uses for what, as an edition carries it.

A ranking does not rest on it: a mistake in config/models.yaml leaves the table empty, and the
commands that need the file name the mistake.
"""

from __future__ import annotations

import logging

import polars as pl

from llmrec_pipeline.domain.records import USE_CASES
from llmrec_pipeline.locations import SettingsError
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.lake import polars_schema
from llmrec_pipeline.team_settings import load_team_settings

_log = logging.getLogger(__name__)


def use_cases_frame(settings: Settings) -> pl.DataFrame:
    """Rows of `USE_CASES`, by name."""
    try:
        models = load_team_settings(settings.locations).models
    except SettingsError as error:
        _log.warning("the edition tells no use cases: %s", error)
        return pl.DataFrame(schema=polars_schema(USE_CASES))
    rows = [
        {
            "use_case": name,
            "task_type": settings.advice.task_type(name),
            "current_model": models.model_id(use_case.model),
            "model_name": use_case.model,
        }
        for name, use_case in sorted(models.by_use_case.items())
    ]
    return pl.DataFrame(rows, schema=polars_schema(USE_CASES))
