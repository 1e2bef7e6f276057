"""Where data and configuration lie: the part of the settings that the hot path needs.

Standard library only, so that `llmrec recommend` pays for neither YAML nor pydantic. Everything
else that is read from the environment or from YAML is read in `settings`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent
TRUE_WORDS = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True, slots=True)
class Locations:
    """Folders and the switch that keeps us off the network."""

    data: Path
    config: Path
    offline: bool

    @property
    def published(self) -> Path:
        return self.data / "published"

    @property
    def states(self) -> Path:
        return self.data / "state"

    @property
    def locks(self) -> Path:
        return self.data / "locks"

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def warehouse(self) -> Path:
        return self.data / "warehouse.duckdb"

    @property
    def fixture(self) -> Path:
        """Bundled facts belong to the code, wherever the data folder is."""
        return PROJECT_ROOT / "data" / "fixtures" / "fixture.json"


def read_locations(environment: Mapping[str, str] | None = None) -> Locations:
    """`LLMREC_DATA_DIR`, `LLMREC_CONFIG_DIR` and `LLMREC_OFFLINE`, with the project's own folders
    as defaults."""
    env = os.environ if environment is None else environment
    return Locations(
        data=Path(env.get("LLMREC_DATA_DIR") or PROJECT_ROOT / "data").expanduser().absolute(),
        config=Path(env.get("LLMREC_CONFIG_DIR") or PROJECT_ROOT / "config")
        .expanduser()
        .absolute(),
        offline=env.get("LLMREC_OFFLINE", "").strip().lower() in TRUE_WORDS,
    )
