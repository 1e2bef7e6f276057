"""The answer: which models to use for a task profile, from an edition's ranking payload.

The payload is plain JSON (see `recommend`). Steps: candidates and constraints, the measures they
are compared on, the score, the order. `recommend` scores model by model for the command line;
`rank_columns`, `task_rankings` and `top_for_weights` score whole columns for the batch; all go through
one scorer and agree to the bit.

Belongs here: putting those steps together and wording the answer. Does not belong here: reading
the request, storing or printing the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from llmrec_pipeline.domain.candidates import (
    CONSTRAINT_OF,
    REASONS,
    Candidate,
    require_capabilities,
    resolve_host,
    select,
)
from llmrec_pipeline.domain.measure_choice import (
    Basis,
    all_measures,
    measure_of_each_row,
    one_measure,
)
from llmrec_pipeline.domain.published_consensus import PublishedStanding
from llmrec_pipeline.domain.robustness import pareto_set, stability
from llmrec_pipeline.domain.scorers import (
    ANCHORED,
    METRIC_COLUMNS,
    SCORERS,
    WEIGHTED,
    Row,
    Scorer,
    scorer_of,
)
from llmrec_pipeline.domain.scoring.weighted import MISSING_NORMS, Scored, Weights
from llmrec_pipeline.domain.task_profile import (
    CONSENSUS_BASIS,
    QUALITY_BASES,
    RequestError,
    TaskProfile,
    Tasks,
    resolve_providers,
    unknown_name,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from llmrec_pipeline.domain.scorers import ScoredColumns

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
    `anchored_v1` can rest on the consensus, where no candidate has a standing it rests on a measure; `host` is a host's id or alias;
    `capabilities` are names of `records.CAPABILITIES`, each of which a model must be known to have.
    Scores follow `domain.scoring.anchored` or `domain.scoring.weighted`, whose norms span all
    candidates that pass the constraints. `stability` and `pareto` are those of `domain.robustness`
    over all ranked models, `ties` those whose consensus interval overlaps the first's. Equal scores are ordered by key. Where nothing is left, `recommendations` is
    empty and `message` says why.

    Raises RequestError for an unknown scorer, basis, policy, task type, provider, host or capability, and
    for a `topk` below 1.
    """
    tasks = Tasks.from_mapping(payload["tasks"])
    _require_topk(topk)
    choice = _choice(tasks, scorer, quality_basis, missing_policy)
    profile = _with_ids(payload, profile)
    host_id = None if host is None else resolve_host(payload, host)
    selection = select(payload, profile, host_id, require_capabilities(capabilities))
    basis = _basis(choice, payload, selection.candidates, profile.task_type, tasks)
    rows = _rows(selection.candidates, basis)
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
        answer["message"] = _nothing_left(payload, selection.excluded, basis)
    return answer


def rank_columns(
    payload: Mapping[str, Any],
    task_type: str,
    weights: Weights,
    *,
    scorer: str | None = None,
    quality_basis: str | None = None,
    missing_policy: str | None = None,
) -> list[dict[str, Any]]:
    """The whole ranking of a task type without constraints, scored by numpy columns.

    Rows hold the columns of `records.TASK_RANKINGS` but `priority`, best first, equal to the
    bit to what `recommend` gives without constraints. Raises RequestError likewise.
    """
    tasks = Tasks.from_mapping(payload["tasks"])
    choice = _choice(tasks, scorer, quality_basis, missing_policy)
    pool = _pool(choice, payload, _all_candidates(payload), task_type, tasks)
    return _ranking_rows(pool, weights)


def top_for_weights(
    payload: Mapping[str, Any],
    task_type: str,
    many_weights: Iterable[Weights],
    *,
    topk: int = 10,
    scorer: str | None = None,
    quality_basis: str | None = None,
    missing_policy: str | None = None,
) -> list[list[tuple[str, float]]]:
    """The first models of a task type without constraints, under each of many weights.

    Canonical keys with their scores, best first, at most `topk`, equal to the bit to what
    `recommend` gives without constraints. Raises RequestError likewise.
    """
    tasks = Tasks.from_mapping(payload["tasks"])
    _require_topk(topk)
    choice = _choice(tasks, scorer, quality_basis, missing_policy)
    pool = _pool(choice, payload, _all_candidates(payload), task_type, tasks)
    keys = [row.candidate.key for row in pool.rows]
    found = []
    for weights in many_weights:
        scores = pool.scored(weights).score
        found.append([(keys[place], float(scores[place])) for place in _first(scores, topk)])
    return found


def task_rankings(
    payload: Mapping[str, Any],
    *,
    scorers: Iterable[str] | None = None,
    priorities: Iterable[str] | None = None,
    quality_basis: str | None = None,
    missing_policy: str | None = None,
) -> list[dict[str, Any]]:
    """Every task type under every priority, without constraints: rows of `TASK_RANKINGS`.

    `scorers` defaults to the configured one, `priorities` to all.
    """
    tasks = Tasks.from_mapping(payload["tasks"])
    candidates = _all_candidates(payload)
    return [
        {"task_type": task_type, "priority": priority, **row}
        for choice in (
            _choice(tasks, scorer, quality_basis, missing_policy)
            for scorer in (scorers or (tasks.scorer,))
        )
        for task_type in tasks.task_types
        for pool in (_pool(choice, payload, candidates, task_type, tasks),)
        for priority in (priorities or tasks.priorities)
        for row in _ranking_rows(pool, tasks.weights(priority))
    ]


class _Pool(NamedTuple):
    """The measured candidates of a task type, by key, prepared for scoring under any weights."""

    task_type: str
    scorer: str
    rows: list[Row]
    scored: ScoredColumns


def _all_candidates(payload: Mapping[str, Any]) -> list[Candidate]:
    """Those of a profile without constraints, whatever its task type."""
    return select(payload, TaskProfile("general", 1.0, 0.0, 0.0)).candidates


def _pool(
    choice: _Choice,
    payload: Mapping[str, Any],
    candidates: Sequence[Candidate],
    task_type: str,
    tasks: Tasks,
) -> _Pool:
    rows = _rows(candidates, _basis(choice, payload, candidates, task_type, tasks))
    used = scorer_of(choice.scorer, payload, choice.policy, candidates, rows)
    return _Pool(task_type, choice.scorer, rows, used.in_columns(rows))


def _ranking_rows(pool: _Pool, weights: Weights) -> list[dict[str, Any]]:
    """The whole pool as `rank_columns` tells it."""
    columns = (column.tolist() for column in pool.scored(weights))
    scores = [Scored(*values) for values in zip(*columns, strict=True)]
    return [
        {
            "task_type": pool.task_type,
            "scorer": pool.scorer,
            "rank": rank,
            "canonical_model_key": row.candidate.key,
            "offering_key": row.candidate.offering.get("offering_key"),
            "model_name": row.candidate.model["model_name"],
            "provider": row.candidate.model["provider"],
            "score": scored.score,
            "quality_norm": scored.quality,
            "speed_norm": scored.speed,
            "cost_norm": scored.cost,
            "basis_source": row.reading.measure.source,
            "basis_column": row.reading.measure.column,
            "basis_index_version": row.reading.measure.index_version,
        }
        for rank, (row, scored) in enumerate(_ranked(pool.rows, scores), start=1)
    ]


def _first(scores: NDArray[np.float64], topk: int) -> list[int]:
    """Places of the highest scores, highest first; of equal ones the first place comes first."""
    import numpy as np

    if topk < len(scores):
        least = np.partition(scores, -topk)[-topk]
        (places,) = np.nonzero(scores >= least)
    else:
        places = np.arange(len(scores))
    ordered: list[int] = places[np.argsort(-scores[places], kind="stable")][:topk].tolist()
    return ordered


def _one_of(kind: str, name: str, allowed: Iterable[str]) -> str:
    names = tuple(allowed)
    if name not in names:
        raise unknown_name(kind, name, names)
    return name


def _require_topk(topk: int) -> None:
    if topk < 1:
        raise RequestError(f"topk is {topk}; it must be 1 or more")


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


class _Choice(NamedTuple):
    """How a ranking is made."""

    scorer: str
    quality_basis: str
    policy: str


def _choice(
    tasks: Tasks, scorer: str | None, quality_basis: str | None, policy: str | None
) -> _Choice:
    """The stated names, else the configured ones."""
    scorer = _one_of("scorer", scorer or tasks.scorer, SCORERS)
    stated = quality_basis
    basis = _one_of("quality basis", quality_basis or tasks.quality_basis, QUALITY_BASES)
    if stated == CONSENSUS_BASIS and scorer != ANCHORED:
        raise RequestError(f"{scorer} rests on a measure; a consensus needs {ANCHORED}")
    policy = _one_of("missing policy", policy or tasks.missing_policy, MISSING_NORMS)
    return _Choice(scorer, basis, policy)


def _basis(
    choice: _Choice,
    payload: Mapping[str, Any],
    candidates: Sequence[Candidate],
    task_type: str,
    tasks: Tasks,
) -> Basis:
    columns = tasks.task_type(task_type).columns
    if choice.scorer == WEIGHTED:
        return measure_of_each_row(payload, candidates, columns)
    if choice.scorer != ANCHORED or choice.quality_basis != CONSENSUS_BASIS:
        return one_measure(payload, candidates, columns, tasks.minimum_measured)
    basis = all_measures(payload, candidates, task_type)
    if basis.summary["measured"] or not candidates:
        return basis
    measure = one_measure(payload, candidates, columns, tasks.minimum_measured)
    warning = f"no candidate has {basis.lacks}: ranked by one measure"
    return measure._replace(warnings=[warning, *measure.warnings])


def _rows(candidates: Sequence[Candidate], basis: Basis) -> list[Row]:
    return [
        Row(candidate, reading)
        for candidate, reading in zip(candidates, basis.readings, strict=True)
        if reading is not None
    ]


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
        "justification": _justification(ranked, weights, scorer),
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


def _justification(ranked: _Ranked, weights: Weights, scorer: Scorer) -> str:
    """One sentence: the norms and weights that made the score, and the values behind them."""
    candidate, scored = ranked.row.candidate, ranked.scored
    parts = zip(weights, weights._fields, scored[:3], strict=True)
    terms = " + ".join(f"{weight:.3g} * {name} {norm:.3f}" for weight, name, norm in parts)
    offering = candidate.offering
    throughput, latency, price = (
        f"unknown (counted as {_short(norm)})" if value is None else before + _short(value) + unit
        for value, before, unit, norm in zip(
            (offering.get("output_tokens_per_s"), offering.get("ttft_s"), scorer.price(offering)),
            ("", "after ", ""),
            (" tokens/s", " s", f" {scorer.price_unit}"),
            scorer.missing,
            strict=True,
        )
    )
    facts = (
        _quality_in_words(ranked.row),
        f"output speed {throughput}",
        f"first token {latency}",
        f"price {price}",
    )
    key = offering.get("offering_key")
    at = "no known offering of its creator" if key is None else str(key)
    return f"Score {scored.score:.3f} = {terms}: {', '.join(facts)} at {at}."


def _quality_in_words(row: Row) -> str:
    reading = row.reading
    if reading.standing is None:
        return f"{reading.measure.column} {_short(reading.value)} {reading.measure.origin}"
    n = len(reading.standing.measures)
    return (
        f"consensus {reading.value:.2f} ({reading.standing.low:.2f} to "
        f"{reading.standing.high:.2f}) of {n} measure{'s' if n > 1 else ''} by "
        f"{' and '.join(reading.standing.publishers)}"
    )


def _short(value: float) -> str:
    return f"{value:.6g}"


def _attribution(payload: Mapping[str, Any], rows: Sequence[Row]) -> dict[str, str]:
    """The attribution of each source whose values made the scores, by source."""
    used = {publisher for row in rows for publisher in row.reading.publishers}
    for row in rows:
        used.update(filter(None, map(row.candidate.source_of, _SHOWN_COLUMNS)))
    origins = payload["origins"]
    return {source: origins[source]["attribution"] for source in sorted(used) if source in origins}


def _nothing_left(payload: Mapping[str, Any], excluded: Mapping[str, int], basis: Basis) -> str:
    total = len(payload["models"])
    if not total:
        return "nothing is left: the edition holds no models"
    candidates = basis.summary["candidates"]
    if candidates:
        return f"nothing is left: none of the {candidates} candidates has {basis.lacks}"
    by_constraint: dict[str, int] = {}
    for reason in REASONS:
        if reason in excluded and reason in CONSTRAINT_OF:
            constraint = CONSTRAINT_OF[reason]
            by_constraint[constraint] = by_constraint.get(constraint, 0) + excluded[reason]
    counts: Mapping[str, int] = by_constraint or excluded
    most = max(counts, key=lambda name: counts[name])
    unknown = sum(
        excluded.get(reason, 0)
        for reason, constraint in CONSTRAINT_OF.items()
        if constraint == most and reason != most
    )
    note = f", {unknown} of them because the value is unknown" if unknown else ""
    return f"nothing is left: {most} excluded most ({counts[most]} of {total} models{note})"
