"""`resolved_names`, from which `model_identity_map` and `model_identity_review` are told: which
model each name of each publisher means.

A name is resolved when it is new, when its publisher says something else of it, and when the rules
change; what stays the same costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import polars as pl

from llmrec_pipeline.domain.identity import Identity, IdentityRules, SourceName
from llmrec_pipeline.domain.proposals import Proposals, proposed
from llmrec_pipeline.domain.records import MODEL_IDENTITY_MAP
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.code_version import code_version
from llmrec_pipeline.storage.fixture import Fixture
from llmrec_pipeline.storage.lake import polars_schema
from llmrec_pipeline.storage.warehouse import (
    first_row,
    get_meta,
    insert_frame,
    replace_rows,
    set_meta,
    sql_text,
    touch_months,
)

_RULES = "identity_rules"
_NAME = {
    "source": pl.String,
    "source_model_id": pl.String,
    "model_name": pl.String,
    "creator": pl.String,
    "host": pl.String,
    "release_date": pl.Date,
    "same_as": pl.String,
}
_COLUMNS = ", ".join(_NAME)
_OUTCOME = {
    **_NAME,
    **polars_schema(MODEL_IDENTITY_MAP),
    "reason": pl.String,
    "proposal": pl.String,
    "plain_name": pl.String,
}
_PROPOSAL = {
    "source": pl.String,
    "source_model_id": pl.String,
    "proposal": pl.String,
    "score": pl.Float64,
    "evidence": pl.String,
}


def map_identities(
    con: duckdb.DuckDBPyConnection, settings: Settings, fixture: Fixture | None
) -> None:
    """Resolve every name that the accepted pulls and the fixture use, and note which months of
    history a change of meaning rekeys. Runs within the caller's transaction."""
    rules_text = f"{settings.content_hash} {code_version()}"
    rules_changed = get_meta(con, _RULES) != rules_text
    _gather(con, settings, fixture)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE names_before AS SELECT * FROM resolved_names AS r "
        f"WHERE ? OR ({_COLUMNS}) NOT IN (SELECT ({_COLUMNS}) FROM names_now)",
        [rules_changed],
    )
    con.execute(
        "DELETE FROM resolved_names AS r USING names_before AS b "
        "WHERE r.source = b.source AND r.source_model_id = b.source_model_id"
    )
    names = con.sql(
        f"SELECT {_COLUMNS} FROM names_now AS n ANTI JOIN resolved_names AS r "
        "ON n.source = r.source AND n.source_model_id = r.source_model_id "
        "ORDER BY n.source, n.source_model_id"
    ).fetchall()
    if rules_changed:
        con.execute("DELETE FROM creator_hosts")
        set_meta(con, _RULES, rules_text)
    if names:
        _resolve(con, settings, [_name(row) for row in names])
    went = first_row(con, "SELECT 1 FROM names_before LIMIT 1") is not None
    if names or went:
        _propose(con, settings)
    if went:
        months = con.execute(sql_text("rekeyed_months"), {"rules_changed": rules_changed})
        touch_months(con, [month for (month,) in months.fetchall()])


def take_names(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Take over from the warehouse beside this one what it resolved of the names that are used
    here, so that `map_identities` finds it done where the rules are still the same. Runs within the
    caller's transaction."""
    con.execute(
        "INSERT INTO resolved_names SELECT * FROM warehouse.resolved_names "
        f"WHERE ({_COLUMNS}) IN (SELECT ({_COLUMNS}) FROM source_names) "
        "OR source NOT IN (SELECT source FROM source_names)"
    )
    con.execute("INSERT INTO creator_hosts SELECT * FROM warehouse.creator_hosts")
    con.execute("INSERT INTO meta SELECT * FROM warehouse.meta WHERE name = ?", [_RULES])
    _propose(con, settings)


def _gather(con: duckdb.DuckDBPyConnection, settings: Settings, fixture: Fixture | None) -> None:
    """`names_now`: what configured publishers last called their models, in pulls else in the
    fixture."""
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE names_now AS SELECT {_COLUMNS} FROM source_names "
        "WHERE list_contains(?, source)",
        [list(settings.sources)],
    )
    bundled = {
        (source, model["source_model_id"]): [
            source,
            *(model.get(name) for name in list(_NAME)[1:]),
        ]
        for source in (fixture.sources() if fixture else ())
        for model in (fixture.parsed(source).models if fixture else ())
    }
    frame = pl.DataFrame(list(bundled.values()), schema=_NAME, orient="row")
    con.register("bundled", frame.to_arrow())
    try:
        con.execute(
            f"INSERT INTO names_now SELECT {_COLUMNS} FROM bundled AS b ANTI JOIN names_now AS n "
            "ON b.source = n.source AND b.source_model_id = n.source_model_id"
        )
    finally:
        con.unregister("bundled")


def _resolve(
    con: duckdb.DuckDBPyConnection, settings: Settings, names: Sequence[SourceName]
) -> None:
    rules = IdentityRules(settings.identity)
    outcomes = [_outcome(name, rules, settings) for name in names]
    insert_frame(con, "resolved_names", pl.DataFrame(outcomes, schema=_OUTCOME))
    hosts = {
        creator: rules.own_host(creator) or creator
        for row in outcomes
        if (creator := row.get("model_creator"))
    }
    for creator, host in sorted(hosts.items()):
        con.execute("INSERT OR REPLACE INTO creator_hosts VALUES (?, ?)", [creator, host])


def _propose(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """`name_proposals`, anew: a model that is known now may be nearer to a name than before."""
    known = con.sql("SELECT DISTINCT base_model FROM resolved_names WHERE base_model IS NOT NULL")
    proposals = Proposals(
        (base_model for (base_model,) in known.fetchall()), settings.identity.proposals.min_score
    )
    rows = []
    for source, model_id, name, key in con.sql(
        "SELECT source, source_model_id, coalesce(plain_name, source_model_id), proposal "
        "FROM resolved_names WHERE base_model IS NULL ORDER BY ALL"
    ).fetchall():
        found = proposed(name, key) if key is not None else proposals.nearest(name)
        if found is not None:
            rows.append((source, model_id, found.key, found.score, found.evidence))
    replace_rows(con, "name_proposals", pl.DataFrame(rows, schema=_PROPOSAL, orient="row"))


def _name(row: Sequence[Any]) -> SourceName:
    """A row of `names_now`; the ids that its publisher gives are blank-separated."""
    told = dict(zip(_NAME, row, strict=True))
    return SourceName(**{**told, "same_as": tuple((told["same_as"] or "").split())})


def _outcome(name: SourceName, rules: IdentityRules, settings: Settings) -> dict[str, Any]:
    """A row of `resolved_names`."""
    outcome = rules.resolve(name)
    row = {column: getattr(name, column) for column in _NAME}
    row["same_as"] = " ".join(name.same_as) or None
    if not isinstance(outcome, Identity):
        return {
            **row,
            "reason": outcome.reason,
            "proposal": outcome.proposal,
            "plain_name": rules.plain_name(name),
        }
    host, offering = _offering(outcome, rules, settings.sources[name.source].offers_at)
    return {
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
