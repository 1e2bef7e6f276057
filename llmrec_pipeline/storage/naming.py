"""`model_identity_map` and `model_identity_review`: which model each name means."""

from __future__ import annotations

from typing import Any

import duckdb
import polars as pl

from llmrec_pipeline.domain.identity import Identity, IdentityRules, SourceName
from llmrec_pipeline.domain.records import (
    MODEL_IDENTITY_MAP,
    MODEL_IDENTITY_REVIEW,
)
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.fixture import Fixture
from llmrec_pipeline.storage.lake import polars_schema
from llmrec_pipeline.storage.warehouse import (
    insert_frame,
    touch_months,
    transaction,
)


def map_identities(
    con: duckdb.DuckDBPyConnection, settings: Settings, fixture: Fixture | None
) -> None:
    """Resolve every name that the accepted pulls and the fixture use."""
    rules = IdentityRules(settings.identity)
    names = _names(con, settings, fixture)
    resolved: list[dict[str, Any]] = []
    review: list[dict[str, Any]] = []
    for name in names:
        outcome = rules.resolve(name)
        row = {
            "source": name.source,
            "source_model_id": name.source_model_id,
            "model_name": name.model_name,
        }
        if isinstance(outcome, Identity):
            host, offering = _offering(outcome, rules, settings.sources[name.source].offers_at)
            resolved.append(
                {
                    **row,
                    "canonical_model_key": outcome.canonical_model_key,
                    "base_model": outcome.base_model,
                    "variant": outcome.variant,
                    "model_creator": outcome.creator,
                    "serving_host": host,
                    "offering_key": offering,
                    "identity_method": outcome.method,
                    "confidence": outcome.confidence,
                }
            )
        else:
            review.append({**row, "reason": outcome.reason, "proposal": outcome.proposal})
    mapped = pl.DataFrame(resolved, schema=polars_schema(MODEL_IDENTITY_MAP))
    with transaction(con):
        before = con.sql("SELECT * FROM model_identity_map").pl()
        if _rekeyed(before, mapped):
            touch_months(con, None)
        for table, frame in (
            ("model_identity_map", mapped),
            (
                "model_identity_review",
                pl.DataFrame(review, schema=polars_schema(MODEL_IDENTITY_REVIEW)),
            ),
        ):
            con.execute(f"DELETE FROM {table}")
            insert_frame(con, table, frame)
        con.execute("DELETE FROM creator_hosts")
        for creator in sorted({row["model_creator"] for row in resolved}):
            con.execute(
                "INSERT INTO creator_hosts VALUES (?, ?)",
                [creator, rules.own_host(creator) or creator],
            )


def _rekeyed(before: pl.DataFrame, after: pl.DataFrame) -> bool:
    """Whether a name that stood in the history means another model now."""
    identity = ["source", "source_model_id"]
    values = ["canonical_model_key", "base_model", "serving_host", "offering_key"]
    both = before.join(after, on=identity, how="left", suffix="_after")
    return any(not both[value].eq_missing(both[f"{value}_after"]).all() for value in values)


def _offering(
    identity: Identity, rules: IdentityRules, offers_at: str
) -> tuple[str | None, str | None]:
    """Host and offering of a row. Where a publisher's prices count as the creator's own host, that
    host's id for the model is not known, and the base name stands for it."""
    if offers_at == "creator":
        host = rules.own_host(identity.creator) or identity.creator
        return host, f"{host}|{identity.base_model.split('/', 1)[1]}"
    if offers_at == "row":
        return identity.host, identity.offering_key
    return None, None


def _names(
    con: duckdb.DuckDBPyConnection, settings: Settings, fixture: Fixture | None
) -> list[SourceName]:
    rows = con.sql(
        "SELECT source, source_model_id, model_name, creator, host, release_date "
        "FROM source_names ORDER BY source, source_model_id"
    ).fetchall()
    names = {(row[0], row[1]): SourceName(*row) for row in rows if row[0] in settings.sources}
    for source in fixture.sources() if fixture else ():
        for model in fixture.parsed(source).models if fixture else ():
            names.setdefault(
                (source, model["source_model_id"]),
                SourceName(
                    source,
                    model["source_model_id"],
                    model.get("model_name"),
                    model.get("creator"),
                    model.get("host"),
                    model.get("release_date"),
                ),
            )
    return list(names.values())
