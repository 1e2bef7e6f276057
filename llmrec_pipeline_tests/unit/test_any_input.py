"""Whatever comes in is read, or refused in one line with the error that its reader documents."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmrec_pipeline.domain.sentiment_entries import Defaults, Entry, Rejected, read_entries
from llmrec_pipeline.domain.task_profile import RequestError
from llmrec_pipeline.locations import PROJECT_ROOT, Locations, SettingsError
from llmrec_pipeline.serving.api.config import load_api_config
from llmrec_pipeline.serving.cli.estimating import _requests
from llmrec_pipeline.serving.report.about import ABOUT, find_report
from llmrec_pipeline.serving_settings import load_learning
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.sources import publisher
from llmrec_pipeline.sources.hacker_news import hits_of
from llmrec_pipeline.sources.pull import InvalidStructure, PullFailed
from llmrec_pipeline.storage.alert_state import read_ledger, write_ledger
from llmrec_pipeline.storage.alias_rows import append_alias
from llmrec_pipeline.storage.captures import BadCapture, Capture, read_pages
from llmrec_pipeline.storage.editions import MANIFEST, Edition, EditionError
from llmrec_pipeline.storage.fixture import Fixture, FixtureError
from llmrec_pipeline.storage.lake import DamagedPull, Lake
from llmrec_pipeline.storage.model_patch import with_model
from llmrec_pipeline.storage.outcome_tables import read_log, read_matrix, read_prior
from llmrec_pipeline.storage.spool import AnswerSpool
from llmrec_pipeline.storage.states import SourceState, read_state, write_state
from llmrec_pipeline.storage.written import NOTHING, exported_watermarks
from llmrec_pipeline.storage.yaml_tree import yaml_tree
from llmrec_pipeline.team_settings import (
    load_audit,
    load_mentions,
    load_sentiment,
    load_team_settings,
)
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
# Deeper than any reader follows.
_NESTED = st.sampled_from([b"[" * 100_000, b'{"a":' * 100_000])
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


@pytest.mark.parametrize("deep", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000 + "a"])
def test_a_configuration_that_is_nested_too_deep(tmp_path: Path, deep: str) -> None:
    path = tmp_path / "tasks.yaml"
    path.write_text(deep, "utf-8")
    with pytest.raises(SettingsError, match=r"tasks\.yaml: line 1, .*the 100 levels"):
        Section.read(tmp_path, "tasks", {})
    with pytest.raises(RequestError, match=r"tasks\.yaml: "):
        yaml_tree(path, deep)
    path.write_text("a: {b: 1}", "utf-8")
    assert Section.read(tmp_path, "tasks", {"LLMREC_TASKS__A__B": deep}).tree == {"a": {"b": deep}}


def test_a_configuration_that_is_too_long(tmp_path: Path) -> None:
    (tmp_path / "tasks.yaml").write_text("a: 1\n" + "#" * 5_000_000, "utf-8")
    with pytest.raises(SettingsError, match=r"tasks\.yaml: longer than the 4,194,304 characters"):
        Section.read(tmp_path, "tasks", {})


def _own_settings(config: Path) -> object:
    return load_settings({"LLMREC_CONFIG_DIR": str(config)})


def _by_locations(load: Callable[[Locations, dict[str, str]], object]) -> Callable[[Path], object]:
    return lambda config: load(Locations(data=config, config=config, offline=True), {})


_CONFIG = PROJECT_ROOT / "config"
_LOADERS: dict[str, Callable[[Path], object]] = {
    "models": _by_locations(load_team_settings),
    "pricing": _by_locations(load_team_settings),
    "mentions": _by_locations(load_mentions),
    "audit": _by_locations(load_audit),
    "sentiment": _by_locations(load_sentiment),
    "learning": _by_locations(load_learning),
    "api": _by_locations(load_api_config),
    **{
        f"telemetry/{form}": lambda config, form=form: read_mapping(form, config, None)
        for form in LogFormat
        if (_CONFIG / "telemetry" / f"{form}.yaml").exists()
    },
}
_NAMES_OF_FILES = sorted(
    path.relative_to(_CONFIG).with_suffix("").as_posix()
    for path in _CONFIG.rglob("*.yaml")
    if not path.name.startswith("dagster")
)


@given(name=st.sampled_from(_NAMES_OF_FILES), data=st.data(), value=_JSON)
@settings(_MANY, max_examples=30)
def test_each_file_of_the_configuration_with_one_place_spoiled(
    tmp_path: Path, name: str, data: st.DataObject, value: object
) -> None:
    (tmp_path / "telemetry").mkdir(exist_ok=True)
    for other in _NAMES_OF_FILES:
        path = tmp_path / f"{other}.yaml"
        path.unlink(missing_ok=True)
        path.symlink_to(_CONFIG / f"{other}.yaml")
    tree = _spoiled(yaml.safe_load((_CONFIG / f"{name}.yaml").read_text("utf-8")), data, value)
    path = tmp_path / f"{name}.yaml"
    path.unlink()
    path.write_text(yaml.safe_dump(tree, allow_unicode=True), "utf-8")
    _read_or_refused(lambda: _LOADERS.get(name, _own_settings)(tmp_path), SettingsError)


def _spoiled(tree: Any, data: st.DataObject, value: object) -> object:
    """The tree with the value in a place of the dice's choosing."""
    places = sorted(tree, key=str) if isinstance(tree, dict) else range(_length(tree))
    if not places or data.draw(st.integers(0, 3)) == 0:
        return value
    place = data.draw(st.sampled_from(places))
    tree[place] = _spoiled(tree[place], data, value)
    return tree


def _length(tree: object) -> int:
    return len(tree) if isinstance(tree, list) else 0


@given(text=_YAML | st.just("\x00"), encoding=st.sampled_from(["utf-8", "utf-16"]))
@_MANY
def test_a_file_of_aliases(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "identity.yaml"
    alias = {"name": "line-1", "key": "laboratory/line-1", "reason": "the same model"}
    for content in (text, f"aliases:\n  - {text}\n", f"aliases:\n  - {{name: a, key: {text}}}\n"):
        path.write_text(content, encoding)
        _read_or_refused(lambda: append_alias(path, alias), RequestError)


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


@given(body=_FILES | _NESTED, ending=st.sampled_from(["csv", "jsonl"]))
@_MANY
def test_a_table_of_requests(tmp_path: Path, body: bytes, ending: str) -> None:
    path = tmp_path / f"requests.{ending}"
    header = b"input_tokens,output_tokens\n"
    for content in (body, header + body, header + b"1" * 140_000):
        path.write_bytes(content)
        _read_or_refused(lambda: list(_requests(path)), RequestError)


@given(body=_FILES | _FILES.map(gzip.compress), ending=st.sampled_from(["json", "json.gz"]))
@_MANY
def test_a_captured_page(tmp_path: Path, body: bytes, ending: str) -> None:
    path = tmp_path / f"page.{ending}"
    path.write_bytes(body)
    capture = Capture(path, at(0), (path,))
    _read_or_refused(lambda: read_pages(capture, at(0), 1_000), BadCapture)


@given(rows=st.lists(_JSON, max_size=4), name=st.sampled_from(["f.jsonl", "f.json", "f.csv"]))
@_MANY
def test_a_file_of_sentiment(rows: list[object], name: str) -> None:
    text = "\n".join(map(json.dumps, rows)) if name != "f.json" else json.dumps(rows)
    defaults = Defaults("blog", ("blog",), "invented/line-1", str)
    with suppress(ValueError):
        found = list(read_entries(name, text, defaults))
        assert all(isinstance(row, Entry | Rejected) for row in found)


@given(body=_FILES | _NESTED)
@_MANY
def test_a_file_of_our_own_that_was_damaged(tmp_path: Path, body: bytes) -> None:
    """One that answers rest on is refused; one that can be made again counts for nothing."""
    place = Locations(data=tmp_path, config=tmp_path, offline=True)
    for path in (tmp_path / MANIFEST, tmp_path / "fixture.json", tmp_path / "watermarks.json"):
        path.write_bytes(body)
    with pytest.raises(EditionError):
        Edition("e", tmp_path).manifest()
    _read_or_refused(lambda: Fixture(tmp_path / "fixture.json", loaded_settings()), FixtureError)
    write_state(place.states, SourceState("s"))
    (place.states / "s.json").write_bytes(body)
    assert read_state(place.states, "s").source == "s"
    write_ledger(place, [])
    (place.states / "alerts" / "ledger.json").write_bytes(body)
    assert read_ledger(place) == []
    assert exported_watermarks(tmp_path) == NOTHING
    (place.reports / "e").mkdir(parents=True, exist_ok=True)
    (place.reports / "e" / ABOUT).write_bytes(body)
    assert find_report(Edition("e", tmp_path), place) is None
    spool = AnswerSpool(tmp_path)
    spool.folder.mkdir(exist_ok=True)
    (spool.folder / "answers.jsonl").write_bytes(body + b"\n")
    assert spool.drain(lambda _: None, at(0)) == 0


@given(body=_FILES | _NESTED)
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
