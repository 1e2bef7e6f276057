"""The shape of config/telemetry.yaml: figures of our own calls, and where they are made."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from llmrec_pipeline.domain.config_shape import ConfigShape

Count = Annotated[int, Field(gt=0, strict=True)]
OUTRANKS = "outranks"


class TelemetryConfig(ConfigShape):
    """telemetry.yaml. Windows are whole days, `max_memory_mb` DuckDB's memory in megabytes of
    1,000,000 bytes; `success_confidence` is that of an interval around a success rate."""

    window_days: Count
    success_confidence: Annotated[float, Field(gt=0, lt=1)]
    exact_up_to_events: Count
    max_memory_mb: Annotated[int, Field(ge=128, strict=True)]
    threads: Count
    postgresql_table: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_]\w*)?$")]
    spark_events_path: Annotated[str | None, Field(min_length=1)] = None
    measured_speed: Literal["outranks", "beside"]
    measured_speed_min_calls: Count
    recent_days: Count
