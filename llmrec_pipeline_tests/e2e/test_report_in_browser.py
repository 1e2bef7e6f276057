"""The report in a real browser: it draws, sorts, finds, asks nobody, and fits a phone and paper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmrec_pipeline.locations import PROJECT_ROOT
from llmrec_pipeline.serving.report.about import BuiltReport
from llmrec_pipeline.serving.report.files import build_report
from llmrec_pipeline_tests.reports import BETTER, report_folder, reported_edition

CHROMIUM = Path("/usr/bin/chromium")
SCREENSHOTS = PROJECT_ROOT / "screenshots"
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 812}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> BuiltReport:
    folder = report_folder(tmp_path_factory.mktemp("browser"))
    return build_report(reported_edition(folder), folder.settings.locations)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not there; install Debian's chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM))
        yield browser
        browser.close()


class Visit:
    """The page in a window of its own, and what it complained of or asked for."""

    def __init__(self, browser: Any, built: BuiltReport, **options: Any) -> None:
        context = browser.new_context(reduced_motion="reduce", **{"viewport": WIDE, **options})
        self.trouble: list[str] = []
        self.page = context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        address = Path(built.page).as_uri()
        context.route("**/*", lambda route: self._ask(route, address))
        self.page.goto(address)
        self.page.wait_for_selector("html[data-drawn]", timeout=30_000)

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.trouble.append(message.text)

    def _ask(self, route: Any, address: str) -> None:
        if route.request.url.split("#")[0] == address:
            route.continue_()
        else:
            self.trouble.append(route.request.url)
            route.abort()

    def evaluate(self, script: str) -> Any:
        return self.page.evaluate(script)

    def shot(self, name: str) -> None:
        SCREENSHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"report-{name}.png")

    def is_wider_than_its_window(self) -> bool:
        found: bool = self.evaluate("document.documentElement.scrollWidth > innerWidth")
        return found

    def close(self) -> None:
        self.page.context.close()
        assert self.trouble == []


def test_charts_are_drawn_and_follow_their_choice(browser: Any, built: BuiltReport) -> None:
    visit = Visit(browser, built)
    visit.shot("light")
    points = visit.page.locator("#tradeoff-chart svg .mark-symbol path")
    assert points.count() > 20
    names = visit.page.locator("#tradeoff-chart svg .mark-text text").all_text_contents()
    assert any(name.startswith("Invented") for name in names)
    assert visit.page.locator("#history-charts figure svg .mark-line path").count() >= 2
    # Two versions of an index, two lines.
    history = visit.page.locator("#history-model")
    history.select_option(label="Invented 30")
    figure = visit.page.locator("#history-charts figure", has_text="Quality index, Artificial")
    figure.locator("svg .mark-line path").first.wait_for(state="attached")
    assert figure.locator("svg .mark-line path").count() == 2
    assert figure.locator("svg text", has_text="v4.3").count() > 0
    visit.page.locator("#tradeoff-task").select_option("math")
    assert visit.page.locator(".line-table:visible").get_attribute("data-task") == "math"
    # Nothing of a hostile name has run.
    assert visit.evaluate("window.hacked") is None
    assert len(Path(built.page).read_bytes()) < 3_000_000
    visit.close()


def test_sorting_searching_and_evidence_by_keyboard(browser: Any, built: BuiltReport) -> None:
    visit = Visit(browser, built)
    page = visit.page
    page.keyboard.press("Tab")
    assert visit.evaluate("document.activeElement.textContent") == "Skip to the answers"
    page.keyboard.press("Enter")
    assert visit.evaluate("location.hash") == "#answers"

    page.locator("#evidence-search").fill(f"{BETTER} price")
    rows = page.locator("#evidence-table tbody tr:visible")
    found = rows.count()
    assert 0 < found < 10
    assert all(BETTER in text for text in rows.all_text_contents())
    assert page.locator("#evidence-count").text_content().startswith(f"{found} of ")

    page.locator("#evidence-search").fill("")
    header = page.locator("#evidence-table th", has_text="Value")
    for order, falling in (("ascending", False), ("descending", True)):
        header.locator("button").focus()
        page.keyboard.press("Enter")
        assert header.get_attribute("aria-sort") == order
        values = visit.evaluate(
            "[...document.querySelectorAll('#evidence-table tbody tr')]"
            ".map(row => Number(row.cells[4].dataset.value))"
        )
        assert values == sorted(values, reverse=falling)

    # A figure leads to its row, also where a search hides it.
    page.locator("#evidence-search").fill("nothing has this word")
    assert page.locator("#evidence-table tbody tr:visible").count() == 0
    figure = page.locator("a.figure").first
    figure.focus()
    page.keyboard.press("Enter")
    row = page.locator(f"#evidence-table tr{figure.get_attribute('href')}")
    row.wait_for(state="visible")
    assert visit.evaluate("document.querySelector('#evidence-table tr:target') !== null")
    visit.close()


def test_dark_by_the_system_and_by_choice(browser: Any, built: BuiltReport) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    light = Visit(browser, built, color_scheme="light")
    dark = Visit(browser, built, color_scheme="dark")
    dark.shot("dark")
    bright, dim = light.evaluate(background), dark.evaluate(background)
    assert bright == "rgb(255, 255, 255)"
    assert dim != bright
    light.page.locator("#theme").click()
    assert light.evaluate(background) == dim
    assert light.page.locator("#theme").get_attribute("aria-pressed") == "true"
    dark.page.locator("#theme").click()
    assert dark.evaluate(background) == bright
    light.close()
    dark.close()


def test_a_phone_and_paper(browser: Any, built: BuiltReport) -> None:
    visit = Visit(browser, built, viewport=PHONE)
    task = visit.page.locator("details.task[open]").first
    assert task.locator("tr.first").first.is_visible()
    runners = task.locator("details.runners").first
    assert not runners.locator("table").is_visible()
    runners.locator("summary").focus()
    visit.page.keyboard.press("Enter")
    assert runners.locator("table").is_visible()
    visit.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert not visit.is_wider_than_its_window()
    visit.shot("phone")
    small = visit.evaluate(
        "[...document.querySelectorAll('main p, main td')].filter(e => e.offsetParent !== null"
        " && parseFloat(getComputedStyle(e).fontSize) < 12).length"
    )
    assert small == 0
    visit.close()

    paper = Visit(browser, built, color_scheme="dark")
    assert paper.page.locator("details.runners table").first.is_visible()
    assert not paper.page.locator("details.runners summary").first.is_visible()
    paper.page.emulate_media(media="print")
    paper.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert paper.evaluate("document.querySelectorAll('details:not([open])').length") == 0
    assert not paper.page.locator("nav").is_visible()
    assert paper.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert len(paper.page.pdf()) > 10_000
    paper.close()
