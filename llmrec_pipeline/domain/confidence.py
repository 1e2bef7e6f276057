"""What a confidence means: the reach of a two-sided interval, and the interval of a success rate.

In: confidences and rates from 0 to 1. Out: standard deviations, or rates from 0 to 1. The interval
of a rate is Wilson's score interval, in closed form (E. B. Wilson, "Probable inference, the law of
succession, and statistical inference", Journal of the American Statistical Association 22, 1927):

    (p + z²/2n ± z √(p(1 - p)/n + z²/4n²)) / (1 + z²/n)
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist


def two_sided_quantile(confidence: float) -> float:
    """How many standard deviations a normal interval of that confidence (0 to 1, both excluded)
    reaches to either side: 1.96 for 0.95."""
    return NormalDist().inv_cdf((1.0 + confidence) / 2.0)


def wilson_interval(rate: float, n: int, confidence: float) -> tuple[float, float]:
    """Lower and upper end for a rate seen in `n` > 0 trials; within 0 and 1."""
    z = two_sided_quantile(confidence)
    spread = 1.0 + z * z / n
    middle = (rate + z * z / (2 * n)) / spread
    half = z * sqrt(rate * (1.0 - rate) / n + z * z / (4 * n * n)) / spread
    return max(0.0, middle - half), min(1.0, middle + half)
