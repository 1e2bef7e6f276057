"""Epoch: the table of files, one score a model, and an archive that may be hostile."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec_pipeline.sources import archive, epoch, publisher
from llmrec_pipeline.sources.pull import InvalidStructure
from llmrec_pipeline_tests.board_and_price_facts import (
    AIDER,
    AIME,
    ECI,
    GPQA,
    TERMINAL,
    UNKNOWN_BOARD,
    UNKNOWN_RUN,
    epoch_zip,
)
from llmrec_pipeline_tests.parsing import by_id, page, parse, refusal, results, source_settings
from llmrec_pipeline_tests.publisher_facts import EPOCH, Facts, Row
from llmrec_pipeline_tests.publisher_faults import BadCells, EmptyList, RenamedFields


@pytest.fixture
def files() -> dict[str, tuple[Row, ...]]:
    return dict(Facts.invented(30).epoch)


def _rows(files: dict[str, tuple[Row, ...]], name: str) -> dict[str, Row]:
    return {row["Model version"]: row for row in files[name]}


def test_each_file_lands_in_its_unit(files: dict[str, tuple[Row, ...]]) -> None:
    parsed = parse(EPOCH, epoch_zip(files))
    found, models = results(parsed), by_id(parsed)
    assert parsed.bad_values == {}
    for name, row in _rows(files, GPQA).items():
        result = found[name, "gpqa_diamond", "reasoning"]
        assert result["score"] == float(row["mean_score"])
        assert result["stderr"] == float(row["stderr"])
        assert (result["unit"], result["verified"]) == ("fraction", True)
        assert models[name]["reasoning_index"] == pytest.approx(100 * result["score"])
    for name, row in _rows(files, ECI).items():
        index = float(row["ECI Score"])
        assert found[name, "epoch_capabilities_index", "index"]["score"] == index
        assert models[name]["quality_index"] == index
        assert models[name]["release_date"] == date.fromisoformat(row["Release date"])
        assert models[name]["creator"] == row["Organization"]
        assert models[name]["model_name"] == (row["Display name"] or name)
        is_open = row["Model accessibility"].startswith("Open")
        assert models[name]["is_open_weights"] is is_open
    for name, row in _rows(files, AIDER).items():
        if name:
            result = found[name, "aider_polyglot", "coding"]
            assert result["score"] == pytest.approx(float(row["Percent correct"]) / 100, abs=1e-12)
    assert all(models[name]["math_index"] for name in _rows(files, AIME))
    assert "coding_index" not in set().union(*parsed.models)


def test_an_effort_is_left_in_the_name(files: dict[str, tuple[Row, ...]]) -> None:
    names = set(by_id(parse(EPOCH, epoch_zip(files))))
    assert {"claude-opus-4-5_32K", "claude-opus-4-5", "gpt-5.4_high", "gpt-5.4_low"} <= names


def test_files_without_a_rule(files: dict[str, tuple[Row, ...]]) -> None:
    """Epoch's own runs have one shape and one unit; of another board's numbers nothing is known."""
    parsed = parse(EPOCH, epoch_zip(files))
    benchmarks = {row["benchmark_name"] for row in parsed.benchmarks}
    assert {
        row["category"] for row in parsed.benchmarks if row["benchmark_name"] == "invented_puzzles"
    } == {"other"}
    assert "invented_board" not in str(benchmarks)
    assert parsed.skipped["files without a rule"] == 1
    spoiled = {**files, UNKNOWN_RUN: ({**files[UNKNOWN_RUN][0], "mean_score": "57"},)}
    assert parse(EPOCH, epoch_zip(spoiled)).skipped["files without a rule"] == 2
    del files[UNKNOWN_BOARD]
    assert "files without a rule" not in parse(EPOCH, epoch_zip(files)).skipped


def test_rows_without_a_model_are_counted(files: dict[str, tuple[Row, ...]]) -> None:
    assert parse(EPOCH, epoch_zip(files)).skipped["rows without a model"] == 1


def test_only_the_neutral_scaffold_counts(files: dict[str, tuple[Row, ...]]) -> None:
    parsed = parse(EPOCH, epoch_zip(files))
    scores = [row for row in parsed.benchmarks if row["benchmark_name"] == "terminal_bench"]
    assert len(scores) * 2 == len(files[TERMINAL])
    assert parsed.skipped["rows of other scaffolds"] == len(scores)
    assert {row["verified"] for row in scores} == {False}
    told = {
        row["Model version"]: float(row["Accuracy mean"])
        for row in files[TERMINAL]
        if row["Agent"].strip() == "Terminus 2"
    }
    assert {row["source_model_id"]: row["score"] for row in scores} == told


def test_of_several_runs_of_a_model_the_best_counts(files: dict[str, tuple[Row, ...]]) -> None:
    first = files[GPQA][0]
    better = {**first, "mean_score": "0.991", "stderr": "0.001"}
    worse = {**first, "mean_score": "0.0101", "stderr": "0.5"}
    hashes = set()
    for seed in range(3):
        rows = [*files[GPQA], better, worse]
        random.Random(seed).shuffle(rows)
        parsed = parse(EPOCH, epoch_zip({**files, GPQA: tuple(rows)}))
        hashes.add(parsed.content_hash())
        name = first["Model version"]
        result = results(parsed)[name, "gpqa_diamond", "reasoning"]
        assert (result["score"], result["stderr"]) == (0.991, 0.001)
        assert by_id(parsed)[name]["reasoning_index"] == 99.1
    assert len(hashes) == 1


def test_a_model_without_a_score_is_still_a_model(files: dict[str, tuple[Row, ...]]) -> None:
    row = {
        **files[ECI][0],
        "Model version": "not-measured-yet",
        "ECI Score": "",
        "Release date": "",
    }
    parsed = parse(EPOCH, epoch_zip({**files, ECI: (*files[ECI], row)}))
    assert parsed.bad_values == {}
    model = by_id(parsed)["not-measured-yet"]
    assert (model.get("quality_index"), model["release_date"]) == (None, None)


def test_bad_cells_are_counted(files: dict[str, tuple[Row, ...]]) -> None:
    facts = BadCells().change(Facts.invented(30), EPOCH)
    assert sum(parse(EPOCH, epoch_zip(facts.epoch)).bad_values.values()) == 3
    # A file beside the required ones that has another shape costs itself alone.
    renamed = tuple({"Model version": r["Model version"], "Points": "1"} for r in files[AIDER])
    assert parse(EPOCH, epoch_zip({**files, AIDER: renamed})).bad_values == {"aider_polyglot": 1}


def test_other_structures_are_refused(files: dict[str, tuple[Row, ...]]) -> None:
    facts = Facts.invented(30)
    assert "renamed" in refusal(EPOCH, epoch_zip(RenamedFields().change(facts, EPOCH).epoch))
    assert refusal(EPOCH, epoch_zip(EmptyList().change(facts, EPOCH).epoch))
    for name in source_settings(EPOCH).required:
        assert name in refusal(EPOCH, epoch_zip({k: v for k, v in files.items() if k != name}))
    assert "HTML" in refusal(EPOCH, b"<!doctype html><html></html>")
    whole = epoch_zip(files)
    for share in (0, 0.1, 0.5, 0.999):
        assert "ZIP" in refusal(EPOCH, whole[: int(len(whole) * share)])
    flipped = bytearray(whole)
    flipped[len(whole) // 3] ^= 0xFF
    assert "ZIP" in refusal(EPOCH, bytes(flipped))


@pytest.mark.parametrize(
    "body",
    [
        b"Model version,mean_score\n\xff\xfe,1\n",
        b"Model version\n" + b'"' + b"x" * 200_000 + b'"\n',
        b",".join(b"c%d" % n for n in range(1000)) + b"\n" + b"1\n",
        b"Model version\n" + b"a\n" * 60_000,
    ],
    ids=["no UTF-8", "a huge cell", "too many columns", "too many rows"],
)
def test_a_file_that_is_no_such_csv_is_refused(
    files: dict[str, tuple[Row, ...]], body: bytes
) -> None:
    assert ECI in refusal(EPOCH, _with(epoch_zip(files), ECI, body))


def test_cells_beyond_the_header_are_let_go(files: dict[str, tuple[Row, ...]]) -> None:
    rows = b"Model version,ECI Score\nx,1.5,left,over\ny\n"
    models = by_id(parse(EPOCH, _with(epoch_zip(files), ECI, rows)))
    assert models["x"]["quality_index"] == 1.5
    assert "quality_index" not in models["y"]


def _with(body: bytes, name: str, content: bytes) -> bytes:
    """The archive with another content of one file."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(made, "w") as new:
        for entry in old.infolist():
            is_it = entry.filename.endswith(name)
            new.writestr(entry.filename, content if is_it else old.read(entry))
    return made.getvalue()


# archives -----------------------------------------------------------------------------------


def _archive(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as opened:
        for name, content in entries:
            opened.writestr(zipfile.ZipInfo(name), content, method)
    return made.getvalue()


def _unpacked(body: bytes) -> dict[str, bytes]:
    return archive.unpacked(page(body), lambda name: name.endswith(".csv"))


def test_names_are_never_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = ("../../up.csv", "/etc/root.csv", "C:\\temp\\drive.csv", "a/b/deep.csv", "folder.csv/")
    hidden = (("__MACOSX/._deep.csv", b"no"), ("b/deep.csv", b"second"), ("readme.md", b"no"))
    files = _unpacked(_archive(*((name, b"x") for name in names), *hidden))
    assert files == dict.fromkeys(("up.csv", "root.csv", "drive.csv", "deep.csv"), b"x")
    assert list(tmp_path.iterdir()) == []


def test_a_bomb_is_unpacked_no_further_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_UNPACKED", 1_000_000)
    bomb = _archive(("a.csv", bytes(600_000)), ("b.csv", bytes(600_000)))
    assert len(bomb) < 5_000
    with pytest.raises(InvalidStructure, match="unpacks to more"):
        _unpacked(bomb)
    assert len(_unpacked(_archive(("a.csv", bytes(600_000)), ("b.md", bytes(600_000))))) == 1


def test_a_lie_about_a_size_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_UNPACKED", 1_000)
    body = bytearray(_archive(("a.csv", bytes(50_000))))
    for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        struct.pack_into("<I", body, body.find(signature) + offset, 10)
    with pytest.raises(InvalidStructure):
        _unpacked(bytes(body))


def test_too_many_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    many = _archive(*((f"{n}.csv", b"") for n in range(archive.MAX_MEMBERS + 1)))
    with pytest.raises(InvalidStructure, match="more than 1000 files"):
        _unpacked(many)
    huge = _archive(*((f"{n}{'x' * 200}.csv", b"") for n in range(3_000)))
    with pytest.raises(InvalidStructure, match="directory"):
        _unpacked(huge)


def test_other_packings_are_refused() -> None:
    with pytest.raises(InvalidStructure, match="packed another way"):
        _unpacked(_archive(("a.csv", b"x" * 100), method=zipfile.ZIP_LZMA))
    locked = bytearray(_archive(("a.csv", b"x")))
    for signature, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        locked[locked.find(signature) + offset] |= 1
    with pytest.raises(InvalidStructure, match="encrypted"):
        _unpacked(bytes(locked))
    later = bytearray(_archive(("a.csv", b"x")))
    later[later.find(b"PK\x01\x02") + 6] = 99
    with pytest.raises(InvalidStructure, match=r"damaged ZIP: zip file version 9\.9"):
        _unpacked(bytes(later))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_arbitrary_damage_is_refused_or_read(data: st.DataObject) -> None:
    body = bytearray(epoch_zip(Facts.invented(2).epoch))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        publisher(EPOCH).parse([page(bytes(body))], source_settings(EPOCH))
    except InvalidStructure:
        return


@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=80) | st.binary(max_size=80).map(lambda tail: b"PK\x05\x06" + tail))
def test_arbitrary_bytes_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidStructure):
        publisher(EPOCH).parse([page(body)], source_settings(EPOCH))


# recordings ---------------------------------------------------------------------------------


def test_recorded_archive(recordings: Path) -> None:
    facts = Facts.recorded(recordings)
    parsed = parse(EPOCH, epoch_zip(facts.epoch))
    assert set(facts.epoch) == set(source_settings(EPOCH).benchmarks)
    assert (len(parsed.models), len(parsed.benchmarks), parsed.bad_values) == (591, 1716, {})
    assert parsed.skipped == {"rows without a model": 63, "rows of other scaffolds": 118}
    known = {
        column: sum(row.get(column) is not None for row in parsed.models)
        for column in ("quality_index", "reasoning_index", "math_index", "coding_index")
    }
    assert known == {
        "quality_index": 348,
        "reasoning_index": 157,
        "math_index": 130,
        "coding_index": 0,
    }
    for row in parsed.benchmarks:
        assert row["unit"] != "fraction" or 0 <= row["score"] <= 1
        assert row["unit"] != "elo" or row["score"] > 900
    assert epoch.PARSER_VERSION
