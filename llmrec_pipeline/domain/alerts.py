"""What deserves a person's attention: an edition, judged by the rules of config/alerts.yaml.

Belongs here: which alerts an edition gives rise to. Does not belong here: which of them were told
already (`alert_ledger`), and how they are told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from llmrec_pipeline.domain import market
from llmrec_pipeline.domain.alerts_config import AlertsConfig, Watch
from llmrec_pipeline.domain.dominance import Dominance
from llmrec_pipeline.domain.timestamps import parse_iso

KINDS = (
    "top_pick",
    "price_drop",
    "deprecated",
    "dominated",
    "source_stale",
    "source_quarantined",
    "price_conflict",
)
TEST = "test"
"""Kind of an alert that only tries the channels."""
_DECIMALS = 9


class Alert(NamedTuple):
    """One thing to tell. Two with equal `key` are the same one, whenever they are found.

    `subject` is a task type, use case, model key, offering key or source, by `kind`; `change` is
    what about it; `text` is one line for people.
    """

    kind: str
    subject: str
    change: str
    text: str

    @property
    def key(self) -> tuple[str, str, str]:
        """Kind, subject and change: what tells one alert from another."""
        return self.kind, self.subject, self.change


class ModelInUse(NamedTuple):
    """What the team uses a model for: the task type, and the key of the model in use."""

    task_type: str
    current_model: str


class Facts(NamedTuple):
    """An edition as plain values: its ranking payload, rows of `market_changes` and
    `price_conflicts`, keys of the first models of each task type, its sources as they stand now,
    and the team's use cases by name."""

    payload: Mapping[str, Any]
    changes: Sequence[Mapping[str, Any]]
    conflicts: Sequence[Mapping[str, Any]]
    leaders: frozenset[str]
    sources: Mapping[str, Mapping[str, Any]]
    use_cases: Mapping[str, ModelInUse]


def find_alerts(
    facts: Facts, config: AlertsConfig, input_per_output: float, now: datetime
) -> list[Alert]:
    """Every alert that these facts give rise to, by kind and subject. `input_per_output` input
    tokens to one output token make a price."""
    rules = config.rules
    drops, retired, conflicts = (
        _Watched(facts, rule.models)
        for rule in (rules.price_drop, rules.deprecated, rules.price_conflict)
    )
    found: dict[str, Iterator[Alert]] = {
        "top_pick": _top_picks(facts.changes),
        "price_drop": _price_drops(facts.changes, rules.price_drop.share, drops),
        "deprecated": _deprecated(facts.changes, retired),
        "dominated": _dominated(facts, rules.dominated.firm, input_per_output),
        "source_stale": _stale(facts.sources, now),
        "source_quarantined": _quarantined(facts.sources),
        "price_conflict": _conflicts(facts.conflicts, rules.price_conflict.share, conflicts),
    }
    return [
        alert for kind in KINDS if getattr(rules, kind).enabled for alert in sorted(found[kind])
    ]


class _Watched:
    """The models that a rule is about."""

    def __init__(self, facts: Facts, watch: Watch) -> None:
        models = facts.payload["models"]
        self._bases = {m["canonical_model_key"]: m["base_model"] for m in models} | {
            o["offering_key"]: m["base_model"] for m in models for o in m["offerings"]
        }
        keys = {case.current_model for case in facts.use_cases.values()}
        if watch == "watched":
            keys |= facts.leaders
        self._all = watch == "all"
        self._watched = {self._base(key) for key in keys}

    def _base(self, key: str) -> str:
        return str(self._bases.get(key, key))

    def __contains__(self, key: str) -> bool:
        """Whether a model, base model or offering is among them."""
        return self._all or self._base(key) in self._watched


def _of_kind(changes: Sequence[Mapping[str, Any]], kind: str) -> Iterator[Mapping[str, Any]]:
    return (change for change in changes if change["change"] == kind)


def _top_picks(changes: Sequence[Mapping[str, Any]]) -> Iterator[Alert]:
    for change in _of_kind(changes, market.TOP_PICK):
        moved = f"{change['before']} → {change['after']}"
        text = f"New first for {change['subject']}: {change['after']}, before it {change['before']}"
        yield Alert("top_pick", change["subject"], moved, text)


def _price_drops(
    changes: Sequence[Mapping[str, Any]], share: float, watched: _Watched
) -> Iterator[Alert]:
    drops: dict[str, list[str]] = defaultdict(list)
    for change in _of_kind(changes, market.REPRICED):
        relative = change["relative"]
        if relative is not None and _reaches(-relative, share) and change["subject"] in watched:
            price = str(change["field"]).removeprefix("price_").removesuffix("_per_1m")
            drops[change["subject"]].append(
                f"{price} ${change['before']} → ${change['after']} ({relative:.0%})"
            )
    for offering, moved in drops.items():
        told = ", ".join(moved)
        yield Alert(
            "price_drop", offering, told, f"Price of {offering} fell, per 1M tokens: {told}"
        )


def _reaches(value: float, share: float) -> bool:
    """Whether a share is met, a double's noise aside: from 10 to 8 is a fifth."""
    return round(value, _DECIMALS) >= share


def _deprecated(changes: Sequence[Mapping[str, Any]], watched: _Watched) -> Iterator[Alert]:
    for change in _of_kind(changes, market.DEPRECATED):
        if change["subject"] in watched:
            text = f"{change['subject']} is retired or retiring: {change['detail']}"
            yield Alert("deprecated", change["subject"], "deprecated", text)


def _dominated(facts: Facts, firm: bool, input_per_output: float) -> Iterator[Alert]:
    dominance = Dominance(facts.payload, input_per_output)
    for name, case in facts.use_cases.items():
        found = dominance.over(case.current_model, case.task_type, firm=firm)
        if found is not None:
            text = (
                f"{name} uses {found.current}: {found.key} is better at {case.task_type} and "
                f"costs no more (quality {found.standing.score:+.2f} against {found.own.score:+.2f} "
                f"standard deviations, ${found.price:.4g} against ${found.limit:.4g} per 1M tokens)"
            )
            yield Alert("dominated", name, found.current, text)


def _stale(sources: Mapping[str, Mapping[str, Any]], now: datetime) -> Iterator[Alert]:
    for source, entry in sources.items():
        if entry["enabled"] and entry["origin"] != "live":
            text = f"Source {source} is not live: {_served(entry, now)}"
            yield Alert("source_stale", source, entry["origin"], text)


def _served(entry: Mapping[str, Any], now: datetime) -> str:
    if entry["origin"] == "none":
        return "nothing serves"
    if entry["origin"] == "fixture":
        return "bundled facts serve"
    seen = parse_iso(entry["verified_at"])
    return f"last seen {seen:%Y-%m-%d %H:%M} UTC, {(now - seen).total_seconds() / 3600:.0f} h ago"


def _quarantined(sources: Mapping[str, Mapping[str, Any]]) -> Iterator[Alert]:
    for source, entry in sources.items():
        if entry["enabled"] and entry.get("doubt"):
            text = f"Source {source} is quarantined: {entry['doubt']}"
            yield Alert("source_quarantined", source, "quarantined", text)


def _conflicts(
    conflicts: Sequence[Mapping[str, Any]], share: float, watched: _Watched
) -> Iterator[Alert]:
    for row in conflicts:
        if _reaches(abs(row["difference"]), share) and row["base_model"] in watched:
            price = row["price_column"]
            text = (
                f"{row['offering_key']}: {price} is ${row['used_price']:.4g} of "
                f"{row['used_source']}, which is used, and ${row['price']:.4g} of {row['source']}"
            )
            yield Alert("price_conflict", row["offering_key"], f"{price} of {row['source']}", text)
