"""What passes between a publisher, the lake and the parser: pages as received, rows as parsed, and
what went wrong with either."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

_MAX_REASON = 300
# Where a row was read is not what it says.
NOT_CONTENT = frozenset({"source_url"})


def one_line(text: str) -> str:
    """Text as a reason that a terminal, a log and a JSON file can carry: printable, bounded."""
    words = " ".join(text.split())
    return "".join(character for character in words if character.isprintable())[:_MAX_REASON]


class PullFailed(Exception):
    """The publisher gave no usable answer. `reason` is one line without secrets."""

    def __init__(self, reason: str, *, status: int | None = None) -> None:
        self.reason = one_line(reason)
        self.status = status
        super().__init__(self.reason)


class InvalidStructure(Exception):
    """The answer is not what this publisher's pages look like. One line: what and where."""

    def __init__(self, reason: str) -> None:
        super().__init__(one_line(reason))


@dataclass(frozen=True, slots=True)
class RawPage:
    """One response as received, content coding removed. `url` is what was asked for, whatever
    storage a redirect led to; headers are those that matter."""

    name: str
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class ParsedPull:
    """The rows of one pull in canonical columns, without `source`, `observed_at`,
    `parser_version`, which the lake adds.

    `models` has the columns of `models_snapshot`, `benchmarks` those of `benchmark_results`;
    `bad_values` counts by column what could not be a value and became NULL, `skipped` by kind what
    is in order and not ours, such as a model that writes no text.
    """

    models: Sequence[Mapping[str, Any]]
    benchmarks: Sequence[Mapping[str, Any]] = ()
    bad_values: Mapping[str, int] = field(default_factory=dict)
    index_version: str | None = None
    skipped: Mapping[str, int] = field(default_factory=dict)

    def content_hash(self) -> str:
        """SHA-256 over what the rows say, whatever their order and wherever they were read."""
        digest = hashlib.sha256()
        for rows in (self.models, self.benchmarks):
            lines = sorted(
                json.dumps(
                    {name: value for name, value in row.items() if name not in NOT_CONTENT},
                    sort_keys=True,
                    default=_plain,
                    ensure_ascii=False,
                )
                for row in rows
            )
            for line in lines:
                digest.update(line.encode())
                digest.update(b"\n")
            digest.update(b"\x00")
        return digest.hexdigest()


def _plain(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a row")
