"""Lines of names: what is read, and which mistakes are told."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec_pipeline.domain.identity import SourceName, Unresolved
from llmrec_pipeline.domain.name_lines import answer, read_name


def test_a_line_is_a_name_or_says_more() -> None:
    assert read_name(" gpt-5 \n", "epoch") == SourceName("epoch", "gpt-5", "gpt-5")
    told = {
        "name": "acme/aura",
        "source": "openrouter",
        "creator": "Acme",
        "host": None,
        "release_date": "2025-06-01",
        "same_as": ["huggingface:Acme/Aura"],
    }
    assert read_name(json.dumps(told), "epoch") == SourceName(
        "openrouter",
        "acme/aura",
        "acme/aura",
        "Acme",
        None,
        date(2025, 6, 1),
        ("huggingface:Acme/Aura",),
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "name is empty"),
        ("{}", "name is empty"),
        ('{"name": 3}', "name is 3; write text"),
        ('{"name": "a"', "is no JSON object"),
        ('{"name": "a", "sorce": "b"}', "'sorce' is no field; allowed: name, source"),
        ('{"name": "a", "release_date": "May 2025"}', "release_date is 'May 2025'; write"),
        ('{"name": "a", "same_as": "x"}', "same_as is 'x'; write a list"),
        ("{" * 100_000, "is no JSON object"),
    ],
)
def test_mistakes_are_told_in_one_line(line: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        read_name(line, None)
    assert len(str(refused.value)) < 200


@given(st.text())
def test_any_text_is_a_name(line: str) -> None:
    if not line.strip():
        with pytest.raises(ValueError, match="name is empty"):
            read_name(line, None)
    elif not line.strip().startswith("{"):
        assert read_name(line, None).source_model_id == line.strip()


def test_what_is_left_open_says_why() -> None:
    said = answer(SourceName("", "aura"), Unresolved("creator unknown", "acme/aura"))
    assert said == {
        "name": "aura",
        "source": None,
        "base_model": None,
        "variant": None,
        "host": None,
        "method": "unresolved",
        "confidence": None,
        "reason": "creator unknown",
        "proposal": "acme/aura",
    }
