"""Writing an edition's report; where it lies is told in `about`."""

from __future__ import annotations

import uuid
from dataclasses import asdict

from llmrec_pipeline.locations import Locations
from llmrec_pipeline.serving.report.about import ABOUT, BuiltReport
from llmrec_pipeline.serving.report.building import build_content
from llmrec_pipeline.serving.report.charts import chart_kit
from llmrec_pipeline.serving.report.content import ReportContent
from llmrec_pipeline.serving.report.markdown import as_markdown
from llmrec_pipeline.serving.report.page import as_page
from llmrec_pipeline.storage.editions import CURRENT, Edition
from llmrec_pipeline.storage.files import sync_folder, write_bytes, write_json

_PAGE, _MARKDOWN = "report.html", "report.md"


def html_of(content: ReportContent, locations: Locations) -> str:
    """The page as HTML."""
    return as_page(content, chart_kit(locations.cache))


def build_report(edition: Edition, locations: Locations) -> BuiltReport:
    """Write an edition's report in every format; raises EditionError."""
    return write_report(build_content(edition), locations)


def write_report(content: ReportContent, locations: Locations) -> BuiltReport:
    """Write what a report says in every format; raises OSError."""
    folder = locations.reports / content.edition
    page = html_of(content, locations).encode()
    write_bytes(folder / _PAGE, page)
    write_bytes(folder / _MARKDOWN, as_markdown(content).encode())
    built = BuiltReport(
        edition=content.edition,
        content_digest=content.digest(),
        page=str(folder / _PAGE),
        markdown=str(folder / _MARKDOWN),
        page_bytes=len(page),
    )
    write_json(folder / ABOUT, asdict(built))
    return built


def make_current(built: BuiltReport, locations: Locations) -> None:
    """Point `current` at a report in one step."""
    aside = locations.reports / f".{CURRENT}.{uuid.uuid4().hex}"
    aside.symlink_to(built.edition)
    aside.replace(locations.reports / CURRENT)
    sync_folder(locations.reports)
