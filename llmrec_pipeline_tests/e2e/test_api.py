"""The HTTP API over a real socket."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import generate_latest

from llmrec_pipeline.locations import SettingsError, read_locations
from llmrec_pipeline.serving import answering
from llmrec_pipeline.serving.api import schemas, server
from llmrec_pipeline.serving.api.config import HASHES_VARIABLE, load_api_config, require_safe
from llmrec_pipeline.serving.api.server import listen
from llmrec_pipeline.serving.sentence_embedding import EmbeddingError
from llmrec_pipeline.serving.understanding import sentence_embedder
from llmrec_pipeline.storage.spool import AnswerSpool
from llmrec_pipeline_tests.e2e.api_server import (
    PATIENCE_S,
    Api,
    api,
    publish_without,
    served,
    until,
)
from llmrec_pipeline_tests.e2e.command_line import Llmrec, one_line

TEXT = "python debugging, prefer quality"
TOKEN = "a token of a test"
HASH = hashlib.sha256(TOKEN.encode()).hexdigest()
PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def data(_published: Llmrec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of published data that these tests may add to."""
    folder = tmp_path_factory.mktemp("api") / "data"
    shutil.copytree(_published.data, folder, symlinks=True)
    return folder


@pytest.fixture(scope="module")
def served_api(data: Path) -> Iterator[Api]:
    with api(data) as running:
        yield running


def test_every_route_answers(served_api: Api) -> None:
    client = served_api.client
    welcome = client.get("/").json()
    assert welcome["edition"] == client.get("/healthz").json()["edition"]
    document = client.get("/openapi.json").json()
    assert set(welcome["routes"]) == set(document["paths"]) - {"/"}
    page = client.get("/docs").text
    assert "POST /api/v1/recommend" in page
    assert "<script" not in page
    assert "http://" not in page

    assert served_api.stored("team-a") == 201
    answer = served_api.recommend(TEXT, topk=2, user_id="team-a").json()
    assert answer["task_profile"]["task_type"] == "coding"
    assert len(answer["recommendations"]) == 2
    assert answer["edition"] == welcome["edition"]
    assert answer["understood"]

    models = client.get("/api/v1/models", params={"limit": 3, "offset": 1}).json()
    assert (len(models["items"]), models["next_offset"]) == (3, 4)
    assert set(models["attribution"]) >= {
        source for model in models["items"] for of in model["measures"].values() for source in of
    }
    assert all(models["attribution"].values())
    one = models["items"][0]["canonical_model_key"]
    found = client.get("/api/v1/models", params={"search": one, "listed_only": False}).json()
    assert one in {model["canonical_model_key"] for model in found["items"]}

    rankings = client.get("/api/v1/rankings", params={"category": "coding"}).json()
    assert [row["rank"] for row in rankings["items"]] == list(range(1, len(rankings["items"]) + 1))
    assert rankings["next_offset"] is None or rankings["total"] > 50
    best = rankings["items"][0]
    top = client.get("/api/v1/categories/coding/top", params={"top_n": 1}).json()
    assert top["rankings"] == [best]
    of_creator = {"providers": best["provider"], "top_n": 100}
    own = client.get("/api/v1/categories/coding/top", params=of_creator).json()["rankings"]
    assert {row["provider"] for row in own} == {best["provider"]}
    assert rankings["attribution"]

    sources = client.get("/api/v1/sources").json()
    assert {"source", "origin", "quota", "last_error"} <= set(sources[0])
    metrics = client.get("/metrics").text
    assert 'llmrec_api_requests_total{method="POST",route="/api/v1/recommend"' in metrics
    assert 'method="GET",route="/openapi.json",status="200"' in metrics
    assert "python" not in metrics


def test_a_profile_is_answered_and_matched(served_api: Api) -> None:
    client = served_api.client
    told = {
        "profile_text": "We debug python services.",
        "constraints": {"max_price_per_1m": 50},
        "available_providers": ["OpenAI", "anthropic"],
    }
    created = client.put("/api/v1/users/team-b", json=told)
    assert created.status_code == 201
    assert created.json()["available_providers"] == ["openai", "anthropic"]
    assert client.put("/api/v1/users/team-b", json=told).status_code == 200
    answer = client.get("/api/v1/recommend/team-b", params={"topk": 3}).json()
    assert {r["provider"] for r in answer["recommendations"]} <= {"openai", "anthropic"}
    assert answer["task_profile"]["max_price_per_1m"] == 50
    assert answer["matches"]["embedding"] in ("hashed_words", served_api.desk.embedder.name)
    assert answer["matches"]["models"]

    given = {"model": answer["recommendations"][0]["canonical_model_key"], "use_case": "coding"}
    for _ in range(8):
        row = client.post(
            "/api/v1/feedback", json={**given, "rating": 1, "answer_id": answer["answer_id"]}
        )
        assert (row.status_code, row.json()["score"]) == (201, 0.0)

    def learned() -> dict[str, Any]:
        found: dict[str, Any] = client.get("/api/v1/recommend/team-b").json()
        return found

    until(lambda: learned().get("learned", {}).get("outcomes") == 8)
    after = learned()
    by_key = {r["canonical_model_key"]: r for r in after["recommendations"]}
    if given["model"] in by_key:
        told_of = by_key[given["model"]]
        assert told_of["learned_score"] < told_of["score"]
        assert "our 8 outcomes say 0.00" in told_of["learned"]["text"]
    assert after["recommendations"][0]["canonical_model_key"] != given["model"]
    past = after["matches"]["past_requests"]
    assert past[0]["id"] == answer["answer_id"]
    assert len(past[0]["outcomes"]) == 8
    again = client.get(f"/api/v1/history/{after['answer_id']}/replay").json()
    assert again["same"]


def test_a_text_is_understood_by_the_means_that_is_asked_for(
    served_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def means(**asked: str) -> str:
        answer = served_api.recommend("Pourquoi le ciel est-il bleu ?", **asked).json()
        understanding: str = answer["request"]["understanding"]
        return understanding

    assert [means(), means(understanding="full"), means(understanding="words")] == [
        "words",
        "full",
        "words",
    ]
    assert served_api.recommend(TEXT, understanding="best").status_code == 422

    def missing(*_: object) -> None:
        raise EmbeddingError("numpy is not installed")

    monkeypatch.setattr(answering, "request_reader", missing)
    refused = served_api.recommend("a text that is new", understanding="full")
    assert (refused.status_code, refused.headers["content-type"]) == (422, PROBLEM)
    assert "understanding: numpy is not installed" in refused.json()["detail"]


def test_cards_are_compared_by_the_sentence_embedding_once_they_are_embedded(
    served_api: Api,
) -> None:
    desk, client = served_api.desk, served_api.client
    assert desk.embedder.name == sentence_embedder().name
    until(lambda: desk.cards_index(desk.served).embedder.name == desk.embedder.name)
    client.put("/api/v1/users/team-d", json={"profile_text": "Formal proofs and olympiad problems"})
    matches = client.get(
        "/api/v1/recommend/team-d", params={"topk": 1, "understanding": "full"}
    ).json()["matches"]
    assert matches["embedding"] == desk.embedder.name
    assert matches["use_cases"][0]["id"] == "math"


def test_without_the_extra_words_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "is_installed", lambda: False)
    assert server.default_embedder().name == "hashed_words"


def test_an_edition_changes_under_load_and_the_first_answer_is_made_anew(
    data: Path, tmp_path: Path
) -> None:
    shutil.copytree(data, tmp_path / "data", symlinks=True)
    with api(tmp_path / "data") as running:
        running.stored("team-c")
        first = running.recommend(TEXT, user_id="team-c").json()
        best = first["recommendations"][0]["canonical_model_key"]
        statuses: list[int] = []
        editions: list[str] = []
        stop = threading.Event()

        def ask() -> None:
            with httpx.Client(base_url=running.url, timeout=30) as client:
                while not stop.is_set():
                    asked = client.post("/api/v1/recommend", json={"text": TEXT, "topk": 1})
                    statuses.append(asked.status_code)
                    editions.append(asked.json()["edition"])

        askers = [threading.Thread(target=ask) for _ in range(3)]
        for asker in askers:
            asker.start()
        until(lambda: len(statuses) > 20)
        publish_without(tmp_path / "data", best, "20990101T000000Z-deadbeef")
        until(lambda: editions[-1] == "20990101T000000Z-deadbeef")
        stop.set()
        for asker in askers:
            asker.join()
        assert set(statuses) == {200}
        assert set(editions) == {first["edition"], "20990101T000000Z-deadbeef"}

        running.recommend(TEXT, user_id="team-c")
        history = running.client.get("/api/v1/history", params={"user_id": "team-c"}).json()
        after, before = history["items"]
        assert before["answer"] == {k: v for k, v in first.items() if k != "answer_id"}
        assert after["answer"]["recommendations"][0]["canonical_model_key"] != best
        assert (after["edition"], before["edition"]) == (history["edition"], first["edition"])
        replay = running.client.get(f"/api/v1/history/{first['answer_id']}/replay").json()
        assert replay["same"]
        assert replay["replayed"] == before["answer"]


def test_what_is_the_same_is_not_sent_again(served_api: Api) -> None:
    for path in ("/api/v1/models", "/api/v1/rankings", "/api/v1/categories/coding/top"):
        first = served_api.client.get(path)
        tag = first.headers["etag"]
        for told in (tag, f'"other", W/{tag}', "*"):
            again = served_api.client.get(path, headers={"If-None-Match": told})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == tag
        other = served_api.client.get(path, headers={"If-None-Match": '"another"'})
        assert other.status_code == 200


def test_every_answer_has_an_example_of_its_own_shape(served_api: Api) -> None:
    document = served_api.client.get("/openapi.json").json()
    shown = 0
    for path, routes in document["paths"].items():
        for method, route in routes.items():
            answer = next(
                route["responses"][code] for code in ("200", "201") if code in route["responses"]
            )
            schema = answer["content"].get("application/json", {}).get("schema")
            if schema is None:
                continue
            name = (schema.get("items") or schema)["$ref"].rpartition("/")[2]
            examples = document["components"]["schemas"][name]["examples"]
            assert examples, (method, path)
            for example in examples:
                getattr(schemas, name).model_validate(example)
            shown += 1
    assert shown >= 11


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "detail"),
    [
        ("GET", "/nowhere", None, 404, "Not Found"),
        ("DELETE", "/api/v1/models", None, 405, "Method Not Allowed"),
        ("POST", "/api/v1/recommend", {"text": "x", "topk": 0}, 422, "topk: "),
        ("POST", "/api/v1/recommend", {"text": "x", "nonsense": 1}, 422, "nonsense: "),
        ("POST", "/api/v1/recommend", {"text": "x", "host": "nowhere"}, 422, "unknown host"),
        ("POST", "/api/v1/recommend", {"text": "only openai, no openai"}, 422, "openai"),
        ("GET", "/api/v1/recommend/nobody", None, 404, "no user has the id 'nobody'"),
        ("POST", "/api/v1/recommend", {"text": "x", "user_id": "nobody"}, 404, "no user has"),
        ("POST", "/api/v1/recommend", {"text": " \t\n"}, 422, "text: is blank"),
        ("GET", "/api/v1/history?user_id=nobody", None, 404, "no user has the id 'nobody'"),
        ("GET", "/api/v1/categories/coding/top?providers=", None, 422, "names nobody"),
        ("GET", "/api/v1/categories/coding/top?providers=%20,", None, 422, "names nobody"),
        ("GET", "/api/v1/history/nothing/replay", None, 404, "no answer has the id"),
        ("GET", "/api/v1/history", None, 422, "user_id: "),
        ("GET", "/api/v1/categories/art/top", None, 422, "category: "),
        ("GET", "/api/v1/rankings?provider=antropic", None, 422, "anthropic"),
        ("GET", "/api/v1/models?limit=0", None, 422, "limit: "),
        ("PUT", "/api/v1/users/%20", {"profile_text": "x"}, 422, "user_id: "),
        ("PUT", "/api/v1/users/u", {"profile_text": ""}, 422, "profile_text: "),
        ("PUT", "/api/v1/users/u", {"profile_text": " "}, 422, "profile_text: is blank"),
        ("POST", "/api/v1/feedback", {"model": "x", "use_case": "u"}, 422, "body: exactly one of"),
        ("POST", "/api/v1/feedback", {"model": "x", "use_case": "u", "rating": 9}, 422, "model"),
    ],
)
def test_every_error_is_a_problem(
    served_api: Api, method: str, path: str, body: object, status: int, detail: str
) -> None:
    answer = served_api.client.request(method, path, json=body)
    assert answer.headers["content-type"] == PROBLEM
    told = answer.json()
    assert (answer.status_code, told["status"]) == (status, status)
    assert detail in told["detail"]
    assert set(told) == {"type", "title", "status", "detail"}


@pytest.mark.parametrize(
    ("told", "detail"),
    [
        ({"profile_text": "only openai, no openai"}, "openai"),
        ({"profile_text": "x", "constraints": {"host": "nowhere"}}, "unknown host"),
        ({"profile_text": "x", "constraints": {"task_type": "nothing"}}, "nothing"),
        ({"profile_text": "x", "available_providers": ["antropic"]}, "anthropic"),
        (
            {
                "profile_text": "x",
                "constraints": {"provider_allowlist": ["openai"]},
                "available_providers": ["anthropic"],
            },
            "names none of the available providers",
        ),
    ],
)
def test_a_profile_that_could_not_be_answered_is_not_stored(
    served_api: Api, told: dict[str, Any], detail: str
) -> None:
    refused = served_api.client.put("/api/v1/users/team-odd", json=told)
    assert (refused.status_code, refused.headers["content-type"]) == (422, PROBLEM)
    assert detail in refused.json()["detail"]
    assert served_api.client.get("/api/v1/recommend/team-odd").status_code == 404


def test_a_use_case_without_outcomes_is_noted(served_api: Api) -> None:
    served_api.stored("team-u", constraints={"use_case": "untried_work"})
    stated = served_api.recommend(TEXT, use_case="untried_work").json()
    stored = served_api.client.get("/api/v1/recommend/team-u").json()
    for answer in (stated, stored):
        assert "use_case untried_work: no outcomes" in answer["notes"][-1]
        replay = served_api.client.get(f"/api/v1/history/{answer['answer_id']}/replay").json()
        assert replay["same"]
    assert not any("use_case" in note for note in served_api.recommend(TEXT).json()["notes"])


def test_feedback_names_a_user_who_is_stored(served_api: Api) -> None:
    model = next(iter(sorted(served_api.desk.served.keys)))
    given = {"model": model, "use_case": "untold", "success": True, "user_id": "nobody"}
    refused = served_api.client.post("/api/v1/feedback", json=given)
    assert (refused.status_code, refused.headers["content-type"]) == (404, PROBLEM)


def test_a_head_is_as_the_get_without_its_body(served_api: Api) -> None:
    client = served_api.client
    for path in ("/", "/healthz", "/api/v1/models", "/api/v1/sources", "/openapi.json"):
        asked, told = client.head(path), client.get(path)
        assert (asked.status_code, asked.content) == (200, b"")
        for name in ("content-type", "content-length", "etag"):
            assert asked.headers.get(name) == told.headers.get(name)
    assert client.head("/api/v1/feedback").status_code == 405
    counted = 'llmrec_api_requests_total{method="HEAD",route="/healthz",status="200"}'
    assert counted in client.get("/metrics").text


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        (b"{'text': 'x'}", 422, "body: is not JSON: Expecting property name"),
        (b"", 422, "body: "),
        (b"[1]", 422, "body: "),
        (b'{"text": "\xff"}', 400, "body: is not JSON: its bytes are not UTF-8"),
    ],
)
def test_a_body_that_is_no_json_is_told_in_words(
    served_api: Api, body: bytes, status: int, detail: str
) -> None:
    kind = {"Content-Type": "application/json"}
    answer = served_api.client.post("/api/v1/recommend", content=body, headers=kind)
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert answer.json()["detail"].startswith(detail)
    assert "\n" not in answer.json()["detail"]


def test_a_long_body_is_refused_however_it_comes(served_api: Api) -> None:
    long = b'{"text": "' + b"x" * 100_000 + b'"}'
    told = served_api.client.post("/api/v1/recommend", content=long)
    chunks = served_api.client.post("/api/v1/recommend", content=iter([long[:50_000]] * 3))
    text = served_api.recommend("x" * 20_001)
    assert (told.status_code, chunks.status_code, text.status_code) == (413, 413, 422)
    assert told.json()["detail"] == "the body is longer than 64 KiB"
    assert chunks.headers["content-type"] == PROBLEM


def test_only_who_has_a_token_is_answered_and_not_too_often(data: Path) -> None:
    limits = {"LLMREC_API__RATE_LIMIT__BURST": "3", "LLMREC_API__RATE_LIMIT__PER_MINUTE": "1"}
    with api(data, LLMREC_API_TOKEN_HASHES=HASH, **limits) as running:
        client = running.client
        assert client.get("/healthz").status_code == 200
        for header in (None, "Bearer wrong", f"Basic {TOKEN}", "Bearer"):
            refused = client.get(
                "/api/v1/sources", headers={"Authorization": header} if header else {}
            )
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
            assert refused.headers["content-type"] == PROBLEM
        mine = {"Authorization": f"Bearer {TOKEN}"}
        statuses = [client.get("/api/v1/models", headers=mine).status_code for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        client.get("/api/v1/history/one-of-mine/replay", headers=mine)
        late = client.get("/api/v1/models", headers=mine)
        assert 1 <= int(late.headers["retry-after"]) <= 61
        assert client.get("/healthz").status_code == 200
        told = generate_latest(running.metrics.registry).decode()
        for route in ("/api/v1/models", "/api/v1/history/{answer_id}/replay"):
            assert f'method="GET",route="{route}",status="429"' in told
        assert "one-of-mine" not in told


def test_over_loopback_only_its_own_names_are_answered(data: Path) -> None:
    with api(data, LLMREC_API__HOSTS="[llmrec.example.org]") as running:

        def asked(host: str) -> httpx.Response:
            return running.client.get("/api/v1/models?limit=1", headers={"host": host})

        named = ("localhost:8000", "LocalHost.", "127.0.0.1", "[::1]:8000", "LLMREC.example.org:80")
        assert [asked(host).status_code for host in named] == [200] * len(named)
        others = ("rebound.example", "localhost.rebound.example", "127.0.0.1.example", "[", "")
        spoiled = ("[::1]rebound.example", "localhost:80@rebound", "localhost:x", "[localhost]")
        for host in others + spoiled:
            told = asked(host)
            assert (told.status_code, told.headers["content-type"]) == (400, PROBLEM)
            assert "config/api.yaml: hosts" in told.json()["detail"]
        assert running.client.get("/", headers={"host": "rebound.example"}).status_code == 400
        twice = b"GET / HTTP/1.1\r\nHost: rebound.example\r\nHost: localhost\r\n\r\n"
        with socket.create_connection(
            (running.client.base_url.host, running.client.base_url.port)
        ) as asking:
            asking.settimeout(PATIENCE_S)
            asking.sendall(twice)
            status, _, rest = asking.recv(4096).partition(b"\r\n")
        assert status.startswith(b"HTTP/1.1 400 ")
        assert PROBLEM.encode() in rest


def test_an_answer_that_takes_too_long_is_given_up(data: Path) -> None:
    with api(data, LLMREC_API__TIMEOUT_S="0.000001") as running:
        late = running.recommend("a question that nobody asked before")
        assert (late.status_code, late.headers["content-type"]) == (503, PROBLEM)
        assert int(late.headers["retry-after"]) > 0


def test_it_is_open_to_others_only_with_a_token(reader: Llmrec) -> None:
    line = one_line(reader("serve", "--host", "0.0.0.0", "--port", "0"), 5)
    assert "LLMREC_API_TOKEN_HASHES" in line
    places = read_locations({})
    closed, opened = (load_api_config(places, env) for env in ({}, {HASHES_VARIABLE: HASH}))
    for host in ("127.0.0.1", "::1", "localhost"):
        require_safe(host, closed)
    for host in ("0.0.0.0", "::", "10.0.0.7", "example.org", ""):
        require_safe(host, opened)
        with pytest.raises(SettingsError, match=HASHES_VARIABLE):
            require_safe(host, closed)
    with pytest.raises(SettingsError) as wrong:
        load_api_config(places, {HASHES_VARIABLE: "secret"})
    assert "secret" not in str(wrong.value)
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="--port"):
        listen("127.0.0.1", taken.getsockname()[1])


def test_what_was_answered_outlives_the_server(ran: Llmrec) -> None:
    """Killed, it has lost nothing that it answered; asked to stop, it has stored everything."""
    slow = {"LLMREC_API__SPOOL__DRAIN_S": "3600"}
    with served(ran, **slow) as (process, url):
        profile = {"profile_text": "Questions by number"}
        httpx.put(f"{url}/api/v1/users/team-d", json=profile, timeout=60).raise_for_status()
        given = [_ask(url, number) for number in range(5)]
        ran.kill(process)
    assert AnswerSpool(ran.data).waiting_bytes > 0
    with served(ran, **slow) as (process, url):
        given += [_ask(url, number) for number in range(5, 8)]
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=60)
        assert process.returncode == 0, log
    assert AnswerSpool(ran.data).waiting_bytes == 0
    lines = [json.loads(line) for line in log.splitlines()]
    assert any(line["message"] == "drained" and line["answers"] == 8 for line in lines)
    assert "question number" not in log
    history = ran.well("users", "history", "team-d")
    assert [row["answer_id"] for row in history] == given[::-1]
    noted = ran.well("recommend", TEXT, "--no-refresh", "--user", "team-d", "--topk", "1")
    newest = ran.well("users", "history", "team-d", "--limit", "1")[0]
    assert newest["answer_id"] == noted["answer_id"]
    assert ran.well("users", "replay", noted["answer_id"])["same"]


def _ask(url: str, number: int) -> str:
    body = {"text": f"question number {number}", "user_id": "team-d", "topk": 1}
    answer = httpx.post(f"{url}/api/v1/recommend", json=body, timeout=60)
    return str(answer.json()["answer_id"])


def _conforms(url: str, phases: str, examples: int) -> None:
    """Schemathesis finds no 5xx, and nothing that the document does not tell."""
    checks = "not_a_server_error,status_code_conformance,content_type_conformance"
    result = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json"),
            *("--checks", f"{checks},response_schema_conformance"),
            *("--phases", phases, "--max-examples", str(examples)),
            *("--seed", "1", "--suppress-health-check", "all", "--request-timeout", "30"),
        ],
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert result.returncode == 0, result.stdout[-4000:]


def test_the_document_tells_what_the_server_does(served_api: Api) -> None:
    _conforms(served_api.url, "examples,fuzzing", 3)


@pytest.mark.slow
def test_the_document_tells_what_the_server_does_whatever_is_asked(served_api: Api) -> None:
    _conforms(served_api.url, "examples,coverage,fuzzing", 40)
