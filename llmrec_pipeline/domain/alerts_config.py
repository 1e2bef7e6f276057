"""The shape of config/alerts.yaml: whom to tell, of what, and how often."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from llmrec_pipeline.domain.config_shape import ConfigShape, NonEmptyText

Watch = Literal["in_use", "watched", "all"]
_Positive = Annotated[float, Field(gt=0)]
_Share = Annotated[float, Field(gt=0, le=1)]


class Rule(ConfigShape):
    """Whether to tell of it at all."""

    enabled: bool


class ModelRule(Rule):
    """Of which models."""

    models: Watch


class ShareRule(ModelRule):
    """From which share on, a fraction of the price before, or of the one that is used."""

    share: _Share


class DominatedRule(Rule):
    """Whether only what lies wholly above counts as better."""

    firm: bool


class Rules(ConfigShape):
    """One rule a kind of alert."""

    top_pick: Rule
    price_drop: ShareRule
    deprecated: ModelRule
    dominated: DominatedRule
    source_stale: Rule
    source_quarantined: Rule
    price_conflict: ShareRule


class AlertsConfig(ConfigShape):
    """alerts.yaml. The variables are names of environment variables that hold an address; `lines` are
    those of one message, `watched_ranks` the first places of every task type."""

    webhook_variable: NonEmptyText
    slack_variable: NonEmptyText
    timeout_s: _Positive
    file: bool
    cooldown_hours: _Positive
    lines: Annotated[int, Field(gt=0)]
    watched_ranks: Annotated[int, Field(gt=0)]
    rules: Rules

    @property
    def cooldown(self) -> timedelta:
        """How long what is over is remembered."""
        return timedelta(hours=self.cooldown_hours)
