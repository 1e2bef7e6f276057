"""Bundled facts of open publishers, read by the same parsers as a live pull."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from llmrec_pipeline.domain.outside_text import read_json
from llmrec_pipeline.domain.timestamps import parse_iso
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.sources import publisher
from llmrec_pipeline.sources.pull import InvalidStructure, ParsedPull, RawPage


class FixtureError(Exception):
    """The fixture cannot be read. One line."""


class Fixture:
    """`data/fixtures/fixture.json`: by source, one page in the publisher's own shape.
    Raises FixtureError."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self._path = path
        self._settings = settings
        try:
            body = path.read_bytes()
            entries = read_json(body)["sources"]
            self._pages = {source: _page(source, entry) for source, entry in entries.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise FixtureError(f"{path}: cannot be read: {error}; restore it from git") from None
        self.digest = hashlib.sha256(body).hexdigest()
        self._parsed: dict[str, ParsedPull] = {}

    def sources(self) -> tuple[str, ...]:
        """Sources that have facts here, are configured, and may be bundled."""
        return tuple(name for name in self._pages if name in self._allowed)

    @cached_property
    def _allowed(self) -> frozenset[str]:
        return frozenset(name for name, source in self._settings.sources.items() if source.fixture)

    def observed_at(self, source: str) -> datetime:
        """When the publisher was asked: a fixture never looks fresh."""
        return self._pages[source].received_at

    def parser_version(self, source: str) -> str:
        """Of the parser that reads the source's facts."""
        return publisher(source).PARSER_VERSION

    def parsed(self, source: str) -> ParsedPull:
        """The rows, read once; raises FixtureError."""
        if source not in self._parsed:
            try:
                self._parsed[source] = publisher(source).parse(
                    [self._pages[source]], self._settings.sources[source]
                )
            except InvalidStructure as error:
                raise FixtureError(
                    f"{self._path}: {source}: {error}; restore it from git"
                ) from None
        return self._parsed[source]


def _page(source: str, entry: dict[str, Any]) -> RawPage:
    return RawPage(
        name=f"{source}.json",
        url=entry["url"],
        status=200,
        headers={},
        body=json.dumps(entry["body"]).encode(),
        received_at=parse_iso(entry["observed_at"]),
    )
