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
FALSE_WORDS = frozenset({"", "0", "false", "no", "off"})


class SettingsError(Exception):
    """One line for the user: file or variable, key, value, and what is allowed."""


@dataclass(frozen=True, slots=True)
class Locations:
    """Folders and the switch that keeps us off the network."""

    data: Path
    config: Path
    offline: bool

    @property
    def published(self) -> Path:
        """Editions, a folder each, and `current`, which points to one; see `storage.editions`."""
        return self.data / "published"

    @property
    def states(self) -> Path:
        """What each source's last pull gave, `<source>.json`; see `storage.states`."""
        return self.data / "state"

    @property
    def locks(self) -> Path:
        """Lock files, one for each work that one process at a time may do."""
        return self.data / "locks"

    @property
    def logs(self) -> Path:
        """What refreshes in the background printed, and when the last one began."""
        return self.data / "logs"

    @property
    def published_keys(self) -> Path:
        """What published keys meant, a line of JSON each; see `storage.key_record`."""
        return self.data / "keys" / "published.jsonl"

    @property
    def evidence(self) -> Path:
        """What people wrote, exported; see `storage.written`."""
        return self.data / "evidence"

    @property
    def usage_events(self) -> Path:
        """Partitions day=YYYY-MM-DD (of started_at, UTC), Parquet files in each."""
        return self.data / "telemetry" / "events"

    @property
    def usage_imports(self) -> Path:
        """Imports of usage events: those under way, and what the others came to."""
        return self.data / "telemetry" / "imports"

    @property
    def usage_rejects(self) -> Path:
        """What was wrong with records, a file an import."""
        return self.data / "telemetry" / "rejects"

    @property
    def reports(self) -> Path:
        """Reports, a folder an edition, and `current`, which points to one."""
        return self.data / "reports"

    @property
    def cache(self) -> Path:
        """What can be made again from code alone."""
        return self.data / "cache"

    @property
    def warehouse(self) -> Path:
        """The DuckDB file of derived tables; see `storage.warehouse`."""
        return self.data / "warehouse.duckdb"

    @property
    def fixture(self) -> Path:
        """Bundled facts belong to the code, wherever the data folder is."""
        return PROJECT_ROOT / "data" / "fixtures" / "fixture.json"


def read_locations(environment: Mapping[str, str] | None = None) -> Locations:
    """`LLMREC_DATA_DIR`, `LLMREC_CONFIG_DIR` and `LLMREC_OFFLINE`, with the project's own folders
    as defaults; raises SettingsError."""
    env = os.environ if environment is None else environment
    return Locations(
        data=_folder(env, "LLMREC_DATA_DIR", PROJECT_ROOT / "data"),
        config=_folder(env, "LLMREC_CONFIG_DIR", PROJECT_ROOT / "config"),
        offline=_switch(env, "LLMREC_OFFLINE"),
    )


def _folder(env: Mapping[str, str], variable: str, default: Path) -> Path:
    text = env.get(variable)
    try:
        return Path(text).expanduser().absolute() if text else default
    except RuntimeError:
        raise SettingsError(f"{variable}: {text!r} names a home folder that is not known") from None


def _switch(env: Mapping[str, str], variable: str) -> bool:
    word = env.get(variable, "").strip().lower()
    if word not in TRUE_WORDS | FALSE_WORDS:
        raise SettingsError(f"{variable}: {word!r} is not allowed; expected 1 or 0")
    return word in TRUE_WORDS
