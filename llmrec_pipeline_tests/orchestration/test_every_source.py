"""All publishers at once, from loopback, with the prices of the installed package."""

from __future__ import annotations

from pathlib import Path

from dagster import DagsterInstance

from llmrec_pipeline_tests.orchestration.pipeline import HASTE, Pipeline
from llmrec_pipeline_tests.publishers import (
    AA,
    EPOCH,
    EVERY_SOURCE,
    GENAI_PRICES,
    LITELLM,
    LLM_STATS,
    LMARENA,
    MODELS_DEV,
    OPENROUTER,
    HtmlPage,
    Publishers,
)

ALL = (*EVERY_SOURCE, GENAI_PRICES)


def test_every_source_in_one_run(
    tmp_path: Path, town: Publishers, instance: DagsterInstance
) -> None:
    environment = {
        **town.environment(sources=ALL),
        **HASTE,
        "LLMREC_PIPELINE__HTTP__READ_S": "5",
        "LLMREC_PIPELINE__HTTP__BUDGET_S": "20",
        "LLMREC_PIPELINE__INGEST__DEADLINE_S": "60",
    }
    pipeline = Pipeline(tmp_path / "data", environment, instance)
    assert set(pipeline.settings.sources) == set(ALL)
    for job in ("ingest", "refresh"):
        summary = pipeline.run(job)
        assert summary.success, summary.error
    assert {source: entry.origin for source, entry in pipeline.origins().items()} == dict.fromkeys(
        ALL, "live"
    )
    for source in ALL:
        assert pipeline.state(source).last_status == "new"
        assert pipeline.silver(source).height > 0
    edition = pipeline.edition()
    assert edition is not None
    for source in ALL:
        assert pipeline.settings.sources[source].attribution in str(edition.ranking())

    offerings = pipeline.query(
        "SELECT offering_key, source, price_input_per_1m FROM model_offerings "
        "WHERE base_model = 'openai/gpt-5-4' ORDER BY offering_key, source"
    )
    sellers = {(row["offering_key"], row["source"]) for row in offerings}
    assert {
        ("openai|gpt-5.4", MODELS_DEV),
        ("openai|gpt-5.4", LITELLM),
        ("azure|gpt-5.4", LITELLM),
        ("openrouter|openai/gpt-5.4", MODELS_DEV),
        ("openrouter|openai/gpt-5.4", OPENROUTER),
    } <= sellers
    latest = pipeline.query(
        "SELECT serving_host, price_input_per_1m_source AS source FROM models_latest "
        "WHERE base_model = 'openai/gpt-5-4'"
    )
    assert {(row["serving_host"], row["source"]) for row in latest} == {("openai", MODELS_DEV)}
    own = pipeline.query(
        "SELECT DISTINCT price_source FROM offerings_latest WHERE serving_host = 'openrouter' "
        "AND base_model = 'openai/gpt-5-4'"
    )
    assert own == [{"price_source": OPENROUTER}]

    measured = pipeline.query("SELECT DISTINCT source, measure_column FROM measures_latest")
    columns = {(row["source"], row["measure_column"]) for row in measured}
    assert {c for s, c in columns if s == EPOCH} == {
        "quality_index",
        "math_index",
        "reasoning_index",
    }
    assert not [c for s, c in columns if s == LLM_STATS]
    assert {s for s, _ in columns} == {AA, LMARENA, EPOCH}

    pipeline.clock.move(hours=6)
    town.fault(EPOCH, HtmlPage())
    again = pipeline.run("ingest")
    assert again.success
    states = {source: pipeline.state(source).last_status for source in ALL}
    assert states == {**dict.fromkeys(ALL, "unchanged"), EPOCH: "invalid"}
