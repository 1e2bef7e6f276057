"""The shape of config/api.yaml, and whom the server may be shown to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Annotated, Literal

from pydantic import Field

from llmrec_pipeline.domain.config_shape import ConfigShape
from llmrec_pipeline.domain.task_model import UNDERSTANDINGS
from llmrec_pipeline.locations import Locations, SettingsError
from llmrec_pipeline.yaml_section import Section

HASHES_VARIABLE = "LLMREC_API_TOKEN_HASHES"
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(gt=0)]
HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$")]
TokenHash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class RateLimit(ConfigShape):
    """Requests of one token: on average, and at once."""

    per_minute: Count
    burst: Count


class MemoSizes(ConfigShape):
    """What is kept in memory for one edition: answers by question, rankings by profile."""

    answers: Count
    rankings: Count


class SpoolTimes(ConfigShape):
    """How often served answers are synced to disk, and drained into the evidence store."""

    sync_s: Positive
    drain_s: Positive


class ApiConfig(ConfigShape):
    """api.yaml. `max_body_kb` is in 1,024 bytes; `timeout_s` is for one answer, `shutdown_s` for
    those under way at the end, `watch_s` lies between two looks for another edition."""

    token_hashes: tuple[TokenHash, ...] = ()
    hosts: tuple[HostName, ...] = ()
    rate_limit: RateLimit
    max_body_kb: Count
    timeout_s: Positive
    shutdown_s: Positive
    understanding: Literal[UNDERSTANDINGS]  # type: ignore[valid-type]
    memo: MemoSizes
    watch_s: Positive
    spool: SpoolTimes


def load_api_config(
    locations: Locations, environment: Mapping[str, str] | None = None
) -> ApiConfig:
    """config/api.yaml and the hashes of the environment; raises SettingsError."""
    env = os.environ if environment is None else environment
    section = Section.read(locations.config, "api", env)
    more = [part.strip().lower() for part in env.get(HASHES_VARIABLE, "").split(",")]
    hashes = [*(section.tree.get("token_hashes") or ()), *filter(None, more)]
    for told in filter(None, more):
        if len(told) != 64 or not set(told) <= set("0123456789abcdef"):
            raise SettingsError(
                f"{HASHES_VARIABLE}: a hash is not one; allowed: SHA-256 of tokens, 64 hexadecimal "
                "digits each, separated by commas"
            )
    section.tree["token_hashes"] = hashes
    return section.validated(ApiConfig)


def require_safe(host: str, config: ApiConfig) -> None:
    """Raises SettingsError for an address beyond this machine without a token."""
    if not config.token_hashes and not is_loopback(host):
        raise SettingsError(
            f"{HASHES_VARIABLE}: no token is set; {host} is open to other machines, so set the "
            "hash of one, or serve --host 127.0.0.1"
        )


@lru_cache(maxsize=1000)
def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
