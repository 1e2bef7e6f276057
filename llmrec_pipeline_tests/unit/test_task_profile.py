"""Requests in words, overrides and weights: what is understood, and what is refused."""

from __future__ import annotations

import contextlib
import copy
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec_pipeline.domain.request_reader import RequestReader
from llmrec_pipeline.domain.scoring.weighted import Weights
from llmrec_pipeline.domain.task_profile import (
    PRIORITIES,
    ProfileOverrides,
    RequestError,
    RequestReading,
    TaskProfile,
    Tasks,
    build_profile,
)
from llmrec_pipeline_tests.full_requests import REPEATED

CONTENT: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[2] / "config" / "tasks.yaml").read_text(encoding="utf-8")
)
TASKS = Tasks.from_mapping(CONTENT)
ALIASES = {
    "openai": "openai",
    "open ai": "openai",
    "anthropic": "anthropic",
    "google": "google",
    "google deepmind": "google",
    "mistral": "mistral",
    "x.ai": "xai",
}


def read(text: str) -> RequestReading:
    return RequestReader(TASKS, ALIASES).read(text)


def profile(text: str, **overrides: Any) -> TaskProfile:
    return build_profile(
        read(text), ProfileOverrides(**overrides), tasks=TASKS, provider_aliases=ALIASES
    )


def test_the_request_of_the_documentation() -> None:
    reading = read("I need a model for python debugging, prefer quality, budget $5/1M tokens")
    assert reading == RequestReading(
        task_type="coding",
        priority="quality",
        max_price_per_1m=5.0,
        matched={
            "task_type": ("python", "debugging"),
            "priority": ("prefer quality",),
            "max_price_per_1m": ("budget $5/1m tokens",),
            "min_context": (),
            "provider_allowlist": (),
            "provider_denylist": (),
            "capabilities": (),
            "topk": (),
        },
        probabilities={"coding": 1.0},
        task_mix={"coding": 1.0},
        why=("python", "debugging"),
    )
    assert reading.understood == (
        "task type coding ('python', 'debugging')",
        "priority quality ('prefer quality')",
        "at most 5.0 USD per 1M input tokens ('budget $5/1m tokens')",
    )


@pytest.mark.parametrize(
    ("text", "cap"),
    [
        ("budget $5", 5.0),
        ("budget: $5/1M tokens", 5.0),
        ("under $0.30 per million", 0.3),
        ("at most 0.5 USD per 1K tokens", 500.0),
        ("price ceiling: $0.002 per 1K tokens", 2.0),
        ("0.000003 USD per token max", 3.0),
        ("at most 0.5 cents per 1K tokens", 5.0),
        ("$3.50 per 1,000,000 tokens", 3.5),
        ("$.25/M", 0.25),
        ("$0.5/Mtok", 0.5),
        ("US$ 4 or less", 4.0),
        ("2 dollars per million input tokens", 2.0),
        ("less than a dollar per million tokens", 1.0),
        ("max 5 per 1M tokens", 5.0),
        ("per million tokens: $5 max", 5.0),
        ("between $1 and $4 per million", 4.0),
        ("$1-4 per million", 4.0),
        ("from $1 to $4", 4.0),
        ("currently paying $10/1M, want under $5/1M", 5.0),
        ("input under $2/M, output under $10/M", 2.0),
        ("no more than $3/1M", 3.0),
        ("at least 128k context and $2 per 1M", 2.0),
        ("latency under 1 second, $2 per 1M", 2.0),
        ("a free model please", 0.0),
        ("höchstens 3 Dollar pro Million Token", 3.0),
        ("100万トークンあたり1ドル以下", 1.0),
        ("每百万token不超过5美元", 5.0),
        ("books flights that cost $500", None),
        ("under $500 per month", None),
        ("at least $1 per million", None),
        ("under €5 per million tokens", None),
        ("reply within 2 seconds", None),
        ("error-free code", None),
        ("python 3.11", None),
    ],
)
def test_price_caps(text: str, cap: float | None) -> None:
    assert read(text).max_price_per_1m == cap


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("128k context", 128_000),
        ("64k ctx", 64_000),
        ("200,000 tokens", 200_000),
        ("1M context", 1_000_000),
        ("one million token context", 1_000_000),
        ("at least 200,000 tokens of context", 200_000),
        ("context window of at least 32k", 32_000),
        ("context: 32k", 32_000),
        ("a 32k-token context", 32_000),
        ("a context window of 2^17 tokens", 131_072),
        ("2¹⁷ tokens of context", 131_072),
        ("100k tokens of input, 128k context", 128_000),
        ("summarise 300-page PDFs", 150_000),
        ("summarise 300-page PDFs, 64k context", 64_000),
        ("generates 2000 tokens per request", None),
        ("we use 50M tokens per month", None),
        ("100 tokens/s", None),
        ("$5 per 1M tokens", None),
        ("answers of 1000 tokens", None),
    ],
)
def test_context_sizes(text: str, tokens: int | None) -> None:
    assert read(text).min_context == tokens


@pytest.mark.parametrize(
    ("text", "allowed", "denied"),
    [
        ("only openai or google", ("openai", "google"), ()),
        ("OpenAI and Google DeepMind only", ("openai", "google"), ()),
        ("a model from Mistral", ("mistral",), ()),
        ("it must be from Open AI", ("openai",), ()),
        ("no anthropic", (), ("anthropic",)),
        ("not from mistral or from google", (), ("mistral", "google")),
        ("don't use OpenAI's models", (), ("openai",)),
        ("anything but Anthropic, x.ai", (), ("anthropic", "xai")),
        ("non-OpenAI", (), ("openai",)),
        ("google is not allowed", (), ("google",)),
        ("no anthropic, only openai", ("openai",), ("anthropic",)),
        ("not limited to openai", (), ()),
        ("we migrate from openai", (), ()),
        ("no preference between openai and google", (), ()),
        ("summaries of Google reviews", (), ()),
    ],
)
def test_providers(text: str, allowed: tuple[str, ...], denied: tuple[str, ...]) -> None:
    reading = read(text)
    assert (reading.provider_allowlist, reading.provider_denylist) == (allowed, denied)


@pytest.mark.parametrize(
    ("text", "task_type", "priority"),
    [
        ("refactor a large legacy Java monolith", "coding", "none"),
        ("prove theorems in number theory", "math", "none"),
        ("root cause analysis of incidents", "reasoning", "none"),
        ("marketing copy and blog posts, keep it cheap", "writing", "cost"),
        ("tool use agent for customer support, low latency", "agent", "speed"),
        ("summarise PDFs into research briefs", "research", "none"),
        ("emotional support companion", "empathy", "none"),
        ("what's the fastest model right now?", "general", "speed"),
        ("the smartest coder you have, money is no object", "coding", "quality"),
        ("price doesn't matter but it should be accurate", "general", "quality"),
        ("an agent, speed is not important", "agent", "none"),
        ("コード補完用の速いモデル", "coding", "speed"),
        ("", "general", "none"),
    ],
)
def test_task_types_and_priorities(text: str, task_type: str, priority: str) -> None:
    reading = read(text)
    assert (reading.task_type, reading.priority) == (task_type, priority)


def test_words_of_a_constraint_do_not_name_a_task_or_a_priority() -> None:
    reading = read("budget $5 per 1M tokens, no google")
    assert (reading.task_type, reading.priority) == ("general", "none")
    assert reading.matched["task_type"] == ()


def test_equal_words_go_to_the_one_named_first() -> None:
    assert read("fast and cheap").priority == "speed"
    assert read("cheap and fast").priority == "cost"


def test_notes_say_what_was_not_used() -> None:
    assert read("under 5 € per million tokens").notes == (
        "'under 5 € per million tokens' is not in USD and was not read as a price",
    )
    assert read("under $500 per month").notes == (
        "'under $500 per month' is not a price per token and was not read as a cap",
    )
    assert "output tokens" in read("under $8 per million output tokens").notes[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("only openai, no openai", "both allows and denies openai"),
        ("max price -5 USD per 1M", "negative"),
        ("budget $-5", "negative"),
    ],
)
def test_a_contradiction_in_the_text_is_refused(text: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        read(text)


@pytest.mark.parametrize(
    ("priority", "budget", "weights"),
    [
        ("none", False, (0.6, 0.2, 0.2)),
        ("quality", False, (0.8, 0.1, 0.1)),
        ("speed", False, (0.3, 0.5, 0.2)),
        ("cost", False, (0.3, 0.1, 0.6)),
        ("none", True, (0.4875, 0.1625, 0.35)),
        ("quality", True, (float(Fraction(2, 3)), float(Fraction(1, 12)), 0.25)),
        ("speed", True, (0.24375, 0.40625, 0.35)),
        ("cost", True, (0.1875, 0.0625, 0.75)),
    ],
)
def test_weights(priority: str, budget: bool, weights: tuple[float, ...]) -> None:
    assert TASKS.weights(priority, budget=budget) == weights


@settings(deadline=None)
@given(
    parts=st.tuples(*[st.integers(0, 1_000)] * 2).filter(lambda p: sum(p) <= 1_000),
    shift=st.integers(0, 1_000),
)
def test_shifted_weights_sum_to_1_and_keep_their_proportion(
    parts: tuple[int, int], shift: int
) -> None:
    content = copy.deepcopy(CONTENT)
    quality, speed = (Fraction(part, 1_000) for part in parts)
    content["budget_shift"] = shift / 1_000
    content["priorities"]["speed"]["weights"] = {
        "quality": float(quality),
        "speed": float(speed),
        "cost": float(1 - quality - speed),
    }
    before = Tasks.from_mapping(content).weights("speed")
    after = Tasks.from_mapping(content).weights("speed", budget=True)
    assert sum(after) == pytest.approx(1, abs=1e-15)
    assert after.cost == pytest.approx(min(before.cost + shift / 1_000, 1), abs=1e-15)
    assert after.quality * before.speed == pytest.approx(after.speed * before.quality, abs=1e-15)


def test_flags_beat_the_text() -> None:
    found = profile(
        "python, prefer quality, $5/1M, 128k context, only openai",
        task_type="math",
        priority="speed",
        max_price_per_1m=2.0,
        min_context=1_000,
        provider_allowlist=("Google", "mistral"),
    )
    assert found == TaskProfile(
        "math", 0.24375, 0.40625, 0.35, 2.0, 1_000, ("google", "mistral"), ()
    )


def test_a_flag_that_contradicts_the_text_takes_the_name_out_of_it() -> None:
    assert profile("only openai or google", provider_denylist=("openai",)).provider_allowlist == (
        "google",
    )
    found = profile("no google", provider_allowlist=("google", "openai"))
    assert (found.provider_allowlist, found.provider_denylist) == (("google", "openai"), ())
    assert profile("only openai", provider_allowlist=()).provider_allowlist == ()


def test_a_cap_by_flag_is_a_stated_budget() -> None:
    assert profile("python", max_price_per_1m=3.0).weights == TASKS.weights("none", budget=True)


def test_stated_weights_replace_those_of_the_priority() -> None:
    stated = Weights(0.0, 0.25, 0.75)
    assert profile("python, best quality, $5/1M", weights=stated).weights == stated


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"task_type": "codign"}, "unknown task type 'codign'; did you mean coding"),
        ({"priority": "sped"}, "unknown priority 'sped'; did you mean speed"),
        ({"provider_allowlist": ("opnai",)}, "unknown provider 'opnai'; did you mean"),
        ({"max_price_per_1m": -1.0}, "max_price_per_1m is -1.0"),
        ({"max_price_per_1m": float("nan")}, "max_price_per_1m is nan"),
        ({"min_context": 0}, "min_context is 0"),
        ({"weights": Weights(0.5, 0.5, 0.5)}, "sum to 1.5"),
        ({"weights": Weights(1.5, -0.5, 0.0)}, "from 0 to 1"),
        (
            {"provider_allowlist": ("google",), "provider_denylist": ("google deepmind",)},
            "google is both allowed and denied",
        ),
        ({"provider_denylist": ("openai",)}, "openai is both allowed and denied"),
    ],
)
def test_a_wrong_value_is_refused_in_one_line(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message) as error:
        profile("only openai", **overrides)
    assert "\n" not in str(error.value)


def test_a_profile_is_json() -> None:
    mapping = profile("python, only openai or google").to_mapping()
    assert json.loads(json.dumps(mapping)) == mapping
    assert mapping["provider_allowlist"] == ["openai", "google"]


def test_tasks_survive_json() -> None:
    assert Tasks.from_mapping(json.loads(json.dumps(TASKS.to_mapping()))) == TASKS


def test_the_configured_columns_and_defaults() -> None:
    columns = {name: list(task.columns) for name, task in TASKS.task_types.items()}
    assert columns == {
        "coding": ["coding_index", "quality_index", "reasoning_index"],
        "math": ["math_index", "reasoning_index", "quality_index"],
        "reasoning": ["reasoning_index", "quality_index"],
        "writing": ["writing_index", "quality_index", "reasoning_index"],
        "agent": ["agentic_index", "reasoning_index", "coding_index", "quality_index"],
        "research": ["reasoning_index", "quality_index"],
        "empathy": ["quality_index"],
        "general": ["quality_index", "reasoning_index", "coding_index", "math_index"],
    }
    assert tuple(TASKS.priorities) == PRIORITIES
    assert (TASKS.minimum_measured, TASKS.budget_shift) == (10, 0.15)
    assert (TASKS.scorer, TASKS.quality_basis) == ("anchored_v1", "consensus")
    assert TASKS.missing_policy == "penalize"


@pytest.mark.parametrize("part", ["task_types", "priorities"])
def test_no_word_speaks_for_two(part: str) -> None:
    words = [
        word
        for entry in CONTENT[part].values()
        for key in ("strong_words", "words")
        for word in entry.get(key, ())
    ]
    assert len(words) == len(set(words))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("budget_shift",), 2, "budget_shift: 2; allowed: a number from 0 to 1"),
        (("budget_shift",), True, "budget_shift: True"),
        (("default_task_type",), "cooking", "default_task_type: 'cooking'; allowed: one of coding"),
        (("task_types", "math", "columns"), [], r"task_types\.math\.columns: \[\]"),
        (("task_types", "math", "columns"), ["iq"], "allowed: a list of quality_index"),
        (("task_types", "math", "colums"), ["iq"], r"task_types\.math\.colums: unknown key"),
        (("task_types", "math", "words"), [3], r"task_types\.math\.words: \[3\]"),
        (("task_types", "math"), 3, r"task_types\.math: 3; allowed: a mapping"),
        (("priorities", "speed", "weights", "cost"), 0.3, "weights that sum to 1"),
        (("priorities", "style"), {"weights": {}}, r"priorities\.style\.weights\.quality: missing"),
        (("missing_policy",), "guess", "missing_policy: 'guess'; allowed: one of penalize"),
        (("scorers",), "x", "scorers: unknown key"),
    ],
)
def test_a_wrong_configuration_names_the_key(
    path: tuple[str, ...], value: Any, message: str
) -> None:
    content = copy.deepcopy(CONTENT)
    entry = content
    for key in path[:-1]:
        entry = entry[key]
    entry[path[-1]] = value
    with pytest.raises(ValueError, match=message):
        Tasks.from_mapping(content)


@settings(deadline=None)
@given(text=st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        reading = read(text)
    except RequestError:
        return
    assert reading.task_type in TASKS.task_types
    build_profile(reading, tasks=TASKS, provider_aliases=ALIASES)


_PIECES = """
    $5 -3 128k 2^99 1M ^ ** /1M per under at least context tokens only no openai google , . a one
    million cents or - between and to 999999999999999999 ² € 万 トークン
"""


@settings(deadline=None)
@given(
    pieces=st.lists(st.sampled_from(_PIECES.split()), max_size=25), gap=st.sampled_from(["", " "])
)
def test_any_order_of_the_grammars_words_is_read_or_refused(pieces: list[str], gap: str) -> None:
    with contextlib.suppress(RequestError):
        read(gap.join(pieces))


@pytest.mark.parametrize("piece", REPEATED)
def test_a_long_text_of_one_piece_is_read(piece: str) -> None:
    assert read(piece * (50_000 // len(piece))).task_type in TASKS.task_types
