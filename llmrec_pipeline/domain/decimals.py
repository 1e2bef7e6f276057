"""Decimals: those that people write, read exactly and bounded, and our own, rounded in one way.

Any database takes what lies within the bound, and a float holds it.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from fractions import Fraction

MOST_DIGITS = 15
"""Before the point, and after it."""


def read_decimal(text: str) -> Decimal:
    """The number; raises ValueError for what is none, or out of bounds."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise ValueError(f"{text[:40]!r} is no decimal, such as 0.81")
    return within_bounds(number)


def within_bounds(number: Decimal) -> Decimal:
    """The number; raises ValueError where it has too many digits."""
    exponent = number.as_tuple().exponent
    if number.adjusted() >= MOST_DIGITS or not isinstance(exponent, int) or exponent < -MOST_DIGITS:
        raise ValueError(
            f"{str(number)[:40]!r} has too many digits; at most {MOST_DIGITS} before the point and "
            f"{MOST_DIGITS} after it"
        )
    return number


def rounded(value: Fraction, places: int) -> Decimal:
    """A fraction as a decimal of so many places, half to even."""
    return Decimal(round(value * 10**places)).scaleb(-places)
