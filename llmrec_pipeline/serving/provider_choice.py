"""Which model or provider to use for a category, or for a job told in words.

A choice stands for hours; a stale one fetches first. Where no publisher answers the choice steps
down a ladder (`domain.provider_choice`), and each step is logged, alerted and told.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from llmrec_pipeline.domain.categories_config import CATEGORIES
from llmrec_pipeline.domain.outside_text import read_json
from llmrec_pipeline.domain.provider_choice import (
    ChoiceRules,
    Rung,
    available_of,
    climb_down,
    require_category,
    top_models,
)
from llmrec_pipeline.domain.task_model import WORDS_ONLY
from llmrec_pipeline.domain.task_profile import Tasks
from llmrec_pipeline.domain.timestamps import iso, parse_iso
from llmrec_pipeline.serving.alerts import post_alert
from llmrec_pipeline.serving.at_time import Asked
from llmrec_pipeline.serving.category_tables import CategoryTables, category_tables, row_as_json
from llmrec_pipeline.serving.understanding import request_reader
from llmrec_pipeline.settings import Settings, load_settings
from llmrec_pipeline.storage.editions import EditionError
from llmrec_pipeline.storage.files import write_json

_log = logging.getLogger(__name__)

Fetch = Callable[[], str | None]
"""Asks the publishers anew; says in words how that went."""
Outcomes = Callable[[str], Sequence[str]]
"""Providers of a category, best first, by our own calls and feedback."""


def no_outcomes(_category: str) -> Sequence[str]:
    """Where nothing of our own is recorded."""
    return ()


@dataclass(frozen=True)
class ProviderChooser:
    """Chooses among available providers; clock, fetching, outcomes and environment come from
    outside."""

    settings: Settings
    environment: Mapping[str, str]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    fetch: Fetch | None = None
    outcomes: Outcomes = no_outcomes

    @cached_property
    def rules(self) -> ChoiceRules:
        """How long choices stand."""
        providers = self.settings.providers
        return ChoiceRules(
            providers.valid_hours, providers.retry_minutes, providers.last_rankings_days
        )

    def available(self) -> tuple[str, ...]:
        """Providers of whose key variables one is set."""
        return available_of(self.settings.providers.key_variables, self.environment)

    def category_of(self, text: str) -> str:
        """The category that a text names, or that of the job it tells; raises RequestError for a
        text that contradicts itself."""
        told = text.strip().lower()
        if told in CATEGORIES:
            return told
        tasks = Tasks.from_mapping(self.settings.tasks)
        task_type = request_reader(tasks, {}, WORDS_ONLY).read(text).task_type
        return self.settings.categories.of_task_type[task_type]

    def choose(self, text: str, available: Sequence[str] | None = None) -> dict[str, Any]:
        """The provider for a category or a job, with the model where a ranking names one, the rung
        that it comes from and why the rungs above did not hold. Raises NoProvider, and what
        `category_of` raises."""
        category = self.category_of(text)
        allowed = tuple(self.available() if available is None else available)
        name = f"{category}|{','.join(allowed)}"
        state = self._read()
        choice = state["choices"].get(name)
        if choice and self.rules.is_valid(parse_iso(choice["chosen_at"]), self.clock()):
            return {**choice, "kept": True}
        tables, told = self._fetched(state)
        now = self.clock()
        rung = self._climb(category, tables, allowed, state, now)
        choice = self._told(category, allowed, tables, rung, now, told)
        if rung.step == "current":
            state["choices"][name] = choice
        elif rung.step == "round_robin":
            state["turn"] += 1
        self._write(state)
        self._alert(category, rung, now)
        return {**choice, "kept": False}

    def _fetched(self, state: dict[str, Any]) -> tuple[CategoryTables | None, str | None]:
        """The rankings, fetched anew where their publishers have not answered within the validity
        of a choice, and how the fetch went."""
        now = self.clock()
        tables = self._tables()
        if self._is_answered(tables):
            return tables, None
        failed_at = state["failed_at"] and parse_iso(state["failed_at"])
        if self.fetch is None:
            return tables, "not fetched: the network is not to be used"
        if not self.rules.may_fetch(failed_at, now):
            return tables, f"not fetched: the last try failed at {state['failed_at']}"
        told = self.fetch()
        tables = self._tables()
        state["failed_at"] = None if self._is_answered(tables) else iso(now)
        return tables, told

    def _tables(self) -> CategoryTables | None:
        try:
            return category_tables(self.settings, Asked(), self.clock())
        except EditionError as error:
            _log.warning("no category rankings: %s", error)
            return None

    def _answered_at(self, tables: CategoryTables | None) -> datetime | None:
        categories = self.settings.categories
        publishers = frozenset({*categories.blend, categories.fills_in})
        return tables.answered_at(publishers) if tables else None

    def _is_answered(self, tables: CategoryTables | None) -> bool:
        answered_at = self._answered_at(tables)
        return answered_at is not None and self.rules.is_valid(answered_at, self.clock())

    def _climb(
        self,
        category: str,
        tables: CategoryTables | None,
        available: Sequence[str],
        state: Mapping[str, Any],
        now: datetime,
    ) -> Rung:
        return climb_down(
            category,
            tables.pulled_rows if tables else [],
            self._answered_at(tables),
            available,
            self.outcomes(category),
            state["turn"],
            self.rules,
            now,
        )

    def _told(
        self,
        category: str,
        available: Sequence[str],
        tables: CategoryTables | None,
        rung: Rung,
        now: datetime,
        fetched: str | None,
    ) -> dict[str, Any]:
        model = row_as_json(rung.model) if rung.model else None
        is_kept = rung.step == "current"
        stands = timedelta(hours=self.rules.valid_hours if is_kept else 0)
        return {
            "category": category,
            "provider": rung.provider,
            "model": model,
            "step": rung.step,
            "stepped_down": [{"step": step, "reason": why} for step, why in rung.stepped_down],
            "available": list(available),
            "chosen_at": iso(now),
            "valid_until": iso(now + stands),
            "fetched": fetched,
            "edition": tables.edition if tables else None,
            "attribution": tables.attribution([model]) if tables and model else {},
        }

    def _alert(self, category: str, rung: Rung, now: datetime) -> None:
        for step, reason in rung.stepped_down:
            _log.warning("%s: not by %s: %s", category, step, reason)
            post_alert(
                self.settings.webhook,
                self.settings.alerts.timeout_s,
                {
                    "event": "provider_choice_stepped_down",
                    "category": category,
                    "step": step,
                    "reason": reason,
                    "at": iso(now),
                },
            )

    @property
    def _path(self) -> Path:
        return self.settings.locations.data / "choices" / "provider_choice.json"

    def _read(self) -> dict[str, Any]:
        """Kept choices; a damaged file is none."""
        empty: dict[str, Any] = {"choices": {}, "failed_at": None, "turn": 0}
        try:
            content = read_json(self._path.read_text("utf-8"))
            return {**empty, **content} if isinstance(content.get("choices"), dict) else empty
        except (OSError, ValueError, AttributeError):
            return empty

    def _write(self, state: Mapping[str, Any]) -> None:
        write_json(self._path, state)


def get_top_models_for_category(
    category: str,
    available_providers: Sequence[str] | None = None,
    top_n: int = 3,
    *,
    settings: Settings | None = None,
) -> list[dict[str, Any]]:
    """The best ranked models of a category in the current edition, best first: rows of
    `category_rankings`. `available_providers` None allows every provider. Raises RequestError for
    an unknown category, EditionError before the first edition."""
    require_category(category)
    tables = category_tables(settings or load_settings(), Asked())
    return [dict(row) for row in top_models(tables.rows, category, available_providers, top_n)]


def select_best_provider_for_category(
    category: str, available_providers: Sequence[str] | None = None
) -> dict[str, Any]:
    """The provider to use for a category, and from what: see `ProviderChooser.choose`.
    Raises RequestError for an unknown category, NoProvider and SettingsError."""
    return default_chooser().choose(require_category(category), available_providers)


def select_best_provider_for_text(
    text: str, available_providers: Sequence[str] | None = None
) -> dict[str, Any]:
    """The provider to use for a job told in words: its category, then as above. Raises
    RequestError, NoProvider and SettingsError."""
    return default_chooser().choose(text, available_providers)


def default_chooser() -> ProviderChooser:
    """The chooser of this machine: its environment, its clock, a run in the background to fetch."""
    settings = load_settings()
    fetch = None if settings.locations.offline else (lambda: _run(settings))
    return ProviderChooser(settings, os.environ, fetch=fetch)


def _run(settings: Settings) -> str | None:
    from llmrec_pipeline.serving.auto_refresh import refresh_and_wait

    rules = {
        "wait_s": settings.pipeline.refresh.wait_s,
        "backoff_minutes": settings.providers.retry_minutes,
    }
    return refresh_and_wait(settings.locations, datetime.now(UTC), rules, force=False, patient=True)
