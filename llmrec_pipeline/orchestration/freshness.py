"""How old materialisations may be. Age of observation is a check of its own: see `checks`."""

from __future__ import annotations

from datetime import timedelta

from dagster import FreshnessPolicy

from llmrec_pipeline.settings import Schedule


def pulled(schedule: Schedule) -> FreshnessPolicy:
    """A source is pulled at every tick of the schedule; two missed ticks are a failure."""
    return FreshnessPolicy.time_window(
        fail_window=timedelta(hours=2 * schedule.every_hours + schedule.grace_hours),
        warn_window=timedelta(hours=schedule.live_hours),
    )


def published(schedule: Schedule) -> FreshnessPolicy:
    """Results may stand unchanged as long as a cached pull may serve."""
    return FreshnessPolicy.time_window(
        fail_window=timedelta(days=2 * schedule.cached_days),
        warn_window=timedelta(days=schedule.cached_days),
    )
