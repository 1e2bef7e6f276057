"""Editions: immutable, switched in one step, the same for the same content, and no more of them
than there is news."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from llmrec_pipeline.serving.edition_tables import open_edition
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.storage import publishing, refreshing
from llmrec_pipeline.storage.content_digest import frame_digest
from llmrec_pipeline.storage.editions import (
    CURRENT,
    MANIFEST,
    RANKING,
    Edition,
    EditionError,
    current_edition,
    find_edition,
    list_editions,
    sealed,
)
from llmrec_pipeline.storage.fixture import Fixture
from llmrec_pipeline.storage.inputs import hash_inputs, present_inputs
from llmrec_pipeline.storage.landing import land_pending, pull_source
from llmrec_pipeline_tests.publishers import Publishers
from llmrec_pipeline_tests.storage.pulled import (
    AA,
    MODELS_DEV,
    OBSERVED_FIXTURE,
    DataFolder,
    at,
    models,
)

SETTINGS = load_settings({})


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data", SETTINGS)


@pytest.fixture(scope="module")
def _once(tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    folder = DataFolder(tmp_path_factory.mktemp("once") / "data", SETTINGS)
    folder.land(AA, at(0), models(10))
    folder.refresh(at(0))
    return folder


@pytest.fixture
def once(_once: DataFolder, tmp_path: Path) -> DataFolder:
    """A folder with one pull of ten models, published."""
    return _once.copy(tmp_path / "once")


def current(folder: DataFolder) -> Edition:
    edition = current_edition(folder.published)
    assert edition is not None
    return edition


def months(edition: Edition, name: str) -> list[Path]:
    return sorted((edition.folder / "history").glob(f"{name}_*.parquet"))


def names_below(folder: DataFolder) -> set[str]:
    return {path.name for path in folder.published.iterdir()}


# content ----------------------------------------------------------------------------------------


def test_an_edition_holds_what_the_warehouse_holds(folder: DataFolder) -> None:
    folder.land(AA, at(0), models(10), index_version="4.1")
    folder.land(AA, at(1), models(2))
    published = folder.refresh(at(1))
    assert published.is_new
    home = published.edition.folder
    assert (folder.published / CURRENT).readlink().name == published.edition.name
    with folder.open() as con:
        for name in publishing.PUBLISHED_TABLES:
            wanted = con.sql(f"SELECT * FROM {name}").pl()
            assert frame_digest(pl.read_parquet(home / f"{name}.parquet")) == frame_digest(wanted)
        history = pl.concat(
            pl.read_parquet(path) for path in months(published.edition, "models_history")
        )
        assert frame_digest(history) == frame_digest(con.sql("FROM models_history").pl())
    pulls = pl.concat(pl.read_parquet(path) for path in months(published.edition, "pulls"))
    assert pulls.sort("snapshot_ts")["status"].to_list() == ["accepted", "quarantined"]
    manifest = published.edition.manifest()
    assert manifest == published.manifest
    assert manifest["sources"][AA]["origin"] == "live"
    assert manifest["sources"][MODELS_DEV]["origin"] == "fixture"
    ranking = published.edition.ranking()
    assert ranking["edition"] == published.edition.name
    assert len(ranking["models"]) == 13


def test_unchanged_pulls_never_make_an_edition(once: DataFolder) -> None:
    first = current(once)
    files = {path: path.stat().st_mtime_ns for path in first.folder.rglob("*")}
    for number in range(1, 4):
        once.land(AA, at(number), models(10))
        again = once.refresh(at(number))
        assert (again.is_new, again.edition) == (False, first)
    assert {path: path.stat().st_mtime_ns for path in first.folder.rglob("*")} == files
    assert names_below(once) == {CURRENT, first.name}


def test_a_second_run_with_unchanged_responses_makes_no_edition(
    tmp_path: Path, publishers: Publishers
) -> None:
    """The whole way, from loopback publishers on."""
    environment = {**publishers.environment(), "LLMREC_DATA_DIR": str(tmp_path / "data")}
    settings = load_settings(environment)
    folder = DataFolder(tmp_path / "data", settings)
    folder.settings = settings
    folder.fixture = Fixture(settings.locations.fixture, settings)
    found = []
    for number in range(3):
        for source in settings.enabled_sources:
            outcome = pull_source(source, settings, folder.lake, lambda n=number: at(n))  # type: ignore[misc]
            assert outcome.status == "pulled", outcome
            land_pending(source, settings, folder.lake, lambda n=number: at(n))  # type: ignore[misc]
        found.append(folder.refresh(at(number)))
        manifest = found[-1].edition.manifest()
        present = present_inputs(settings, folder.lake, at(number), manifest)
        assert hash_inputs(present) == manifest["inputs_hash"]
    assert [published.is_new for published in found] == [True, False, False]
    served = found[0].manifest["sources"]
    assert {served[source]["origin"] for source in settings.enabled_sources} == {"live"}
    rows = folder.rows("SELECT status, count(*) AS n FROM pulls GROUP BY 1 ORDER BY 1")
    assert rows == [{"status": "accepted", "n": 3}, {"status": "unchanged", "n": 6}]


def test_new_content_and_new_inputs_make_an_edition(once: DataFolder) -> None:
    first = current(once)
    once.land(AA, at(1), models(11))
    second = once.refresh(at(1))
    assert second.is_new
    assert second.manifest["content_digest"] != first.manifest()["content_digest"]
    once.configure(AA, licence="another")
    third = once.refresh(at(1))
    assert third.is_new
    assert third.manifest["inputs_hash"] != second.manifest["inputs_hash"]
    assert [edition.name for edition in list_editions(once.published)] == sorted(
        {first.name, second.edition.name, third.edition.name}, reverse=True
    )


def test_a_rebuilt_warehouse_makes_no_edition(folder: DataFolder) -> None:
    for number in range(5):
        folder.land(AA, at(number), models(10, first=number))
    first = folder.refresh(at(4))
    folder.warehouse.unlink()
    again = folder.refresh(at(4))
    assert (again.is_new, again.edition) == (False, first.edition)


# history ----------------------------------------------------------------------------------------


def test_months_that_do_not_change_are_links_and_others_are_written(folder: DataFolder) -> None:
    folder.land(AA, at(0), models(10))
    folder.land(AA, at(10), models(11))
    first = folder.refresh(at(10))
    assert [path.stem for path in months(first.edition, "models_history")] == [
        "models_history_2026-05",
        "models_history_2026-06",
    ]
    folder.land(AA, at(11), models(12))
    second = folder.refresh(at(11))
    for name in ("models_history", "pulls"):
        (may, june), (may_again, june_again) = (
            months(first.edition, name),
            months(second.edition, name),
        )
        assert may.stat().st_ino == may_again.stat().st_ino
        assert june.stat().st_ino != june_again.stat().st_ino
    folder.land(AA, at(0.5), models(9), landed_at=at(12))
    third = folder.refresh(at(12))
    for name in ("models_history", "pulls"):
        (may, june), (may_again, june_again) = (
            months(second.edition, name),
            months(third.edition, name),
        )
        assert may.stat().st_ino != may_again.stat().st_ino
        # The first pull of June now follows another number of models.
        assert june.stat().st_ino != june_again.stat().st_ino
    assert pl.read_parquet(months(first.edition, "models_history")[0]).height == 10


def test_a_rebuilt_warehouse_links_the_months_of_the_edition_before(folder: DataFolder) -> None:
    folder.land(AA, at(0), models(10))
    folder.land(AA, at(10), models(11))
    first = folder.refresh(at(10))
    folder.warehouse.unlink()
    folder.land(AA, at(11), models(12))
    second = folder.refresh(at(11))
    assert (
        months(first.edition, "pulls")[0].stat().st_ino
        == months(second.edition, "pulls")[0].stat().st_ino
    )


def test_a_name_that_means_another_model_rewrites_the_months_that_hold_it(
    folder: DataFolder,
) -> None:
    folder.land(AA, at(0), models(10))
    folder.land(AA, at(10), models(9))
    folder.refresh(at(10))
    renamed = models(8) + models(1, first=8, model_name="Claude Opus 4.5", creator="Anthropic")
    folder.land(AA, at(11), renamed)
    published = folder.refresh(at(11))
    history = pl.concat(
        pl.read_parquet(path) for path in months(published.edition, "models_history")
    )
    keys = history.filter(pl.col("source_model_id") == "id-008")["canonical_model_key"]
    assert keys.to_list() == ["anthropic/claude-opus-4-5"] * 3
    digest = published.manifest["content_digest"]
    folder.warehouse.unlink()
    shutil.rmtree(folder.published)
    assert folder.refresh(at(11)).manifest["content_digest"] == digest


def test_a_rule_that_joins_a_name_at_last_rewrites_the_months_that_hold_it(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.land(AA, at(0), models(9) + models(1, 50, model_name="GPT-4o", creator="OpenAI"))
    first = folder.refresh(at(0))
    assert pl.read_parquet(months(first.edition, "models_history")[0]).height == 9
    identity = folder.settings.identity
    alias = type(identity).model_fields["aliases"]
    assert alias is not None
    rules = identity.model_dump(by_alias=True)
    rules["aliases"] = [
        *rules["aliases"],
        {"name": "gpt-4o", "key": "openai/gpt-4o@2024-11-20", "reason": "for this test"},
    ]
    folder.settings = folder.settings.model_copy(
        update={"identity": type(identity).model_validate(rules)}
    )
    folder.settings.__dict__.pop("content_hash", None)
    second = folder.refresh(at(0))
    assert second.is_new
    assert pl.read_parquet(months(second.edition, "models_history")[0]).height == 10


# digest -----------------------------------------------------------------------------------------


def frame() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "key": ["a", "b", None, "", "ab"],
            "value": [0.1 + 0.2, None, 1e300, 0.0, -1.5],
            "count": [1, 2, None, 0, -4],
            "flag": [True, False, None, True, False],
            "when": [at(0), at(1), None, at(2), at(3)],
        },
        schema_overrides={"when": pl.Datetime("us", "UTC")},
    )


def test_a_digest_does_not_depend_on_the_order_of_rows_or_columns() -> None:
    wanted = frame_digest(frame())
    dice = random.Random(1)
    for _ in range(10):
        rows = dice.sample(range(5), 5)
        columns = dice.sample(frame().columns, 5)
        assert frame_digest(frame()[rows].select(columns)) == wanted


@pytest.mark.parametrize(
    "other",
    [
        pl.col("key").fill_null(""),
        pl.col("key").replace("", None),
        pl.col("value").fill_null(0.0),
        pl.col("value") * (1 + 1e-11),
        pl.col("count").fill_null(0),
        pl.col("flag").fill_null(False),
        pl.col("when") + timedelta(microseconds=1),
        pl.col("key").alias("name"),
    ],
)
def test_a_digest_tells_what_differs(other: pl.Expr) -> None:
    changed = frame().with_columns(other)
    if "name" in changed.columns:
        changed = changed.drop("key")
    assert frame_digest(changed) != frame_digest(frame())


def test_a_digest_rounds_floats_and_knows_one_zero() -> None:
    wanted = frame_digest(frame())
    assert frame_digest(frame().with_columns(pl.col("value") * (1 + 1e-15))) == wanted
    negative = frame().with_columns(
        pl.when(pl.col("value") == 0).then(-0.0).otherwise(pl.col("value")).alias("value")
    )
    assert frame_digest(negative) == wanted


def test_a_digest_keeps_neighbouring_texts_apart() -> None:
    one, other = pl.DataFrame({"t": ["ab", "c"]}), pl.DataFrame({"t": ["a", "bc"]})
    assert frame_digest(one) != frame_digest(other)


# publishing -------------------------------------------------------------------------------------


def test_readers_never_see_a_torn_edition(once: DataFolder) -> None:
    finished = threading.Event()
    seen: set[str] = set()
    problems: list[BaseException] = []

    def read() -> None:
        try:
            while not finished.is_set():
                edition = current(once)
                manifest, ranking = edition.manifest(), edition.ranking()
                assert manifest["edition"] == ranking["edition"] == edition.name
                rows = pl.scan_parquet(edition.folder / "models_latest.parquet")
                count = rows.select(pl.len()).collect().item()
                assert count == manifest["tables"]["models_latest"]["rows"]
                assert count == len(ranking["models"])
                seen.add(edition.name)
        except BaseException as problem:  # noqa: BLE001 - the test tells it below
            problems.append(problem)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(1, 4):
        once.land(AA, at(number), models(10 + number))
        assert once.refresh(at(number)).is_new
    finished.set()
    for reader in readers:
        reader.join()
    assert not problems
    assert len(seen) > 1


def test_a_reader_in_another_process_never_misses_an_edition(tmp_path: Path) -> None:
    """Switching alone, many times, against a reader that does nothing but read."""
    published = tmp_path / "published"
    for name in ("one", "two"):
        (published / name).mkdir(parents=True)
        required = dict.fromkeys(("inputs_hash", "content_digest"), name)
        empty: dict[str, Any] = {key: {} for key in ("sources", "tables", "months", "files")}
        (published / name / MANIFEST).write_text(json.dumps(sealed({**required, **empty})))
    publishing._switch(published, "one")
    script = textwrap.dedent(
        f"""
        import sys
        from pathlib import Path
        from llmrec_pipeline.storage.editions import current_edition
        published = Path({str(published)!r})
        print("ready", flush=True)
        seen = set()
        while not (published / "stop").exists():
            edition = current_edition(published)
            assert edition.manifest()["inputs_hash"] == edition.name
            seen.add(edition.name)
            if seen == {{"one", "two"}}:
                (published / "both").touch()
        """
    )
    reader = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert reader.stdout
    assert reader.stdout.readline() == "ready\n"
    # However fast the disk is, until the reader has seen both.
    for number in range(100_000):
        publishing._switch(published, ("two", "one")[number % 2])
        if number >= 400 and (published / "both").exists():
            break
    (published / "stop").touch()
    reader.communicate(timeout=60)
    assert reader.returncode == 0
    assert (published / "both").exists()


@pytest.mark.parametrize(
    "step",
    [
        "_write_table",
        pytest.param("write_history", marks=pytest.mark.slow),
        pytest.param("ranking_payload", marks=pytest.mark.slow),
        pytest.param("write_json", marks=pytest.mark.slow),
        "_switch",
    ],
)
def test_a_killed_publish_leaves_no_half_edition_and_the_next_one_works(
    once: DataFolder, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    first = current(once)
    once.land(AA, at(1), models(11))

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(publishing, step, die)
        with pytest.raises(KeyboardInterrupt):
            once.refresh(at(1))
    assert current(once) == first
    assert first.ranking()["edition"] == first.name
    assert not [name for name in names_below(once) if name.startswith(".")]
    for edition in list_editions(once.published):
        assert edition.manifest()["edition"] == edition.name
    second = once.refresh(at(1))
    assert second.is_new
    assert current(once) == second.edition


def test_what_a_killed_process_left_is_swept(once: DataFolder) -> None:
    first = current(once)
    (once.published / ".0123").mkdir()
    (once.published / ".0123" / "models_latest.parquet").write_bytes(b"half")
    (once.published / ".current.0123").symlink_to("nowhere")
    once.refresh(at(0))
    assert names_below(once) == {CURRENT, first.name}


def test_rankings_of_an_earlier_state_are_made_anew_before_they_are_published(
    once: DataFolder,
) -> None:
    """Another run may load between two steps of ours."""
    once.land(AA, at(1), models(12))
    with once.open() as con:
        once.load(con, at(1))
        published = refreshing.publish_edition(con, once.settings, at(1), once.fixture)
    ranked = pl.read_parquet(published.edition.folder / "task_rankings.parquet")
    assert "laboratory/invented-11" in ranked["canonical_model_key"]


@pytest.mark.parametrize(
    "damage",
    [
        "manifest gone",
        "manifest cut",
        "manifest is a list",
        "manifest lacks keys",
        "ranking cut",
        "ranking changed",
        "table cut",
        "month gone",
        "folder gone",
        "link dangles",
    ],
)
def test_a_damaged_current_edition_is_replaced(once: DataFolder, damage: str) -> None:
    first = current(once)
    home, digest = first.folder, first.manifest()["content_digest"]
    if damage == "manifest gone":
        (home / MANIFEST).unlink()
    elif damage == "manifest cut":
        (home / MANIFEST).write_bytes((home / MANIFEST).read_bytes()[:-50])
    elif damage == "manifest is a list":
        (home / MANIFEST).write_text("[]")
    elif damage == "manifest lacks keys":
        (home / MANIFEST).write_text('{"edition": "x"}')
    elif damage == "ranking cut":
        (home / RANKING).write_bytes((home / RANKING).read_bytes()[:-50])
    elif damage == "ranking changed":
        (home / RANKING).write_bytes((home / RANKING).read_bytes().replace(b"9", b"8"))
    elif damage == "table cut":
        (home / "models_latest.parquet").write_bytes(b"")
    elif damage == "month gone":
        months(first, "pulls")[0].unlink()
    elif damage == "folder gone":
        shutil.rmtree(home)
    else:
        (once.published / CURRENT).unlink()
        (once.published / CURRENT).symlink_to("nowhere")
    second = once.refresh(at(0) + timedelta(minutes=1))
    assert second.is_new
    assert current(once) == second.edition
    assert second.edition.ranking()["edition"] == second.edition.name
    assert second.manifest["content_digest"] == digest
    assert pl.read_parquet(months(second.edition, "models_history")[0]).height == 10
    assert not once.refresh(at(0) + timedelta(minutes=2)).is_new


@pytest.mark.parametrize(
    "name", [MANIFEST, RANKING, "models_latest.parquet", "history/models_history_2026-05.parquet"]
)
def test_one_other_byte_is_never_served_and_rebuilding_mends_it(
    once: DataFolder, name: str
) -> None:
    first = current(once)
    path = first.folder / name
    body = bytearray(path.read_bytes())
    # A digit for a digit: the file still reads.
    place = re.search(rb"[1-8]", body[len(body) // 3 :]).start() + len(body) // 3  # type: ignore[union-attr]
    body[place] ^= 1
    path.write_bytes(body)
    readers: list[Callable[[], Any]] = [first.verify]
    if name == MANIFEST:
        readers += [first.manifest, first.ranking, lambda: first.table("models_latest")]
    elif name == RANKING:
        readers += [first.ranking]
    elif name == "models_latest.parquet":
        readers += [lambda: first.table("models_latest")]
    with duckdb.connect() as con:
        for reader in (*readers, lambda: open_edition(con, first)):
            with pytest.raises(EditionError, match=rf"{name}: (damaged|cannot be read|lacks)"):
                reader()
    once.warehouse.unlink()
    second = once.refresh(at(0) + timedelta(minutes=1))
    assert second.is_new
    second.edition.verify()
    assert second.manifest["content_digest"] == second.edition.manifest()["content_digest"]
    assert not once.refresh(at(0) + timedelta(minutes=2)).is_new


def test_a_folder_in_the_place_of_the_link_is_named(folder: DataFolder) -> None:
    folder.land(AA, at(0), models(10))
    (folder.published / CURRENT).mkdir(parents=True)
    with pytest.raises(EditionError, match="is a folder, not a link to an edition; remove it"):
        folder.refresh(at(0))


def test_finding_editions(folder: DataFolder) -> None:
    with pytest.raises(EditionError, match="no edition yet; run `llmrec run`"):
        find_edition(folder.published, None)
    assert current_edition(folder.published) is None
    assert list_editions(folder.published) == []
    folder.land(AA, at(0), models(10))
    published = folder.refresh(at(0))
    assert find_edition(folder.published, None) == published.edition
    assert find_edition(folder.published, published.edition.name) == published.edition
    elsewhere = f"/elsewhere/{published.edition.name}"
    for name in ("nothing", "", "..", "../published", "published/current", elsewhere):
        with pytest.raises(EditionError, match="no edition named"):
            find_edition(folder.published, name)


# inputs -----------------------------------------------------------------------------------------


class Present:
    """The present inputs beside those of the current edition, with the fixture that ships."""

    def __init__(self, folder: DataFolder) -> None:
        self.folder = folder
        folder.fixture = Fixture(folder.settings.locations.fixture, folder.settings)

    def differs(self, number: float) -> bool:
        edition = current_edition(self.folder.published)
        assert edition is not None
        manifest = edition.manifest()
        present = present_inputs(self.folder.settings, self.folder.lake, at(number), manifest)
        return bool(hash_inputs(present) != manifest["inputs_hash"])


@pytest.fixture
def present(folder: DataFolder) -> Present:
    return Present(folder)


def test_right_after_a_refresh_nothing_differs(folder: DataFolder, present: Present) -> None:
    folder.refresh(at(0))
    assert not present.differs(0)
    folder.land(AA, at(1), models(10))
    assert present.differs(1)
    folder.refresh(at(1))
    assert not present.differs(1)
    folder.land(AA, at(2), models(3))
    assert present.differs(2)
    folder.refresh(at(2))
    assert not present.differs(2)


def test_unchanged_pulls_make_no_difference_and_keep_a_source_live(
    folder: DataFolder, present: Present
) -> None:
    folder.land(AA, at(0), models(10))
    folder.refresh(at(0))
    for number in range(1, 40):
        folder.land(AA, at(number), models(10))
        assert not present.differs(number)
    assert not folder.refresh(at(39)).is_new
    assert not present.differs(39)


def test_a_source_that_grows_too_old_makes_a_difference(
    folder: DataFolder, present: Present
) -> None:
    folder.land(AA, at(0), models(10))
    folder.refresh(at(0))
    assert not present.differs(1.5)
    assert present.differs(1.51)
    assert folder.refresh(at(1.51)).manifest["sources"][AA]["origin"] == "cached"
    assert not present.differs(28)
    assert present.differs(28.01)
    assert folder.refresh(at(28.01)).manifest["sources"][AA]["origin"] == "none"
    assert not present.differs(1000)


def test_configuration_code_and_fixture_make_a_difference(
    folder: DataFolder, present: Present, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.land(AA, at(0), models(10))
    folder.refresh(at(0))
    settings = folder.settings
    folder.configure(AA, enabled=False)
    assert present.differs(0)
    folder.settings = settings
    assert not present.differs(0)
    with monkeypatch.context() as patch:
        patch.setattr("llmrec_pipeline.storage.inputs.code_version", lambda: "other")
        assert present.differs(0)
    other = folder.published.parent / "other.json"
    other.write_text("{}")
    with monkeypatch.context() as patch:
        patch.setattr(type(settings.locations), "fixture", property(lambda _: other))
        assert present.differs(0)


def test_content_that_landed_by_another_process_makes_a_difference(
    folder: DataFolder, present: Present, tmp_path: Path
) -> None:
    folder.land(AA, at(0), models(10))
    folder.refresh(at(0))
    elsewhere = DataFolder(tmp_path / "elsewhere", SETTINGS)
    elsewhere.land(AA, at(-1), models(11))
    shutil.copytree(elsewhere.lake.bronze, folder.lake.bronze, dirs_exist_ok=True)
    assert present.differs(0)


def test_a_bronze_file_without_its_record_is_no_content_yet(
    folder: DataFolder, present: Present
) -> None:
    """A landing writes the rows first; a refresh in between must not claim them."""
    folder.land(AA, at(0), models(10))
    landing = folder.land(AA, at(1), models(11))
    (log,) = folder.lake.logs(AA)
    whole = log.read_bytes()
    log.write_bytes(whole.splitlines(keepends=True)[0])
    folder.refresh(at(1))
    assert (folder.lake.bronze / AA / str(landing.record.bronze)).exists()
    assert not present.differs(1)
    log.write_bytes(whole)
    assert present.differs(1)


def test_the_moment_at_which_a_doubted_content_is_believed_makes_a_difference(
    folder: DataFolder, present: Present
) -> None:
    """The pull that is believed repeats the one before it, so no file tells."""
    folder.land(AA, at(0), models(10))
    folder.land(AA, at(1), models(3))
    folder.land(AA, at(2), models(3))
    folder.refresh(at(2))
    for number in range(3, 13):
        folder.land(AA, at(number), models(3))
        assert not present.differs(number)
    folder.land(AA, at(13), models(3))
    assert present.differs(13)
    published = folder.refresh(at(13))
    assert published.is_new
    assert published.manifest["sources"][AA]["rows"] == 3
    assert not present.differs(13)


def test_a_fixture_never_looks_fresh(folder: DataFolder) -> None:
    entry = folder.refresh(at(0)).manifest["sources"][MODELS_DEV]
    assert entry["origin"] == "fixture"
    assert entry["observed_at"].startswith(f"{OBSERVED_FIXTURE:%Y-%m-%d}")


def test_an_edition_can_be_asked_by_sql(once: DataFolder) -> None:
    """Its files stand for themselves; no warehouse is needed."""
    home = current(once).folder
    once.warehouse.unlink()
    with duckdb.connect() as con:
        row = con.sql(f"SELECT count(*) FROM '{home}/history/models_history_*.parquet'").fetchone()
    assert row == (10,)
