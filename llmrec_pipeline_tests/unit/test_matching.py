"""Cards, likeness, learned order, tokens and rates. All values invented."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec_pipeline.domain.learned_ranking import learned_of, reranked
from llmrec_pipeline.domain.learning import Outcome
from llmrec_pipeline.domain.learning_config import LearningConfig
from llmrec_pipeline.domain.matching import HashedWords, Remembered, TextIndex
from llmrec_pipeline.domain.model_cards import model_cards
from llmrec_pipeline.locations import read_locations
from llmrec_pipeline.serving.api.config import RateLimit
from llmrec_pipeline.serving.api.gate import RateLimiter, Tokens
from llmrec_pipeline.serving_settings import load_learning


@pytest.fixture
def config() -> LearningConfig:
    return load_learning(read_locations({}), {})


@settings(deadline=None)
@given(st.text(max_size=200))
def test_a_text_is_most_like_itself(text: str) -> None:
    index = TextIndex(HashedWords(), {"same": text, "other": "zebra quartz"})
    found = index.nearest(text, 2)
    if found:
        assert found[0].similarity == pytest.approx(1.0)
        assert all(-1.000001 <= match.similarity <= 1.000001 for match in found)


def test_the_nearest_come_first_and_a_text_is_embedded_once() -> None:
    seen: list[str] = []

    class Counting(HashedWords):
        def __call__(self, text: str) -> list[float]:
            seen.append(text)
            return super().__call__(text)

    texts = {"b": "debug python code", "a": "debug python code", "c": "write german poems"}
    index = TextIndex(Remembered(Counting(), 10), texts)
    assert [match.id for match in index.nearest("python code", 3)] == ["a", "b", "c"]
    index.nearest("python code", 1)
    assert sorted(seen) == sorted({*texts.values(), "python code"})
    assert index.nearest("", 3) == []
    assert TextIndex(HashedWords(), {}).nearest("x", 3) == []


def test_a_card_tells_creator_strengths_capabilities_and_price_class() -> None:
    standings = {f"lab/{n}": [1.0 - n / 10, 0, 0, n + 1, 1, 2, []] for n in range(10)}
    payload = {
        "models": [_model(n, price=float(n)) for n in range(10)] + [_model(10, listed=False)],
        "consensus": {"task_types": {"coding": standings, "math": {}}},
    }
    cards = model_cards(payload)
    assert len(cards) == 10
    assert cards["lab/0"] == (
        "Model 0 by lab. Among the best at coding. Capabilities: tools, open weights. "
        "Context 1000 tokens. Free, 0 USD per 1M tokens."
    )
    assert "Good at coding" in cards["lab/2"]
    assert "Low price" in cards["lab/1"]
    assert "High price" in cards["lab/9"]
    assert "coding" not in cards["lab/9"]


def _model(number: int, *, price: float | None = None, listed: bool = True) -> dict[str, Any]:
    return {
        "canonical_model_key": f"lab/{number}",
        "model_name": f"Model {number}",
        "provider": "lab",
        "listed": listed,
        "is_open_weights": number == 0,
        "offerings": [
            {
                "is_creator_host": True,
                "price_input_per_1m": price,
                "context_window": 1000,
                "capabilities": {"tools": True, "vision": False},
            }
        ],
    }


def test_outcomes_move_models_among_each_other_and_nothing_else(config: LearningConfig) -> None:
    told = [Outcome("build", "lab/1", 0.0, 30), Outcome("other", "lab/2", 1.0, 30)]
    scores = {"lab/1": 1.0, "lab/2": 0.9, "lab/3": 0.95}
    learned = learned_of("build", {"build": scores, "other": scores}, told, config)
    assert learned is not None
    assert (learned["outcomes"], set(learned["models"])) == (30, {"lab/1", "lab/2"})
    assert learned["models"]["lab/1"]["shift"] < 0 < learned["models"]["lab/2"]["shift"]
    assert learned_of("nowhere", {"nowhere": scores}, told, config) is None
    answer = {
        "edition": "e",
        "task_profile": {"weight_quality": 0.5},
        "recommendations": [
            {"canonical_model_key": key, "score": score} for key, score in scores.items()
        ],
    }
    after = reranked(answer, learned, 2)
    keys = [item["canonical_model_key"] for item in after["recommendations"]]
    assert set(keys) == {"lab/2", "lab/3"}
    untried = next(i for i in after["recommendations"] if i["learned"] is None)
    assert untried["learned_score"] == untried["score"], "nobody has tried it"
    assert after["edition"] == "e"


def test_few_outcomes_move_less_than_many(config: LearningConfig) -> None:
    scores = {"build": {"lab/1": 0.0, "lab/2": 0.0}}

    def shift(count: int) -> float:
        told = [Outcome("build", "lab/1", 1.0, count), Outcome("build", "lab/2", 0.5, count)]
        learned = learned_of("build", scores, told, config)
        assert learned is not None
        return float(learned["models"]["lab/1"]["shift"] - learned["models"]["lab/2"]["shift"])

    assert 0 < shift(1) < shift(10) < shift(1000) <= 0.5


def test_a_caller_may_ask_at_a_steady_rate() -> None:
    now = 0.0
    limiter = RateLimiter(RateLimit(per_minute=60, burst=2), lambda: now)
    assert [limiter.wait_s("a") for _ in range(3)] == [0.0, 0.0, 1.0]
    assert limiter.wait_s("b") == 0.0, "each caller has a bucket"
    now = 1.0
    assert [limiter.wait_s("a"), limiter.wait_s("a")] == [0.0, 1.0]
    now = 1000.0
    assert [limiter.wait_s("a") for _ in range(3)] == [0.0, 0.0, 1.0], "and no more is saved up"


def test_a_token_is_known_by_its_hash() -> None:
    tokens = Tokens(tuple(hashlib.sha256(t.encode()).hexdigest() for t in ("one", "two")))
    one, two = tokens.caller("Bearer one", "x"), tokens.caller("bearer two ", "x")
    assert one
    assert two
    assert one != two
    for wrong in (None, "", "one", "Bearer", "Bearer three", "Basic one"):
        assert tokens.caller(wrong, "x") is None
    assert Tokens(()).caller(None, "10.0.0.1") == "10.0.0.1"
