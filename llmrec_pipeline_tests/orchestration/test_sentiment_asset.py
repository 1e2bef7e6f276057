"""What people write of models, as an asset: counted, and searched for only where that is on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, materialize

from llmrec_pipeline.orchestration.assets.sentiment import sentiment_asset
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.storage.evidence_store.ingesting import ingest
from llmrec_pipeline.storage.evidence_store.migrating import open_store
from llmrec_pipeline_tests.hacker_news import HackerNews, comment
from llmrec_pipeline_tests.storage.evidence_rows import START, catalogue_of, model


def test_the_search_is_off_until_it_is_switched_on(
    tmp_path: Path, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings({"LLMREC_DATA_DIR": str(tmp_path)})
    store = open_store(settings.locations)
    with store.writing() as session:
        ingest(session, catalogue_of(model("anthropic/claude-opus-4-5")), START)
    store.close()

    def materialized() -> dict[str, Any]:
        result = materialize([sentiment_asset(settings, lambda: START)], instance=instance)
        (event,) = result.asset_materializations_for_node("model_sentiment_signals")
        return {name: value.value for name, value in event.metadata.items()}

    then = int(START.timestamp()) - 60
    with HackerNews([comment(1, then, "Claude Opus 4.5 is great")]) as server:
        for variable, value in server.environment().items():
            monkeypatch.setenv(variable, value)
        off = materialized()
        assert server.asked == []
        monkeypatch.setenv("LLMREC_SENTIMENT__SCHEDULED__ENABLED", "true")
        first, again = materialized(), materialized()
        server.status = 404
        refused = materialized()
    assert (off["dagster/row_count"], off["searched"]) == (0, 0)
    assert (first["positive"], first["searched"], first["new"]) == (1, 1, 1)
    # The team's other models are not in the catalogue.
    assert first["search_failed"] > 5
    assert (again["positive"], again["new"]) == (1, 0)
    assert (refused["positive"], refused["searched"]) == (1, 0)
