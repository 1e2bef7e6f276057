"""The code location that `dg` and `workspace.yaml` load: the definitions of this environment's
settings. Raises SettingsError."""

from llmrec_pipeline.orchestration.build import build_defs
from llmrec_pipeline.settings import load_settings

defs = build_defs(load_settings())
