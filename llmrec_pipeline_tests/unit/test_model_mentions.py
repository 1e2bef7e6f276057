"""Names of models in code and in prose, at word boundaries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec_pipeline.domain.identity import IdentityRules
from llmrec_pipeline.domain.model_mentions import ModelNames
from llmrec_pipeline.locations import read_locations
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.team_settings import load_mentions

OPUS, NEWER_OPUS = "anthropic/claude-opus-4-5", "anthropic/claude-opus-4-6"
GPT_4, GPT_4_1, MINI = "openai/gpt-4@2023-06-13", "openai/gpt-4-1", "openai/gpt-4o-mini"
GPT_4O = ("openai/gpt-4o@2024-08-06", "openai/gpt-4o@2024-11-20")
GLM, STEP, O1 = "zai/glm-4-6", "stepfun/step-3", "openai/o1"
KEYS = (OPUS, NEWER_OPUS, GPT_4, GPT_4_1, *GPT_4O, MINI, GLM, STEP, O1)

PROSE = {
    "Claude Opus 4.5 is great": [("Claude Opus 4.5", (OPUS,))],
    "Opus 4.5 vs GPT-4o's manner": [("Opus 4.5", (OPUS,)), ("GPT-4o", GPT_4O)],
    "GPT-4 Turbo is another model": [("GPT-4 Turbo", ())],
    "gpt-4.1 and GPT 4": [("gpt-4.1", (GPT_4_1,)), ("GPT 4", (GPT_4,))],
    "Claude opus is fantastic": [("Claude opus", (OPUS, NEWER_OPUS))],
    "opus, not gpt mini": [("opus", (OPUS, NEWER_OPUS)), ("gpt mini", (MINI,))],
    "I use claude daily": [("claude", (OPUS, NEWER_OPUS))],
    "glm-4.6v and gpt-4-turbo and a GPT-4-class model": [],
    "I like GLM-4.6. Really": [("GLM-4.6", (GLM,))],
    "GPT-4o mini, o1!": [("GPT-4o mini", (MINI,)), ("o1", (O1,))],
    "GPT-4 1 day ago": [("GPT-4", (GPT_4,))],
    "step 3: take Step-3": [("Step-3", (STEP,))],
    "claude-4.5-opus": [("claude-4.5-opus", (OPUS,))],
    "the team's daily driver": [],
    "a daily-driver has no digit": [],
}

IDS = {
    "'gpt-4'": ("gpt-4", (GPT_4,)),
    "'gpt-4o'": ("gpt-4o", GPT_4O),
    "'gpt-4-turbo'": None,
    "'gpt-4-32k'": None,
    "openai/gpt-4o-2024-08-06": ("openai/gpt-4o-2024-08-06", (GPT_4O[0],)),
    "z-ai/glm-4.6:free": ("z-ai/glm-4.6:free", (GLM,)),
    "us.anthropic.claude-opus-4-5-20251101-v1:0": (
        "us.anthropic.claude-opus-4-5-20251101-v1:0",
        (OPUS,),
    ),
    "claude-opus-4-5@20251101": ("claude-opus-4-5@20251101", (OPUS,)),
    "openai:gpt-4o-mini": ("gpt-4o-mini", (MINI,)),
    "docs/gpt-4.1/readme.md": ("gpt-4.1", (GPT_4_1,)),
    "Claude Opus 4.5, by name": ("Claude Opus 4.5", (OPUS,)),
    "GPT-4 Turbo": None,
    "GPT-4o mini": ("GPT-4o mini", (MINI,)),
    "my-gpt-4-wrapper": None,
    "use_gpt-4": None,
    "gpt-4-{size}": None,
    "gpt-4_notes": None,
    "see gpt-4.": ("gpt-4", (GPT_4,)),
    "glm-4.6v": None,
}


@pytest.fixture(scope="module")
def names() -> ModelNames:
    settings = load_settings({})
    return ModelNames(
        IdentityRules(settings.identity),
        KEYS,
        own_names={"daily-driver": GLM, "driver-2": GLM},
        prose=load_mentions(read_locations({}), {}).words(),
    )


@pytest.mark.parametrize("text", PROSE)
def test_prose(names: ModelNames, text: str) -> None:
    assert [(found.text, found.models) for found in names.mentions(text)] == PROSE[text]


@pytest.mark.parametrize("text", IDS)
def test_ids(names: ModelNames, text: str) -> None:
    place = next(i for word in ("gpt", "glm", "claude") if (i := text.lower().find(word)) >= 0)
    found = names.id_at(text, place)
    assert (found and (found.text, found.models)) == IDS[text]


@given(
    name=st.sampled_from(["gpt-4", "glm-4.6", "claude-opus-4-5", "gpt-4.1"]),
    tail=st.from_regex(r"[a-z0-9_][a-z0-9_.-]{0,6}", fullmatch=True),
)
def test_a_longer_name_is_never_the_shorter_one(names: ModelNames, name: str, tail: str) -> None:
    text = f'"{name}{tail}"'
    found = names.id_at(text, 1)
    assert found is None or found.text != name


@given(st.text(max_size=80))
def test_any_text_is_read(names: ModelNames, text: str) -> None:
    for found in names.mentions(text):
        assert text[found.start : found.end] == found.text
    for place in range(len(text)):
        names.id_at(text, place)


def test_every_name_holds_a_pattern(names: ModelNames) -> None:
    ids = [text.lower() for text, found in IDS.items() if found]
    assert all(any(pattern in text for pattern in names.patterns) for text in [*ids, "driver-2"])
