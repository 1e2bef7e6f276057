"""One module a publisher, named as its entry in config/sources.yaml.

A module has `PARSER_VERSION`, `fetch(http, settings) -> list[RawPage]` and
`parse(pages, settings) -> ParsedPull`. It knows its publisher's shape and nothing else: no
identity, no storage, no Dagster, no clock.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Protocol, cast

from llmrec_pipeline.settings import SettingsError, SourceSettings
from llmrec_pipeline.sources.http import PublisherClient
from llmrec_pipeline.sources.pull import ParsedPull, RawPage


class Publisher(Protocol):
    """What a publisher's module offers. Raise PARSER_VERSION when the same page reads otherwise."""

    PARSER_VERSION: str

    def fetch(self, http: PublisherClient, settings: SourceSettings, /) -> list[RawPage]:
        """All pages of one pull; raises PullFailed."""

    def parse(self, pages: Sequence[RawPage], settings: SourceSettings, /) -> ParsedPull:
        """The pull's rows; raises InvalidStructure."""


def publisher(source: str) -> Publisher:
    """The module of a source; raises SettingsError where there is none."""
    name = f"{__name__}.{source}"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        module = None
    # What publishers share lies in the same folder.
    if not hasattr(module, "PARSER_VERSION"):
        raise SettingsError(
            f"sources.yaml: {source}: has no module; add llmrec_pipeline/sources/{source}.py"
        )
    return cast(Publisher, module)
