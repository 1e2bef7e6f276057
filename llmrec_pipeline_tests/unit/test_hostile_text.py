"""What publishers and people write stays text wherever we show it: on a terminal, in JSON, in
Markdown, in a chat, in a patch and on the API's page. The report has its own tests."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from llmrec_pipeline.domain.alerts import Alert
from llmrec_pipeline.serving.alert_channels import Digest, as_json, as_slack_text
from llmrec_pipeline.serving.api.docs import docs_page
from llmrec_pipeline.serving.cli import output
from llmrec_pipeline.serving.markdown import code, escaped, markdown_table
from llmrec_pipeline.storage.model_patch import model_patch

NOW = datetime(2026, 11, 21, tzinfo=UTC)
# Sequences and control characters that a terminal obeys, and marks that turn the direction.
STEERING = "\x1b\x07\x7f\x9b\u202e\u2066"
NAMES = (
    '=HYPERLINK("https://example.org","x")',
    "+1-2",
    "a|b",
    "`c` *d* _e_ ~~f~~ $g$",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "[x](javascript:alert(1)) ![y](https://example.org/y.png)",
    "two\nlines\r\n# heading\n- item\n| cell |",
    "@channel @here <!channel> <@U1> <https://example.org|x>",
    f"mode{STEERING}l \x1b[2J\x1b]0;title\x07",
    "https://example.org www.example.org",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_terminal_obeys_no_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    output.say(name)
    output.note(name)
    output.print_table([{"name": name, "state": name}], ["name", "state"])
    told = capsys.readouterr()
    assert not set(STEERING) & set(told.out + told.err)
    assert len(told.out.splitlines()) == len(name.splitlines()) + 3


@pytest.mark.parametrize("name", NAMES)
def test_json_says_the_very_name_and_steers_nothing(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output.print_json({"name": name})
    output.print_json_line({"name": name})
    told = capsys.readouterr().out
    assert not set(STEERING) & set(told)
    *indented, line = told.splitlines()
    assert json.loads("\n".join(indented)) == json.loads(line) == {"name": name}


@pytest.mark.parametrize("name", NAMES)
def test_markdown_shows_a_name_as_text(name: str) -> None:
    for told in (escaped(name), escaped(f"x {name}"), markdown_table([{"n": name}], ["n"])):
        assert not set(STEERING) & set(told)
        assert "<" not in told
        assert not re.search(r"@\w", told)
        assert not re.search(r"(?<!\\)[`*_\[\]~$]", told)
        assert "://" not in told
        assert "www.e" not in told
    table = markdown_table([{"n": name}, {"n": 0.5}], ["n"]).splitlines()
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in table] == [2] * 4
    assert not re.match(r"\| [=+@#-]", table[2])
    span = code(name)
    assert (span.count("`"), "\n" in span, "|" in span) == (2, False, False)


@pytest.mark.parametrize("name", NAMES)
def test_a_chat_reads_no_mention_and_no_link(name: str) -> None:
    digest = Digest([Alert("top_pick", name, "first", f"{name} is first")], NOW, name)
    text = as_slack_text(digest, lines=5)
    assert not set("<>" + STEERING) & set(text)
    assert not re.search(r"@\w", text)
    assert len(text.splitlines()) == 2
    assert json.loads(json.dumps(as_json(digest)))["alerts"][0]["subject"] == name


def test_a_patch_changes_one_line_whatever_its_header_says(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    path = tmp_path / "models.yaml"
    path.write_text("use_cases:\n  coding: old-model # ours\n", encoding="utf-8")
    patch = model_patch(path, ("use_cases", "coding"), "new-model", NAMES)
    subprocess.run(["git", "apply"], input=patch.encode(), cwd=tmp_path, check=True)
    assert path.read_text("utf-8") == "use_cases:\n  coding: new-model # ours\n"


@pytest.mark.parametrize("name", NAMES)
def test_the_page_of_the_api_shows_text(name: str) -> None:
    route = {
        "description": name,
        "responses": {"200": {}},
        "parameters": [{"name": name, "in": "query"}],
    }
    page = docs_page({"paths": {f"/{name}": {"get": route}}})
    assert not re.search(r"<(script|img)", page)
