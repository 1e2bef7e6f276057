"""Small plots for metadata, within what the UI shows without a click.

The UI shows Markdown inline below `INLINE_LIMIT` characters and hides what is longer behind a link.
A chart of a plotting library takes twenty times that, so these few marks are written by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import NamedTuple
from urllib.parse import quote

from dagster import MetadataValue

INLINE_LIMIT = 1_000

_LEFT, _TOP, _RIGHT, _BOTTOM = 34, 8, 312, 120
# The UI has a dark theme; ink on its own paper is readable in both.
_FRAME = (
    "<svg xmlns='http://www.w3.org/2000/svg' width='320' height='140' font-size='10' font-family='sans-serif'>"
    "<path fill='#fff' d='M0,0h320v140H0z'/>"
    f"<path fill='none' stroke='#888' d='M{_LEFT},{_TOP}V{_BOTTOM}H{_RIGHT}'/>"
    "<path stroke='#3730a3' stroke-width='5' stroke-linecap='round' d='{dots}'/>"
    "<text y='12'>{high:.4g}</text><text y='120'>{low:.4g}</text>"
    "<text x='34' y='134'>${cheap:.3g}</text><text x='280' y='134'>${dear:.3g}</text></svg>"
)
_BAR = 6


class Point(NamedTuple):
    """A model's price (USD per 1M input tokens, above 0) and quality (of one measure)."""

    price: float
    quality: float


def quality_by_price(points: Sequence[Point], measure: str) -> MetadataValue:
    """A dot a model, price on a logarithmic axis. The first points count: what would not fit is
    left out and counted in the line above."""
    shown = list(points)
    while len(text := _with_caption(shown, len(points), measure)) >= INLINE_LIMIT:
        shown.pop()
    return MetadataValue.md(text)


def _with_caption(shown: Sequence[Point], among: int, measure: str) -> str:
    if not shown:
        return f"No model has both a price and a {measure}."
    of = "" if len(shown) == among else f", {len(shown)} of {among} models"
    image = quote(_chart(shown), safe="/:=,'$;")
    return f"{measure} by input price{of}\n\n![](data:image/svg+xml,{image})"


def _chart(points: Sequence[Point]) -> str:
    prices, qualities = zip(*points, strict=True)
    cheap, dear, low, high = min(prices), max(prices), min(qualities), max(qualities)
    dots = "".join(
        f"M{_place(log(price), log(cheap), log(dear), _LEFT + 6, _RIGHT - 6)},"
        f"{_place(quality, low, high, _BOTTOM - 6, _TOP + 6)}h0"
        for price, quality in points
    )
    return _FRAME.format(dots=dots, cheap=cheap, dear=dear, low=low, high=high)


def _place(value: float, low: float, high: float, start: int, end: int) -> int:
    share = (value - low) / (high - low) if high > low else 0.5
    return round(start + share * (end - start))


def bar(value: float, largest: float) -> str:
    """A bar of text for a cell, in proportion to the largest value."""
    return "█" * max(1, round(_BAR * value / largest)) if value > 0 else ""
