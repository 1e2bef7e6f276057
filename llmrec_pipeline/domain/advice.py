"""Whether a use case should move to another model: which ones are considered, and which advised.

A candidate is advised where its composite (`assessment`) is above the current model's own (the
current model beside itself, with the same parts known), or equal to it at a lower price. Candidates
are of the current model's own variant: a price per token says nothing of how many tokens another
effort spends. The same family stands first, then the same provider, then others; within each the
greater composite, of equal ones the better quality, then the lower price, then the key. A current
model without a price gets no advice.

Pure: what is known of the models comes from outside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from llmrec_pipeline.domain.advice_config import AdviceConfig
from llmrec_pipeline.domain.advice_evidence import Subject
from llmrec_pipeline.domain.assessment import (
    KINSHIPS,
    OTHER_PROVIDER,
    Assessment,
    assess,
    shared_calls,
)

UPGRADE, KEEP, NOT_ENOUGH_EVIDENCE, NO_ADVICE = VERDICTS = (
    "upgrade",
    "keep",
    "not_enough_evidence",
    "no_advice",
)


@dataclass(frozen=True, slots=True)
class Advice:
    """The answer: `candidates` are advised, best first; `considered` are the next best, judged and
    not better; `excluded` counts the others by reason."""

    use_case: str
    current: Subject
    verdict: str
    reason: str
    candidates: tuple[Assessment, ...]
    considered: tuple[Assessment, ...]
    excluded: Mapping[str, int]


def advise(
    use_case: str,
    current: Subject,
    others: Sequence[Subject],
    config: AdviceConfig,
    limit: int | None = None,
) -> Advice:
    """Which models, if any, should take the current one's place. `limit` is how many to name."""
    wanted = limit or config.max_candidates
    if current.price is None:
        reason = f"{current.model_id} has no price, so nothing can be said of another one's"
        return Advice(use_case, current, NO_ADVICE, reason, (), (), {})
    excluded: Counter[str] = Counter()
    judged: list[Assessment] = []
    for other in others:
        if other.model_id == current.model_id:
            continue
        found = _judged(use_case, current, other, config)
        if isinstance(found, str):
            excluded[found] += 1
        else:
            judged.append(found)
    judged.sort(key=_order)
    better = [found for found in judged if found.is_better]
    rest = sorted(
        (found for found in judged if not found.is_better), key=lambda found: not found.has_evidence
    )
    verdict, reason = _verdict(better, rest)
    counts = dict(sorted(excluded.items()))
    return Advice(
        use_case, current, verdict, reason, tuple(better[:wanted]), tuple(rest[:wanted]), counts
    )


def _judged(
    use_case: str, current: Subject, other: Subject, config: AdviceConfig
) -> Assessment | str:
    """The assessment of a model that may be considered, else why it may not."""
    if current.price is None or other.price is None:
        return "no price"
    if reason := _unfit(current, other):
        return reason
    found = assess(use_case, current, other, config)
    if found.kinship == OTHER_PROVIDER and (reason := _not_worth_a_move(use_case, found, config)):
        return reason
    return found


def _unfit(current: Subject, other: Subject) -> str | None:
    if other.is_deprecated:
        return "deprecated"
    if not other.is_listed:
        return "not listed"
    if other.variant != current.variant:
        return "another variant"
    if current.price and other.price and other.price.currency != current.price.currency:
        return "another currency"
    return None


def _not_worth_a_move(use_case: str, found: Assessment, config: AdviceConfig) -> str | None:
    """Why a model of another provider is no candidate."""
    limits = config.other_provider
    if found.cost_change is None or found.cost_change + 1 > Fraction(limits.max_price_ratio):
        return "another provider, price not competitive"
    if found.quality_change is None:
        return "another provider, no benchmark in common"
    if found.quality_change <= Fraction(limits.min_benchmark_change):
        return "another provider, benchmarks not better"
    calls = shared_calls(use_case, found.current.runtime, found.candidate.runtime, config)
    if calls and calls[1].high < calls[0].low:
        return "another provider, clear regression in our own calls"
    return None


def _order(found: Assessment) -> tuple[int, Fraction, Fraction, Fraction, str]:
    """Kin first, then the composite; where that is equal, quality and then the price."""
    quality, cost = found.quality_change or Fraction(0), found.cost_change or Fraction(0)
    kinship = KINSHIPS.index(found.kinship)
    return kinship, -found.composite, -quality, cost, found.candidate.model_id


def _verdict(better: Sequence[Assessment], rest: Sequence[Assessment]) -> tuple[str, str]:
    if better:
        return UPGRADE, f"{better[0].candidate.model_id} is better"
    if any(found.has_evidence for found in rest):
        return KEEP, "keep: no better candidate"
    if rest:
        return NOT_ENOUGH_EVIDENCE, (
            "not enough evidence: no candidate has a benchmark in common with the current model, "
            "or calls of our own to both"
        )
    return KEEP, "keep: no better candidate; none may be considered"
