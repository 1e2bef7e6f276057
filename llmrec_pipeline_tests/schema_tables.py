"""The tables of the schema by name, but for those whose rows the evidence store keeps in more columns."""

from __future__ import annotations

from llmrec_pipeline.domain import records
from llmrec_pipeline.domain.table_schema import Table
from llmrec_pipeline.storage.written import RECORD_TABLES

TABLES = {
    table.name: table
    for table in vars(records).values()
    if isinstance(table, Table) and table not in RECORD_TABLES
}
