"""What changed in the market between two moments: two ranking payloads, compared.

Belongs here: telling what is new, gone, deprecated, repriced, re-ranked and rebased, and what can
not be compared. Does not belong here: how a payload is made or read.

Only sources that a pull (or in both cases the bundled facts) speaks for in both payloads are
compared: a source that begins or ceases to answer is no news about models. Ranks are compared where
both rankings rest on the same basis; across another basis or index version there is a break, and
nobody moves up or down.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from llmrec_pipeline.domain.measure_choice import CONSENSUS
from llmrec_pipeline.domain.ranking_pool import pools
from llmrec_pipeline.domain.records import PULLED_ORIGINS
from llmrec_pipeline.domain.scorers import Row
from llmrec_pipeline.domain.task_profile import NO_PRIORITY, Tasks

NEW, GONE, DEPRECATED, REPRICED, RERANKED, TOP_PICK, REBASED, NOT_COMPARED, ORIGIN = KINDS = (
    "new",
    "gone",
    "deprecated",
    "repriced",
    "reranked",
    "top_pick",
    "rebased",
    "not_compared",
    "origin",
)
_PRICES = ("price_input_per_1m", "price_output_per_1m", "price_cached_input_per_1m")
# Deeper in a ranking, places change with every vote.
SHOWN_RANKS = 10

Payload = Mapping[str, Any]


class Change(NamedTuple):
    """One row of `market_changes`.

    `subject` is a canonical model key, an offering key, a task type or a source, by `change`;
    `before` and `after` are values as text; `relative` is after / before - 1 for prices.
    """

    change: str
    subject: str
    field: str | None
    before: str | None
    after: str | None
    relative: float | None
    detail: str


def market_changes(before: Payload, after: Payload) -> list[Change]:
    """Every change from one payload to another, by kind, subject and field."""
    return Market(after).changes_since(before)


class Market:
    """A payload that may be compared with several before it: its rankings are made once."""

    def __init__(self, payload: Payload) -> None:
        self.payload = payload

    @cached_property
    def rankings(self) -> dict[str, _Ranking]:
        """By task type, the ranking without a priority."""
        return _rankings(self.payload)

    def changes_since(self, before: Payload) -> list[Change]:
        """Every change from an earlier payload to this one, by kind, subject and field."""
        after = self.payload
        comparable = _comparable(before["origins"], after["origins"])
        changes = [
            *_listed(before, after, comparable),
            *_deprecated(before, after, comparable),
            *_repriced(before, after, comparable),
            *_reranked(before, self, comparable),
            *_rebased(before["origins"], after["origins"]),
            *_origins(before["origins"], after["origins"]),
        ]
        return sorted(
            changes, key=lambda change: (KINDS.index(change.change), *map(str, change[1:3]))
        )


def _comparable(before: Payload, after: Payload) -> frozenset[str]:
    """Sources that speak from the same kind of data in both."""

    def kind(origins: Payload, source: str) -> str:
        origin = str(origins.get(source, {}).get("origin", "none"))
        return "pull" if origin in PULLED_ORIGINS else origin

    return frozenset(
        source
        for source in {*before, *after}
        if kind(before, source) == kind(after, source) != "none"
    )


def _models(payload: Payload) -> dict[str, Mapping[str, Any]]:
    return {model["canonical_model_key"]: model for model in payload["models"] if model["listed"]}


def _sources(model: Mapping[str, Any]) -> frozenset[str]:
    """Who tells of a model. The offerings are those of its base: they tell of no variant."""
    measured = (source for by in model["measures"].values() for source in by)
    offerings = () if model["variant"] else model["offerings"]
    offered = (offering["source"] for offering in offerings if offering["source"])
    return frozenset({*measured, *offered})


def _listed(before: Payload, after: Payload, comparable: frozenset[str]) -> Iterator[Change]:
    old, new = _models(before), _models(after)
    for kind, here, there in ((NEW, new, old), (GONE, old, new)):
        for key in sorted(here.keys() - there.keys()):
            told = sorted(_sources(here[key]) & comparable)
            if told:
                detail = f"{here[key]['model_name']}, of {', '.join(told)}"
                was, now = ("listed", None) if kind == GONE else (None, "listed")
                yield Change(kind, key, None, was, now, None, detail)


def _deprecated(before: Payload, after: Payload, comparable: frozenset[str]) -> Iterator[Change]:
    """Models that began to be called retired or retiring, where the same sources speak: one that
    begins to answer may only be the first to say so."""
    if not _speaking(before["origins"]) == _speaking(after["origins"]) == comparable:
        return
    old, new = _models(before), _models(after)
    for key in sorted(old.keys() & new.keys()):
        if new[key]["is_deprecated"] and not old[key]["is_deprecated"]:
            detail = f"{new[key]['model_name']}, retired or retiring"
            yield Change(DEPRECATED, key, None, "in service", "deprecated", None, detail)


def _repriced(before: Payload, after: Payload, comparable: frozenset[str]) -> Iterator[Change]:
    """Prices of the offering that stands for a host, where the same source names it in both."""
    old, new = _offerings(before), _offerings(after)
    for key in sorted(old.keys() & new.keys()):
        was, now = old[key], new[key]
        if was["source"] != now["source"] or now["source"] not in comparable:
            continue
        for column in _PRICES:
            if was[column] != now[column]:
                yield Change(
                    REPRICED,
                    key,
                    column,
                    _text(was[column]),
                    _text(now[column]),
                    now[column] / was[column] - 1
                    if was[column] and now[column] is not None
                    else None,
                    f"USD per 1M tokens, of {now['source']}",
                )


def _offerings(payload: Payload) -> dict[str, Mapping[str, Any]]:
    return {
        offering["offering_key"]: offering
        for model in payload["models"]
        if model["listed"]
        for offering in model["offerings"]
    }


def _text(value: float | None) -> str | None:
    return None if value is None else f"{value:.12g}"


def _reranked(before: Payload, after: Market, comparable: frozenset[str]) -> Iterator[Change]:
    """Places among the models that both rankings have, where both rest on one basis and the same
    sources."""
    was_told, is_told = (_speaking(payload["origins"]) for payload in (before, after.payload))
    if not was_told == is_told == comparable:
        detail = "other sources speak: places are not compared"
        told_before, told_after = (", ".join(sorted(told)) or None for told in (was_told, is_told))
        yield Change(
            NOT_COMPARED, "every task type", "sources", told_before, told_after, None, detail
        )
        return
    old, new = _rankings(before), after.rankings
    for task in sorted(old.keys() & new.keys()):
        was, now = old[task], new[task]
        if was.basis != now.basis:
            detail = "another basis: places are not compared across it"
            yield Change(NOT_COMPARED, task, "basis", was.basis, now.basis, None, detail)
            continue
        if was.keys[:1] != now.keys[:1]:
            detail = f"first for {task}, by {now.basis}"
            yield Change(TOP_PICK, task, None, was.keys[0], now.keys[0], None, detail)
        both = set(was.keys) & set(now.keys)
        places_before, places_after = _places(was.keys, both), _places(now.keys, both)
        for key in sorted(both):
            place, moved = places_before[key], places_after[key]
            if place != moved and min(place, moved) <= SHOWN_RANKS:
                detail = f"place among the {len(both)} models of both rankings, by {now.basis}"
                yield Change(RERANKED, key, task, str(place), str(moved), None, detail)


def _speaking(origins: Payload) -> frozenset[str]:
    return frozenset(source for source, entry in origins.items() if entry["origin"] != "none")


class _Ranking(NamedTuple):
    basis: str
    keys: Sequence[str]


def _rankings(payload: Payload) -> dict[str, _Ranking]:
    """By task type, the ranking without a priority; none where nobody is measured."""
    weights = Tasks.from_mapping(payload["tasks"]).weights(NO_PRIORITY)
    rankings = {}
    for pool in pools(payload):
        ranked = [row for row, _ in pool.ranked(weights)]
        if ranked:
            keys = [row.candidate.key for row in ranked]
            rankings[pool.task_type] = _Ranking(_basis(payload, pool.scorer, ranked[0]), keys)
    return rankings


def _basis(payload: Payload, scorer: str, first: Row) -> str:
    """Scorer and measure; of a consensus, how it is made and the index versions that it rests on."""
    measure = first.reading.measure
    if measure.column != CONSENSUS:
        parts = (scorer, measure.source, measure.column, measure.index_version)
        return " ".join(part for part in parts if part is not None)
    content = payload[CONSENSUS]
    versions = {
        f"{measure['source']} {measure['index_version']}"
        for measure in content["measures"]
        if measure["index_version"] is not None
    }
    return " ".join((scorer, CONSENSUS, content["method"], content["version"], *sorted(versions)))


def _places(keys: Iterable[str], among: set[str]) -> dict[str, int]:
    return {key: place for place, key in enumerate((k for k in keys if k in among), start=1)}


def _rebased(before: Payload, after: Payload) -> Iterator[Change]:
    for source in sorted(before.keys() & after.keys()):
        was, now = (origins[source].get("index_version") for origins in (before, after))
        spoke = "none" not in (before[source]["origin"], after[source]["origin"])
        if spoke and was != now:
            detail = "another index version: values are not compared across it"
            yield Change(REBASED, source, "index_version", was, now, None, detail)


def _origins(before: Payload, after: Payload) -> Iterator[Change]:
    for source in sorted({*before, *after}):
        was, now = (origins.get(source, {}).get("origin", "none") for origins in (before, after))
        if was != now:
            detail = "where the source's data comes from"
            yield Change(ORIGIN, source, None, was, now, None, detail)
