"""The task model: its features, its arithmetic, and the one that is shipped."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec_pipeline.domain.request_tokens import Text
from llmrec_pipeline.domain.task_features import BLOCKS, features, left, left_text
from llmrec_pipeline.domain.task_model import FULL, WORDS_ONLY, TaskModel, mix
from llmrec_pipeline.domain.task_profile import LISTS_ONLY, RequestError
from llmrec_pipeline.serving.sentence_embedding import EmbeddingError, MiniLm
from llmrec_pipeline.serving.understanding import MODEL_FILE, request_reader
from llmrec_pipeline_tests import task_fitting as fitting
from llmrec_pipeline_tests import task_quality as quality

CONTENT: dict[str, Any] = json.loads(MODEL_FILE.read_text("utf-8"))
MODEL = TaskModel.from_mapping(CONTENT)
TYPES = tuple(fitting.tasks().task_types)


def invented(weight: int = 100) -> TaskModel:
    """Two task types and one word that speaks for the first."""
    return TaskModel.from_mapping(
        {
            "task_types": ["coding", "math"],
            "texts_sha256": "",
            "bias": [0.0, 0.5],
            "temperatures": {WORDS_ONLY: 2.0, FULL: 1.0},
            "features": {
                "words": {"code": f"1.0 {weight} 0"},
                "letters": {},
                "lists": {"coding": "50 0"},
                "shape": {},
            },
            "embedding": {
                "name": "invented",
                "share": 0.25,
                "bias": [0.0, 0.0],
                "weights": [[400, 0], [0, 400]],
            },
        }
    )


class Pointing:
    """An embedder that always points one way."""

    name = "invented"
    dimensions = 2

    def __init__(self, vector: Sequence[float]) -> None:
        self.vector = vector

    def __call__(self, text: str) -> Sequence[float]:
        return self.vector


def test_logits_are_bias_and_weighted_features_over_the_temperature() -> None:
    read = invented().read(Text.of("code"), {"coding": 1.0})
    # One known word and one listed type, each a block of length 1: 1.0 + 0.5 against 0.5.
    shares = [math.exp(1.5 / 2.0), math.exp(0.5 / 2.0)]
    assert read.probabilities["coding"] == pytest.approx(shares[0] / sum(shares))
    assert (read.why, read.understanding) == (("code",), WORDS_ONLY)


def test_an_embedding_takes_its_share() -> None:
    read = invented().read(Text.of("code"), {}, Pointing((0.0, 1.0)))
    logits = [0.75 * 1.0 + 0.25 * 0.0, 0.75 * 0.5 + 0.25 * 4.0]
    powers = [math.exp(logit) for logit in logits]
    assert read.probabilities["math"] == pytest.approx(powers[1] / sum(powers))
    assert read.understanding == FULL


def test_another_embedder_than_the_fitted_one_is_refused() -> None:
    other = Pointing((0.0, 1.0))
    other.name = "another"
    with pytest.raises(ValueError, match="fitted on invented, not on another"):
        invented().read(Text.of("code"), {}, other)


def test_features_leave_out_what_a_constraint_used() -> None:
    text = Text.of("Python code, under $5 per 1M tokens")
    text.take(3, len(text.tokens))
    assert left(text) == ["python", "code", ","]
    assert left_text(text) == "python code"
    assert "python code" in features(text, {})["words"]


def test_a_long_text_is_read_at_both_ends() -> None:
    text = Text.of("first " + "middle " * 5_000 + "last")
    assert len(left(text)) == 550
    assert (left(text)[0], left(text)[-1]) == ("first", "last")


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=200))
def test_every_block_has_length_1_or_nothing(text: str) -> None:
    found = features(Text.of(text), {}, MODEL.idf)
    assert tuple(found) == BLOCKS
    for values in found.values():
        length = math.sqrt(sum(value * value for value in values.values()))
        assert length == pytest.approx(1) or not values


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=200))
def test_probabilities_sum_to_1(text: str) -> None:
    found = MODEL.read(Text.of(text), {}).probabilities
    assert tuple(found) == TYPES
    assert math.fsum(found.values()) == pytest.approx(1)


def test_a_mix_is_shown_where_no_type_dominates() -> None:
    shares = {"a": 0.45, "b": 0.4, "c": 0.1, "d": 0.05}
    assert mix(shares, 0.4, 0.1) == {"a": 1.0}
    mixed = mix(shares, 0.5, 0.1)
    assert list(mixed) == ["a", "b", "c"]
    assert math.fsum(mixed.values()) == pytest.approx(1)
    assert mix({}, 0.5, 0.1) == {}


def test_the_shipped_model_was_fitted_on_the_shipped_texts() -> None:
    assert CONTENT["texts_sha256"] == fitting.digest()
    assert MODEL.task_types == TYPES
    assert CONTENT["embedding"]["files"] == fitting.EMBEDDING["files"]
    assert MODEL_FILE.stat().st_size < 1_000_000


def test_the_training_texts_cover_every_type_in_both_styles() -> None:
    rows = fitting.texts()
    assert len({row["text"] for row in rows}) == len(rows)
    for name in TYPES:
        styles = [row["style"] for row in rows if row["task_type"] == name]
        assert len(styles) >= 100
        assert min(styles.count("request"), styles.count("prompt")) >= 50


def test_no_training_text_is_a_labelled_request() -> None:
    assert not {row["text"] for row in fitting.texts()} & {r["text"] for r in quality.requests()}


def test_words_alone_understand_the_labelled_requests() -> None:
    """The goal on requests is 0.92; constraints are exact on at least 95 % of those that the
    grammar had not seen."""
    rows = fitting.labelled(
        {**row["expect"], "style": "", "topic": "", "text": row["text"]}
        for row in quality.requests()
    )
    assert quality.macro_f1(quality.read_types(MODEL, rows, None)) >= 0.92
    unseen = [row for row in quality.requests() if row["half"] == 2]
    exact = sum(quality.constraints_exact(fitting.reader(), row) for row in unseen)
    assert len(quality.requests()) >= 300
    assert exact >= 0.95 * len(unseen)


@pytest.mark.slow
def test_recorded_prompts_are_understood() -> None:
    """Never below 0.72 with the embedding; the goal is 0.80."""
    prompts = quality.recorded_prompts()
    if not prompts:
        pytest.skip("LLMREC_RECORDINGS is not set")
    rows = fitting.labelled({**row, "style": "", "topic": ""} for row in prompts)
    assert quality.macro_f1(quality.read_types(MODEL, rows, fitting.embedder())) >= 0.80


def test_macro_f1_is_the_mean_over_types() -> None:
    pairs = [("a", "a"), ("a", "b"), ("b", "b"), ("b", "b")]
    assert quality.macro_f1(pairs) == pytest.approx((2 / 3 + 4 / 5) / 2)


def test_the_embedder_gives_vectors_of_length_1_that_tell_meaning() -> None:
    embed = fitting.embedder()
    cat, kitten, tax = (embed(text) for text in ("a cat", "a kitten", "income tax law"))
    assert len(cat) == embed.dimensions == 384
    assert math.fsum(x * x for x in cat) == pytest.approx(1, abs=1e-5)

    def near(one: Sequence[float], other: Sequence[float]) -> float:
        return math.fsum(x * y for x, y in zip(one, other, strict=True))

    assert near(cat, kitten) > near(cat, tax)
    assert len(embed("")) == 384
    assert len(embed("word " * 10_000)) == 384


@pytest.mark.parametrize(
    ("pin", "message"),
    [
        ({"package": "no_such_package"}, "no_such_package is not installed; pip install"),
        ({"file": "nowhere.onnx"}, "not there"),
        ({"sha256": "0"}, "is not the pinned 0"),
    ],
)
def test_a_file_that_is_not_the_pinned_one_is_refused(pin: dict[str, str], message: str) -> None:
    files = fitting.EMBEDDING["files"]
    with pytest.raises(EmbeddingError, match=message):
        MiniLm("x", 384, {**files, "model": {**files["tokenizer"], **pin}})


def test_the_reader_is_made_by_the_means_that_are_asked_for() -> None:
    aliases = fitting.provider_aliases()
    text = "my daughter does not speak to me any more and I cry every night"
    for understanding in (WORDS_ONLY, FULL):
        reading = request_reader(fitting.tasks(), aliases, understanding).read(text)
        assert (reading.task_type, reading.understanding) == ("empathy", understanding)
        assert reading.why
        told_nothing = request_reader(fitting.tasks(), aliases, understanding).read("$2 per 1M")
        assert (told_nothing.task_type, told_nothing.task_mix) == ("general", {"general": 1.0})
        assert told_nothing.understanding == understanding
    assert fitting.reader().read(text).understanding == LISTS_ONLY
    with pytest.raises(RequestError, match="unknown understanding 'wrods'; did you mean words"):
        request_reader(fitting.tasks(), aliases, "wrods")
