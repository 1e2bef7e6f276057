"""An answer in words: why a model stands where it stands, and why nothing is left.

In: scored rows, weights, exclusions. Out: one sentence or line each. Values carry their units.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmrec_pipeline.domain.candidates import CONSTRAINT_OF, REASONS
from llmrec_pipeline.domain.measure_choice import Basis
from llmrec_pipeline.domain.scorers import Row, Scorer
from llmrec_pipeline.domain.scoring.weighted import Scored, Weights


def justification(row: Row, scored: Scored[float], weights: Weights, scorer: Scorer) -> str:
    """One sentence: the norms and weights that made the score, and the values behind them."""
    parts = zip(weights, weights._fields, scored[:3], strict=True)
    terms = " + ".join(f"{weight:.3g} * {name} {norm:.3f}" for weight, name, norm in parts)
    offering = row.candidate.offering
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
        _quality_in_words(row),
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


def nothing_left(payload: Mapping[str, Any], excluded: Mapping[str, int], basis: Basis) -> str:
    """Which constraint excluded most, or what every candidate lacks."""
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
