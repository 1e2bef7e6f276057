"""Numbers and names as people read them, the same on the page and in Markdown. A value that is not
known is a dash."""

from __future__ import annotations

from datetime import datetime

from llmrec_pipeline.domain.timestamps import parse_iso
from llmrec_pipeline.serving.report.content import FIRM, LIKELY, OPEN, Answer, Change, Choice

UNKNOWN = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"

_LABELS = {
    "price_input_per_1m": "input price",
    "price_output_per_1m": "output price",
    "price_cached_input_per_1m": "cached input price",
    "output_tokens_per_s": "output speed",
    "ttft_s": "time to first token",
    "context_window": "context",
    "max_price_per_1m": "above the cap",
    "price_unknown": "without a known price",
    "repriced": "price",
    "reranked": "place",
    "top_pick": "first",
    "rebased": "index version",
}
SURENESS = {
    FIRM: "Firm",
    LIKELY: "Likely",
    OPEN: "Open",
}


def label(name: str) -> str:
    """A column, task type or kind of change."""
    return _LABELS.get(name, name.replace("_", " "))


def money(value: float | None) -> str:
    """USD; prices keep the digits that they are told with."""
    if value is None:
        return UNKNOWN
    if value == 0:
        return "free"
    return f"${value:,.2f}" if value >= 0.1 else f"${value:.3g}"


def signed_money(value: float | None) -> str:
    """USD with its sign."""
    return UNKNOWN if value is None else f"{_sign(value)}${abs(value):,.2f}"


def number(value: float | None, digits: int = 3) -> str:
    """Significant digits, thousands apart."""
    if value is None:
        return UNKNOWN
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def deviations(value: float | None) -> str:
    """A consensus score in standard deviations, with its sign."""
    if value is None:
        return UNKNOWN
    return "0.00" if abs(value) < 0.005 else f"{value:+.2f}".replace("-", MINUS)


def percent(share: float | None) -> str:
    """A share from 0 to 1, in percent."""
    return UNKNOWN if share is None else f"{share:.0%}".replace("-", MINUS)


def signed_percent(share: float | None) -> str:
    """A relative change, a fraction, in percent with its sign."""
    return UNKNOWN if share is None else f"{_sign(share)}{abs(share):.1%}"


def _sign(value: float) -> str:
    return MINUS if value < 0 else "+" if value > 0 else ""


def tokens(value: float | None) -> str:
    """A context in tokens: 128k, 1M."""
    if value is None:
        return UNKNOWN
    if value >= 1_000_000:
        return f"{value / 1_000_000:.3g}M"
    return f"{value / 1000:.3g}k" if value >= 1000 else f"{value:.0f}"


def date(day: str) -> str:
    """21 Nov 2026, of an ISO day or the beginning of an ISO moment."""
    return f"{datetime.fromisoformat(day[:10]):%-d %b %Y}"


def minute(moment: str | None) -> str:
    """21 Nov 2026, 17:13 UTC."""
    return UNKNOWN if moment is None else f"{parse_iso(moment):%-d %b %Y, %H:%M} UTC"


def hours(age: float | None) -> str:
    """An age, given in hours: 30 min, 5 h, 12 d."""
    if age is None:
        return UNKNOWN
    if age < 1:
        return f"{age * 60:.0f} min"
    return f"{age:.0f} h" if age < 48 else f"{age / 24:.0f} d"


def cap(value: float | None) -> str:
    """A price cap in USD per 1M input tokens."""
    return "any price" if value is None else f"under {money(value).removesuffix('.00')}"


def count(n: int, thing: str) -> str:
    """`1 model`, `2 models`."""
    return f"{n:,} {thing}{'' if n == 1 else 's'}"


def sureness(answer: Answer) -> str:
    """How sure the first is, in a sentence."""
    if answer.stability is None or answer.sureness is None:
        return "Not enough evidence."
    first = answer.choices[0]
    told = (
        f"{SURENESS[answer.sureness]}: first under {percent(answer.stability)} of "
        f"{answer.weight_vectors} weightings within 20%, on {count(first.measures, 'measure')} by "
        f"{count(len(first.publishers), 'publisher')}"
    )
    if answer.rivals:
        told += f"; else {', '.join(answer.rivals)}"
    ties = (
        f" In quality alone, {count(answer.ties, 'other model')} cannot be told from it: the "
        f"intervals overlap."
        if answer.ties
        else ""
    )
    return f"{told}.{ties}"


def better(answer: Answer) -> str:
    """That others are better in quality, and the best of them."""
    best = answer.best_in_quality
    if best is None:
        return ""
    told = count(answer.better, "model")
    where = "" if answer.cap is None else f" {cap(answer.cap)}"
    return (
        f"{told}{where} {'is' if answer.better == 1 else 'are'} better in quality beyond the noise; "
        f"the best is {best.name}: {deviations(best.quality.value)} ({deviations(best.low)} to "
        f"{deviations(best.high)}), {money(best.price.value)} in."
    )


def reason(choice: Choice) -> str:
    """Why a model is named: quality, price and speed in a sentence."""
    quality = (
        f"quality {deviations(choice.quality.value)}"
        if choice.low is None
        else f"quality {deviations(choice.quality.value)} ({deviations(choice.low)} to "
        f"{deviations(choice.high)}), rank {choice.rank_low} to {choice.rank_high}"
    )
    prices = choice.price_input.value, choice.price_output.value
    cost = (
        "free"
        if prices == (0, 0)
        else f"{money(prices[0])} in and {money(prices[1])} out per 1M tokens"
    )
    speed = choice.speed.value
    fast = "speed unknown" if speed is None else f"{number(speed)} tokens/s"
    return f"The best balance: {quality}; {cost}; {fast}."


def not_ranked(answer: Answer) -> str:
    """Who was left aside, in words."""
    parts = [f"{n:,} {label(why)}" for why, n in answer.excluded.items() if n]
    if answer.not_measured:
        parts.append(f"{answer.not_measured:,} not measured")
    return f"{count(answer.ranked, 'model')} ranked; left aside: {', '.join(parts) or 'none'}."


def change_value(change: Change, text: str | None) -> str:
    """A value before or after, with its unit where it is a price."""
    if text is None:
        return UNKNOWN
    return money(float(text)) if change.change == "repriced" else text
