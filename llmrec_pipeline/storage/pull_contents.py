"""What pulls are judged by: the content of each, read from bronze when the fold comes to it.

A fold asks for one content after the other, in the order of the pulls, and now and then for one from
before. So contents are read ahead, a batch a query, and let go of behind it: memory is that of two
batches, however long the history is.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TypeVar

import duckdb
import polars as pl

from llmrec_pipeline.domain.pulls import PullContent
from llmrec_pipeline.domain.rebases import Scores
from llmrec_pipeline.domain.records import INDEX_COLUMNS, SPEED_COLUMNS

_INDICES = tuple(c.name for c in INDEX_COLUMNS)
# A constant column is suspicious where a publisher measures or prices, not where it describes.
_JUDGED = (
    *_INDICES,
    *(c.name for c in SPEED_COLUMNS),
    "price_input_per_1m",
    "price_output_per_1m",
    "context_window",
)

_Read = TypeVar("_Read")


class _ByContent(Mapping[str, _Read]):
    """Something of each of one source's contents by hash, read ahead in the order in which they
    will be asked for.

    `places` says under which observed_at the rows of each content stand in bronze.
    """

    _BATCH = 100

    def __init__(
        self, con: duckdb.DuckDBPyConnection, source: str, places: Mapping[str, datetime]
    ) -> None:
        self._con = con
        self._source = source
        self._places = places
        self._order = list(places)
        self._at = {content_hash: index for index, content_hash in enumerate(self._order)}
        self._cache: OrderedDict[str, _Read] = OrderedDict()

    @abstractmethod
    def _read(self, first: datetime, last: datetime) -> dict[datetime, _Read]:
        """What stands in bronze between two places, both included."""

    @abstractmethod
    def _nothing(self) -> _Read:
        """What a content without rows is."""

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[str]:
        return iter(self._order)

    def __getitem__(self, content_hash: str) -> _Read:
        if content_hash not in self._cache:
            if content_hash in self._at:
                start = self._at[content_hash]
                wanted = {
                    name: self._places[name] for name in self._order[start : start + self._BATCH]
                }
            else:
                wanted = {content_hash: self._elsewhere(content_hash)}
            found = self._read(min(wanted.values()), max(wanted.values()))
            self._cache.update(
                {name: found.get(place, self._nothing()) for name, place in wanted.items()}
            )
            while len(self._cache) > 2 * self._BATCH:
                self._cache.popitem(last=False)
        self._cache.move_to_end(content_hash)
        return self._cache[content_hash]

    def _elsewhere(self, content_hash: str) -> datetime:
        """The place of a content from before the pulls that are judged now."""
        ((place,),) = self._con.execute(
            "SELECT observed_at FROM contents WHERE source = ? AND content_hash = ?",
            [self._source, content_hash],
        ).fetchall()
        found: datetime = place
        return found


class Contents(_ByContent[PullContent]):
    """What every pull is judged by."""

    def _read(self, first: datetime, last: datetime) -> dict[datetime, PullContent]:
        counts = ", ".join(f"count({name}), count(DISTINCT {name})" for name in _JUDGED)
        rows = self._con.execute(
            f"""
            SELECT observed_at, list(source_model_id), max(index_version), {counts}
            FROM bronze_models
            WHERE source = ? AND observed_at BETWEEN ? AND ?
            GROUP BY observed_at
            """,
            [self._source, first, last],
        ).fetchall()
        return {
            row[0]: PullContent(
                frozenset(row[1]),
                {column: (row[3 + 2 * at], row[4 + 2 * at]) for at, column in enumerate(_JUDGED)},
                row[2],
            )
            for row in rows
        }

    def _nothing(self) -> PullContent:
        return PullContent(frozenset(), {}, None)


class IndexValues(_ByContent[Scores]):
    """What a rebase shows in; asked for only beside a pull that names no index version."""

    def _read(self, first: datetime, last: datetime) -> dict[datetime, Scores]:
        frame = self._con.sql(
            f"SELECT observed_at, source_model_id, {', '.join(_INDICES)} FROM bronze_models "
            "WHERE source = ? AND observed_at BETWEEN ? AND ?",
            params=[self._source, first, last],
        ).pl()
        return {
            rows["observed_at"][0]: {name: _values(rows, name) for name in _INDICES}
            for rows in frame.partition_by("observed_at")
        }

    def _nothing(self) -> Scores:
        return {}


def _values(rows: pl.DataFrame, column: str) -> dict[str, float]:
    pairs = zip(rows["source_model_id"].to_list(), rows[column].to_list(), strict=True)
    return {name: value for name, value in pairs if value is not None}
