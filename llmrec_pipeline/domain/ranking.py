"""The answer: which models to use for a task profile, from an edition's ranking payload.

The payload is plain JSON (see `recommend`). Steps: candidates and constraints, the measures they
are compared on, the score, the order. `recommend` scores model by model, with the standard library
alone; `ranking_pool` scores whole columns for the batch; both go through one scorer and agree to
the bit.

Belongs here: putting those steps together. Does not belong here: what a ranking rests on
(`ranking_basis`), its words (`ranking_words`), reading the request, storing or printing the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from llmrec_pipeline.domain.candidates import require_capabilities, resolve_host, select
from llmrec_pipeline.domain.published_consensus import PublishedStanding
from llmrec_pipeline.domain.ranking_basis import basis_of, choice_of, rows_of
from llmrec_pipeline.domain.ranking_words import justification, nothing_left
from llmrec_pipeline.domain.robustness import pareto_set, stability
from llmrec_pipeline.domain.scorers import METRIC_COLUMNS, Row, Scorer, scorer_of
from llmrec_pipeline.domain.scoring.weighted import Scored, Weights
from llmrec_pipeline.domain.task_profile import (
    RequestError,
    TaskProfile,
    Tasks,
    resolve_providers,
)

_SHOWN_COLUMNS = (*METRIC_COLUMNS, "price_output_per_1m", "context_window")
# How many of those that tie with the first are named; the others are counted.
_TIES_NAMED = 10


class _Ranked(NamedTuple):
    row: Row
    scored: Scored[float]


def recommend(
    payload: Mapping[str, Any],
    profile: TaskProfile,
    *,
    topk: int = 5,
    scorer: str | None = None,
    quality_basis: str | None = None,
    missing_policy: str | None = None,
    host: str | None = None,
    capabilities: Iterable[str] = (),
) -> dict[str, Any]:
    """Rank the models of an edition for a profile.

    `payload` holds `edition`, `snapshot_ts`, `origins` {source: {origin, attribution, …}},
    `publisher_order`, `tasks` (config/tasks.yaml), `provider_aliases` and `host_aliases`
    {alias: id}, and `models`, each with its identity, `listed`, `is_deprecated`, `offerings`
    (prices in USD per 1M tokens, context in tokens, tokens/s, s) and `measures`
    {column: {publisher: {value, index_version}}}. An offering's columns come from its `source`,
    or from `<column>_source` where it has one. The scorer `anchored_v1` needs `anchors`
    (config/anchors.yaml) and `populations` [{source, name, category, index_version, mean, sd, …}]
    besides, the quality basis `consensus` what `domain.published_consensus` describes.

    `scorer`, `quality_basis` and `missing_policy` default to the configured ones; only
    `anchored_v1` can rest on the consensus, and where no candidate has a standing it rests on a
    measure; `host` is a host's id or alias; `capabilities` are names of `records.CAPABILITIES`, each
    of which a model must be known to have.
    Scores follow `domain.scoring.anchored` or `domain.scoring.weighted`, whose norms span all
    candidates that pass the constraints. `stability` and `pareto` are those of `domain.robustness`
    over all ranked models, `ties` those whose consensus interval overlaps the first's. Equal scores
    are ordered by key. Where nothing is left, `recommendations` is empty and `message` says why.

    Raises RequestError for an unknown scorer, basis, policy, task type, provider, host or
    capability, and for a `topk` below 1.
    """
    tasks = Tasks.from_mapping(payload["tasks"])
    if topk < 1:
        raise RequestError(f"topk is {topk}; it must be 1 or more")
    choice = choice_of(tasks, scorer, quality_basis, missing_policy)
    profile = _with_ids(payload, profile)
    host_id = None if host is None else resolve_host(payload, host)
    selection = select(payload, profile, host_id, require_capabilities(capabilities))
    basis = basis_of(choice, payload, selection.candidates, profile.task_type, tasks)
    rows = rows_of(selection.candidates, basis)
    scorer_used = scorer_of(choice.scorer, payload, choice.policy, selection.candidates, rows)
    ranked = _ranked(rows, scorer_used.by_row(rows, profile.weights))
    answer = {
        "task_profile": profile.to_mapping(),
        "edition": payload["edition"],
        "snapshot_ts": payload["snapshot_ts"],
        "origins": payload["origins"],
        "scorer": choice.scorer,
        "basis": basis.summary,
        "recommendations": [
            _recommendation(item, profile.weights, scorer_used) for item in ranked[:topk]
        ],
        "ties": _ties(ranked),
        **_robustness(ranked, profile.weights),
        "not_measured": [
            {"canonical_model_key": candidate.key, "lacks": basis.lacks}
            for candidate, reading in zip(selection.candidates, basis.readings, strict=True)
            if reading is None
        ],
        "excluded": selection.excluded,
        "attribution": _attribution(payload, rows),
        "warnings": basis.warnings,
    }
    if not ranked:
        answer["message"] = nothing_left(payload, selection.excluded, basis)
    return answer


def _with_ids(payload: Mapping[str, Any], profile: TaskProfile) -> TaskProfile:
    """The profile with creator ids for provider names; creators of the models are known too."""
    if not (profile.provider_allowlist or profile.provider_denylist):
        return profile
    creators = {str(model["provider"]) for model in payload["models"]}
    aliases = {**{name: name for name in creators}, **payload["provider_aliases"]}
    return replace(
        profile,
        provider_allowlist=resolve_providers(profile.provider_allowlist, aliases),
        provider_denylist=resolve_providers(profile.provider_denylist, aliases),
    )


def _ranked(rows: Sequence[Row], scores: Sequence[Scored[float]]) -> list[_Ranked]:
    ranked = [_Ranked(row, scored) for row, scored in zip(rows, scores, strict=True)]
    return sorted(ranked, key=lambda item: (-item.scored.score, item.row.candidate.key))


def _robustness(ranked: Sequence[_Ranked], weights: Weights) -> dict[str, Any]:
    """`stability` and `pareto` of an answer; None and empty where nothing is left."""
    if not ranked:
        return {"stability": None, "pareto": []}
    norms = [(item.scored.quality, item.scored.speed, item.scored.cost) for item in ranked]
    keys = [item.row.candidate.key for item in ranked]
    firm = stability(norms, weights)
    return {
        "stability": {
            "share": firm.share,
            "weight_vectors": firm.vectors,
            "rivals": [keys[place] for place in firm.rivals],
        },
        "pareto": [keys[place] for place in pareto_set(norms)],
    }


def _ties(ranked: Sequence[_Ranked]) -> dict[str, Any] | None:
    """Those that the evidence cannot tell from the first; None where it rests on no consensus."""
    first = ranked[0].row.reading.standing if ranked else None
    if first is None:
        return None
    keys = [
        item.row.candidate.key
        for item in ranked[1:]
        if item.row.reading.standing is not None and item.row.reading.standing.overlaps(first)
    ]
    return {"with_first": len(keys), "keys": keys[:_TIES_NAMED]}


def _recommendation(ranked: _Ranked, weights: Weights, scorer: Scorer) -> dict[str, Any]:
    candidate, reading, scored = ranked.row.candidate, ranked.row.reading, ranked.scored
    sources = {reading.measure.column: reading.measure.source}
    for column in _SHOWN_COLUMNS:
        source = candidate.source_of(column)
        if source is not None:
            sources[column] = source
    metrics: dict[str, Any] = {
        "quality": reading.value,
        "quality_column": reading.measure.column,
        "quality_source": reading.measure.source,
        "quality_index_version": reading.measure.index_version,
        **{column: candidate.offering.get(column) for column in _SHOWN_COLUMNS},
        "sources": sources,
    }
    if reading.standing is not None:
        metrics["consensus"] = _standing(reading.standing)
    return {
        "model_name": candidate.model["model_name"],
        "provider": candidate.model["provider"],
        "canonical_model_key": candidate.key,
        "offering_key": candidate.offering.get("offering_key"),
        "score": scored.score,
        "metrics": metrics,
        "normalized": {"quality": scored.quality, "speed": scored.speed, "cost": scored.cost},
        "justification": justification(ranked.row, scored, weights, scorer),
    }


def _standing(standing: PublishedStanding) -> dict[str, Any]:
    """A consensus in an answer: interval in standard deviations, rank interval among all listed
    models, and what it rests on."""
    return {
        "low": standing.low,
        "high": standing.high,
        "rank": standing.rank,
        "rank_low": standing.rank_low,
        "rank_high": standing.rank_high,
        "n_measures": len(standing.measures),
        "publishers": list(standing.publishers),
        "measures": [str(measure) for measure in standing.measures],
    }


def _attribution(payload: Mapping[str, Any], rows: Sequence[Row]) -> dict[str, str]:
    """The attribution of each source whose values made the scores, by source."""
    used = {publisher for row in rows for publisher in row.reading.publishers}
    for row in rows:
        used.update(filter(None, map(row.candidate.source_of, _SHOWN_COLUMNS)))
    origins = payload["origins"]
    return {source: origins[source]["attribution"] for source in sorted(used) if source in origins}
