"""What the team uses, pays, audits and listens to, read from files of config/.

Apart from `settings`: a ranking rests on none of it, and a mistake there must not stop one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from llmrec_pipeline.domain.audit_config import AuditConfig
from llmrec_pipeline.domain.mentions_config import MentionsConfig
from llmrec_pipeline.domain.sentiment_config import SentimentConfig
from llmrec_pipeline.domain.team_models import ModelsConfig, PricingConfig
from llmrec_pipeline.locations import Locations, SettingsError
from llmrec_pipeline.yaml_section import Section

MODELS_FILE = "models.yaml"
TEAM_FILES = (MODELS_FILE, "pricing.yaml")
_Config = TypeVar("_Config", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class TeamSettings:
    """What the team uses and pays, and the file that names its models."""

    models: ModelsConfig
    pricing: PricingConfig
    models_path: Path


def load_team_settings(
    locations: Locations, environment: Mapping[str, str] | None = None
) -> TeamSettings:
    """Read both files; raises SettingsError."""
    env = os.environ if environment is None else environment
    models = Section.read(locations.config, "models", env).validated(ModelsConfig)
    section = Section.read(locations.config, "pricing", env)
    pricing = section.validated(PricingConfig)
    for place, row in enumerate(pricing.prices):
        if models.model_id(row.model) is None:
            known = ", ".join(models.models)
            raise SettingsError(
                f"{section.place(('prices', str(place), 'model'))}: {row.model!r} is no model of "
                f"{MODELS_FILE}; known: {known}"
            )
    return TeamSettings(models, pricing, locations.config / MODELS_FILE)


def load_mentions(
    locations: Locations, environment: Mapping[str, str] | None = None
) -> MentionsConfig:
    """Read mentions.yaml; raises SettingsError."""
    return _validated("mentions", MentionsConfig, locations, environment)


def load_audit(locations: Locations, environment: Mapping[str, str] | None = None) -> AuditConfig:
    """Read audit.yaml; raises SettingsError."""
    return _validated("audit", AuditConfig, locations, environment)


def load_sentiment(
    locations: Locations, environment: Mapping[str, str] | None = None
) -> SentimentConfig:
    """Read sentiment.yaml; raises SettingsError."""
    return _validated("sentiment", SentimentConfig, locations, environment)


def _validated(
    name: str, model: type[_Config], locations: Locations, environment: Mapping[str, str] | None
) -> _Config:
    env = os.environ if environment is None else environment
    return Section.read(locations.config, name, env).validated(model)
