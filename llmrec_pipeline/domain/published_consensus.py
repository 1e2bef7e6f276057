"""The consensus as an edition carries it: small, plain JSON, read without numpy or pydantic.

    {"version", "method", "confidence", "minimum_evidence",
     "measures": [{source, name, category, index_version}],
     "task_types": {task type: {key: [score, low, high, rank, rank_low, rank_high, measures]}}}

The measures of a model are places in the list of measures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from llmrec_pipeline.domain.populations import MeasureKey

if TYPE_CHECKING:
    from llmrec_pipeline.domain.consensus import Consensus
    from llmrec_pipeline.domain.consensus_config import ConsensusConfig

# Far below what any measure can tell apart, and half the size of all digits.
_DECIMALS = 9


class PublishedStanding(NamedTuple):
    """A model's standing at a task type: see `consensus.Standing` for the numbers."""

    score: float
    low: float
    high: float
    rank: int
    rank_low: int
    rank_high: int
    measures: tuple[MeasureKey, ...]

    @property
    def publishers(self) -> tuple[str, ...]:
        """Whose measures it rests on, by name."""
        return tuple(sorted({measure.source for measure in self.measures}))

    def overlaps(self, other: PublishedStanding) -> bool:
        """Whether the two tie: neither interval lies wholly above the other one."""
        return self.low <= other.high and other.low <= self.high


def published(found: Mapping[str, Consensus], config: ConsensusConfig) -> dict[str, Any]:
    """What an edition carries of the consensus of each task type."""
    used = {
        item.measure
        for result in found.values()
        for standing in result.standings
        for item in standing.evidence
    }
    measures = sorted(used, key=lambda measure: measure.sort_key)
    place = {measure: at for at, measure in enumerate(measures)}
    return {
        "version": config.version,
        "method": config.method,
        "confidence": config.confidence,
        "minimum_evidence": config.minimum_evidence,
        "measures": [measure._asdict() for measure in measures],
        "task_types": {
            task_type: {
                standing.canonical_model_key: [
                    *(round(v, _DECIMALS) for v in (standing.score, standing.low, standing.high)),
                    standing.rank,
                    standing.rank_low,
                    standing.rank_high,
                    [place[item.measure] for item in standing.evidence],
                ]
                for standing in result.standings
            }
            for task_type, result in found.items()
        },
    }


def standings_of(
    payload: Mapping[str, Any], task_type: str, keys: Sequence[str]
) -> list[PublishedStanding | None]:
    """The standing of each of these models at a task type, None for one that has none."""
    content = payload["consensus"]
    measures = [MeasureKey(**measure) for measure in content["measures"]]
    standings = content["task_types"].get(task_type, {})

    def standing(row: Sequence[Any]) -> PublishedStanding:
        *numbers, places = row
        return PublishedStanding._make((*numbers, tuple(measures[at] for at in places)))

    return [standing(standings[key]) if key in standings else None for key in keys]
