"""OpenTelemetry spans as records of attributes: from OTLP JSON (what the collector's file exporter
writes) and from spans a line, as exporters of the SDKs write them.

Only the attributes that the mapping reads are kept: what was asked and answered stands in others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from llmrec_pipeline.domain.usage_events import FURTHER_EVALUATIONS
from llmrec_pipeline.domain.usage_paths import Record

_EVALUATION = "gen_ai.evaluation.result"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Reads = Callable[[str], bool]


def span_records(document: Any, reads: Reads) -> list[Record] | None:
    """The spans of a document; None where it holds none. `reads` says which attributes are used."""
    if not isinstance(document, dict):
        return None
    if "resourceSpans" in document:
        return [_record(span, common, reads) for span, common in _otlp_spans(document, reads)]
    if "attributes" in document:
        resource = document.get("resource")
        common = _attributes(_get(resource, "attributes"), reads)
        return [_record(document, common, reads)]
    return None


def _otlp_spans(document: Any, reads: Reads) -> Iterator[tuple[dict[str, Any], Record]]:
    for resource_spans in _list(document, "resourceSpans"):
        common = _attributes(_get(_get(resource_spans, "resource"), "attributes"), reads)
        # Older collectors call the scopes libraries.
        for name in ("scopeSpans", "instrumentationLibrarySpans"):
            for scope_spans in _list(resource_spans, name):
                for span in _list(scope_spans, "spans"):
                    yield span, common


def _record(span: dict[str, Any], common: Record, reads: Reads) -> Record:
    record = {**common, **_attributes(span.get("attributes"), reads)}
    ids = span.get("context") if isinstance(span.get("context"), dict) else span
    told = {
        "trace_id": _id(_any(ids, "traceId", "trace_id")),
        "span_id": _id(_any(ids, "spanId", "span_id")),
        "started": _moment(_any(span, "startTimeUnixNano", "start_time_unix_nano", "start_time")),
        "ended": _moment(_any(span, "endTimeUnixNano", "end_time_unix_nano", "end_time")),
        "status_code": _any(_get(span, "status"), "code", "status_code"),
    }
    record.update((name, value) for name, value in told.items() if value is not None)
    judged = [
        _attributes(event.get("attributes"), reads)
        for event in _list(span, "events")
        if event.get("name") == _EVALUATION
    ]
    if judged:
        record.update(judged[0])
        record[FURTHER_EVALUATIONS] = judged[1:]
    return record


def _attributes(told: Any, reads: Reads) -> Record:
    """Attributes as OTLP lists them, or as a plain mapping."""
    if isinstance(told, dict):
        return {key: value for key, value in told.items() if reads(key)}
    if not isinstance(told, list):
        return {}
    return {
        entry["key"]: _plain(entry.get("value"))
        for entry in told
        if isinstance(entry, dict) and isinstance(entry.get("key"), str) and reads(entry["key"])
    }


def _plain(value: Any) -> Any:
    """An OTLP value. Its 64-bit integers are text in JSON."""
    if not isinstance(value, dict) or len(value) != 1:
        return None
    ((kind, content),) = value.items()
    if kind == "arrayValue":
        return [_plain(item) for item in _get(content, "values") or []]
    return content if kind in ("stringValue", "intValue", "doubleValue", "boolValue") else None


def _id(value: Any) -> Any:
    """Ids in one spelling, whichever exporter wrote them."""
    return value.lower().removeprefix("0x") if isinstance(value, str) else value


def _moment(value: Any) -> Any:
    """Nanoseconds as a moment; other text as it is."""
    digits = value if isinstance(value, int) else None
    if isinstance(value, str) and value.isdigit():
        digits = int(value[:25])
    if digits is None or isinstance(value, bool):
        return value
    try:
        return _EPOCH + timedelta(microseconds=digits // 1_000)
    except OverflowError:
        return value


def _any(holder: Any, *names: str) -> Any:
    for name in names:
        if (value := _get(holder, name)) is not None:
            return value
    return None


def _get(holder: Any, name: str) -> Any:
    return holder.get(name) if isinstance(holder, dict) else None


def _list(holder: Any, name: str) -> list[dict[str, Any]]:
    told = _get(holder, name)
    return [item for item in told if isinstance(item, dict)] if isinstance(told, list) else []
