"""The answer: which models to use for a task profile, from an edition's ranking payload.

The payload is plain JSON (see `recommend`). Steps: candidates and constraints, the measure they
are compared on, the score, the order. `recommend` scores model by model for the command line;
`rank_columns` scores whole columns for the batch; both go through one scorer and agree to the bit.

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
    Reading,
    measure_of_each_row,
    one_measure,
)
from llmrec_pipeline.domain.scoring.weighted import (
    MISSING_NORMS,
    Metrics,
    Scale,
    Scales,
    Scored,
    Weights,
    known,
    known_column,
    weighted_score,
)
from llmrec_pipeline.domain.task_profile import (
    RequestError,
    TaskProfile,
    Tasks,
    resolve_providers,
    unknown_name,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SINGLE_MEASURE = "single_measure_v1"
WEIGHTED = "weighted_v1"
SCORERS = (SINGLE_MEASURE, WEIGHTED)

_METRIC_COLUMNS = ("output_tokens_per_s", "ttft_s", "price_input_per_1m")
_SHOWN_COLUMNS = (*_METRIC_COLUMNS, "price_output_per_1m", "context_window")


class _Row(NamedTuple):
    """A candidate that has a quality reading, and the values that its score is made of."""

    candidate: Candidate
    reading: Reading
    values: tuple[float, float | None, float | None, float | None]


class _Pool(NamedTuple):
    """What is scored: the measured candidates by key, and the scales over all candidates."""

    rows: list[_Row]
    scales: Scales


class _Ranked(NamedTuple):
    row: _Row
    scored: Scored[float]


def recommend(
    payload: Mapping[str, Any],
    profile: TaskProfile,
    *,
    topk: int = 5,
    scorer: str | None = None,
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
    or from `<column>_source` where it has one.

    `scorer` and `missing_policy` default to the configured ones; `host` is a host's id or alias;
    `capabilities` are names of `records.CAPABILITIES`, each of which a model must be known to have.
    Scores follow `llmrec_pipeline.domain.scoring.weighted`; norms span all candidates that pass
    the constraints. Equal scores are ordered by key. Where nothing is left, `recommendations` is
    empty and `message` says why.

    Raises RequestError for an unknown scorer, policy, task type, provider, host or capability, and
    for a `topk` below 1.
    """
    tasks = Tasks.from_mapping(payload["tasks"])
    scorer = _one_of("scorer", scorer or tasks.scorer, SCORERS)
    policy = _one_of("missing policy", missing_policy or tasks.missing_policy, MISSING_NORMS)
    if topk < 1:
        raise RequestError(f"topk is {topk}; it must be 1 or more")
    profile = _with_ids(payload, profile)
    columns = tasks.task_type(profile.task_type).columns
    host_id = None if host is None else resolve_host(payload, host)
    selection = select(payload, profile, host_id, require_capabilities(capabilities))
    basis = _basis(scorer, payload, selection.candidates, columns, tasks)
    pool = _pool(selection.candidates, basis.readings)
    ranked = _ranked(pool, _score_rows(pool, profile.weights, MISSING_NORMS[policy]))
    answer = {
        "task_profile": profile.to_mapping(),
        "edition": payload["edition"],
        "snapshot_ts": payload["snapshot_ts"],
        "origins": payload["origins"],
        "scorer": scorer,
        "basis": basis.summary,
        "recommendations": [
            _recommendation(item, profile.weights, policy) for item in ranked[:topk]
        ],
        "not_measured": [
            {"canonical_model_key": candidate.key, "lacks": basis.lacks}
            for candidate, reading in zip(selection.candidates, basis.readings, strict=True)
            if reading is None
        ],
        "excluded": selection.excluded,
        "attribution": _attribution(payload, pool.rows),
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
    missing_policy: str | None = None,
) -> list[dict[str, Any]]:
    """The whole ranking of a task type without constraints, scored by numpy columns.

    Rows hold the columns of `records.TASK_RANKINGS` but `priority`, best first, equal to the
    bit to what `recommend` gives without constraints. Raises RequestError likewise.
    """
    tasks = Tasks.from_mapping(payload["tasks"])
    scorer = _one_of("scorer", scorer or tasks.scorer, SCORERS)
    policy = _one_of("missing policy", missing_policy or tasks.missing_policy, MISSING_NORMS)
    columns = tasks.task_type(task_type).columns
    profile = TaskProfile(task_type, *weights)
    candidates = select(payload, profile).candidates
    basis = _basis(scorer, payload, candidates, columns, tasks)
    pool = _pool(candidates, basis.readings)
    ranked = _ranked(pool, _score_columns(pool, weights, MISSING_NORMS[policy]))
    return [
        {
            "task_type": task_type,
            "scorer": scorer,
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
        for rank, (row, scored) in enumerate(ranked, start=1)
    ]


def task_rankings(
    payload: Mapping[str, Any],
    *,
    scorers: Iterable[str] | None = None,
    priorities: Iterable[str] | None = None,
    missing_policy: str | None = None,
) -> list[dict[str, Any]]:
    """Every task type under every priority, without constraints: rows of `TASK_RANKINGS`.

    `scorers` defaults to the configured one, `priorities` to all.
    """
    tasks = Tasks.from_mapping(payload["tasks"])
    return [
        {"task_type": task_type, "priority": priority, **row}
        for scorer in (scorers or (tasks.scorer,))
        for task_type in tasks.task_types
        for priority in (priorities or tasks.priorities)
        for row in rank_columns(
            payload,
            task_type,
            tasks.weights(priority),
            scorer=scorer,
            missing_policy=missing_policy,
        )
    ]


def _one_of(kind: str, name: str, allowed: Iterable[str]) -> str:
    names = tuple(allowed)
    if name not in names:
        raise unknown_name(kind, name, names)
    return name


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


def _basis(
    scorer: str,
    payload: Mapping[str, Any],
    candidates: Sequence[Candidate],
    columns: Sequence[str],
    tasks: Tasks,
) -> Basis:
    if scorer == WEIGHTED:
        return measure_of_each_row(payload, candidates, columns)
    return one_measure(payload, candidates, columns, tasks.minimum_measured)


def _pool(candidates: Sequence[Candidate], readings: Sequence[Reading | None]) -> _Pool:
    rows = [
        _Row(candidate, reading, (reading.value, *_offered(candidate)))
        for candidate, reading in zip(candidates, readings, strict=True)
        if reading is not None
    ]
    quality = Scale.of(row.values[0] for row in rows)
    # Speed and price span every candidate, measured or not: all of them passed the constraints.
    offered = [_offered(candidate) for candidate in candidates]
    scales = (Scale.of(values[i] for values in offered) for i in range(len(_METRIC_COLUMNS)))
    return _Pool(rows, Scales(quality, *scales))


def _offered(candidate: Candidate) -> tuple[float | None, float | None, float | None]:
    """The values of `_METRIC_COLUMNS`."""
    get = candidate.offering.get
    return get("output_tokens_per_s"), get("ttft_s"), get("price_input_per_1m")


def _score_rows(pool: _Pool, weights: Weights, missing: float) -> list[Scored[float]]:
    return [
        weighted_score(Metrics(*map(known, row.values)), pool.scales, weights, missing)
        for row in pool.rows
    ]


def _score_columns(pool: _Pool, weights: Weights, missing: float) -> list[Scored[float]]:
    import numpy as np

    # A shape for the empty pool too; None becomes NaN.
    table: NDArray[np.float64] = np.array([row.values for row in pool.rows], dtype=np.float64)
    columns = table.reshape(-1, len(Metrics._fields)).T
    scored = weighted_score(Metrics(*map(known_column, columns)), pool.scales, weights, missing)
    return [Scored(*values) for values in zip(*(column.tolist() for column in scored), strict=True)]


def _ranked(pool: _Pool, scores: Sequence[Scored[float]]) -> list[_Ranked]:
    ranked = [_Ranked(row, scored) for row, scored in zip(pool.rows, scores, strict=True)]
    return sorted(ranked, key=lambda item: (-item.scored.score, item.row.candidate.key))


def _recommendation(ranked: _Ranked, weights: Weights, policy: str) -> dict[str, Any]:
    candidate, reading, scored = ranked.row.candidate, ranked.row.reading, ranked.scored
    sources = {reading.measure.column: reading.measure.source}
    for column in _SHOWN_COLUMNS:
        source = candidate.source_of(column)
        if source is not None:
            sources[column] = source
    return {
        "model_name": candidate.model["model_name"],
        "provider": candidate.model["provider"],
        "canonical_model_key": candidate.key,
        "offering_key": candidate.offering.get("offering_key"),
        "score": scored.score,
        "metrics": {
            "quality": reading.value,
            "quality_column": reading.measure.column,
            "quality_source": reading.measure.source,
            "quality_index_version": reading.measure.index_version,
            **{column: candidate.offering.get(column) for column in _SHOWN_COLUMNS},
            "sources": sources,
        },
        "normalized": {"quality": scored.quality, "speed": scored.speed, "cost": scored.cost},
        "justification": _justification(ranked, weights, policy),
    }


def _justification(ranked: _Ranked, weights: Weights, policy: str) -> str:
    """One sentence: the norms and weights that made the score, and the values behind them."""
    candidate, reading, scored = ranked.row.candidate, ranked.row.reading, ranked.scored
    parts = zip(weights, weights._fields, scored[:3], strict=True)
    terms = " + ".join(f"{weight:.3g} * {name} {norm:.3f}" for weight, name, norm in parts)
    _, throughput, latency, price = ranked.row.values
    counted = f"unknown (counted as {_short(MISSING_NORMS[policy])})"
    offering = candidate.offering.get("offering_key")
    facts = (
        f"{reading.measure.column} {_short(reading.value)} {reading.measure.origin}",
        f"output speed {counted if throughput is None else _short(throughput) + ' tokens/s'}",
        f"first token {counted if latency is None else 'after ' + _short(latency) + ' s'}",
        f"price {counted if price is None else _short(price) + ' USD per 1M input tokens'}",
    )
    at = "no known offering of its creator" if offering is None else str(offering)
    return f"Score {scored.score:.3f} = {terms}: {', '.join(facts)} at {at}."


def _short(value: float) -> str:
    return f"{value:.6g}"


def _attribution(payload: Mapping[str, Any], rows: Sequence[_Row]) -> dict[str, str]:
    """The attribution of each source whose values made the scores, by source."""
    used = {row.reading.measure.source for row in rows}
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
