"""Which model is better than another at a task type and costs no more: one rule for reports and
alerts.

In: an edition's ranking payload, and how input and output tokens are mixed. Out: the best of those
that dominate a model. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from llmrec_pipeline.domain.candidates import own_offering
from llmrec_pipeline.domain.published_consensus import PublishedStanding, standings_of


class Better(NamedTuple):
    """The model that dominates `current`, and what both are compared by: their standings in the
    consensus (`own` is the current one's), and prices in USD per 1M tokens, input and output as they
    are mixed (`limit` is the current one's)."""

    key: str
    current: str
    standing: PublishedStanding
    price: float
    own: PublishedStanding
    limit: float


class Dominance:
    """The models of an edition that may take another's place: listed, not deprecated, priced.

    `input_per_output` is how many input tokens go with one output token.
    """

    def __init__(self, payload: Mapping[str, Any], input_per_output: float) -> None:
        self._payload = payload
        self._models = {model["canonical_model_key"]: model for model in payload["models"]}
        prices = {key: _price(model, input_per_output) for key, model in self._models.items()}
        self._prices = {key: price for key, price in prices.items() if price is not None}
        self._candidates = [
            key
            for key in self._prices
            if self._models[key]["listed"] and not self._models[key]["is_deprecated"]
        ]
        self._redirects: Mapping[str, str] = payload.get("key_redirects", {})

    def over(self, key: str, task_type: str, *, firm: bool) -> Better | None:
        """The best in quality of those that dominate a model, None where nobody does or it is not
        priced or not measured. `firm` demands an interval of quality that lies wholly above."""
        current = self._redirects.get(key, key)
        limit = self._prices.get(current)
        if limit is None:
            return None
        rivals = [
            rival
            for rival in self._candidates
            # Effort costs tokens that a price does not tell: like is compared with like.
            if rival != current
            and self._prices[rival] <= limit
            and self._models[rival]["variant"] == self._models[current]["variant"]
        ]
        own, *others = standings_of(self._payload, task_type, [current, *rivals])
        if own is None:
            return None
        better = [
            Better(rival, current, standing, self._prices[rival], own, limit)
            for rival, standing in zip(rivals, others, strict=True)
            if standing is not None
        ]
        dominating = [found for found in better if _dominates(found, firm=firm)]
        return max(dominating, key=lambda found: (found.standing.score, found.key), default=None)


def _dominates(found: Better, *, firm: bool) -> bool:
    if firm:
        return found.standing.low > found.own.high
    ahead = found.standing.score - found.own.score
    return ahead > 0 or (ahead == 0 and found.price < found.limit)


def _price(model: Mapping[str, Any], input_per_output: float) -> float | None:
    """USD per 1M tokens at the creator's own host, input and output as they are mixed."""
    own = own_offering(model)
    inputs, outputs = own.get("price_input_per_1m"), own.get("price_output_per_1m")
    if inputs is None or outputs is None:
        return None
    return float((input_per_output * inputs + outputs) / (input_per_output + 1))
