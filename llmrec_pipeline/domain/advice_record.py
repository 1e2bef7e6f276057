"""Advice as it is stored and told: figures rounded once, here, and the reasoning in words.

In: an assessment, or a stored record. Out: plain JSON, hashes and text; and the assessment again.
A record holds the ids of the rows that it rests on, a copy of their values, and the thresholds of
the day, so that it can be computed again from itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from llmrec_pipeline.domain.advice_config import AdviceConfig
from llmrec_pipeline.domain.advice_evidence import Subject, evidence_digest
from llmrec_pipeline.domain.assessment import (
    OTHER_PROVIDER,
    SAME_FAMILY,
    SAME_PROVIDER,
    Assessment,
    assess,
)
from llmrec_pipeline.domain.decimals import rounded
from llmrec_pipeline.domain.spend import in_words, spend_fields

_PLACES = 6
_KIN = {
    SAME_FAMILY: "Same family",
    SAME_PROVIDER: "Same provider",
    OTHER_PROVIDER: "Another provider",
}


def figures(found: Assessment) -> dict[str, Any]:
    """The numbers of an assessment as text: composite, its parts, confidence and deltas
    (`expected_cost_delta_pct` in percent, `expected_quality_delta` a fraction)."""
    cost, quality = cost_delta_pct(found), quality_delta(found)
    return {
        "composite": str(rounded(found.composite, _PLACES)),
        "to_keep": str(rounded(found.to_keep, _PLACES)),
        "components": {
            name: str(rounded(value, _PLACES)) for name, value in found.components._asdict().items()
        },
        "confidence": str(found.confidence),
        "expected_cost_delta_pct": None if cost is None else str(cost),
        "expected_quality_delta": None if quality is None else str(quality),
    }


def cost_delta_pct(found: Assessment) -> Decimal | None:
    """In percent of the current blended price."""
    return None if found.cost_change is None else rounded(found.cost_change * 100, _PLACES)


def quality_delta(found: Assessment) -> Decimal | None:
    """Mean relative change of the shared benchmarks, a fraction."""
    return None if found.quality_change is None else rounded(found.quality_change, _PLACES)


def evidence(use_case: str, found: Assessment, config: AdviceConfig) -> dict[str, Any]:
    """What is stored with a recommendation."""
    current, candidate = found.current.rows(), found.candidate.rows()
    return {
        "rows": {kind: sorted({*current[kind], *candidate[kind]}) for kind in current},
        "use_case": use_case,
        "current": found.current.model_dump(mode="json"),
        "candidate": found.candidate.model_dump(mode="json"),
        "figures": figures(found),
        "quality_interval": found.interval and found.interval._asdict(),
        "spend": spend_fields(found.spend),
        "config": config.model_dump(mode="json"),
        "config_hash": config_hash(config),
    }


def computed_again(stored: Mapping[str, Any]) -> Assessment:
    """The assessment of a record, from its own copy of values and thresholds."""
    return assess(
        str(stored["use_case"]),
        Subject.model_validate(stored["current"]),
        Subject.model_validate(stored["candidate"]),
        AdviceConfig.model_validate(stored["config"]),
    )


def config_hash(config: AdviceConfig) -> str:
    """Hash of the thresholds."""
    text = json.dumps(config.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def dedupe_hash(use_case: str, found: Assessment, config: AdviceConfig) -> str:
    """Hash of use case, both models and the evidence: the same advice for the same reasons."""
    subjects = (found.current, found.candidate)
    parts = (
        use_case,
        *(subject.model_id for subject in subjects),
        evidence_digest(subjects, config_hash(config)),
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def reasoning(found: Assessment) -> str:
    """Why, in words and with the figures."""
    return " ".join(
        (
            f"{_KIN[found.kinship]}.",
            _of_price(found.cost_change),
            _of_quality(found),
            _of_calls(found),
            *filter(None, [in_words(found.spend)]),
            f"Composite {_short(found.composite)}, staying with {found.current.model_id} "
            f"{_short(found.to_keep)}; confidence {found.confidence}.",
        )
    )


def _of_price(change: Fraction | None) -> str:
    if change is None:
        return "The current model is free, this one is not."
    if change == 0:
        return "The blended price is the same."
    return f"The blended price is {_percent(abs(change))} {'lower' if change < 0 else 'higher'}."


def _of_quality(found: Assessment) -> str:
    if found.quality_change is None:
        return "No benchmark in common."
    change, n = found.quality_change, len(found.shared)
    told = (
        "the same quality"
        if change == 0
        else f"{_percent(abs(change))} {'better' if change > 0 else 'worse'}"
    )
    interval = ""
    if found.interval:
        interval = (
            f" (consensus {found.interval.change:+.2f}, {found.interval.low:+.2f} to "
            f"{found.interval.high:+.2f} standard deviations)"
        )
    return f"Over {n} shared {'benchmark' if n == 1 else 'benchmarks'} {told}{interval}."


def _of_calls(found: Assessment) -> str:
    if not found.has_telemetry:
        return "No calls of our own to both."
    return f"Our own calls score {_short(found.components.runtime)}."


def _percent(change: Fraction) -> str:
    # A decimal becomes a float of any size; a fraction that is too large for one raises.
    return f"{float(rounded(change * 100, _PLACES)):.3g} %"


def _short(value: Fraction) -> str:
    return f"{float(value):.3f}"
