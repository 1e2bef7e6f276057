"""A report's content from an edition: what is put together here is told in `content`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb

from llmrec_pipeline.domain.candidates import own_offering
from llmrec_pipeline.domain.market import KINDS
from llmrec_pipeline.domain.timestamps import iso, parse_iso
from llmrec_pipeline.serving.report.acting import actions
from llmrec_pipeline.serving.report.answering import Rankings, answers, tradeoffs, use_cases
from llmrec_pipeline.serving.report.content import (
    SCHEMA_VERSION,
    Change,
    Changes,
    History,
    Line,
    ReportContent,
    Source,
)
from llmrec_pipeline.serving.report.evidence_book import EvidenceBook
from llmrec_pipeline.serving.report.own_records import proposals, usages
from llmrec_pipeline.serving.report.reading import EditionTables
from llmrec_pipeline.storage.editions import Edition

Row = Mapping[str, Any]

_PRICES = ("price_input_per_1m", "price_output_per_1m")


def build_content(edition: Edition) -> ReportContent:
    """What an edition says; raises EditionError for one that is damaged or has no reports yet."""
    with duckdb.connect(":memory:") as con:
        return _content(EditionTables.of(edition, con))


def _content(tables: EditionTables) -> ReportContent:
    payload, manifest = tables.payload, tables.manifest
    config = payload["report"]
    rankings = Rankings(payload)
    own = {name: tables.rows(name) for name in ("use_cases", "model_recommendations")}
    redirects = payload["key_redirects"]
    detailed = _detailed(rankings, own, redirects)
    book = EvidenceBook(
        payload["origins"], tables.rows("measure_readings"), tables.urls(), detailed
    )
    published_at = parse_iso(manifest["published_at"])
    moves = _moves(detailed, rankings, tables, published_at)
    usage = usages(tables.rows("model_runtime_stats"))
    proposed = proposals(own["model_recommendations"])
    told_answers = tuple(answers(rankings, book, _price_since(moves)))
    told_use_cases = tuple(use_cases(own["use_cases"], rankings, redirects, book))
    told_tradeoffs = tuple(tradeoffs(rankings, book, config["chart_models"]))
    last, month = (
        _changes(tables.rows(name), rankings, config["changes_shown"])
        for name in ("market_changes", "market_changes_month")
    )
    sources = tuple(_sources(manifest, published_at))
    return ReportContent(
        schema_version=SCHEMA_VERSION,
        edition=manifest["edition"],
        published_at=manifest["published_at"],
        snapshot_ts=manifest["snapshot_ts"],
        edition_digest=manifest["content_digest"],
        caps=rankings.caps,
        actions=actions(told_use_cases, proposed, last, sources),
        answers=told_answers,
        use_cases=told_use_cases,
        tradeoffs=told_tradeoffs,
        histories=_histories(moves, rankings),
        proposals=proposed,
        since_last=last,
        month=month,
        usage=usage,
        sources=sources,
        evidence=book.rows,
        left_out=_left_out(detailed, rankings, config),
    )


def _detailed(
    rankings: Rankings, own: Mapping[str, Sequence[Row]], redirects: Mapping[str, str]
) -> list[str]:
    """The models whose evidence and history are told in full: those that answers name, those in
    use and those proposed."""
    used = [row["current_model"] for row in own["use_cases"]]
    proposed = [row["recommended_model"] for row in own["model_recommendations"]]
    keys = (*rankings.named(), *(redirects.get(key, key) for key in (*used, *proposed)))
    return [key for key in dict.fromkeys(keys) if key in rankings.models]


def _moves(
    keys: Iterable[str], rankings: Rankings, tables: EditionTables, published_at: datetime
) -> list[dict[str, Any]]:
    config = tables.payload["report"]
    days, points = config["history_days"], config["history_points"]
    return tables.history(
        [_wanted(rankings.models[key]) for key in keys], published_at, days, points
    )


def _wanted(model: Row) -> dict[str, Any]:
    offering = own_offering(model)
    return {
        "canonical_model_key": model["canonical_model_key"],
        "base_model": model["base_model"],
        "offering_key": offering.get("offering_key"),
        "price_source": offering.get("source"),
    }


def _price_since(moves: Iterable[Row]) -> dict[str, str]:
    """By model, the day since when its input price is what it is: rows come by day, and the last
    of a line only repeats the one before it."""
    steps: dict[str, list[tuple[float, str]]] = {}
    for row in moves:
        if row["item"] == _PRICES[0]:
            line = steps.setdefault(row["model"], [])
            if not line or line[-1][0] != row["amount"]:
                line.append((row["amount"], row["day"].isoformat()))
    return {key: line[-1][1] for key, line in steps.items()}


def _histories(moves: Iterable[Row], rankings: Rankings) -> tuple[History, ...]:
    lines: dict[str, dict[tuple[str, str, str | None], list[tuple[str, float]]]] = {}
    for row in moves:
        line = row["source"], row["item"], row["index_version"]
        points = lines.setdefault(row["model"], {}).setdefault(line, [])
        points.append((row["day"].isoformat(), row["amount"]))
    return tuple(
        History(
            key=key,
            name=rankings.models[key]["model_name"],
            prices=tuple(_lines(by, prices=True)),
            indices=tuple(_lines(by, prices=False)),
        )
        for key, by in sorted(
            lines.items(), key=lambda entry: rankings.models[entry[0]]["model_name"]
        )
    )


def _lines(
    by: Mapping[tuple[str, str, str | None], list[tuple[str, float]]], *, prices: bool
) -> Iterator[Line]:
    for (source, item, version), points in by.items():
        if (item in _PRICES) == prices:
            yield Line(source, item, version, tuple(points))


def _changes(rows: Sequence[Row], rankings: Rankings, limit: int) -> Changes:
    ordered = sorted(rows, key=lambda row: (KINDS.index(row["change"]), _weight(row)))
    counts = Counter(row["change"] for row in rows)
    return Changes(
        since=iso(rows[0]["since"]) if rows else None,
        counts={kind: counts[kind] for kind in KINDS if counts[kind]},
        rows=tuple(_change(row, rankings) for row in _each_kind(ordered, limit)),
    )


def _weight(row: Row) -> tuple[float, str, str]:
    """Within a kind the largest change of a price comes first, then by subject."""
    return -abs(row["relative"] or 0.0), row["subject"], row["field"] or ""


def _each_kind(rows: Sequence[Row], limit: int) -> list[Row]:
    """The first rows of every kind, in turn, so that a wave of one kind hides no other."""
    ranks: Counter[str] = Counter()
    placed = []
    for at, row in enumerate(rows):
        ranks[row["change"]] += 1
        placed.append((ranks[row["change"]], at))
    kept = sorted(at for _, at in sorted(placed)[:limit])
    return [rows[at] for at in kept]


def _change(row: Row, rankings: Rankings) -> Change:
    return Change(
        change=row["change"],
        subject=row["subject"],
        name=rankings.names.get(row["subject"]) or row["subject"],
        field=row["field"],
        before=row["before"],
        after=row["after"],
        relative=row["relative"],
        detail=row["detail"],
    )


def _sources(manifest: Row, published_at: datetime) -> Iterator[Source]:
    for name, entry in manifest["sources"].items():
        observed_at = entry["observed_at"]
        age = (
            (published_at - parse_iso(observed_at)).total_seconds() / 3600 if observed_at else None
        )
        yield Source(
            source=name,
            title=entry["title"],
            enabled=entry["enabled"],
            origin=entry["origin"],
            observed_at=observed_at,
            age_hours=age,
            rows=entry["rows"],
            index_version=entry["index_version"],
            quota=entry["quota"],
            doubt=entry["doubt"],
            licence=entry["licence"],
            attribution=entry["attribution"],
        )


def _left_out(detailed: Sequence[str], rankings: Rankings, config: Row) -> tuple[str, ...]:
    others = len(rankings.models) - len(detailed)
    return (
        f"Readings and history are told of the {len(detailed)} models that are named in an answer, "
        f"in use or proposed; those of {others} others are in the edition (llmrec explain, llmrec sql).",
        f"History goes back {config['history_days']} days at most; a line that moves more than "
        f"{config['history_points']} times shows the last value of each stretch.",
    )
