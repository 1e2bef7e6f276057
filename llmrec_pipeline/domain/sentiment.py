"""How a text about a model sounds."""

from __future__ import annotations

POSITIVE, NEUTRAL, NEGATIVE, MIXED = SENTIMENTS = ("positive", "neutral", "negative", "mixed")
