"""The rows that figures of a report rest on: each is entered once, when it is first cited."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from llmrec_pipeline.domain.populations import MeasureKey
from llmrec_pipeline.domain.published_consensus import PublishedStanding
from llmrec_pipeline.serving.report.content import Evidence, Figure

_UNITS = {
    "price_input_per_1m": "USD per 1M tokens",
    "price_output_per_1m": "USD per 1M tokens",
    "output_tokens_per_s": "tokens/s",
    "ttft_s": "s",
    "context_window": "tokens",
}
_DEVIATIONS = "standard deviations"
_OWN_SCALE = "own scale"
UNKNOWN = Figure(None, None)

Row = Mapping[str, Any]


class EvidenceBook:
    """Cites readings, standings and offerings of an edition. Of the models in `detailed`, a
    standing also cites the readings that it rests on."""

    def __init__(
        self,
        origins: Mapping[str, Row],
        readings: Iterable[Row],
        urls: Iterable[Row],
        detailed: Collection[str],
    ) -> None:
        self._origins = origins
        self._detailed = detailed
        self._rows: dict[tuple[str, ...], Evidence] = {}
        self._readings: dict[str, dict[MeasureKey, Row]] = {}
        self._siblings: dict[str, dict[MeasureKey, list[Row]]] = {}
        for row in readings:
            measure = MeasureKey(*(row[name] for name in MeasureKey._fields))
            self._readings.setdefault(row["canonical_model_key"], {})[measure] = row
            self._siblings.setdefault(row["base_model"], {}).setdefault(measure, []).append(row)
        self._urls: dict[tuple[str, str], str | None] = {}
        for row in urls:
            for key in (row["canonical_model_key"], row["base_model"]):
                self._urls.setdefault((row["source"], key), row["source_url"])

    @property
    def rows(self) -> tuple[Evidence, ...]:
        """Everything cited, in the order of the first citation."""
        return tuple(self._rows.values())

    def quality(
        self,
        model: Row,
        task_type: str,
        metrics: Row,
        standing: PublishedStanding | None,
    ) -> Figure:
        """The quality of an answer's `metrics`: a standing, or a value of one measure."""
        if standing is None:
            return Figure(metrics["quality"], self._measured(model, metrics))
        key = model["canonical_model_key"]
        rests_on = self._measures(model, standing) if key in self._detailed else ()
        observed = [self._observed_at(publisher) for publisher in standing.publishers]
        n = len(standing.measures)
        evidence = self._enter(
            "consensus",
            key,
            f"quality for {task_type}",
            value=standing.score,
            unit=_DEVIATIONS,
            low=standing.low,
            high=standing.high,
            source=", ".join(standing.publishers),
            observed_at=max(filter(None, observed), default=None),
            detail=f"rank {standing.rank_low} to {standing.rank_high}, "
            f"of {n} measure{'s' if n > 1 else ''}",
            rests_on=rests_on,
        )
        return Figure(standing.score, evidence)

    def _measured(self, model: Row, metrics: Row) -> str:
        source, version = metrics["quality_source"], metrics["quality_index_version"]
        return self._enter(
            "measure",
            model["canonical_model_key"],
            metrics["quality_column"],
            value=metrics["quality"],
            unit=_OWN_SCALE,
            source=source,
            observed_at=self._observed_at(source),
            url=self._url(source, model["canonical_model_key"], model["base_model"]),
            detail="" if version is None else f"index version {version}",
        )

    def offered(self, model: Row, offering: Row, column: str) -> Figure:
        """A price, speed or limit of an offering."""
        value = offering.get(column)
        source = offering.get(f"{column}_source") or offering.get("source")
        if value is None or source is None:
            return UNKNOWN
        url = self._url(source, model["canonical_model_key"], model["base_model"])
        is_speed = column in ("output_tokens_per_s", "ttft_s")
        return Figure(
            value,
            self._enter(
                "speed" if is_speed else "offering",
                model["canonical_model_key"],
                column,
                value=value,
                unit=_UNITS[column],
                source=source,
                observed_at=self._observed_at(source),
                url=url,
                detail=f"at {offering['offering_key']}",
            ),
        )

    def _measures(self, model: Row, standing: PublishedStanding) -> tuple[str, ...]:
        """The readings of the model; where another variant lends its own, those."""
        own = self._readings.get(model["canonical_model_key"], {})
        kin = self._siblings.get(model["base_model"], {})
        return tuple(
            self._reading(row)
            for measure in standing.measures
            for row in ([own[measure]] if measure in own else kin.get(measure, ()))
        )

    def _reading(self, row: Row) -> str:
        category, version = row["category"], row["index_version"]
        told = [] if version is None else [f"index version {version}"]
        told += ["reported by its creator"] if row["verified"] is False else []
        stderr = row["stderr"]
        return self._enter(
            "measure",
            row["canonical_model_key"],
            row["name"] if category is None else f"{row['name']}: {category}",
            value=row["value"],
            unit=_OWN_SCALE,
            low=None if stderr is None else row["value"] - stderr,
            high=None if stderr is None else row["value"] + stderr,
            source=row["source"],
            observed_at=self._observed_at(row["source"]),
            url=self._url(row["source"], row["canonical_model_key"], row["base_model"]),
            detail=", ".join(told),
        )

    def _observed_at(self, source: str) -> str | None:
        observed_at: str | None = self._origins.get(source, {}).get("observed_at")
        return observed_at

    def _url(self, source: str, *keys: str) -> str | None:
        return next((self._urls[source, key] for key in keys if (source, key) in self._urls), None)

    def _enter(
        self,
        kind: str,
        subject: str,
        item: str,
        *,
        value: float,
        unit: str,
        source: str,
        observed_at: str | None,
        detail: str,
        low: float | None = None,
        high: float | None = None,
        url: str | None = None,
        rests_on: tuple[str, ...] = (),
    ) -> str:
        at = (kind, subject, item, source, detail)
        if at not in self._rows:
            origins = {self._origins.get(name, {}).get("origin") for name in source.split(", ")}
            self._rows[at] = Evidence(
                id=f"e{len(self._rows) + 1}",
                kind=kind,
                subject=subject,
                item=item,
                value=value,
                unit=unit,
                low=low,
                high=high,
                source=source,
                observed_at=observed_at,
                origin=", ".join(sorted(filter(None, origins))) or None,
                url=url,
                detail=detail,
                rests_on=rests_on,
            )
        return self._rows[at].id
