"""A score taken apart: from an edition and from a moment, down to the raw page."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from llmrec_pipeline.domain.ranking import recommend
from llmrec_pipeline.domain.task_profile import RequestError, TaskProfile, Tasks
from llmrec_pipeline.domain.timestamps import iso
from llmrec_pipeline.serving.at_time import Asked
from llmrec_pipeline.serving.explaining import explain
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.sources.pull import RawPage
from llmrec_pipeline.storage.editions import Edition
from llmrec_pipeline_tests.storage.pulled import AA, DataFolder, at, model, models

SETTINGS = load_settings({})
KEY = "laboratory/invented-7"


@pytest.fixture(scope="module")
def _published(tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    folder = DataFolder(tmp_path_factory.mktemp("published") / "data", SETTINGS)
    folder.land(AA, at(0), models(12), index_version="4.1")
    folder.refresh(at(0))
    better = [model(7, quality_index=60.0), *models(7), *models(4, first=8)]
    folder.land(AA, at(1), better, index_version="4.1")
    pages = [
        RawPage(
            f"page-{number}.json",
            f"https://publisher.test/?page={number}",
            200,
            {},
            json.dumps([row["source_model_id"] for row in rows]).encode(),
            at(1),
        )
        for number, rows in enumerate((better[1:], better[:1]), start=1)
    ]
    folder.lake.land_raw(AA, at(1), pages)
    folder.refresh(at(1))
    return folder


@pytest.fixture
def folder(_published: DataFolder, tmp_path: Path) -> DataFolder:
    """Two pulls of a publisher, the raw pages of the second in two parts."""
    return _published.copy(tmp_path / "data")


def told(folder: DataFolder, name: str = KEY, **asked: str) -> dict[str, Any]:
    return explain(name, "general", Asked(**asked), folder.settings)


def test_what_is_told_is_what_the_ranking_says(folder: DataFolder) -> None:
    found = told(folder)
    payload = json.loads((folder.published / "current" / "ranking.json").read_text("utf-8"))
    weights = Tasks.from_mapping(payload["tasks"]).weights("none")
    (first, *_) = recommend(payload, TaskProfile("general", *weights))["recommendations"]
    assert first["canonical_model_key"] == KEY == found["canonical_model_key"]
    assert (found["rank"], found["not_ranked"]) == (1, None)
    assert found["score"]["value"] == first["score"]
    terms = found["score"]["terms"].values()
    assert sum(term["contribution"] for term in terms) == pytest.approx(first["score"])
    used = found["consensus"]
    assert sum(m["contribution"] for m in used["measures"]) == pytest.approx(used["score"])
    assert used["score"] == pytest.approx(first["metrics"]["quality"], abs=1e-9)
    (measure,) = used["measures"]
    assert (measure["publisher"], measure["measure"]) == (AA, "quality_index")
    assert (measure["index_version"], measure["grade"]) == ("4.1", "measured")
    assert measure["values"] == [{"canonical_model_key": KEY, "value": 60.0, "stderr": None}]
    # The population was frozen with the first pull.
    assert measure["anchor"]["snapshot_ts"] == iso(at(0))
    assert (measure["anchor"]["n"], measure["anchor"]["lowest"]) == (12, 20.0)
    assert found["attribution"] == {AA: SETTINGS.sources[AA].attribution}


def test_each_value_leads_to_its_raw_page(folder: DataFolder) -> None:
    (measure,) = told(folder)["consensus"]["measures"]
    assert measure["pull"] == {
        "origin": "live",
        "observed_at": iso(at(1)),
        "ids": ["id-007"],
        "page": "raw/artificial_analysis/20260530T060000.000000Z/page-2.json",
        "url": "https://publisher.test/?page=2",
    }
    page = folder.settings.locations.data / measure["pull"]["page"]
    assert b"id-007" in page.read_bytes()


def test_a_manifest_leads_nowhere_beyond_its_folder(folder: DataFolder) -> None:
    data = folder.settings.locations.data
    (data / "secret.json").write_text("id-007", encoding="utf-8")
    (manifest,) = (data / "raw" / AA).glob(f"{at(1):%Y%m%dT%H%M%S}*/manifest.json")
    content = json.loads(manifest.read_text("utf-8"))
    beyond = ("../../../secret.json", str(data / "secret.json"), "..", "", 7, None)
    for name in beyond:
        content["pages"] = [{**content["pages"][0], "name": name}]
        manifest.write_text(json.dumps(content), encoding="utf-8")
        (measure,) = told(folder)["consensus"]["measures"]
        assert (measure["pull"]["page"], measure["pull"]["url"]) == (None, None), name


def test_a_moment_of_the_past_is_explained_from_its_own_pull(folder: DataFolder) -> None:
    found = told(folder, as_of=iso(at(1) - timedelta(minutes=1)))
    (measure,) = found["consensus"]["measures"]
    assert measure["values"][0]["value"] == 27.0
    assert measure["pull"]["observed_at"] == iso(at(0))
    assert measure["pull"]["page"] is None
    assert found["rank"] > 1


def test_a_model_that_is_not_ranked_says_why(folder: DataFolder) -> None:
    gone = model(7, quality_index=60.0, is_deprecated=True)
    folder.land(AA, at(2), [gone, *models(7), *models(4, first=8)], index_version="4.1")
    folder.refresh(at(2))
    found = told(folder)
    assert (found["rank"], found["score"]) == (None, None)
    assert found["not_ranked"] == "deprecated"
    assert found["consensus"] is not None


def test_a_name_will_do_and_a_wrong_one_is_told(folder: DataFolder) -> None:
    for name in ("invented 7", "Laboratory/Invented-7"):
        assert told(folder, name)["canonical_model_key"] == KEY
    with pytest.raises(RequestError, match="unknown model 'laboratory/invented-77'"):
        told(folder, "laboratory/invented-77")
    with pytest.raises(RequestError, match="unknown task type 'codin'; did you mean coding"):
        explain(KEY, "codin", Asked(), folder.settings)


def test_an_old_key_leads_to_todays(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    ranking = Edition.ranking

    def with_redirect(edition: Edition) -> dict[str, Any]:
        return {**ranking(edition), "key_redirects": {"laboratory/former": KEY}}

    monkeypatch.setattr(Edition, "ranking", with_redirect)
    assert told(folder, "laboratory/former")["canonical_model_key"] == KEY
