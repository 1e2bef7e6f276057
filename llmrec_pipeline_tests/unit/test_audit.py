"""Findings of an audit: where they stand, what they mean, what fails."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from llmrec_pipeline.domain.audit import Auditor
from llmrec_pipeline.domain.audit_config import AuditConfig
from llmrec_pipeline.domain.code_regions import Regions
from llmrec_pipeline.domain.identity import IdentityRules
from llmrec_pipeline.domain.model_mentions import ModelNames
from llmrec_pipeline.domain.successors import Offered, successor
from llmrec_pipeline.locations import PROJECT_ROOT, read_locations
from llmrec_pipeline.serving.code_audit import AuditResult, audit_tree
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.team_settings import load_audit

OLD, NEW, SMALL = "zai/glm-4-6", "zai/glm-5", "zai/glm-5-air"
OTHER = "openai/o1"


def _offered(model_id: str, day: str | None, **values: bool) -> Offered:
    flags = {"is_deprecated": False, "is_listed": True, **values}
    return Offered(model_id, day and date.fromisoformat(day), **flags)  # type: ignore[arg-type]


MARKET = {
    offered.model_id: offered
    for offered in (
        _offered(OLD, "2025-09-30", is_deprecated=True),
        _offered("zai/glm-4-7", "2025-12-22"),
        _offered(NEW, "2026-02-11"),
        _offered(f"{NEW}:thinking", "2026-03-01"),
        _offered("zai/glm-6", "2026-04-01", is_listed=False),
        _offered(SMALL, "2026-05-01"),
        _offered("zai/glm-4-5-air", "2025-07-28", is_listed=False),
        _offered("zai/glm-4-1v", "2025-07-01", is_deprecated=True),
        _offered("invented/glm-9", "2026-06-01"),
        _offered(OTHER, "2024-12-17"),
        _offered("openai/gpt-4o@2024-08-06", "2024-08-06", is_deprecated=True),
        _offered("openai/gpt-4o@2024-11-20", "2024-11-20", is_deprecated=True),
        _offered("openai/gpt-5-1", "2025-11-13"),
    )
}


# A name that moved on means each of its models.
_NAMES_OF_GPT_4 = [
    ("gpt-4", "openai/gpt-4@2023-03-14"),
    ("gpt-4", "openai/gpt-4@2023-06-13"),
]


def _names() -> ModelNames:
    return ModelNames(IdentityRules(load_settings({}).identity), MARKET)


def _audit(
    root: Path, *fail_on: str, outside: bool = False, config: AuditConfig | None = None
) -> AuditResult:
    auditor = Auditor(_names(), MARKET, fail_on, fail_outside_code=outside)
    return audit_tree(root, (), auditor, config or load_audit(read_locations({}), {}))


def _written(root: Path, **files: str) -> Path:
    for name, content in files.items():
        (root / name.replace("__", ".")).write_text(content, "utf-8")
    return root


PYTHON = '''\
"""Calls glm-4.6 by default."""
import os  # glm-4.6 once

MODEL = "glm-4.6"
HOSTED = f"z-ai/glm-4.6:{os.name}", 'zai-org/GLM-4.6'
"""An attribute's docs: glm-4.6."""
o1 = glm4 = "o1"


def call(model="glm-4.6v", other='glm-4.6-flash'):
    """glm-4.6"""
    return """
    one of glm-4.6,
    \\u00e9 glm-5 """
'''


def test_python_is_told_apart_by_its_tokens(tmp_path: Path) -> None:
    found = _audit(_written(tmp_path, a__py=PYTHON), "glm-4.6").findings
    told = [(f.line, f.text, f.where, f.model_id, f.fails) for f in found]
    assert told == [
        (1, "glm-4.6", "docs", OLD, False),
        (2, "glm-4.6", "comment", OLD, False),
        (4, "glm-4.6", "code", OLD, True),
        (5, "z-ai/glm-4.6", "code", OLD, True),
        (5, "zai-org/GLM-4.6", "code", OLD, True),
        (6, "glm-4.6", "docs", OLD, False),
        (7, "o1", "code", OTHER, False),
        (11, "glm-4.6", "docs", OLD, False),
        (13, "glm-4.6", "code", OLD, True),
        (14, "glm-5", "code", NEW, False),
    ]
    assert PYTHON.splitlines()[3][found[2].column - 1 :].startswith("glm-4.6")


def test_python_of_another_version_is_told_apart_by_its_comments(tmp_path: Path) -> None:
    root = _written(tmp_path, a__py='print "glm-4.6"  # glm-4.6\nx = (\n')
    assert [f.where for f in _audit(root).findings] == ["code", "comment"]


OTHERS = {
    "a.ts": (
        'const u = "http://x/glm-4.6"; // glm-4.6\n/* glm-4.6\n */ f(`glm-4.6`);',
        "code comment comment code",
    ),
    "a.go": ('/* open "glm-4.6"', "code"),
    "a.yaml": ("model: glm-4.6  # glm-4.6\nurl: x#glm-4.6\nid: o1", "code comment code code"),
    "a.js": ("let o1 = 'o1'; const glm = o1", "code"),
    "a.sql": ("select 'glm-4.6' -- glm-4.6", "code comment"),
    "a.html": ("<p>glm-4.6</p><!-- glm-4.6 -->", "code comment"),
    "a.sh": ("m=glm-4.6 # don't use glm-4.6", "code comment"),
    "a.md": ("`glm-4.6`", "docs"),
    "README": ("glm-4.6", "docs"),
    "a.unheard-of": ("# glm-4.6", "code"),
    "a.json": ('{"model": "glm-4.6", "o1": "o1"}', "code code code"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_languages_are_told_apart_by_their_comments(tmp_path: Path, name: str) -> None:
    text, expected = OTHERS[name]
    (tmp_path / name).write_text(text, "utf-8")
    assert [f.where for f in _audit(tmp_path).findings] == expected.split()


def test_comments_fail_where_that_is_asked_for(tmp_path: Path) -> None:
    _written(tmp_path, a__py="# glm-4.6\n", b__md="z-ai/glm-4.6\n")
    assert [f.fails for f in _audit(tmp_path, "glm-4.6").findings] == [False, False]
    assert [f.fails for f in _audit(tmp_path, "glm-4.6", outside=True).findings] == [True, True]


def test_a_string_that_is_no_model_fails_at_word_boundaries(tmp_path: Path) -> None:
    text = "Our-LLM our-llm-2 our-llm.2 our-llm: xour-llm hosted/our-llm our-llm."
    found = _audit(_written(tmp_path, a__yaml=text), "our-llm").findings
    assert [(f.column, f.text, f.model_id) for f in found] == [
        (1, "Our-LLM", None),
        (29, "our-llm", None),
        (54, "our-llm", None),
        (62, "our-llm", None),
    ]
    assert all(f.fail_on == "our-llm" and f.fails for f in found)


def test_what_may_stay_is_told_with_its_reason(tmp_path: Path) -> None:
    _written(tmp_path, a__py="m = 'glm-4.6', 'glm-5'", b__py="m = 'glm-4.6'")
    allow = [{"path": "a.py", "text": "GLM-4.6", "reason": "the price table of the day"}]
    config = load_audit(read_locations({}), {}).model_dump()
    result = _audit(
        tmp_path, "glm-4.6", config=AuditConfig.model_validate({**config, "allow": allow})
    )
    assert [(f.path, reason) for f, reason in result.allowed] == [
        ("a.py", "the price table of the day")
    ]
    assert [(f.path, f.text, f.fails) for f in result.findings] == [
        ("a.py", "glm-5", False),
        ("b.py", "glm-4.6", True),
    ]


def test_places_are_characters_not_bytes(tmp_path: Path) -> None:
    (found,) = _audit(
        _written(tmp_path, a__py="# \u00e9\U0001f600\nx = '\u00e9', 'glm-5'\n")
    ).findings
    assert (found.line, found.column, found.text) == (2, 11, "glm-5")


def test_the_successor_is_of_the_same_line_and_offered() -> None:
    found = successor([OLD], MARKET)
    assert found
    assert found.model_id == NEW
    assert "same line (glm), released 2026-02-11" in found.why
    assert _follows("zai/glm-4-5-air") == SMALL
    assert _follows(SMALL) is None
    assert _follows("invented/unheard-of") is None
    # Whatever the name means, nothing older than any of it.
    assert _follows("invented/unheard-of", OLD, "zai/glm-4-1v") == NEW


def _follows(*model_ids: str, market: Mapping[str, Offered] = MARKET) -> str | None:
    found = successor(model_ids, market)
    return found.model_id if found else None


def test_what_a_deprecated_sibling_has_followed_is_no_successor() -> None:
    line = [
        _offered("openai/gpt-4-turbo@2023-11-06", "2023-11-06", is_deprecated=True),
        _offered("openai/gpt-3-5-turbo@2024-01-25", "2024-01-25"),
        _offered("openai/gpt-4-turbo@2024-04-09", "2024-04-09", is_deprecated=True),
    ]
    market = {offered.model_id: offered for offered in line}
    old = "openai/gpt-4-turbo@2023-11-06"
    assert _follows(old, market=market) is None
    newer = _offered("openai/gpt-5-1", "2025-11-13")
    assert _follows(old, market={**market, newer.model_id: newer}) == newer.model_id


def test_a_name_that_may_mean_a_deprecated_model_is_told_and_fails(tmp_path: Path) -> None:
    market = {
        offered.model_id: offered
        for offered in (
            _offered("openai/gpt-4@2023-03-14", "2023-03-14", is_deprecated=True),
            _offered("openai/gpt-4@2023-06-13", "2023-06-13"),
            _offered("openai/gpt-4-1", "2025-04-14"),
        )
    }
    names = ModelNames(IdentityRules(load_settings({}).identity), market, _NAMES_OF_GPT_4)
    text = "m = 'gpt-4', 'gpt-4-0613', 'gpt-4-0314', 'gpt-4.1'"
    root, config = _written(tmp_path, a__py=text), load_audit(read_locations({}), {})

    def found(*fail_on: str) -> list[tuple[str, str | None, bool]]:
        rows = audit_tree(root, (), Auditor(names, market, fail_on), config).findings
        return [(f.status, f.successor and f.successor.model_id, f.fails) for f in rows]

    assert found("gpt-4") == [
        ("partly_deprecated", "openai/gpt-4-1", True),
        ("current", None, True),
        ("deprecated", "openai/gpt-4-1", True),
        ("current", None, False),
    ]
    # One of its meanings is not the name itself.
    assert [fails for *_, fails in found("gpt-4-0314")] == [False, False, True, False]
    assert [fails for *_, fails in found("gpt-4-0314", "gpt-4-0613")] == [True, True, True, False]


def test_only_what_is_outdated_has_a_successor(tmp_path: Path) -> None:
    text = "m = 'glm-4.6', 'glm-5', 'glm-4.5-air', 'gpt-4o'"
    found = _audit(_written(tmp_path, a__py=text)).findings
    assert [(f.status, f.successor and f.successor.model_id) for f in found] == [
        ("deprecated", NEW),
        ("current", None),
        ("gone", SMALL),
        ("deprecated", "openai/gpt-5-1"),
    ]


def test_this_repository_is_read_by_its_own_rules() -> None:
    source = (PROJECT_ROOT / "llmrec_pipeline" / "domain" / "audit.py").read_text("utf-8")
    language = load_audit(read_locations({}), {}).languages["python"]
    regions = Regions(source, language, until=len(source))
    assert regions.at(3, 9) == "docs"
    assert regions.at(source.index("class Finding"), source.index("class Finding") + 5) is None
