"""The scorers by name: what each makes of the rows of a ranking.

A row is a candidate with its quality reading. `by_row` scores model by model for the command line,
`in_columns` prepares numpy columns once and scores them under any weights for the batch; both go
through one function of `domain.scoring` and agree to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from llmrec_pipeline.domain.candidates import Candidate
from llmrec_pipeline.domain.measure_choice import Measure, QualityReading
from llmrec_pipeline.domain.scoring.anchored import (
    Anchors,
    Measured,
    anchored_score,
    measured,
)
from llmrec_pipeline.domain.scoring.weighted import (
    MISSING_NORMS,
    Known,
    Metrics,
    MinMaxScale,
    Scales,
    Scored,
    Weights,
    known,
    known_column,
    weighted_score,
)
from llmrec_pipeline.domain.task_profile import RequestError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    ScoredColumns = Callable[[Weights], Scored[NDArray[np.float64]]]

ANCHORED = "anchored_v1"
SINGLE_MEASURE = "single_measure_v1"
WEIGHTED = "weighted_v1"
SCORERS = (ANCHORED, SINGLE_MEASURE, WEIGHTED)

METRIC_COLUMNS = ("output_tokens_per_s", "ttft_s", "price_input_per_1m")


class Row(NamedTuple):
    """A candidate that has a quality reading."""

    candidate: Candidate
    reading: QualityReading


class Scorer(Protocol):
    """Scores rows. `missing` is what a missing throughput, latency and price count as;
    `price_unit` is what `price` gives."""

    missing: tuple[float, float, float]
    price_unit: str

    def price(self, offering: Mapping[str, Any]) -> float | None:
        """The price that is compared, in `price_unit`."""

    def by_row(self, rows: Sequence[Row], weights: Weights) -> list[Scored[float]]:
        """Scores of the rows, one by one."""

    def in_columns(self, rows: Sequence[Row]) -> ScoredColumns:
        """The same in columns, an element a row, for any weights."""


def scorer_of(
    name: str,
    payload: Mapping[str, Any],
    policy: str,
    candidates: Sequence[Candidate],
    rows: Sequence[Row],
) -> Scorer:
    """The scorer of that name for a ranking of these rows among these candidates."""
    if name == ANCHORED:
        return _Anchored(payload, policy)
    return _Weighted(policy, candidates, rows)


def _offered(candidate: Candidate) -> tuple[float | None, ...]:
    """The values of `METRIC_COLUMNS`."""
    return tuple(candidate.offering.get(column) for column in METRIC_COLUMNS)


class _Weighted:
    """Min-max norms over the candidates. Quality spans the rows; speed and price span every
    candidate, measured or not, since all of them passed the constraints."""

    price_unit = "USD per 1M input tokens"

    def __init__(self, policy: str, candidates: Sequence[Candidate], rows: Sequence[Row]) -> None:
        self._missing = MISSING_NORMS[policy]
        self.missing = (self._missing, self._missing, self._missing)
        offered = [_offered(candidate) for candidate in candidates]
        self._scales = Scales(
            MinMaxScale.of(row.reading.value for row in rows),
            *(
                MinMaxScale.of(values[at] for values in offered)
                for at in range(len(METRIC_COLUMNS))
            ),
        )

    def price(self, offering: Mapping[str, Any]) -> float | None:
        return offering.get("price_input_per_1m")

    def by_row(self, rows: Sequence[Row], weights: Weights) -> list[Scored[float]]:
        return [
            weighted_score(
                Metrics(*map(known, (row.reading.value, *_offered(row.candidate)))),
                self._scales,
                weights,
                self._missing,
            )
            for row in rows
        ]

    def in_columns(self, rows: Sequence[Row]) -> ScoredColumns:
        lines = [(row.reading.value, *_offered(row.candidate)) for row in rows]
        metrics = Metrics(*map(known_column, _columns(lines, len(Metrics._fields))))
        return lambda weights: weighted_score(metrics, self._scales, weights, self._missing)


class _Anchored:
    """Fixed anchors; nothing depends on who else is there."""

    price_unit = "USD per 1M tokens as mixed"

    def __init__(self, payload: Mapping[str, Any], policy: str) -> None:
        self._anchors = Anchors.from_mapping(payload["anchors"])
        self._policy = policy
        self._populations = {
            Measure(row["name"], row["source"], row["index_version"]): (row["mean"], row["sd"])
            for row in payload["populations"]
            if row["category"] is None
        }
        anchors = self._anchors
        throughput, latency, price = (
            anchor.missing(policy)
            for anchor in (anchors.output_tokens_per_s, anchors.ttft_s, anchors.price_per_1m)
        )
        self.missing = (throughput, latency, price)

    def price(self, offering: Mapping[str, Any]) -> float | None:
        return self._anchors.token_mix.price(offering)

    def by_row(self, rows: Sequence[Row], weights: Weights) -> list[Scored[float]]:
        return [
            anchored_score(metrics, self._anchors, weights, self._policy)
            for metrics in self._measured(rows)
        ]

    def in_columns(self, rows: Sequence[Row]) -> ScoredColumns:
        lines = [(quality, *chain(*others)) for quality, *others in self._measured(rows)]
        quality, *others = _columns(lines, 1 + len(Known._fields) * len(METRIC_COLUMNS))
        metrics: Measured[NDArray[np.float64]] = Measured(
            quality, *map(Known, others[::2], others[1::2])
        )
        return lambda weights: anchored_score(metrics, self._anchors, weights, self._policy)

    def _measured(self, rows: Sequence[Row]) -> list[Measured[float]]:
        return [
            measured(self._quality(row.reading), row.candidate.offering, self._anchors)
            for row in rows
        ]

    def _quality(self, reading: QualityReading) -> float:
        """In standard deviations: a consensus is, a measure is put on its frozen population."""
        if reading.standing is not None:
            return reading.value
        try:
            mean, sd = self._populations[reading.measure]
        except KeyError:
            raise RequestError(
                f"the edition holds no frozen population of {reading.measure}; run `llmrec refresh`"
            ) from None
        return float((reading.value - mean) / sd)


def _columns(lines: Sequence[Sequence[float | None]], width: int) -> NDArray[np.float64]:
    """The columns of a table; None becomes NaN. It has its width without a line too."""
    import numpy as np

    return np.array(lines, dtype=np.float64).reshape(-1, width).T.copy()
