"""The Dagster UI, started as `make dev` starts it, on loopback publishers: its server, and what a real
browser shows of it.

Screenshots go to `screenshots/`, which git ignores.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from dagster import DagsterRunStatus
from dagster_graphql import DagsterGraphQLClient
from playwright.sync_api import Browser, Page, Response, expect, sync_playwright

from llmrec_pipeline.locations import PROJECT_ROOT
from llmrec_pipeline.orchestration.build import build_defs
from llmrec_pipeline.orchestration.vocabulary import JOB_CHOSEN_ASSETS
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline_tests.e2e.api_server import free_port
from llmrec_pipeline_tests.e2e.command_line import base_environment
from llmrec_pipeline_tests.publishers import EVERY_SOURCE, Facts, Publishers

# The client of dagster-graphql calls gql as gql would not be called any more.
pytestmark = pytest.mark.filterwarnings("ignore:Using variable_values:DeprecationWarning")

GROUPS = ["1_raw", "2_bronze", "3_warehouse", "4_ranking", "5_published", "6_evidence"]
SCREENSHOTS = PROJECT_ROOT / "screenshots"
# A busy machine loads definitions and draws a graph in a multiple of the usual seconds.
PATIENCE_MS = 60_000
_START_LIMIT_S = 180
_RUN_LIMIT_S = 300
_STOP_LIMIT_S = 60
_POLL_S = 1.0
# A publisher that answers late, since the browser draws meanwhile, is not what is tested.
UNHURRIED = {
    "LLMREC_PIPELINE__HTTP__CONNECT_S": "20",
    "LLMREC_PIPELINE__HTTP__READ_S": "30",
    "LLMREC_PIPELINE__HTTP__BUDGET_S": "60",
}


@dataclass
class Ui:
    """A running server. Its output goes to a file: in a pipe that nobody empties, a run that tells
    its terminal something would wait for ever."""

    port: int
    process: subprocess.Popen[bytes]
    environment: dict[str, str]
    terminal: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def output(self) -> str:
        """What it said so far."""
        return self.terminal.read_text("utf-8")

    def until(self, said: str) -> str:
        """The first line of its output that holds this; fails where it ends before."""
        deadline = time.monotonic() + _START_LIMIT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            for line in self.output().splitlines():
                if said in line:
                    return line
            time.sleep(_POLL_S)
        raise AssertionError(f"it did not say {said!r}: {self.output()}")

    def end_of_run(self, run_id: str) -> DagsterRunStatus:
        """How the run ended; fails where it does not."""
        client = self.client()
        deadline = time.monotonic() + _RUN_LIMIT_S
        while time.monotonic() < deadline:
            status = client.get_run_status(run_id)
            if status in (
                DagsterRunStatus.SUCCESS,
                DagsterRunStatus.FAILURE,
                DagsterRunStatus.CANCELED,
            ):
                return status
            time.sleep(_POLL_S)
        raise AssertionError(f"run {run_id} is {status}: {self.output()}")

    def client(self) -> DagsterGraphQLClient:
        return DagsterGraphQLClient("127.0.0.1", self.port)


def _command(port: int) -> Sequence[str]:
    module = "llmrec_pipeline.orchestration.launch"
    return [sys.executable, "-m", module, "dev", "--port", str(port)]


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    """The server on a data folder of its own, on which nothing ran yet."""
    home = tmp_path_factory.mktemp("ui")
    terminal = home / "terminal.txt"
    with (
        Publishers(Facts.invented(), page_size=200, quota=1_000_000) as publishers,
        terminal.open("wb") as output,
    ):
        environment = {
            **base_environment(home),
            **publishers.environment(sources=EVERY_SOURCE, report=True),
            **UNHURRIED,
            "LLMREC_DATA_DIR": str(home / "data"),
            "DAGSTER_HOME": str(home / "data" / "dagster"),
        }
        port = free_port()
        process = subprocess.Popen(
            _command(port),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        server = Ui(port, process, environment, terminal)
        try:
            assert (
                server.until("stop with Ctrl+C") == f"Dagster UI: {server.url} (stop with Ctrl+C)"
            )
            yield server
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(_STOP_LIMIT_S)
        assert process.returncode == 0, server.output()
        assert server.output().endswith("Dagster UI: stopped.\n")


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
    refused = subprocess.run(
        _command(ui.port),
        env=ui.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_STOP_LIMIT_S,
    )
    assert refused.stdout == ""
    assert refused.stderr == (
        f"dev: port {ui.port} of 127.0.0.1: Address already in use; stop what uses it, or take "
        f"another: --port {ui.port + 1}\n"
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_whole_graph_runs_on_the_server_which_tells_its_terminal_little(ui: Ui) -> None:
    run_id = ui.client().submit_job_execution(JOB_CHOSEN_ASSETS)
    assert ui.end_of_run(run_id) == DagsterRunStatus.SUCCESS, ui.output()
    told = [line for line in ui.output().splitlines() if run_id in line]
    assert any("edition" in line for line in told)
    assert len(told) < 50
    assert not any(" - DEBUG - " in line for line in told)


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
    assert ui.end_of_run(found[1]) == DagsterRunStatus.SUCCESS, ui.output()
    expect(page.get_by_text("Success", exact=True).first).to_be_visible()
    _shot(page, "dagster-run")

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

    # What is longer is a click away.
    for asset, shown in (
        ("recommendation_report", "Which model to use"),
        ("model_recommendations", "use_case"),
    ):
        page.goto(f"{ui.url}/assets/{asset}")
        page.get_by_text("[Show Markdown]").first.click()
        expect(page.get_by_role("dialog").get_by_text(shown).first).to_be_visible()
        _shot(page, f"dagster-{asset}")
