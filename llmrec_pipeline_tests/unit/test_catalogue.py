"""The catalogue: what the team's files and the sources say of models, together."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmrec_pipeline.domain.catalogue import (
    PRICING_FILE,
    Catalogue,
    CatalogueRows,
    catalogue,
    family_of,
)
from llmrec_pipeline.domain.consensus_config import BenchmarkUse
from llmrec_pipeline.domain.team_models import ModelsConfig, PriceRow, PricingConfig
from llmrec_pipeline.locations import PROJECT_ROOT, Locations, SettingsError
from llmrec_pipeline.team_settings import load_team_settings

ASKED = datetime(2026, 7, 2, tzinfo=UTC)
TEAM = ModelsConfig.model_validate(
    {
        "models": {
            "one": {"model_id": "laboratory/invented-1", "aliases": ["uno"], "family": "line"},
            "lost": {"model_id": "laboratory/invented-7", "notes": "trial"},
        },
        "defaults": {"chat": "uno"},
        "tool_models": {"tidy": "one"},
        "complexity_models": {"builder": {"low": "one", "medium": "uno", "high": "lost"}},
        "doctor_models": {"cheap": "one", "strong": "laboratory/invented-2"},
        "use_cases": {"summary": "lost"},
    }
)
PRICING = PricingConfig(
    source_url="https://example.org",
    retrieved_at=date(2026, 7, 2),
    prices=(
        PriceRow(
            model="one",
            input_per_1k=Decimal("0.1"),
            output_per_1k=Decimal("0.3"),
            effective_at=date(2026, 1, 1),
        ),
    ),
)


def _market(**parts: list[dict[str, Any]]) -> CatalogueRows:
    models = [
        {
            "model_id": f"laboratory/invented-{number}",
            "provider": "laboratory",
            "display_name": f"Invented {number}",
            "context_window_tokens": 1000 * number,
            "release_date": date(2026, 5, number),
            "is_deprecated": number == 2,
            "is_listed": True,
        }
        for number in (1, 2)
    ]
    return CatalogueRows(**{"models": models, "prices": [], "benchmarks": [], **parts})


def _catalogue(market: CatalogueRows, uses: tuple[BenchmarkUse, ...] = ()) -> Catalogue:
    return catalogue(market, TEAM, PRICING, uses, ("general", "coding", "math"))


def test_use_cases_stand_at_their_places() -> None:
    assert {name: (use.place, use.model) for name, use in TEAM.by_use_case.items()} == {
        "tidy": (("tool_models", "tidy"), "one"),
        "builder_low": (("complexity_models", "builder", "low"), "one"),
        "builder_medium": (("complexity_models", "builder", "medium"), "uno"),
        "builder_high": (("complexity_models", "builder", "high"), "lost"),
        "doctor_cheap": (("doctor_models", "cheap"), "one"),
        "doctor_strong": (("doctor_models", "strong"), "laboratory/invented-2"),
        "summary": (("use_cases", "summary"), "lost"),
    }


def test_names_aliases_and_keys_mean_models() -> None:
    assert [TEAM.model_id(name) for name in ("one", "uno", "laboratory/invented-1", "due")] == [
        *["laboratory/invented-1"] * 3,
        None,
    ]
    assert TEAM.name_of("laboratory/invented-1") == "one"
    assert TEAM.name_of("laboratory/invented-2") == "laboratory/invented-2"


def test_the_projects_own_files_load() -> None:
    config = Locations(data=Path("nowhere"), config=PROJECT_ROOT / "config", offline=True)
    team = load_team_settings(config, {})
    assert set(team.models.by_use_case) == {
        "tidy_semantic",
        *(
            f"{role}_{level}"
            for role in ("builder", "auditor")
            for level in ("low", "medium", "high")
        ),
        "doctor_cheap",
        "doctor_strong",
    }


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("models", "cheap: gpt-5-mini", "cheap: gpt-5-tiny", "doctor_models.cheap: 'gpt-5-tiny'"),
        ("models", "openai/gpt-5-4-mini", "gpt-5-4-mini", "models.gpt-5.4-mini.model_id"),
        ("models", "[claude-opus-4-5-20251101]", "[gpt-5.5]", "one name, one model"),
        ("models", "  chat:", "  chatt: [a]\n  chat:", "defaults.chatt"),
        ("pricing", "model: gpt-5.1,", "model: gpt-5.9,", "prices.5.model: 'gpt-5.9'"),
        ("pricing", "input_per_1k: 0.005", "input_per_1k: -1", "prices.0.input_per_1k"),
    ],
)
def test_a_mistake_is_told_with_file_and_key(
    tmp_path: Path, file: str, old: str, new: str, told: str
) -> None:
    config = Path(shutil.copytree(PROJECT_ROOT / "config", tmp_path / "config"))
    path = config / f"{file}.yaml"
    content = path.read_text("utf-8")
    assert old in content
    path.write_text(content.replace(old, new, 1), "utf-8")
    with pytest.raises(SettingsError) as refused:
        load_team_settings(Locations(data=tmp_path, config=config, offline=True), {})
    assert str(path) in str(refused.value)
    assert told in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("key", "family"),
    [
        ("anthropic/claude-opus-4-5", "claude-opus"),
        ("anthropic/claude-opus-4-5:thinking", "claude-opus"),
        ("openai/gpt-5-4-mini", "gpt"),
        ("openai/gpt-4o@2024-08-06", "gpt"),
        ("openai/o3-mini", "o"),
        ("mistral/mistral-large@2025-12-02", "mistral-large"),
        ("alibaba/qwen3-235b-a22b-instruct", "qwen"),
        ("laboratory/4711", "4711"),
    ],
)
def test_a_family_is_the_words_before_the_version(key: str, family: str) -> None:
    assert family_of(key) == family


def test_models_of_the_team_and_of_the_sources_are_entered() -> None:
    found = _catalogue(_market())
    one, two, lost = found.models
    assert (one.family, one.display_name, one.released_at) == (
        "line",
        "Invented 1",
        datetime(2026, 5, 1, tzinfo=UTC),
    )
    assert (two.family, two.is_deprecated, two.is_listed) == ("invented", True, True)
    assert (lost.model_id, lost.provider, lost.notes, lost.is_listed) == (
        "laboratory/invented-7",
        "laboratory",
        "trial",
        False,
    )
    (warning,) = found.warnings
    assert warning == (
        "models.yaml: no source knows lost (laboratory/invented-7); "
        "nearest: laboratory/invented-2, laboratory/invented-1"
    )


def test_prices_are_exact_per_thousand_tokens() -> None:
    row = {
        "model_id": "laboratory/invented-2",
        "price_input_per_1m": 0.435,
        "price_output_per_1m": 0.87,
        "price_cached_input_per_1m": 0.028,
        "price_tiers": None,
        "source": "models_dev",
        "source_url": "https://example.org/api",
        "effective_at": ASKED,
        "retrieved_at": ASKED,
    }
    ours, theirs = _catalogue(_market(prices=[row])).prices
    assert (ours.source, ours.model_id, ours.effective_at) == (
        PRICING_FILE,
        "laboratory/invented-1",
        datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert (theirs.input_per_1k, theirs.output_per_1k) == (Decimal("0.000435"), Decimal("0.00087"))


def test_a_benchmark_speaks_of_a_task_type() -> None:
    def row(name: str, category: str | None) -> dict[str, Any]:
        return {
            "model_id": "laboratory/invented-1",
            "source": "board",
            "benchmark_name": name,
            "category": category,
            "score": 0.1,
            "unit": "fraction",
            "dataset_version": None,
            "source_url": "https://example.org/board",
            "retrieved_at": ASKED,
        }

    rows = [
        row("riddles", None),
        row("riddles", "coding"),
        row("hard_math_test", None),
        row("x", "y"),
        row("coding_index", "index"),
    ]
    uses = (BenchmarkUse(source="board", name="x", category="y", task_types=("coding", "math")),)
    found = _catalogue(_market(benchmarks=rows), uses).benchmarks
    assert [(entry.benchmark_name, entry.task_type) for entry in found] == [
        ("riddles", "general"),
        ("riddles:coding", "coding"),
        ("hard_math_test", "math"),
        ("x:y", "coding"),
        ("coding_index", "coding"),
    ]
    assert found[0].score == Decimal("0.1")
