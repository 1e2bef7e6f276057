"""`llmrec report build` and `path`: the report of an edition."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from llmrec_pipeline.domain.task_profile import RequestError
from llmrec_pipeline.locations import Locations, read_locations
from llmrec_pipeline.serving.cli import OK
from llmrec_pipeline.serving.cli.output import (
    Format,
    PageFormat,
    chosen,
    note,
    print_json,
    say,
    write_line,
)
from llmrec_pipeline.serving.report.about import BuiltReport, find_report
from llmrec_pipeline.storage.editions import Edition, EditionError, current_edition, find_edition

_STDOUT = "-"
UI_COMMAND = "make dev"


def build(name: str | None, output: str | None, wanted: PageFormat | None, *, show: bool) -> int:
    """Write the report into the data folder, or one format of it where it was asked for; raises
    EditionError and RequestError."""
    if output is None and wanted is not None:
        output = _STDOUT
    if show and output == _STDOUT:
        raise RequestError("--open shows a file; name one with --output, or leave out --format")
    locations = read_locations()
    edition = find_edition(locations.published, name)
    if output is not None:
        return _export(edition, output, wanted or _format_of(output), locations, show=show)
    from llmrec_pipeline.serving.report.files import build_report, make_current

    built = build_report(edition, locations)
    if edition == current_edition(locations.published):
        make_current(built, locations)
    if chosen(None) is Format.JSON:
        print_json(asdict(built))
    else:
        _print(built)
    if show:
        _show(Path(built.page))
    return OK


def _format_of(output: str) -> PageFormat:
    is_markdown = Path(output).suffix.lower() in (".md", ".markdown")
    return PageFormat.MARKDOWN if is_markdown else PageFormat.HTML


def _export(
    edition: Edition, output: str, wanted: PageFormat, locations: Locations, *, show: bool
) -> int:
    from llmrec_pipeline.serving.report.building import build_content
    from llmrec_pipeline.serving.report.files import html_of
    from llmrec_pipeline.serving.report.markdown import as_markdown
    from llmrec_pipeline.storage.files import write_bytes

    content = build_content(edition)
    text = html_of(content, locations) if wanted is PageFormat.HTML else as_markdown(content)
    if output == _STDOUT:
        write_line(text.removesuffix("\n"))
        return OK
    path = Path(output).expanduser().absolute()
    if path.is_dir():
        raise RequestError(f"--output {output}: is a folder; name a file in it")
    write_bytes(path, text.encode())
    note(f"{path}: {wanted.value}, {len(text.encode()):,} bytes, digest {content.digest()}")
    if show:
        _show(path)
    return OK


def _show(path: Path) -> None:
    import webbrowser

    if not webbrowser.open(path.as_uri()):
        note(f"llmrec: no browser could be started; open {path}")


def path(wanted: Format | None) -> int:
    """Print where the current report lies; raises EditionError where it was not built."""
    locations = read_locations()
    edition = find_edition(locations.published, None)
    built = find_report(edition, locations)
    if built is None:
        raise EditionError(f"edition {edition.name} has no report; run `llmrec report build`")
    if chosen(wanted) is Format.JSON:
        print_json({**asdict(built), "ui": UI_COMMAND})
    else:
        print_pointers(built.page)
    return OK


def print_pointers(page: str) -> None:
    """The last two lines of a run: where to look."""
    say(f"Report: {page}")
    say(f"UI: {UI_COMMAND}")


def _print(built: BuiltReport) -> None:
    say(f"Edition {built.edition}, content digest {built.content_digest}.")
    say(f"Report: {built.page} ({built.page_bytes:,} bytes)")
    say(f"Markdown: {built.markdown}")
