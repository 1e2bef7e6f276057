"""What is known of a report that was built. Standard library only: who asks where it lies does not
pay for building one.

    reports/<edition>/report.html, report.md, report.json
    reports/current -> <edition>

An edition is immutable, so its report stands beside it, not in it: made anew by later code it may
look another way and say the same. `report.json` tells what it is.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from llmrec_pipeline.domain.outside_text import read_json
from llmrec_pipeline.locations import Locations
from llmrec_pipeline.storage.editions import Edition

ABOUT = "report.json"


@dataclass(frozen=True, slots=True)
class BuiltReport:
    """What was written: its edition, the digest of its content, the files and the page's size."""

    edition: str
    content_digest: str
    page: str
    markdown: str
    page_bytes: int


def find_report(edition: Edition | None, locations: Locations) -> BuiltReport | None:
    """The report of an edition; None where it was not built, or is gone."""
    if edition is None:
        return None
    with suppress(OSError, ValueError, TypeError):
        about = read_json((locations.reports / edition.name / ABOUT).read_bytes())
        built = BuiltReport(**about)
        return built if Path(built.page).is_file() else None
    return None
