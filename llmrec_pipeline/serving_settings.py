"""What learning from outcomes rests on, read from config/learning.yaml.

Apart from `settings`: a ranking rests on none of it, and a mistake there must not stop one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from llmrec_pipeline.domain.learning_config import LearningConfig
from llmrec_pipeline.locations import Locations
from llmrec_pipeline.yaml_section import Section


def load_learning(
    locations: Locations, environment: Mapping[str, str] | None = None
) -> LearningConfig:
    """config/learning.yaml; raises SettingsError."""
    env = os.environ if environment is None else environment
    return Section.read(locations.config, "learning", env).validated(LearningConfig)
