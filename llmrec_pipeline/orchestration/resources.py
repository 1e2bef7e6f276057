"""Resources: the warehouse as Dagster sees it, opened and waited for as `storage.warehouse` does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
from dagster_duckdb import DuckDBResource

from llmrec_pipeline.settings import Settings, WarehouseSettings
from llmrec_pipeline.storage.warehouse import open_warehouse


class WarehouseResource(DuckDBResource):
    """`DuckDBResource` whose connections are closed on failure too, can be read-only, and wait for
    another process a bounded time before they name it."""

    lock_wait_s: float
    max_memory_mb: int
    threads: int

    @classmethod
    def from_settings(cls, settings: Settings) -> WarehouseResource:
        """The warehouse of these settings."""
        return cls(
            database=str(settings.locations.warehouse),
            **settings.pipeline.warehouse.model_dump(),
        )

    @contextmanager
    def get_connection(self, *, read_only: bool = False) -> Iterator[Any]:
        """A connection to a warehouse whose tables and views exist."""
        limits = WarehouseSettings(
            lock_wait_s=self.lock_wait_s, max_memory_mb=self.max_memory_mb, threads=self.threads
        )
        connection: duckdb.DuckDBPyConnection
        with open_warehouse(Path(self.database), limits, read_only=read_only) as connection:
            yield connection
