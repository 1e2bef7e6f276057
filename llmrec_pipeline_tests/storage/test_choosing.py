"""Choosing a provider over time: what is kept, when it is fetched anew, who is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from llmrec_pipeline.domain.provider_choice import NoProvider
from llmrec_pipeline.domain.timestamps import iso
from llmrec_pipeline.serving.provider_choice import (
    ProviderChooser,
    get_top_models_for_category,
)
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline_tests.hook import Hook
from llmrec_pipeline_tests.storage.pulled import AA, DataFolder, at, model

SETTINGS = load_settings({})
KEYS = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}


def rows() -> list[dict[str, Any]]:
    """Models of two creators; OpenAI's is the better one at coding."""
    named = [("OpenAI", "GPT-5.4", 60.0), ("Anthropic", "Claude Opus 4.5", 50.0)]
    return [
        model(number, creator=creator, model_name=name, coding_index=value)
        for number, (creator, name, value) in enumerate(named)
    ]


@dataclass
class World:
    """A data folder, a clock, a publisher that answers or not, and who is told."""

    folder: DataFolder
    now: datetime = field(default_factory=lambda: at(0))
    answers: bool = True
    fetched: int = 0
    outcomes: Sequence[str] = ()

    def fetch(self) -> str | None:
        self.fetched += 1
        if not self.answers:
            return "the refresh failed"
        self.folder.land(AA, self.now, rows(), index_version="4.1")
        self.folder.refresh(self.now)
        return "refreshed"

    def choose(self, text: str = "coding", **environment: str) -> dict[str, Any]:
        chooser = ProviderChooser(
            self.folder.settings,
            environment or KEYS,
            clock=lambda: self.now,
            fetch=self.fetch,
            outcomes=lambda _: self.outcomes,
        )
        return chooser.choose(text)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(DataFolder(tmp_path / "data", SETTINGS))


def test_the_first_choice_fetches_and_stands_for_twelve_hours(world: World) -> None:
    choice = world.choose()
    assert (choice["step"], choice["provider"], world.fetched) == ("current", "openai", 1)
    assert choice["model"]["canonical_model_key"] == "openai/gpt-5-4"
    assert choice["kept"] is False
    assert choice["attribution"] == {AA: SETTINGS.sources[AA].attribution}
    world.now += timedelta(hours=11, minutes=59)
    kept = world.choose()
    assert (kept["kept"], kept["chosen_at"], world.fetched) == (True, iso(at(0)), 1)
    world.now += timedelta(minutes=1)
    assert world.choose()["kept"] is False
    assert world.fetched == 2


def test_another_set_of_keys_is_another_choice(world: World) -> None:
    world.choose()
    choice = world.choose(ANTHROPIC_API_KEY="k")
    assert (choice["provider"], choice["kept"], world.fetched) == ("anthropic", False, 1)


def test_a_failed_fetch_is_tried_again_after_half_an_hour_and_the_last_rankings_serve(
    world: World,
) -> None:
    world.choose()
    world.answers = False
    world.now += timedelta(hours=13)
    choice = world.choose()
    assert (choice["step"], choice["provider"], world.fetched) == ("last_rankings", "openai", 2)
    assert choice["stepped_down"][0]["step"] == "current"
    world.now += timedelta(minutes=29)
    assert (world.choose()["step"], world.fetched) == ("last_rankings", 2)
    world.now += timedelta(minutes=1)
    assert (world.choose()["step"], world.fetched) == ("last_rankings", 3)
    world.answers = True
    world.now += timedelta(minutes=30)
    assert (world.choose()["step"], world.fetched) == ("current", 4)


def test_after_a_week_our_own_outcomes_decide_and_then_turns(world: World) -> None:
    world.choose()
    world.answers = False
    world.now += timedelta(days=8)
    world.folder.refresh(world.now)
    assert [world.choose()["provider"] for _ in range(3)] == ["openai", "anthropic", "openai"]
    world.outcomes = ("anthropic",)
    choice = world.choose()
    assert (choice["step"], choice["provider"]) == ("own_outcomes", "anthropic")


def test_bundled_facts_are_no_answer(world: World) -> None:
    world.answers = False
    world.folder.refresh(world.now)
    choice = world.choose()
    assert choice["step"] == "round_robin"
    assert [down["step"] for down in choice["stepped_down"]] == [
        "current",
        "last_rankings",
        "own_outcomes",
    ]


def test_before_the_first_edition_providers_take_turns(world: World) -> None:
    world.answers = False
    assert world.choose()["step"] == "round_robin"
    with pytest.raises(NoProvider):
        world.choose(HOME="/")


def test_a_job_in_words_has_a_category(world: World) -> None:
    assert world.choose("write a poem about autumn")["category"] == "general"
    assert world.choose("debug my python service")["category"] == "coding"


def test_a_damaged_note_of_choices_is_no_choice(world: World) -> None:
    world.choose()
    path = world.folder.settings.locations.data / "choices" / "provider_choice.json"
    path.write_text("{", encoding="utf-8")
    assert world.choose()["kept"] is False


def test_the_best_of_a_category(world: World) -> None:
    world.choose()
    found = get_top_models_for_category("coding", ["anthropic"], settings=world.folder.settings)
    assert [row["model_name"] for row in found] == ["Claude Opus 4.5"]
    assert found[0]["score"] == 50.0


def _with_hook(world: World, url: str) -> None:
    settings = world.folder.settings
    world.folder.settings = settings.model_copy(update={"webhook": SecretStr(url)})


def test_each_step_down_is_told(world: World, hook: Hook) -> None:
    _with_hook(world, hook.url)
    world.choose()
    assert hook.told == []
    world.answers = False
    world.now += timedelta(hours=13)
    world.choose()
    assert [(alert["event"], alert["category"], alert["step"]) for alert in hook.told] == [
        ("provider_choice_stepped_down", "coding", "current")
    ]


@pytest.mark.parametrize("status", [500, None])
def test_an_alert_that_cannot_be_delivered_changes_nothing(
    world: World, hook: Hook, status: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    port = hook.server_port if status else 9
    hook.status = status
    _with_hook(world, f"http://127.0.0.1:{port}/hook?token=secret")
    world.answers = False
    assert world.choose()["step"] == "round_robin"
    assert "the alert could not be delivered" in caplog.text
    assert "secret" not in caplog.text
