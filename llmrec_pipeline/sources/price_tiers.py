"""Prices of longer requests: what each publisher writes in its own way, in one form.

Belongs here: the form of the column `price_tiers`. Does not belong here: where a publisher writes
its tiers (its own module).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from llmrec_pipeline.domain.records import MODELS_SNAPSHOT
from llmrec_pipeline.settings import FieldRule
from llmrec_pipeline.sources.cells import CellReader

TIER_PRICES = ("price_input_per_1m", "price_output_per_1m", "price_cached_input_per_1m")


class Tiers:
    """The tiers of one model, gathered price by price. What is no price is counted as bad."""

    def __init__(self, cells: CellReader, rules: Mapping[str, FieldRule]) -> None:
        self._cells = cells
        self._rules = rules
        self._tiers: dict[int, dict[str, Any]] = {}

    def add(self, above: Any, column: str, value: Any) -> None:
        """A price (as published, in the unit of the column's field rule) of requests that are
        longer than `above` input tokens."""
        if value is None or isinstance(above, bool) or not isinstance(above, (int, float)):
            return
        if not math.isfinite(above) or above <= 0 or column not in self._rules:
            return
        price = self._cells.priced(MODELS_SNAPSHOT[column], self._rules[column], value)
        if price is not None:
            self._tiers.setdefault(int(above), {})[column] = price

    def text(self) -> str | None:
        """The column's JSON, shortest requests first; None for a price without tiers."""
        if not self._tiers:
            return None
        return json.dumps(
            [
                {"above_input_tokens": above, **{name: prices.get(name) for name in TIER_PRICES}}
                for above, prices in sorted(self._tiers.items())
            ],
            separators=(",", ":"),
        )
