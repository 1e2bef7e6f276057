"""The lake on a real disk: atomic, verbatim, append-only, and whole again after a crash."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from llmrec_pipeline.domain.records import BENCHMARK_RESULTS, MODELS_SNAPSHOT
from llmrec_pipeline.domain.timestamps import stamp
from llmrec_pipeline.sources.pull import InvalidStructure, ParsedPull, RawPage
from llmrec_pipeline.storage import lake as lake_module
from llmrec_pipeline.storage.files import append_line, write_bytes, write_json
from llmrec_pipeline.storage.inputs import recorded_bronze
from llmrec_pipeline.storage.lake import DamagedPull, Lake, polars_schema
from llmrec_pipeline.storage.pull_log import read_lines

SOURCE = "models_dev"
T0 = datetime(2026, 11, 21, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def _pages(*bodies: bytes) -> list[RawPage]:
    return [
        RawPage(f"page-{n}.json", f"https://p.test/?page={n}", 200, {"etag": "x"}, body, T0)
        for n, body in enumerate(bodies, 1)
    ]


def _parsed(
    *prices: float, benchmarks: Sequence[dict[str, Any]] = (), version: str | None = None
) -> ParsedPull:
    models = [
        {
            "source_model_id": f"host/model-{number}",
            "model_name": f"Model {number}",
            "price_input_per_1m": price,
            "context_window": 1000,
            "release_date": date(2026, 1, 2),
            "is_free": False,
        }
        for number, price in enumerate(prices)
    ]
    return ParsedPull(models, list(benchmarks), {}, version)


def _benchmark(score: float, **changes: Any) -> dict[str, Any]:
    row = {
        "source_model_id": "host/model-0",
        "benchmark_name": "b",
        "category": "overall",
        "score": score,
        "unit": "elo",
    }
    return {**row, **changes}


def _land(lake: Lake, parsed: ParsedPull, at: datetime, version: str = "1", **landed: Any) -> str:
    landed_at = landed.get("landed_at", at + timedelta(seconds=5))
    return lake.land_bronze(SOURCE, at, landed_at, parsed, version).status


def _files(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    return {
        str(path.relative_to(folder)): (
            path.read_bytes(),
            path.stat().st_mtime_ns,
            path.stat().st_ino,
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# raw ----------------------------------------------------------------------------------------


def test_a_raw_pull_is_verbatim_with_its_manifest(lake: Lake) -> None:
    bodies = (b'{"a":  1}\r\n', bytes(range(256)))
    assert lake.land_raw(SOURCE, T0, _pages(*bodies)) == T0
    folder = lake.raw / SOURCE / stamp(T0)
    assert {path.name for path in folder.iterdir()} == {
        "page-1.json",
        "page-2.json",
        "manifest.json",
    }
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert manifest["source"] == SOURCE
    for entry, body in zip(manifest["pages"], bodies, strict=True):
        assert (folder / entry["name"]).read_bytes() == body
        assert entry["sha256"] == hashlib.sha256(body).hexdigest()
        assert entry["bytes"] == len(body)
        assert (entry["status"], entry["headers"]) == (200, {"etag": "x"})
        assert entry["received_at"] == "2026-11-21T06:00:00Z"
    assert lake.read_raw(SOURCE, T0) == _pages(*bodies)
    assert [path.name for path in (lake.raw / SOURCE).iterdir()] == [stamp(T0)]


def test_two_pulls_of_one_moment_both_stay(lake: Lake) -> None:
    assert lake.land_raw(SOURCE, T0, _pages(b"1")) == T0
    before = _files(lake.raw)
    second = lake.land_raw(SOURCE, T0, _pages(b"2"))
    third = lake.land_raw(SOURCE, T0, _pages(b"3"))
    assert [second - T0, third - T0] == [timedelta(microseconds=1), timedelta(microseconds=2)]
    assert [lake.read_raw(SOURCE, at)[0].body for at in (T0, second, third)] == [b"1", b"2", b"3"]
    after = _files(lake.raw)
    assert {name: after[name] for name in before} == before


def test_a_page_name_cannot_leave_its_folder(lake: Lake) -> None:
    (page,) = _pages(b"1")
    lake.land_raw(SOURCE, T0, [RawPage("../../up.json", page.url, 200, {}, b"1", T0)])
    assert [p.name for p in lake.raw.rglob("up.json")] == ["up.json"]
    assert lake.read_raw(SOURCE, T0)[0].body == b"1"


def test_a_full_disk_leaves_no_half_pull_and_surfaces(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.land_raw(SOURCE, T0, _pages(b"1"))
    before = _files(lake.raw)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lake_module, "write_json", full)
    with pytest.raises(OSError, match="No space left"):
        lake.land_raw(SOURCE, T0 + HOUR, _pages(b"2"))
    assert _files(lake.raw) == before
    assert lake.pending(SOURCE) == [T0]


def test_a_rename_that_fails_surfaces(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(self: Path, target: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", denied)
    with pytest.raises(PermissionError):
        lake.land_raw(SOURCE, T0, _pages(b"1"))
    assert list((lake.raw / SOURCE).iterdir()) == []


def _spoil_page(folder: Path) -> None:
    (folder / "page-1.json").write_bytes(b"other")


def _cut_page(folder: Path) -> None:
    (folder / "page-1.json").write_bytes(b"")


def _lose_page(folder: Path) -> None:
    (folder / "page-1.json").unlink()


def _lose_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def _cut_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"pages": [', "utf-8")


def _other_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"pages": [{"name": "page-1.json"}]}', "utf-8")


def _no_folder(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("a file in its place", "utf-8")


@pytest.mark.parametrize(
    "spoil",
    [
        _spoil_page,
        _cut_page,
        _lose_page,
        _lose_manifest,
        _cut_manifest,
        _other_manifest,
        _no_folder,
    ],
)
def test_a_damaged_raw_pull_is_told(lake: Lake, spoil: Any) -> None:
    lake.land_raw(SOURCE, T0, _pages(b"1"))
    spoil(lake.raw / SOURCE / stamp(T0))
    with pytest.raises(DamagedPull) as damaged:
        lake.read_raw(SOURCE, T0)
    assert len(str(damaged.value).splitlines()) == 1


def test_a_disk_that_cannot_read_is_no_damaged_pull(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.land_raw(SOURCE, T0, _pages(b"1"))

    def fails(self: Path) -> bytes:
        raise OSError(5, "Input/output error", str(self))

    monkeypatch.setattr(Path, "read_bytes", fails)
    with pytest.raises(OSError, match="Input/output"):
        lake.read_raw(SOURCE, T0)


# bronze -------------------------------------------------------------------------------------


def test_changed_content_gets_a_file_and_a_record(lake: Lake) -> None:
    parsed = _parsed(1.5, 2.5, benchmarks=[_benchmark(1200.0)], version="4.1")
    landing = lake.land_bronze(SOURCE, T0, T0 + HOUR, parsed, "7")
    assert landing.status == "new"
    folder = lake.bronze / SOURCE
    assert {path.name for path in folder.iterdir()} == {
        f"models_snapshot_{stamp(T0)}.parquet",
        f"benchmark_results_{stamp(T0)}.parquet",
        "pulls-2026-11.jsonl",
    }
    models = pl.read_parquet(folder / f"models_snapshot_{stamp(T0)}.parquet")
    assert dict(models.schema) == polars_schema(MODELS_SNAPSHOT)
    assert models["price_input_per_1m"].to_list() == [1.5, 2.5]
    assert models["source"].unique().to_list() == [SOURCE]
    assert models["observed_at"].unique().to_list() == [T0]
    assert models["parser_version"].unique().to_list() == ["7"]
    results = pl.read_parquet(folder / f"benchmark_results_{stamp(T0)}.parquet")
    assert dict(results.schema) == polars_schema(BENCHMARK_RESULTS)
    assert results["score"].to_list() == [1200.0]
    (record,) = lake.records(SOURCE)
    assert record == landing.record
    assert (record.observed_at, record.landed_at, record.rows) == (T0, T0 + HOUR, 2)
    assert (record.content_hash, record.index_version) == (parsed.content_hash(), "4.1")
    assert record.bronze == f"models_snapshot_{stamp(T0)}.parquet"
    assert lake.newest(SOURCE) == record


def test_unchanged_content_gets_a_record_only(lake: Lake) -> None:
    assert _land(lake, _parsed(1.5), T0) == "new"
    before, digest = _files(lake.bronze), recorded_bronze(lake, SOURCE)
    assert _land(lake, _parsed(1.5), T0 + 6 * HOUR) == "unchanged"
    after = _files(lake.bronze)
    log = f"{SOURCE}/pulls-2026-11.jsonl"
    assert after.keys() == before.keys()
    assert after[log][0].startswith(before.pop(log)[0])
    assert {name: after[name] for name in before} == before
    assert [record.bronze is None for record in lake.records(SOURCE)] == [False, True]
    assert recorded_bronze(lake, SOURCE) == digest


def test_the_rows_of_an_unchanged_pull_are_those_of_the_change_before_it(lake: Lake) -> None:
    for value, after in ((1.0, 0), (1.0, 1), (2.0, 2), (2.0, 3)):
        _land(lake, _parsed(value), T0 + after * HOUR)
    found = [lake.rows_of(SOURCE, T0 + after * HOUR) for after in range(-1, 4)]
    first, second = sorted((lake.bronze / SOURCE).glob("models_snapshot_*.parquet"))
    assert found == [None, first, first, second, second]


def test_content_that_comes_back_gets_a_file_again(lake: Lake) -> None:
    statuses = [_land(lake, _parsed(p), T0 + n * HOUR) for n, p in enumerate((1.0, 2.0, 1.0, 1.0))]
    assert statuses == ["new", "new", "new", "unchanged"]


def test_another_parser_version_gets_a_file(lake: Lake) -> None:
    assert _land(lake, _parsed(1.0), T0, "1") == "new"
    assert _land(lake, _parsed(1.0), T0 + HOUR, "2") == "new"
    assert _land(lake, _parsed(1.0), T0 + 2 * HOUR, "2") == "unchanged"


def test_a_known_moment_is_recorded_once(lake: Lake) -> None:
    _land(lake, _parsed(1.0), T0)
    before = _files(lake.bronze)
    assert _land(lake, _parsed(9.0), T0) == "known"
    assert _files(lake.bronze) == before


def test_a_late_pull_compares_with_the_one_before_it(lake: Lake) -> None:
    _land(lake, _parsed(1.0), T0)
    _land(lake, _parsed(2.0), T0 + 10 * HOUR)
    later = T0 + 20 * HOUR
    assert _land(lake, _parsed(1.0), T0 + 2 * HOUR, landed_at=later) == "unchanged"
    assert _land(lake, _parsed(2.0), T0 + 4 * HOUR, landed_at=later) == "new"
    assert _land(lake, _parsed(1.0), T0 - HOUR, landed_at=later) == "new"
    newest = lake.newest(SOURCE)
    assert newest is not None
    assert newest.observed_at == T0 + 10 * HOUR


def test_neighbours_are_found_across_months(lake: Lake) -> None:
    january = datetime(2026, 1, 31, 23, tzinfo=UTC)
    _land(lake, _parsed(1.0), january)
    _land(lake, _parsed(2.0), january - 30 * 24 * HOUR, landed_at=january + 24 * HOUR)
    assert [path.name for path in lake.logs(SOURCE)] == [
        "pulls-2026-01.jsonl",
        "pulls-2026-02.jsonl",
    ]
    # The log of February knows only what is older than January's last pull.
    assert _land(lake, _parsed(1.0), january + 48 * HOUR) == "unchanged"
    assert _land(lake, _parsed(9.0), january) == "known"
    newest = lake.newest(SOURCE)
    assert newest is not None
    assert newest.observed_at == january + 48 * HOUR


@pytest.mark.parametrize(
    "rows",
    [
        [{"source_model_id": None, "model_name": "x"}],
        [{"source_model_id": "a", "model_name": None}],
        [{"source_model_id": "a", "model_name": "x"}] * 2,
        [{"source_model_id": "a", "model_name": "x", "price_input_per_1m": "5 $"}],
        [{"source_model_id": "a", "model_name": "x", "context_window": 2**80}],
        [{"source_model_id": "a", "model_name": "x", "release_date": "2026-01-01"}],
    ],
)
def test_rows_that_do_not_fit_the_schema_leave_nothing(lake: Lake, rows: list[Any]) -> None:
    with pytest.raises(InvalidStructure) as refused:
        lake.land_bronze(SOURCE, T0, T0, ParsedPull(rows), "1")
    assert len(str(refused.value).splitlines()) == 1
    assert list(lake.records(SOURCE)) == []
    assert not lake.bronze.exists()


def test_a_benchmark_stands_once_in_a_pull(lake: Lake) -> None:
    twice = _parsed(1.0, benchmarks=[_benchmark(1.0), _benchmark(2.0)])
    with pytest.raises(InvalidStructure, match="benchmark_results"):
        lake.land_bronze(SOURCE, T0, T0, twice, "1")


def test_nothing_recorded_is_ever_touched(lake: Lake) -> None:
    _land(lake, _parsed(0.0, benchmarks=[_benchmark(1.0)]), T0)
    before = _files(lake.bronze)
    for number in range(1, 6):
        score = [_benchmark(float(number))]
        _land(lake, _parsed(float(number // 2), benchmarks=score), T0 + number * HOUR)
    _land(lake, _parsed(7.0), T0 - HOUR)
    lake.refuse(SOURCE, T0 + 9 * HOUR, T0 + 9 * HOUR, "HTML", "1")
    lake.sweep(SOURCE)
    after = _files(lake.bronze)
    for name, (content, mtime, inode) in before.items():
        assert after[name][2] == inode
        if name.endswith(".parquet"):
            assert after[name][:2] == (content, mtime)
        else:
            assert after[name][0].startswith(content)


# crashes ------------------------------------------------------------------------------------


def test_a_record_cut_short_is_passed_over_and_its_pull_lands_again(lake: Lake) -> None:
    for number in range(2):
        lake.land_raw(SOURCE, T0 + number * HOUR, _pages(b"%d" % number))
        _land(lake, _parsed(float(number)), T0 + number * HOUR)
    (log,) = lake.logs(SOURCE)
    whole = log.read_bytes()
    first = whole.splitlines(keepends=True)[0]
    for cut in (1, len(whole) - len(first) - 20):
        log.write_bytes(whole[:-cut])
        assert [record.observed_at for record in lake.records(SOURCE)] == [T0]
        assert lake.pending(SOURCE) == [T0 + HOUR]
        before = _files(lake.bronze)
        assert _land(lake, _parsed(1.0), T0 + HOUR) == "new"
        after = _files(lake.bronze)
        assert next(lake.records(SOURCE)).observed_at == T0
        assert lake.pending(SOURCE) == []
        # The file that the crash left without a record says the same: it stays as it is.
        assert {k: v for k, v in after.items() if k.endswith("parquet")} == {
            k: v for k, v in before.items() if k.endswith("parquet")
        }
        assert log.read_bytes().startswith(whole[:-cut])


def test_an_orphan_of_other_content_gives_way(lake: Lake) -> None:
    lake.land_raw(SOURCE, T0, _pages(b"1"))
    _land(lake, _parsed(1.0, benchmarks=[_benchmark(1.0)]), T0)
    lake.logs(SOURCE)[0].unlink()
    assert lake.pending(SOURCE) == [T0]
    _land(lake, _parsed(2.0), T0)
    folder = lake.bronze / SOURCE
    models = pl.read_parquet(folder / f"models_snapshot_{stamp(T0)}.parquet")
    assert models["price_input_per_1m"].to_list() == [2.0]
    assert pl.read_parquet(folder / f"benchmark_results_{stamp(T0)}.parquet").height == 0


def test_a_half_orphan_gives_way(lake: Lake) -> None:
    folder = lake.bronze / SOURCE
    folder.mkdir(parents=True)
    (folder / f"models_snapshot_{stamp(T0)}.parquet").write_bytes(b"PAR1 half")
    assert _land(lake, _parsed(1.0), T0) == "new"
    assert pl.read_parquet(folder / f"models_snapshot_{stamp(T0)}.parquet").height == 1


def test_pending_knows_what_is_a_pull_and_what_has_a_verdict(lake: Lake) -> None:
    assert lake.pending(SOURCE) == []
    moments = [T0 + number * HOUR for number in range(4)]
    for moment in reversed(moments):
        lake.land_raw(SOURCE, moment, _pages(b"1"))
    for stray in (".half-written", "lost+found", "notes.txt", "20261121T060000Z"):
        (lake.raw / SOURCE / stray).mkdir()
    _land(lake, _parsed(1.0), moments[0])
    lake.refuse(SOURCE, moments[1], T0, "HTML", "1")
    assert lake.pending(SOURCE, "1") == moments[2:]
    # A newer parser may read what an older one refused.
    assert lake.pending(SOURCE, "2") == moments[1:]


def test_pending_finds_a_late_pull_however_many_came_since(lake: Lake) -> None:
    (lake.raw / SOURCE).mkdir(parents=True)
    for number in range(200):
        moment = T0 + number * 6 * HOUR
        (lake.raw / SOURCE / stamp(moment)).mkdir()
        if number != 3:
            _land(lake, _parsed(1.0), moment)
    assert lake.pending(SOURCE) == [T0 + 18 * HOUR]


def test_a_spoiled_line_among_refusals_is_passed_over(lake: Lake) -> None:
    lake.land_raw(SOURCE, T0, _pages(b"1"))
    path = lake.bronze / SOURCE / "refused.jsonl"
    write_bytes(path, b'{"observed_at": 5, "parser_version": "1"}\n{}\n[]\nnull\n{"obs')
    lake.refuse(SOURCE, T0, T0, "HTML", "1")
    assert lake.pending(SOURCE, "1") == []


def test_sweeping_removes_what_a_kill_left_and_nothing_else(lake: Lake) -> None:
    lake.land_raw(SOURCE, T0, _pages(b"1"))
    _land(lake, _parsed(1.0), T0)
    before = {**_files(lake.raw), **_files(lake.bronze)}
    half = lake.raw / SOURCE / ".0123456789abcdef"
    half.mkdir()
    (half / "page-1.json").write_bytes(b"half")
    (lake.bronze / SOURCE / ".models_snapshot_x.parquet.123").write_bytes(b"half")
    lake.sweep(SOURCE)
    lake.sweep("never asked")
    assert {**_files(lake.raw), **_files(lake.bronze)} == before
    assert not half.exists()


# lines --------------------------------------------------------------------------------------


def test_lines_are_read_from_an_offset_on(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    ends = []
    for number in range(3):
        append_line(path, {"n": number})
        ends.append(path.stat().st_size)
    assert list(read_lines(path, 0)) == [({"n": n}, end) for n, end in enumerate(ends)]
    assert list(read_lines(path, ends[1])) == [({"n": 2}, ends[2])]
    assert list(read_lines(path, ends[2])) == []
    assert list(read_lines(tmp_path / "none", 0)) == []


def test_a_line_after_a_cut_one_stands_alone(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    append_line(path, {"n": 0})
    with path.open("ab") as handle:
        handle.write(b'{"n": 1, "te')
    append_line(path, {"n": 2})
    assert [line["n"] for line, _ in read_lines(path, 0)] == [0, 2]


def test_a_line_that_the_disk_takes_in_part_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lines.jsonl"
    append_line(path, {"n": 0})
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:5]))
        with pytest.raises(OSError, match="cut short"):
            append_line(path, {"n": 1})
    append_line(path, {"n": 2})
    assert [line["n"] for line, _ in read_lines(path, 0)] == [0, 2]


def test_files_are_readable_by_others_and_replaced_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "folder" / "state.json"
    write_json(path, {"b": 1, "a": "é"})
    assert path.read_bytes() == '{\n "a": "é",\n "b": 1\n}\n'.encode()
    usual = tmp_path / "usual"
    usual.touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(usual.stat().st_mode)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_json(path, {"a": 2})
    assert json.loads(path.read_bytes()) == {"a": "é", "b": 1}
    assert [p.name for p in path.parent.iterdir()] == ["state.json"]
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"a": float("nan")})
