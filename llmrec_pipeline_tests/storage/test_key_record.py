"""Keys that were published before: rekeyed by a rule, rebuilt, and still resolved."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl

from llmrec_pipeline.domain.identity_config import IdentityConfig
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.editions import Published
from llmrec_pipeline_tests.storage.pulled import LMARENA, DataFolder, at, model

OLD, NEW = "laboratory/aura-big", "laboratory/aura"


def _with_rule(settings: Settings) -> Settings:
    """The settings with one spelling more."""
    tables = settings.identity.model_dump()
    tables["rewrites"] = (
        *tables["rewrites"],
        {"name": "aura-big", "find": "big", "put": "", "reason": "one size"},
    )
    values = {name: getattr(settings, name) for name in Settings.model_fields}
    return Settings(**{**values, "identity": IdentityConfig.model_validate(tables)})


def _folder(tmp_path: Path) -> DataFolder:
    folder = DataFolder(tmp_path / "data")
    for number in range(2):
        rows = [model(n, source_model_id=name) for n, name in enumerate(("Aura-Big", "Other"))]
        folder.land(LMARENA, at(number), [{**row, "quality_index": 9.0 + number} for row in rows])
    return folder


def _redirects(published: Published) -> dict[str, str]:
    frame = pl.read_parquet(published.edition.folder / "key_redirects.parquet")
    return dict(zip(frame["old_key"], frame["canonical_model_key"], strict=True))


def _history_keys(published: Published) -> set[str]:
    files = sorted((published.edition.folder / "history").glob("models_history_*.parquet"))
    return {key for path in files for key in pl.read_parquet(path)["canonical_model_key"]}


def test_old_keys_redirect_after_a_rule_changes_and_after_a_rebuild(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    first = folder.refresh(at(2))
    assert OLD in _history_keys(first)
    assert _redirects(first) == {}

    folder.settings = _with_rule(folder.settings)
    second = folder.refresh(at(2) + timedelta(minutes=1))
    assert NEW in _history_keys(second)
    assert OLD not in _history_keys(second)
    assert _redirects(second) == {OLD: NEW}
    assert second.edition.ranking()["key_redirects"] == {OLD: NEW}

    folder.warehouse.unlink()
    third = folder.refresh(at(2) + timedelta(minutes=2))
    assert third.manifest["content_digest"] == second.manifest["content_digest"]
    assert _redirects(third) == {OLD: NEW}


def test_the_record_says_each_thing_once_and_survives_a_torn_line(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    folder.refresh(at(2))
    record = folder.settings.locations.published_keys
    once = record.read_bytes()
    folder.refresh(at(2) + timedelta(minutes=1))
    assert record.read_bytes() == once

    record.write_bytes(once + b'{"edition": "e", "na')
    folder.settings = _with_rule(folder.settings)
    assert _redirects(folder.refresh(at(2) + timedelta(minutes=2))) == {OLD: NEW}
    assert record.read_bytes().startswith(once)
