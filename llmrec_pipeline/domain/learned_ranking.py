"""An answer in the light of our own outcomes: the same models, in another order.

    learned score = score + weight of quality * shift

where the shift is what outcomes say of a model beyond what they say of all models of the use case
(`domain.learning`). Success rates and the norm of quality both run from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from llmrec_pipeline.domain.learning import Outcome, estimates
from llmrec_pipeline.domain.learning_config import LearningConfig

# Stands for a model that nobody has tried.
_UNTRIED = ""


def learned_of(
    use_case: str,
    standings: Mapping[str, Mapping[str, float]],
    outcomes: Iterable[Outcome],
    config: LearningConfig,
) -> dict[str, Any] | None:
    """What our outcomes say in a use case, as JSON: `{use_case, version, outcomes, models: {key:
    estimate and shift}}`, of the models with outcomes; None where it has no outcomes.

    `standings` is each use case's consensus score by model, of this use case and of the others
    with outcomes.
    """
    told = list(outcomes)
    prior = {
        (case, model): config.standing_map.rate(score)
        for case, by_model in standings.items()
        for model, score in by_model.items()
    }
    counted = [outcome for outcome in told if (outcome.use_case, outcome.model) in prior]
    here = sum(outcome.count for outcome in counted if outcome.use_case == use_case)
    if not here:
        return None
    tried = {outcome.model for outcome in counted}
    prior = {cell: rate for cell, rate in prior.items() if cell[1] in tried}
    prior[use_case, _UNTRIED] = config.standing_map.rate(0.0)
    found = estimates(prior, counted, config, config.use_case_doubt.of_standings)
    of_all = found.pop((use_case, _UNTRIED)).correction
    return {
        "use_case": use_case,
        "version": config.version,
        "outcomes": here,
        "models": {
            model: {**estimate.to_mapping(), "shift": estimate.correction - of_all}
            for (case, model), estimate in sorted(found.items())
            if case == use_case
        },
    }


def reranked(answer: Mapping[str, Any], learned: Mapping[str, Any], topk: int) -> dict[str, Any]:
    """The answer, which names every ranked model, in the learned order and cut to `topk`. Each
    recommendation has `learned_score`, and `learned` where we have outcomes of it."""
    weight = answer["task_profile"]["weight_quality"]
    models = learned["models"]
    scored = [
        {
            **item,
            "learned_score": item["score"] + weight * models.get(key, {}).get("shift", 0.0),
            "learned": models.get(key),
        }
        for item in answer["recommendations"]
        for key in (item["canonical_model_key"],)
    ]
    scored.sort(key=lambda item: (-item["learned_score"], item["canonical_model_key"]))
    summary = {name: learned[name] for name in ("use_case", "version", "outcomes")}
    return {**answer, "recommendations": scored[:topk], "learned": summary}
