"""Whatever comes in is read, or refused in one line with the error that its reader documents."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmrec_pipeline.domain.sentiment_entries import Defaults, Entry, Rejected, read_entries
from llmrec_pipeline.domain.task_profile import RequestError
from llmrec_pipeline.locations import SettingsError
from llmrec_pipeline.sources import publisher
from llmrec_pipeline.sources.hacker_news import hits_of
from llmrec_pipeline.sources.pull import InvalidStructure, PullFailed
from llmrec_pipeline.storage.lake import DamagedPull, Lake
from llmrec_pipeline.storage.model_patch import with_model
from llmrec_pipeline.storage.outcome_tables import read_log, read_matrix, read_prior
from llmrec_pipeline.telemetry.formats import LogFormat, open_log, read_mapping
from llmrec_pipeline.telemetry.log import Place, UsageLogError
from llmrec_pipeline.yaml_section import Section
from llmrec_pipeline_tests.parsing import page, source_settings
from llmrec_pipeline_tests.parsing import settings as loaded_settings
from llmrec_pipeline_tests.publisher_facts import LLM_STATS
from llmrec_pipeline_tests.storage.pulled import at

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
_NAMES = ("model_id", "score", "hits", "objectID", "title", "data", "kind", "children", "x")
_JSON = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(_NAMES) | st.text(max_size=6), inner, max_size=5)
    ),
    max_leaves=12,
)
_BYTES = st.binary(max_size=200) | _JSON.map(lambda value: json.dumps(value).encode())
# The strange beginnings that a reader goes by.
_MAGIC = st.sampled_from([b"", b"PAR1", b"\x1f\x8b\x08", b"PK\x03\x04", b"\xef\xbb\xbf", b"["])
_FILES = st.tuples(_MAGIC, _BYTES).map(b"".join)
_MANY = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_YAML = st.text(alphabet="ab:-{}[]&*!|>%@`'\"#,\n 0.x~?<", max_size=60) | st.text(max_size=60)


def _read_or_refused(read: Callable[[], Any], *errors: type[Exception]) -> None:
    refused = None
    try:
        read()
    except errors as error:
        refused = str(error)
    assert refused is None or len(refused.splitlines()) == 1


@given(body=_JSON)
@_MANY
def test_scores_and_threads(body: object) -> None:
    """What other tests do for the other publishers."""
    for content in (body, [body], {"hits": [body]}, {"data": [body]}):
        asked = page(content)
        with suppress(InvalidStructure):
            publisher(LLM_STATS).parse([asked], source_settings(LLM_STATS)).content_hash()
        with suppress(PullFailed, InvalidStructure):
            hits_of(asked)


@given(text=_YAML)
@_MANY
def test_a_configuration(tmp_path: Path, text: str) -> None:
    (tmp_path / "tasks.yaml").write_text(text, "utf-8")
    _read_or_refused(lambda: Section.read(tmp_path, "tasks", {}), SettingsError)


@given(text=_YAML, model=st.text(max_size=20))
@_MANY
def test_a_file_that_is_to_be_patched(text: str, model: str) -> None:
    for content in (text, f"defaults:\n  a: {text}\n"):
        _read_or_refused(
            lambda content=content: with_model(Path("m.yaml"), content, ("defaults", "a"), model),
            RequestError,
        )


@given(body=_FILES, ending=st.sampled_from(["json", "jsonl", "csv", "parquet", "jsonl.gz"]))
@_MANY
def test_a_log_of_calls(tmp_path: Path, body: bytes, ending: str) -> None:
    path = tmp_path / f"log.{ending}"
    path.write_bytes(body)
    config = loaded_settings().locations.config
    mapping = read_mapping(LogFormat.OTEL, config, None)
    for form in (LogFormat.OTEL, LogFormat.LITELLM):
        _read_or_refused(
            lambda form=form: list(open_log(form, str(path), mapping).read(Place())), UsageLogError
        )


@given(body=_FILES, ending=st.sampled_from(["csv", "jsonl", "parquet"]))
@_MANY
def test_a_table_of_outcomes(tmp_path: Path, body: bytes, ending: str) -> None:
    path = tmp_path / f"table.{ending}"
    path.write_bytes(body)
    for read in (read_matrix, read_prior, read_log):
        _read_or_refused(lambda read=read: read(path), RequestError)


@given(rows=st.lists(_JSON, max_size=4), name=st.sampled_from(["f.jsonl", "f.json", "f.csv"]))
@_MANY
def test_a_file_of_sentiment(rows: list[object], name: str) -> None:
    text = "\n".join(map(json.dumps, rows)) if name != "f.json" else json.dumps(rows)
    defaults = Defaults("blog", ("blog",), "invented/line-1", str)
    with suppress(ValueError):
        found = list(read_entries(name, text, defaults))
        assert all(isinstance(row, Entry | Rejected) for row in found)


@given(body=_FILES)
@_MANY
def test_a_manifest_of_raw_pages(tmp_path: Path, body: bytes) -> None:
    lake = Lake(tmp_path)
    if not lake.has_raw("s", at(0)):
        lake.land_raw("s", at(0), [page({})])
    (manifest,) = (tmp_path / "raw" / "s").glob("*/manifest.json")
    manifest.write_bytes(body)
    with pytest.raises(DamagedPull) as refused:
        lake.read_raw("s", at(0))
    assert len(str(refused.value).splitlines()) == 1
