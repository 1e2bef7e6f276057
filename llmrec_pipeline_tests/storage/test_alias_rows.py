"""An accepted alias is one row more in identity.yaml, and nothing else."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from llmrec_pipeline.domain.identity import (
    Identity,
    IdentityRules,
    SourceName,
    Unresolved,
)
from llmrec_pipeline.domain.identity_config import Alias, IdentityConfig
from llmrec_pipeline.domain.task_profile import RequestError
from llmrec_pipeline.locations import PROJECT_ROOT
from llmrec_pipeline.storage.alias_rows import append_alias

ALIAS: dict[str, Any] = {
    "name": "acme/aura",
    "source": "epoch",
    "since": date(2025, 1, 1),
    "key": "openai/gpt-5",
    "reason": 'says: {so}, "quoted" # and more',
}


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    path = tmp_path / "identity.yaml"
    path.write_bytes((PROJECT_ROOT / "config" / "identity.yaml").read_bytes())
    return path


def test_one_row_more_and_every_other_byte_as_it_was(tables: Path) -> None:
    before = tables.read_text("utf-8")
    append_alias(tables, ALIAS)
    lines = tables.read_text("utf-8").splitlines(keepends=True)
    (added,) = set(lines) - set(before.splitlines(keepends=True))
    assert before == "".join(line for line in lines if line != added)
    content = yaml.safe_load(tables.read_text("utf-8"))
    assert content["aliases"][-1] == ALIAS
    rules = IdentityRules(IdentityConfig.model_validate(content))
    outcome = rules.resolve(
        SourceName("epoch", "somewhere/acme/aura", release_date=date(2025, 6, 1))
    )
    assert isinstance(outcome, Identity)
    assert (outcome.base_model, outcome.method) == ("openai/gpt-5", "alias")


def test_a_row_is_decided_by_its_very_id(tables: Path) -> None:
    row = {"source": "litellm", "source_model_id": "gpt-4o", "key": "openai/gpt-4o@2024-11-20"}
    append_alias(tables, {**row, "reason": "asked"})
    rules = IdentityRules(IdentityConfig.model_validate(yaml.safe_load(tables.read_text("utf-8"))))
    decided = rules.resolve(SourceName("litellm", "gpt-4o"))
    assert isinstance(decided, Identity)
    assert (decided.base_model, decided.method) == ("openai/gpt-4o@2024-11-20", "alias")
    for source, model_id in (("litellm", "azure/gpt-4o"), ("litellm", "GPT-4o"), ("x", "gpt-4o")):
        assert isinstance(rules.resolve(SourceName(source, model_id)), Unresolved), model_id
    with pytest.raises(RequestError, match="'litellm gpt-4o' is openai/gpt-4o@2024-11-20 already"):
        append_alias(tables, {**row, "reason": "again"})
    append_alias(tables, {**row, "source_model_id": "azure/gpt-4o", "reason": "another row"})


@pytest.mark.parametrize(
    "changes",
    [{"source_model_id": "acme/aura"}, {"name": None}, {"name": None, "source_model_id": "a"}],
)
def test_an_alias_decides_a_row_of_a_source_or_a_name(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="source_model_id"):
        Alias.model_validate({**ALIAS, "source": None, **changes})


def test_a_section_that_follows_keeps_its_comment(tables: Path) -> None:
    head, mark, rest = tables.read_text("utf-8").partition("# How alike")
    proposals, other, aliases = rest.partition("# What a person decided")
    tables.write_text(f"{head}{other}{aliases}\n{mark}{proposals}")
    append_alias(tables, ALIAS)
    after = tables.read_text("utf-8")
    assert after.index("acme/aura") < after.index(mark)
    assert yaml.safe_load(after)["aliases"][-1] == ALIAS


def test_what_would_not_fit_is_not_written(tables: Path) -> None:
    before = tables.read_bytes()
    with pytest.raises(RequestError, match="the alias does not fit"):
        append_alias(tables, {**ALIAS, "key": "no key"})
    assert tables.read_bytes() == before


@pytest.mark.parametrize("changes", [{}, {"since": date(2030, 1, 1)}, {"source": "epoch"}])
def test_a_name_is_not_decided_twice(tables: Path, changes: dict[str, Any]) -> None:
    append_alias(tables, ALIAS)
    once = tables.read_bytes()
    with pytest.raises(RequestError, match="'acme/aura' is openai/gpt-5 already"):
        append_alias(tables, {**ALIAS, **changes})
    assert tables.read_bytes() == once


def test_times_that_do_not_overlap_are_two_decisions(tables: Path) -> None:
    append_alias(tables, {**ALIAS, "until": date(2025, 6, 1)})
    append_alias(tables, {**ALIAS, "since": date(2025, 6, 1)})
    assert tables.read_text("utf-8").count("acme/aura") == 2


def test_aliases_in_one_line_are_refused(tables: Path) -> None:
    tables.write_text("aliases: []\n")
    with pytest.raises(RequestError, match="one row a line"):
        append_alias(tables, ALIAS)
