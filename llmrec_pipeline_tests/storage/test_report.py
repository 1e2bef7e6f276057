"""What a report says is what its edition holds, figure by figure, in both formats."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from llmrec_pipeline.domain.ranking import recommend
from llmrec_pipeline.domain.task_profile import RequestError, TaskProfile, Tasks
from llmrec_pipeline.serving.cli import reporting
from llmrec_pipeline.serving.cli.output import PageFormat
from llmrec_pipeline.serving.report import files
from llmrec_pipeline.serving.report.answering import Rankings, answers
from llmrec_pipeline.serving.report.building import build_content
from llmrec_pipeline.serving.report.charts import ChartKit
from llmrec_pipeline.serving.report.content import FIRM, LIKELY, OPEN, Figure, ReportContent
from llmrec_pipeline.serving.report.evidence_book import EvidenceBook
from llmrec_pipeline.serving.report.markdown import LIMIT, as_markdown
from llmrec_pipeline.serving.report.page import as_page
from llmrec_pipeline.storage.editions import Edition, EditionError, file_entry, sealed
from llmrec_pipeline_tests.reports import (
    BETTER,
    CURRENT,
    HOSTILE,
    REBASED,
    REPRICED,
    report_folder,
    reported_edition,
)
from llmrec_pipeline_tests.storage.pulled import AA, DataFolder, at

# The libraries that draw are none of these tests' matter, and take seconds to put together.
KIT = ChartKit("window.vegaEmbed = undefined;", {"tradeoff": {}, "price": {}, "index": {}})


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Edition:
    return reported_edition(report_folder(tmp_path_factory.mktemp("report")))


@pytest.fixture(scope="module")
def content(edition: Edition) -> ReportContent:
    return build_content(edition)


def _day(number: int) -> str:
    return at(4 * number).date().isoformat()


def _walk(value: Any) -> Iterator[Any]:
    """Every value in it, itself included."""
    yield value
    children: Any = ()
    if is_dataclass(value):
        children = (getattr(value, field.name) for field in fields(value))
    elif isinstance(value, dict):
        children = value.values()
    elif isinstance(value, tuple | list):
        children = value
    for child in children:
        yield from _walk(child)


def test_answers_are_those_of_recommend(edition: Edition, content: ReportContent) -> None:
    payload = edition.ranking()
    tasks = Tasks.from_mapping(payload["tasks"])
    assert content.caps == (None, 5.0, 2.0, 0.5)
    assert set(content.task_types) == set(tasks.task_types)
    for answer in content.answers:
        weights = tasks.weights("none", budget=answer.cap is not None)
        profile = TaskProfile(answer.task_type, *weights, max_price_per_1m=answer.cap)
        expected = recommend(payload, profile, topk=5)
        assert [(c.key, c.score, c.justification) for c in answer.choices] == [
            (row["canonical_model_key"], row["score"], row["justification"])
            for row in expected["recommendations"]
        ]
        if not answer.choices:
            assert answer.message == expected["message"]
            assert answer.sureness is None
            continue
        assert answer.stability == expected["stability"]["share"]
        assert answer.ties == expected["ties"]["with_first"]
        assert answer.sureness in (FIRM, LIKELY, OPEN)
        for choice in answer.choices:
            assert choice.low is not None
            assert choice.low <= choice.quality.value <= choice.high
            if answer.cap is not None:
                assert choice.price_input.value <= answer.cap
    # Nobody sells for so little: that is an answer, too.
    assert not content.answer("coding", 0.5).choices
    assert content.answer("coding", 2.0).choices[0].key == BETTER


def test_every_figure_leads_to_its_evidence(content: ReportContent) -> None:
    rows = {row.id: row for row in content.evidence}
    assert len(rows) == len(content.evidence)
    figures = [value for value in _walk(content) if isinstance(value, Figure)]
    assert len(figures) > 500
    for figure in figures:
        assert (figure.value is None) == (figure.evidence is None)
        if figure.evidence is not None:
            assert rows[figure.evidence].value == figure.value
    standings = [row for row in content.evidence if row.kind == "consensus"]
    detailed = [row for row in standings if row.rests_on]
    assert detailed
    for row in detailed:
        measured = [rows[name] for name in row.rests_on]
        assert {m.kind for m in measured} == {"measure"}
        assert {m.source for m in measured} == set(row.source.split(", "))
    links = {row.url for row in content.evidence if row.subject == CURRENT and row.url}
    assert links == {"https://example.org/claude"}


def test_history_breaks_where_the_index_does(content: ReportContent) -> None:
    (history,) = (h for h in content.histories if h.key == BETTER)
    lines = {line.index_version: line.points for line in history.indices if line.source == AA}
    # An edition holds no pull that found nothing new.
    assert lines == {
        "4.1": ((_day(0), 50.0),),
        "4.3": ((_day(REBASED), 35.0), (_day(REPRICED), 35.0)),
    }
    (price,) = (line for line in history.prices if line.item == "price_input_per_1m")
    assert price.points == ((_day(0), 4.0), (_day(REPRICED), 1.5))
    assert content.answer("coding", 2.0).price_since == _day(REPRICED)


def test_changes_proposals_and_own_usage(content: ReportContent) -> None:
    for changes in (content.since_last, content.month):
        (cheaper,) = (row for row in changes.rows if row.change == "repriced")
        assert (cheaper.name, cheaper.before, cheaper.after) == ("Invented 30", "4", "1.5")
    assert "rebased" not in content.since_last.counts
    assert content.month.counts["rebased"] == 1
    (proposal,) = content.proposals
    assert proposal.usd_per_month == -60.88
    (usage,) = content.usage
    assert (usage.use_case, usage.cost_usd, usage.success_rate) == ("builder_high", 240.0, 0.95)
    (first, *_) = content.actions
    assert first.weight == 1
    assert "proposal 7" in first.text
    states = {case.use_case: case.state for case in content.use_cases}
    assert states["builder_high"] == "best"
    assert states["builder_low"] == "unknown to every source"


def test_equal_pulls_make_equal_reports(
    edition: Edition, content: ReportContent, tmp_path: Path
) -> None:
    again = build_content(edition)
    assert again.digest() == content.digest()
    assert as_page(again, KIT) == as_page(content, KIT)
    # Landed in the other order, elsewhere.
    elsewhere = build_content(reported_edition(report_folder(tmp_path, backwards=True)))
    assert elsewhere.digest() == content.digest()
    assert as_markdown(elsewhere) == as_markdown(content)


def test_an_edition_without_models_has_a_report(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    for source in folder.settings.sources:
        folder.configure(source, enabled=False)
    empty = build_content(folder.refresh(at(0)).edition)
    assert all(answer.message and not answer.choices for answer in empty.answers)
    for text in (as_page(empty, KIT), as_markdown(empty)):
        assert "Not enough evidence" in text
        assert "None yet" in text


def test_an_edition_of_before_is_named(edition: Edition, tmp_path: Path) -> None:
    old = Edition("old", tmp_path)
    payload = edition.ranking()
    del payload["report"]
    (tmp_path / "ranking.json").write_text(json.dumps(payload))
    files = {"ranking.json": file_entry(tmp_path / "ranking.json")}
    manifest = sealed({**edition.manifest(), "files": files})
    (tmp_path / "edition.json").write_text(json.dumps(manifest))
    with pytest.raises(EditionError, match="before there were reports; run `llmrec refresh`"):
        build_content(old)


def test_commands_build_export_and_refuse(
    edition: Edition,
    content: ReportContent,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = edition.folder.parent.parent
    monkeypatch.setenv("LLMREC_DATA_DIR", str(data))
    monkeypatch.setattr(files, "chart_kit", lambda _: KIT)
    monkeypatch.setattr("webbrowser.open", lambda _: False)
    with pytest.raises(EditionError, match="has no report; run `llmrec report build`"):
        reporting.path(None)
    assert reporting.build(None, None, None, show=True) == 0
    printed = capsys.readouterr()
    assert "no browser could be started" in printed.err
    built = json.loads(printed.out)
    assert built["content_digest"] == content.digest()
    page = Path(built["page"])
    assert page.read_text() == as_page(content, KIT)
    assert built["page_bytes"] == page.stat().st_size
    assert (data / "reports" / "current").resolve() == page.parent
    reporting.path(None)
    assert json.loads(capsys.readouterr().out) == {**built, "ui": "make dev"}

    exported = tmp_path / "elsewhere.md"
    reporting.build("current", str(exported), None, show=False)
    assert exported.read_text() == as_markdown(content) == Path(built["markdown"]).read_text()
    reporting.build(None, str(tmp_path / "page"), None, show=False)
    assert (tmp_path / "page").read_text() == page.read_text()

    for output, wanted, show, words in (
        (str(tmp_path), None, False, "is a folder"),
        ("-", None, True, "--open shows a file"),
        (None, PageFormat.MARKDOWN, True, "--open shows a file"),
    ):
        with pytest.raises(RequestError, match=words):
            reporting.build(None, output, wanted, show=show)


class _Reading(HTMLParser):
    """The elements of a page, and its text outside of scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_hostile_names_are_text_on_the_page(content: ReportContent) -> None:
    page = _Reading(as_page(content, KIT))
    assert not [tag for tag, _ in page.elements if tag in ("img", "iframe", "object")]
    assert [tag for tag, _ in page.elements].count("script") == 3
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("href", "src"):
            address = attributes.get(name) or "#"
            assert address.startswith(("#", "https://example.org/", "data:,"))
    drawn = page.text[page.text.index('{"histories"') :]
    points = json.JSONDecoder().raw_decode(drawn)[0]["tradeoffs"].values()
    assert set(HOSTILE.values()) <= {point["name"] for told in points for point in told}
    assert HOSTILE[3] in page.text
    shown = page.text[: page.text.index('{"histories"')]
    assert not set("\x1b\u202e") & set(shown)
    ids = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    links = [attributes.get("href") or "" for tag, attributes in page.elements if tag == "a"]
    dangling = {link for link in links if link.startswith("#")} - {f"#{name}" for name in ids}
    assert not dangling


def test_markdown_fits_in_a_comment_whatever_is_cited(content: ReportContent) -> None:
    told = as_markdown(content)
    cited = set(re.findall(r"\((e\d+)\)", told))
    assert cited <= {line.split(" ")[1] for line in told.splitlines() if line.startswith("| e")}
    headings = [line for line in told.splitlines() if line.startswith("## ")]
    assert headings.index("## What to change today") < headings.index(
        "## Why, how sure, and who comes next"
    )
    assert {"## Price and index history", "## Evidence"} <= set(headings)
    many = tuple(replace(row, detail="x" * 2_000) for row in content.evidence)
    crowded = as_markdown(replace(content, evidence=many))
    assert len(told) <= LIMIT
    assert len(crowded) <= LIMIT
    assert "more cited rows are on the page" in crowded


def test_an_answer_tells_who_is_better_in_quality(
    edition: Edition, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where price alone weighs, the cheapest stands first, whatever its quality. The measures of
    these models are as good as exact here."""
    known = Rankings.standing

    def exact(self: Rankings, task_type: str, row: Any) -> Any:
        standing = known(self, task_type, row)
        return standing and standing._replace(low=standing.score - 0.01, high=standing.score + 0.01)

    monkeypatch.setattr(Rankings, "standing", exact)
    payload = edition.ranking()
    payload["tasks"]["priorities"]["none"]["weights"] = {"quality": 0.0, "speed": 0.0, "cost": 1.0}
    book = EvidenceBook(payload["origins"], [], {}, set())
    told = [answer for answer in answers(Rankings(payload), book, {}) if answer.choices]
    assert any(answer.better for answer in told)
    for answer in told:
        first, best = answer.choices[0], answer.best_in_quality
        assert (best is None) == (answer.better == 0)
        if best is not None:
            assert best.low > first.high
            assert answer.cap is None or best.price.value <= answer.cap
        assert all(choice.better == (choice.low > first.high) for choice in answer.choices)
        assert sum(choice.better for choice in answer.choices) <= answer.better


def test_hostile_names_are_text_in_markdown(content: ReportContent) -> None:
    told = as_markdown(content)
    assert "<img" not in told
    assert "<!" not in told
    assert not set("\x1b\u202e") & set(told)
    assert "<script" not in told
    assert not re.search(r"(?<!\\)\[[^\]\n]*\]\(", told)
    assert not re.search(r"(?<![\\/])https?://(?!\\)", re.sub(r"`[^`]*`", "", told))
    assert not re.search(r"@[a-z]", re.sub(r"`[^`]*`", "", told))
    width = 0
    for line in told.splitlines():
        if not line.startswith("| "):
            width = 0
            continue
        cells = re.split(r"(?<!\\)\|", line.strip())[1:-1]
        assert width in (0, len(cells)), line
        width = len(cells)
        for cell in cells:
            # A sheet takes these at the beginning of a cell for a formula.
            assert not re.match(r"\s*[=@]", cell), line
