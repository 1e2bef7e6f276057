"""What the candidates of a ranking are compared on.

A measure is one (publisher, column, index version); values of different measures are no common
scale. `all_measures` takes the consensus that the edition carries; `one_measure` chooses one for the
whole ranking; `measure_of_each_row` takes each model's own first column, as the literal
formula says, and warns where that mixes measures.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from llmrec_pipeline.domain.candidates import Candidate
from llmrec_pipeline.domain.published_consensus import PublishedStanding, standings_of

CONSENSUS = "consensus"
_NUMBERS = re.compile("[0-9]{1,18}")


class Measure(NamedTuple):
    """A column of a publisher at one version of its indices (None: it names none)."""

    column: str
    source: str
    index_version: str | None

    @property
    def origin(self) -> str:
        """Publisher and version, in words."""
        version = "" if self.index_version is None else f" (index version {self.index_version})"
        return f"from {self.source}{version}"

    def __str__(self) -> str:
        return f"{self.column} {self.origin}"


class QualityReading(NamedTuple):
    """A model's value of a measure, on the publisher's own scale; or its consensus score, in
    standard deviations, with its standing. A consensus stands as the column `consensus`, with its
    publishers as the source."""

    value: float
    measure: Measure
    standing: PublishedStanding | None = None

    @property
    def publishers(self) -> tuple[str, ...]:
        """Whose values it rests on."""
        return (self.measure.source,) if self.standing is None else self.standing.publishers


class Basis(NamedTuple):
    """The reading of each candidate (None: not measured), in their order, and what to say of it.

    `summary` is the answer's `basis`; `lacks` says what a model without a reading lacks.
    """

    readings: list[QualityReading | None]
    summary: dict[str, Any]
    lacks: str
    warnings: list[str]


def all_measures(
    payload: Mapping[str, Any], candidates: Sequence[Candidate], task_type: str
) -> Basis:
    """The consensus of all measures of the task type. Its rank intervals are over all listed models,
    whoever competes here."""
    content = payload[CONSENSUS]
    readings: list[QualityReading | None] = []
    used: set[str] = set()
    n_measures: set[int] = set()
    for standing in standings_of(payload, task_type, [candidate.key for candidate in candidates]):
        if standing is None:
            readings.append(None)
            continue
        told_by = standing.publishers
        measure = Measure(CONSENSUS, ", ".join(told_by), None)
        readings.append(QualityReading(standing.score, measure, standing))
        used.update(told_by)
        n_measures.add(len(standing.measures))
    measured = len(readings) - readings.count(None)
    summary = {
        **_summary(None, measured, len(candidates)),
        "column": CONSENSUS,
        "method": content["method"],
        "version": content["version"],
        "publishers": sorted(used),
        "measures_per_model": [min(n_measures), max(n_measures)] if n_measures else None,
        "tie_rule": f"two models tie where their {content['confidence']:.0%} intervals overlap",
    }
    lacks = f"evidence of weight {content['minimum_evidence']:g} for {task_type}"
    return Basis(readings, summary, lacks, [])


def _value(model: Mapping[str, Any], column: str, source: str) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = model["measures"].get(column, {}).get(source)
    return None if found is None or found.get("value") is None else found


def publishers(payload: Mapping[str, Any], column: str) -> list[str]:
    """Publishers in the order in which they are tried for a column: configured, then by name."""
    order = list(payload["publisher_order"])
    others = {
        source
        for model in payload["models"]
        for source in model["measures"].get(column, ())
        if source not in order
    }
    return order + sorted(others)


def current_version(payload: Mapping[str, Any], column: str, source: str) -> str | None:
    """The version of a publisher's column that counts, over all listed models of the payload.

    As `newest_version` says; None where the publisher names no version.
    """
    found = (_value(m, column, source) for m in payload["models"] if m["listed"])
    return newest_version(
        str(value["index_version"])
        for value in found
        if value is not None and value.get("index_version") is not None
    )


def newest_version(told: Iterable[str]) -> str | None:
    """Of the versions that values name, the one that counts; None where none is named.

    The newest where all versions carry numbers (4.10 is after 4.9, dates by day), else the most
    common, ties to the last in text order.
    """
    versions = Counter(told)
    if not versions:
        return None
    numbers = {version: tuple(map(int, _NUMBERS.findall(version))) for version in versions}
    if all(numbers.values()):
        return max(versions, key=lambda version: (numbers[version], version))
    return max(versions, key=lambda version: (versions[version], version))


def _read(candidates: Sequence[Candidate], measure: Measure) -> list[QualityReading | None]:
    readings: list[QualityReading | None] = []
    for candidate in candidates:
        found = _value(candidate.model, measure.column, measure.source)
        at_version = found is not None and found.get("index_version") == measure.index_version
        readings.append(
            QualityReading(float(found["value"]), measure) if found and at_version else None
        )
    return readings


def one_measure(
    payload: Mapping[str, Any],
    candidates: Sequence[Candidate],
    columns: Sequence[str],
    minimum_measured: int,
) -> Basis:
    """One measure for all: the first column, from the first publisher, that measures enough.

    Enough is `minimum_measured` of the candidates, or half of them if that is fewer. Where no
    measure does, the one that measures most, ties to the first.
    """
    enough = min(2 * minimum_measured, len(candidates))  # twice, to halve without a fraction
    best: list[QualityReading | None] = [None] * len(candidates)
    chosen: Measure | None = None
    most = 0
    for measure in _measures(payload, columns) if candidates else ():
        readings = _read(candidates, measure)
        measured = len(readings) - readings.count(None)
        if measured > most:
            best, chosen, most = readings, measure, measured
        if 2 * measured >= enough:
            best, chosen, most = readings, measure, measured
            break
    if chosen is None:
        return Basis(best, _summary(None, 0, len(candidates)), " or ".join(columns), [])
    warnings = []
    if chosen.column != columns[0]:
        warnings.append(
            f"no publisher measures {columns[0]} for enough candidates: ranked by {chosen}"
        )
    if 2 * most < enough:
        warnings.append(f"{chosen} measures only {most} of {len(candidates)} candidates")
    return Basis(best, _summary(chosen, most, len(candidates)), str(chosen), warnings)


def _measures(payload: Mapping[str, Any], columns: Sequence[str]) -> Iterator[Measure]:
    for column in columns:
        for source in publishers(payload, column):
            yield Measure(column, source, current_version(payload, column, source))


def measure_of_each_row(
    payload: Mapping[str, Any], candidates: Sequence[Candidate], columns: Sequence[str]
) -> Basis:
    """Each model's first column that any publisher has, from the first publisher that has it."""
    orders = [(column, publishers(payload, column)) for column in columns]
    readings = [_first_reading(candidate.model, orders) for candidate in candidates]
    parts = Counter(reading.measure for reading in readings if reading is not None)
    measured = sum(parts.values())
    summary = _summary(next(iter(parts)) if len(parts) == 1 else None, measured, len(candidates))
    # By weight, then by name, so that the answer does not depend on the order of the models.
    ordered = sorted(parts.items(), key=lambda item: (-item[1], str(item[0])))
    summary["parts"] = [{**measure._asdict(), "measured": n} for measure, n in ordered]
    warnings = []
    if len(parts) > 1:
        listed = ", ".join(f"{measure}: {n}" for measure, n in ordered)
        warnings.append(
            "the models rest on different measures, whose values are no common scale"
            f" ({listed}); single_measure_v1 compares on one"
        )
    return Basis(readings, summary, " or ".join(columns), warnings)


def _first_reading(
    model: Mapping[str, Any], orders: Sequence[tuple[str, Sequence[str]]]
) -> QualityReading | None:
    for column, sources in orders:
        for source in sources:
            found = _value(model, column, source)
            if found is not None:
                measure = Measure(column, source, found.get("index_version"))
                return QualityReading(float(found["value"]), measure)
    return None


def _summary(measure: Measure | None, measured: int, candidates: int) -> dict[str, Any]:
    parts = dict.fromkeys(Measure._fields) if measure is None else measure._asdict()
    return {**parts, "measured": measured, "candidates": candidates}
