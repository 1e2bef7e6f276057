"""One model at one task type, taken apart: every measure with its publisher, pull, value,
population, weight and contribution, down to the raw page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from llmrec_pipeline.domain.candidates import why_not
from llmrec_pipeline.domain.consensus import (
    OTHER_VARIANT,
    Breakdown,
    MeasureReading,
    Part,
    breakdown,
    measure_weights,
    spoken_measures,
)
from llmrec_pipeline.domain.identity import Identity, IdentityRules, SourceName
from llmrec_pipeline.domain.outside_text import read_json
from llmrec_pipeline.domain.populations import MeasureKey
from llmrec_pipeline.domain.ranking import recommend
from llmrec_pipeline.domain.task_profile import TaskProfile, Tasks, unknown_name
from llmrec_pipeline.domain.timestamps import parse_iso, stamp
from llmrec_pipeline.serving.at_time import Asked, moment_of, past_warehouse
from llmrec_pipeline.serving.edition_models import key_of_today
from llmrec_pipeline.serving.edition_tables import open_edition
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.editions import find_edition
from llmrec_pipeline.storage.evidence import MeasureEvidence, stored_evidence
from llmrec_pipeline.storage.lake import MANIFEST, Lake
from llmrec_pipeline.storage.warehouse import first_row

_METRICS = ("output_tokens_per_s", "ttft_s", "price_input_per_1m", "price_output_per_1m")


@dataclass(frozen=True, slots=True)
class _World:
    """What an explanation is read from: tables, the ranking payload, and the lake behind them."""

    con: duckdb.DuckDBPyConnection
    payload: Mapping[str, Any]
    settings: Settings
    lake: Lake

    def evidence(self) -> MeasureEvidence:
        """Readings and populations."""
        readings, populations = (
            self.con.sql(f"SELECT * FROM {table}").pl()
            for table in ("measure_readings", "measure_populations")
        )
        return stored_evidence(readings, populations)

    def ids(self, keys: Sequence[str], source: str) -> list[str]:
        """A source's own ids of some models."""
        rows = self.con.execute(
            "SELECT source_model_id FROM silver_models WHERE source = ? "
            "AND list_contains(?, canonical_model_key) ORDER BY source_model_id",
            [source, list(keys)],
        ).fetchall()
        return [row[0] for row in rows]


def explain(name: str, task_type: str, asked: Asked, settings: Settings) -> dict[str, Any]:
    """The whole explanation as JSON; raises RequestError for an unknown model or task type, and
    what reading an edition or a moment raises."""
    tasks = Tasks.from_mapping(settings.tasks)
    if task_type not in tasks.task_types:
        raise unknown_name("task type", task_type, tasks.task_types)
    with _opened(asked, settings) as world:
        return _explained(name, task_type, tasks, world)


@contextmanager
def _opened(asked: Asked, settings: Settings) -> Iterator[_World]:
    lake = Lake(settings.locations.data)
    moment = moment_of(asked, datetime.now(UTC))
    if moment is None:
        edition = find_edition(settings.locations.published, asked.edition)
        with duckdb.connect(":memory:") as con:
            open_edition(con, edition)
            yield _World(con, edition.ranking(), settings, lake)
        return
    from llmrec_pipeline.storage.time_travel import payload_of_past

    with past_warehouse(settings, moment) as past:
        yield _World(past, payload_of_past(past, settings, moment), settings, lake)


def _explained(name: str, task_type: str, tasks: Tasks, world: _World) -> dict[str, Any]:
    key = _key(name, world)
    model = next(m for m in world.payload["models"] if m["canonical_model_key"] == key)
    weights = tasks.weights("none")
    profile = TaskProfile(task_type, *weights)
    evidence = world.evidence()
    answer = recommend(world.payload, profile, topk=max(1, len(world.payload["models"])))
    ranked = [item["canonical_model_key"] for item in answer["recommendations"]]
    place = ranked.index(key) + 1 if key in ranked else None
    used = _consensus(key, task_type, tasks, evidence, world)
    return {
        "edition": world.payload["edition"],
        "snapshot_ts": world.payload["snapshot_ts"],
        "canonical_model_key": key,
        "model_name": model["model_name"],
        "task_type": task_type,
        "rank": place,
        "ranked": len(ranked),
        "not_ranked": None if place else _not_ranked(key, profile, answer, world.payload),
        "score": None if place is None else _score(answer, place, weights._asdict(), world),
        "consensus": used,
        "not_counted": _not_counted(key, used, evidence),
        "attribution": _attribution(used, answer, place, world.payload),
    }


def _key(name: str, world: _World) -> str:
    """The key of a model's key or display name, or of a name that the identity rules know; an old
    key leads to today's."""
    payload = world.payload
    if (today := key_of_today(payload, name)) is not None:
        return today
    keys = [model["canonical_model_key"] for model in payload["models"]]
    named = [
        model["canonical_model_key"]
        for model in payload["models"]
        if model["model_name"].casefold() == name.casefold()
    ]
    if len(named) == 1:
        return str(named[0])
    meant = IdentityRules(world.settings.identity).resolve(SourceName("", name))
    if isinstance(meant, Identity) and meant.canonical_model_key in keys:
        return meant.canonical_model_key
    raise unknown_name("model", name, keys)


def _not_ranked(
    key: str, profile: TaskProfile, answer: Mapping[str, Any], payload: Mapping[str, Any]
) -> str:
    if (reason := why_not(payload, key, profile)) is not None:
        return reason
    lacks = {row["canonical_model_key"]: row["lacks"] for row in answer["not_measured"]}
    return f"not measured: lacks {lacks.get(key)}"


def _score(
    answer: Mapping[str, Any], place: int, weights: Mapping[str, float], world: _World
) -> dict[str, Any]:
    """The score's three terms, with the anchors and the values behind speed and cost."""
    item = answer["recommendations"][place - 1]
    terms = {
        name: {
            "norm": item["normalized"][name],
            "weight": weights[name],
            "contribution": weights[name] * item["normalized"][name],
        }
        for name in ("quality", "speed", "cost")
    }
    sources = item["metrics"]["sources"]
    values = [
        {
            "column": column,
            "value": item["metrics"][column],
            "publisher": sources[column],
            "pull": _pull(sources[column], [item["canonical_model_key"]], world),
        }
        for column in _METRICS
        if column in sources
    ]
    return {
        "scorer": answer["scorer"],
        "value": item["score"],
        "terms": terms,
        "offering_key": item["offering_key"],
        "values": values,
        "anchors": world.payload["anchors"],
        "in_words": item["justification"],
    }


def _consensus(
    key: str, task_type: str, tasks: Tasks, evidence: MeasureEvidence, world: _World
) -> dict[str, Any] | None:
    """The consensus taken apart; None where no measure that counts speaks of the model."""
    config = world.settings.consensus
    columns = tasks.task_type(task_type).columns
    models = {
        model["canonical_model_key"]: model["base_model"]
        for model in world.payload["models"]
        if model["listed"]
    }
    found = breakdown(
        key,
        evidence.readings,
        evidence.populations,
        measure_weights(
            spoken_measures(evidence.readings, evidence.populations), task_type, columns, config
        ),
        models,
        config,
    )
    if found is None:
        return None
    row = first_row(
        world.con,
        "SELECT rank, rank_low, rank_high, ties FROM consensus "
        "WHERE task_type = ? AND canonical_model_key = ?",
        [task_type, key],
    )
    return {
        "score": found.score,
        "low": found.low,
        "high": found.high,
        **dict(zip(("rank", "rank_low", "rank_high", "ties"), row or (None,) * 4, strict=True)),
        "method": config.method,
        "shrinkage": config.shrinkage,
        "variance_between_measures": found.between,
        "is_enough_evidence": row is not None,
        "measures": _measures(key, found, evidence, models.get(key), world),
    }


def _measures(
    key: str,
    found: Breakdown,
    evidence: MeasureEvidence,
    base_model: str | None,
    world: _World,
) -> list[dict[str, Any]]:
    """Every measure that counts, the one that adds most first."""
    by_measure: dict[MeasureKey, list[MeasureReading]] = {}
    for reading in evidence.readings:
        is_sibling = base_model is not None and reading.base_model == base_model
        if reading.key == key or is_sibling:
            by_measure.setdefault(reading.measure, []).append(reading)
    parts = sorted(found.parts, key=lambda part: (-part.contribution, part.evidence.measure))
    return [_part(key, part, by_measure[part.evidence.measure], evidence, world) for part in parts]


def _part(
    key: str, part: Part, said: Sequence[MeasureReading], evidence: MeasureEvidence, world: _World
) -> dict[str, Any]:
    borrowed = part.evidence.grade == OTHER_VARIANT
    readings = [reading for reading in said if borrowed or reading.key == key]
    measure = part.evidence.measure
    population = evidence.populations[measure]
    return {
        "publisher": measure.source,
        "measure": measure.name,
        "category": measure.category,
        "index_version": measure.index_version,
        "grade": part.evidence.grade,
        "values": [
            {"canonical_model_key": r.key, "value": r.value, "stderr": r.stderr} for r in readings
        ],
        "pull": _pull(measure.source, [r.key for r in readings], world),
        "anchor": {
            "snapshot_ts": population.snapshot_ts,
            "content_hash": population.content_hash,
            **population.scale._asdict(),
        },
        "scaled": part.x,
        "offset": part.offset,
        "weight": part.evidence.weight,
        "contribution": part.contribution,
    }


def _not_counted(
    key: str, used: Mapping[str, Any] | None, evidence: MeasureEvidence
) -> list[dict[str, Any]]:
    """What else is measured of the model, and does not count for this task type."""
    counted = {
        (row["publisher"], row["measure"], row["category"])
        for row in (used or {}).get("measures", ())
    }
    return [
        {**reading.measure._asdict(), "value": reading.value}
        for reading in evidence.readings
        if reading.key == key and reading.measure[:3] not in counted
    ]


def _pull(source: str, keys: Sequence[str], world: _World) -> dict[str, Any]:
    """Where the values were read: the origin, the publisher's ids, and the raw page."""
    origin = world.payload["origins"].get(source, {"origin": "none", "observed_at": None})
    ids = world.ids(keys, source)
    told = {"origin": origin["origin"], "observed_at": origin["observed_at"], "ids": ids}
    if origin["origin"] == "fixture":
        return {**told, "page": world.settings.locations.fixture.name, "url": None}
    if origin["observed_at"] is None:
        return {**told, "page": None, "url": None}
    return {**told, **_raw_page(source, parse_iso(origin["observed_at"]), ids, world.lake)}


def _raw_page(
    source: str, observed_at: datetime, ids: Sequence[str], lake: Lake
) -> dict[str, str | None]:
    """The raw page that holds an id, the pull's first where none does (a packed page hides it)."""
    try:
        pages = list(_pages_within(lake, source, observed_at))
        holding = next(
            (page for page in pages if len(pages) > 1 and _holds(page[0], ids)), pages[0]
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return {"page": None, "url": None}
    path, url = holding
    return {"page": path.relative_to(lake.raw.parent).as_posix(), "url": url}


def _pages_within(lake: Lake, source: str, observed_at: datetime) -> Iterator[tuple[Path, str]]:
    """File and address of each page of a raw pull, as its manifest names them; a file outside
    of the pull's folder is none."""
    manifest = lake.raw / source / stamp(observed_at) / MANIFEST
    for page in read_json(manifest.read_text("utf-8"))["pages"]:
        path = lake.page(source, observed_at, page["name"])
        if path.is_file():
            yield path, str(page["url"])


def _holds(page: Path, ids: Sequence[str]) -> bool:
    content = page.read_bytes()
    return any(model_id.encode() in content for model_id in ids)


def _attribution(
    used: Mapping[str, Any] | None,
    answer: Mapping[str, Any],
    place: int | None,
    payload: Mapping[str, Any],
) -> dict[str, str]:
    publishers = {row["publisher"] for row in (used or {}).get("measures", ())}
    if place is not None:
        publishers |= set(answer["recommendations"][place - 1]["metrics"]["sources"].values())
    origins = payload["origins"]
    return {name: origins[name]["attribution"] for name in sorted(publishers) if name in origins}
