"""Which provider to use for a category, and from what: the rungs of one ladder.

    current         a publisher of the rankings has answered within the validity of a choice
    last_rankings   none has, but the last rankings are a few days old at most
    own_outcomes    what our own calls and feedback say
    round_robin     each available provider in turn

Belongs here: the ladder and the choice from a ranking. Does not belong here: fetching, keeping a
choice, telling somebody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from llmrec_pipeline.domain.categories_config import CATEGORIES
from llmrec_pipeline.domain.task_profile import unknown_name

RungName = Literal["current", "last_rankings", "own_outcomes", "round_robin"]


@dataclass(frozen=True, slots=True)
class ChoiceRules:
    """config/providers.yaml: how long a choice and the rankings behind it stand."""

    valid_hours: float
    retry_minutes: float
    last_rankings_days: float

    def is_valid(self, chosen_at: datetime, now: datetime) -> bool:
        """Whether a choice still stands. One from the future does not: a clock was set back."""
        return timedelta() <= now - chosen_at < timedelta(hours=self.valid_hours)

    def may_fetch(self, failed_at: datetime | None, now: datetime) -> bool:
        """Whether a fetch is tried, after the last one that failed."""
        pause = timedelta(minutes=self.retry_minutes)
        return failed_at is None or not timedelta() <= now - failed_at < pause


@dataclass(frozen=True, slots=True)
class Rung:
    """Where the ladder ended: the provider, the model where a ranking names one, and why each
    rung above did not hold."""

    step: RungName
    provider: str
    model: Mapping[str, Any] | None
    stepped_down: tuple[tuple[RungName, str], ...]


class NoProvider(Exception):
    """Nobody can be chosen. One line."""


def available_of(
    key_variables: Mapping[str, Sequence[str]], environment: Mapping[str, str]
) -> tuple[str, ...]:
    """Providers of whose key variables one is set, in the order of the table."""
    return tuple(
        provider
        for provider, variables in key_variables.items()
        if any(environment.get(variable, "").strip() for variable in variables)
    )


def require_available(available: Sequence[str]) -> Sequence[str]:
    """The available providers; raises NoProvider where there is none."""
    if not available:
        raise NoProvider("no provider is available: set the key variable of one, or name some")
    return available


def require_category(name: str) -> str:
    """The name of a category; raises RequestError for another."""
    if name not in CATEGORIES:
        raise unknown_name("category", name, CATEGORIES)
    return name


def top_models(
    rows: Sequence[Mapping[str, Any]],
    category: str,
    available: Sequence[str] | None,
    top_n: int,
) -> list[Mapping[str, Any]]:
    """The best ranked models of a category among available providers, best first; `available`
    None allows every provider."""
    ranked = sorted((row for row in rows if row["category"] == category), key=lambda r: r["rank"])
    allowed = [row for row in ranked if available is None or row["provider"] in available]
    return allowed[:top_n]


def climb_down(
    category: str,
    rows: Sequence[Mapping[str, Any]],
    answered_at: datetime | None,
    available: Sequence[str],
    outcomes: Sequence[str],
    turn: int,
    rules: ChoiceRules,
    now: datetime,
) -> Rung:
    """The first rung that holds.

    `rows` are category rankings that rest on pulls, and `answered_at` is when one of their
    publishers last answered (bundled facts are no answer); `outcomes` are providers, best first by
    our own calls and feedback; `turn` counts the choices made in turn. Raises NoProvider where
    none is available.
    """
    require_available(available)
    down: list[tuple[RungName, str]] = []
    best = next(iter(top_models(rows, category, available, 1)), None)
    age = None if answered_at is None else now - answered_at
    if age is None or age >= timedelta(hours=rules.valid_hours):
        down.append(("current", _no_answer("no publisher has answered", age)))
    elif best is None:
        down.append(("current", f"no ranked model of {category} is of {', '.join(available)}"))
    else:
        return Rung("current", str(best["provider"]), best, ())
    if best is not None and age is not None and age <= timedelta(days=rules.last_rankings_days):
        return Rung("last_rankings", str(best["provider"]), best, tuple(down))
    too_old = "the last rankings are too old" if age is not None else "there are no rankings yet"
    reason = _no_answer(too_old, age) if best is not None or age is None else down[0][1]
    down.append(("last_rankings", reason))
    proven = next((provider for provider in outcomes if provider in available), None)
    if proven is not None:
        return Rung("own_outcomes", proven, None, tuple(down))
    down.append(("own_outcomes", f"no outcomes of our own for {category}"))
    return Rung("round_robin", available[turn % len(available)], None, tuple(down))


def _no_answer(what: str, age: timedelta | None) -> str:
    if age is None:
        return what
    return f"{what}: the last answer is {age.total_seconds() / 3600:.0f} h old"
