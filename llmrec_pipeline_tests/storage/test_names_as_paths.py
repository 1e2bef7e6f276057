"""A name that becomes a path stays below the folder that it is meant for, whoever wrote it."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmrec_pipeline.locations import PROJECT_ROOT, SettingsError
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.sources import publisher
from llmrec_pipeline.storage.captures import find_captures, read_pages
from llmrec_pipeline.storage.code_tree import Skipped, code_files
from llmrec_pipeline.storage.editions import (
    CURRENT,
    MANIFEST,
    EditionError,
    current_edition,
    find_edition,
)
from llmrec_pipeline.storage.lake import DamagedPull, Lake
from llmrec_pipeline.storage.loading import load
from llmrec_pipeline.storage.warehouse import WarehouseError
from llmrec_pipeline.telemetry.formats import LogFormat, read_mapping
from llmrec_pipeline_tests.parsing import page
from llmrec_pipeline_tests.storage.pulled import AA, DataFolder, at, models

_STRANGE = (
    "../../up.json",
    "/absolute.json",
    "a/../../b.json",
    "..",
    ".",
    "",
    "manifest.json",
    "a/manifest.json",
    "%2e%2e%2fup",
    "C:\\up.json",
)
_NAMES = st.sampled_from(_STRANGE) | st.text(alphabet="./\\a~%\0 \n", max_size=12)
_MANY = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize("name", _STRANGE)
def test_a_page_lands_beside_its_manifest(tmp_path: Path, name: str) -> None:
    lake = Lake(tmp_path / "outer" / "data")
    lake.land_raw("s", at(0), [page({"a": 1}, name)])
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.parent for path in files} == {lake.page("s", at(0), name).parent}
    assert len(files) == 2
    assert [read.body for read in lake.read_raw("s", at(0))] == [b'{"a": 1}']


@given(name=_NAMES)
@_MANY
def test_a_manifest_names_no_page_of_another_folder(tmp_path: Path, name: str) -> None:
    lake = Lake(tmp_path)
    assert lake.page("s", at(0), name).parent == lake.page("s", at(0), "page.json").parent


def test_a_manifest_that_names_a_file_outside_is_refused(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "data")
    lake.land_raw("s", at(0), [page({})])
    secret = tmp_path / "secret.json"
    secret.write_text("{}")
    path = lake.page("s", at(0), "x").with_name("manifest.json")
    manifest = json.loads(path.read_text())
    manifest["pages"][0] |= {
        "name": str(secret),
        "sha256": hashlib.sha256(secret.read_bytes()).hexdigest(),
    }
    path.write_text(json.dumps(manifest))
    with pytest.raises(DamagedPull, match=r"secret\.json: missing"):
        lake.read_raw("s", at(0))


def test_a_pull_record_that_names_a_file_outside_is_refused(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.land(AA, at(0), models(3))
    (log,) = (folder.lake.bronze / AA).glob("pulls-*.jsonl")
    (bronze,) = (folder.lake.bronze / AA).glob("*.parquet")
    outside = bronze.rename(tmp_path / bronze.name)
    log.write_text(log.read_text().replace(bronze.name, f"../../../{outside.name}"))
    with folder.open() as con, pytest.raises(WarehouseError, match=re.escape(str(bronze))):
        load(con, folder.lake)


def test_a_capture_gives_pages_by_their_bare_names(tmp_path: Path) -> None:
    folder = tmp_path / "2026-03-01"
    folder.mkdir()
    (folder / "page.json.gz").write_bytes(gzip.compress(b"1"))
    (folder / "manifest.json.gz").write_bytes(gzip.compress(b"2"))
    (capture,) = find_captures([folder])
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    assert [(p.name, p.body) for p in read_pages(capture, moment, 100)] == [("page.json", b"1")]


@given(name=_NAMES)
@_MANY
def test_an_edition_is_one_of_those_that_were_published(tmp_path: Path, name: str) -> None:
    published = tmp_path / "data" / "published"
    for folder in (published / "a", published.parent, tmp_path):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST).write_text("{}")
    with suppress(EditionError):
        assert find_edition(published, name).folder == published / "a"


def test_the_current_edition_is_one_of_those_that_were_published(tmp_path: Path) -> None:
    published = tmp_path / "published"
    published.mkdir()
    (published / CURRENT).symlink_to("../../elsewhere/a")
    assert current_edition(published).folder == published / "a"  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["../up", "a/b", "a.b", "..", "", "A", "a\n"])
def test_a_source_has_a_plain_name(tmp_path: Path, name: str) -> None:
    for file in (PROJECT_ROOT / "config").glob("*.yaml"):
        (tmp_path / file.name).symlink_to(file)
    told = tmp_path / "sources.yaml"
    sources = yaml.safe_load(told.read_text("utf-8"))
    told.unlink()
    told.write_text(json.dumps({**sources, name: sources["lmarena"]}))
    with pytest.raises(SettingsError) as refused:
        load_settings({"LLMREC_CONFIG_DIR": str(tmp_path)})
    assert len(str(refused.value).splitlines()) == 1
    assert f"sources.yaml: {name!r} is no source" in str(refused.value)


@pytest.mark.parametrize("name", ["nobody", "http"])
def test_a_source_has_the_name_of_a_publisher(name: str) -> None:
    with pytest.raises(SettingsError, match=f": {name}: has no module"):
        publisher(name)


@pytest.mark.parametrize("name", _STRANGE)
def test_a_source_of_calls_has_a_plain_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "own.yaml").write_text(f"source: {json.dumps(name)}\nfields: {{}}\n")
    with pytest.raises(SettingsError) as refused:
        read_mapping(LogFormat.JSONL, tmp_path, tmp_path / "own.yaml")
    assert len(str(refused.value).splitlines()) == 1
    assert "own.yaml: source: " in str(refused.value)


def test_an_audit_reads_nothing_that_a_link_points_to(tmp_path: Path) -> None:
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    for folder in (tree, outside):
        folder.mkdir()
        (folder / "code.py").write_text("x = 1\n")
    (tree / "file.py").symlink_to(outside / "code.py")
    (tree / "folder").symlink_to(outside)
    (tree / "loop").symlink_to(tree)
    os.mkfifo(tree / "pipe.py")
    skipped = Skipped()
    assert [found.path for found in code_files(tree, [], 1000, skipped)] == ["code.py"]
    assert skipped.counts == Counter(link=3)
