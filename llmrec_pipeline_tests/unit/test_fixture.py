"""The bundled fixture: enough, attributed, only what may be given on, and what its builder makes."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from llmrec_pipeline_tests import build_fixture
from llmrec_pipeline_tests.publisher_facts import ARENA_CATEGORIES, LMARENA, MODELS_DEV, Facts


@pytest.fixture(scope="module")
def text() -> str:
    return build_fixture.FIXTURE.read_text("utf-8")


@pytest.fixture(scope="module")
def sources(text: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(text)["sources"]
    return loaded


def test_only_open_publishers_attributed(text: str, sources: dict[str, Any]) -> None:
    assert list(sources) == [MODELS_DEV, LMARENA]
    assert {name: source["licence"] for name, source in sources.items()} == {
        MODELS_DEV: "MIT",
        LMARENA: "CC BY 4.0",
    }
    for source in sources.values():
        assert source["licence"] in source["attribution"]
        assert source["url"].startswith("https://")
        assert datetime.fromisoformat(source["observed_at"]).tzinfo is not None
    assert "artificial" not in text.lower()
    assert len(text.encode()) < build_fixture.MAX_BYTES


def test_at_least_sixty_text_models_with_prices(sources: dict[str, Any]) -> None:
    catalogue = sources[MODELS_DEV]["body"]
    assert set(catalogue) == {"anthropic", "openai", "google", "deepseek"}
    models = {
        f"{host}/{name}": model
        for host, provider in catalogue.items()
        for name, model in provider["models"].items()
    }
    current = [model for model in models.values() if model.get("status") != "deprecated"]
    assert sum(model.get("cost", {}).get("input", 0) > 0 for model in current) >= 60
    assert all(name.endswith(model["id"]) for name, model in models.items())
    assert not any("embedding" in name or "image" in name for name in models)


def test_at_least_sixty_rated_models_in_every_category(sources: dict[str, Any]) -> None:
    rows = sources[LMARENA]["body"]
    for category in ARENA_CATEGORIES:
        assert len({row["model_name"] for row in rows if row["category"] == category}) >= 60
    assert {row["category"] for row in rows} == set(ARENA_CATEGORIES)
    assert len({(row["category"], row["model_name"]) for row in rows}) == len(rows)
    for row in rows:
        assert row["rating_lower"] <= row["rating"] <= row["rating_upper"]
        date.fromisoformat(row["leaderboard_publish_date"])


def test_the_builder_makes_this_very_file(recordings: Path, text: str) -> None:
    facts = Facts.recorded(recordings)
    catalogue = build_fixture.text_models(facts.models_dev)
    rows = build_fixture.ratings(list(facts.lmarena), catalogue)
    assert build_fixture.render(catalogue, rows) == text
