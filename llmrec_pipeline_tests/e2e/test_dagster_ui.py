"""The Dagster UI in a real browser, started as `make dev` starts it, on loopback publishers.

Screenshots go to `screenshots/`, which git ignores.
"""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Response, expect, sync_playwright

from llmrec_pipeline.locations import PROJECT_ROOT
from llmrec_pipeline.orchestration.build import build_defs
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline_tests.e2e.command_line import base_environment
from llmrec_pipeline_tests.publishers import EVERY_SOURCE, Facts, Publishers

GROUPS = ["1_raw", "2_bronze", "3_warehouse", "4_ranking", "5_published", "6_evidence"]
SCREENSHOTS = PROJECT_ROOT / "screenshots"
# A busy machine loads definitions and draws a graph in a multiple of the usual seconds.
PATIENCE_MS = 60_000
_STOP_LIMIT_S = 60
# A publisher that answers late, since the browser draws meanwhile, is not what is tested.
UNHURRIED = {
    "LLMREC_PIPELINE__HTTP__CONNECT_S": "20",
    "LLMREC_PIPELINE__HTTP__READ_S": "30",
    "LLMREC_PIPELINE__HTTP__BUDGET_S": "60",
}


@dataclass
class Ui:
    """A running server, its output so far, and what a browser asked of other hosts."""

    url: str
    process: subprocess.Popen[str]
    environment: dict[str, str]

    def until(self, said: str) -> str:
        """The first line of its output that holds this; fails where it ends before."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if said in line:
                return line.strip()
        raise AssertionError(f"it ended before it said {said!r}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _launch(port: int, environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "llmrec_pipeline.orchestration.launch", "dev", "--port", str(port)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    """The server on a data folder of its own, on which nothing ran yet."""
    home = tmp_path_factory.mktemp("ui")
    with Publishers(Facts.invented(), page_size=200, quota=1_000_000) as publishers:
        environment = {
            **base_environment(home),
            **publishers.environment(sources=EVERY_SOURCE),
            **UNHURRIED,
            "LLMREC_DATA_DIR": str(home / "data"),
            "DAGSTER_HOME": str(home / "data" / "dagster"),
        }
        port = _free_port()
        process = _launch(port, environment)
        server = Ui(f"http://127.0.0.1:{port}", process, environment)
        try:
            assert (
                server.until("stop with Ctrl+C") == f"Dagster UI: {server.url} (stop with Ctrl+C)"
            )
            yield server
        finally:
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=_STOP_LIMIT_S)
        assert process.returncode == 0, out
        assert out.endswith("Dagster UI: stopped.\n")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed; the UI is not looked at")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that asks nobody but this machine and meets no error."""
    opened = browser.new_page(viewport={"width": 1600, "height": 1000})
    opened.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    asked: list[str] = []
    errors: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    opened.close()
    assert [url for url in asked if not re.match(r"https?://127\.0\.0\.1:|data:|blob:", url)] == []
    assert errors == []


def _launches(response: Response) -> bool:
    return "op=LaunchPipelineExecution" in response.url


def _shot(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def test_it_opens_clean_and_lists_the_groups_as_the_data_flows(ui: Ui, page: Page) -> None:
    page.goto(f"{ui.url}/asset-groups")
    for group in GROUPS:
        expect(page.get_by_text(group, exact=True).first).to_be_visible()
    seen = page.locator("body").inner_text().splitlines()
    assert [text for text in dict.fromkeys(seen) if text in GROUPS] == GROUPS
    expect(page.get_by_role("dialog")).to_have_count(0)
    _shot(page, "dagster-groups")


def test_a_port_that_is_taken_is_one_line(ui: Ui) -> None:
    port = int(ui.url.rpartition(":")[2])
    out, _ = _launch(port, ui.environment).communicate(timeout=_STOP_LIMIT_S)
    assert out == (
        f"dev: port {port} of 127.0.0.1: Address already in use; stop what uses it, or take "
        f"another: --port {port + 1}\n"
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_everything_is_materialised_from_the_ui_and_shows_whether_it_is_good(
    ui: Ui, page: Page
) -> None:
    defs = build_defs(load_settings(ui.environment))
    automations = [*(defs.schedules or ()), *(defs.sensors or ())]
    page.goto(f"{ui.url}/automation")
    for automation in automations:
        expect(page.get_by_text(automation.name, exact=True)).to_be_visible()
    expect(page.locator("input[type=checkbox]:checked")).to_have_count(len(automations))
    _shot(page, "dagster-automation")

    page.goto(f"{ui.url}/asset-groups")
    expect(page.get_by_text(GROUPS[-1], exact=True).first).to_be_visible()
    with page.expect_response(_launches) as launched:
        page.get_by_role("button", name="Materialize all").first.click()
    found = re.search(r'"id":"([0-9a-f-]+)"', launched.value.text())
    assert found is not None, launched.value.text()
    page.goto(f"{ui.url}/runs/{found[1]}")
    # The sensor found nothing published yet, and may have a run of its own before this one.
    ended = page.get_by_text(re.compile("^(Success|Failure|Canceled)$")).first
    expect(ended).to_be_visible(timeout=300_000)
    _shot(page, "dagster-run")
    assert ended.inner_text() == "Success"

    page.goto(f"{ui.url}/assets/models_latest")
    plot = page.locator("img[src^='data:image/svg+xml']")
    plot.scroll_into_view_if_needed()
    assert plot.evaluate("image => image.complete && image.naturalWidth") == 320
    expect(page.get_by_text("widest_price_conflicts")).to_be_visible()
    assert page.get_by_text("[Show Markdown]").count() == 0
    _shot(page, "dagster-models-latest")
    page.get_by_text("Plots", exact=True).click()
    expect(page.get_by_text("price_conflicts", exact=True)).to_be_visible()

    for asset, shown in (
        ("task_rankings", "top_three"),
        ("silver_models", "origins"),
        ("market_digest", "channels"),
        ("edition", "sources_live"),
        ("raw/lmarena", "folder"),
        ("bronze/lmarena", "preview"),
    ):
        page.goto(f"{ui.url}/assets/{asset}")
        expect(page.get_by_text(shown, exact=True)).to_be_visible()
        assert page.get_by_text("[Show Markdown]").count() == 0, asset
        _shot(page, f"dagster-{Path(asset).name}")
