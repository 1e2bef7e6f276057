"""What survives a power cut: files are synced before they count, and then the folder that names them."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest

from llmrec_pipeline.storage import files
from llmrec_pipeline.storage.spool import AnswerSpool


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was synced, a file or a folder, by its name, and what was renamed, in that order."""
    told: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(descriptor: int) -> None:
        fsync(descriptor)
        told.append(f"synced {Path(f'/proc/self/fd/{descriptor}').readlink().name}")

    def noted_replace(path: Path, target: Path) -> Path:
        told.append(f"{path.name} became {target.name}")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    return told


@pytest.mark.parametrize("form", ["bytes", "json", "parquet"])
def test_a_file_is_synced_before_it_has_its_name_and_its_folder_after(
    form: str, tmp_path: Path, done: list[str]
) -> None:
    path = tmp_path / "folder" / "file"
    if form == "bytes":
        files.write_bytes(path, b"content")
    elif form == "json":
        files.write_json(path, {"content": 1})
    else:
        files.write_parquet(path, pl.DataFrame({"content": [1]}))
    synced, became, folder = done
    aside = synced.removeprefix("synced ")
    assert aside != "file"
    assert (became, folder) == (f"{aside} became file", "synced folder")


def test_a_line_is_synced_and_the_folder_where_it_is_the_first(
    tmp_path: Path, done: list[str]
) -> None:
    path = tmp_path / "folder" / "log.jsonl"
    for number in range(2):
        files.append_line(path, {"number": number})
    assert done == ["synced log.jsonl", "synced folder", "synced log.jsonl"]


def test_an_answer_is_synced_at_once_where_that_is_asked_else_by_sync(
    tmp_path: Path, done: list[str]
) -> None:
    spool = AnswerSpool(tmp_path)
    spool.append('{"answer": 1}', sync=False)
    before = len(done)
    spool.sync()
    assert len(done) == before + 1
    spool.append('{"answer": 2}', sync=True)
    assert len(done) == before + 2
