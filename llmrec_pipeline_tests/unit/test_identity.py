"""Identity: the key grammar, the rules over names as publishers write them, and their laws."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from llmrec_pipeline.domain.identity import (
    Identity,
    IdentityRules,
    SourceName,
    Unresolved,
)
from llmrec_pipeline.domain.identity_config import IdentityConfig
from llmrec_pipeline.domain.model_key import ModelKey, format_key, parse_key
from llmrec_pipeline_tests.identity_quality import (
    PUBLISHERS,
    compiled,
    families,
    labels,
    left_open,
    measured,
    name_alone,
    pairs_of_publisher,
    variants_right,
    without_family,
    without_publisher,
)

TABLES: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[2] / "config" / "identity.yaml").read_text(encoding="utf-8")
)
RULES = IdentityRules(IdentityConfig.model_validate(TABLES))
UUID = "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0"


FAMILIES = ("gpt", "claude", "claude-sonnet", "Claude Opus", "gemini", "gemini-flash", "llama",
            "qwen", "grok", "mistral", "deepseek", "glm", "kimi")  # fmt: skip


def aa(name: str, creator: str, released: str | None = None) -> SourceName:
    day = None if released is None else date.fromisoformat(released)
    return SourceName("artificial_analysis", UUID, name, creator, None, day)


def arena(name: str, organisation: str = "") -> SourceName:
    return SourceName("lmarena", name, name, organisation)


def host(model_id: str, released: str | None = None) -> SourceName:
    day = None if released is None else date.fromisoformat(released)
    return SourceName("models_dev", model_id, None, None, model_id.partition("/")[0], day)


def dated(model_id: str, released: str) -> SourceName:
    """A name of a source that dates the very release."""
    return SourceName("epoch", model_id, None, None, None, date.fromisoformat(released))


def other(source: str, model_id: str, released: str | None = None) -> SourceName:
    """A name of a source that has no row in the sources table."""
    day = None if released is None else date.fromisoformat(released)
    return SourceName(source, model_id, None, None, None, day)


def resolved(name: SourceName) -> Identity:
    outcome = RULES.resolve(name)
    assert isinstance(outcome, Identity), outcome
    return outcome


def test_labelled_names() -> None:
    every = measured(RULES, labels().pairs())
    assert every.joined + every.missed + len(labels().different) >= 200
    assert every.precision >= 0.99, every.wrong_pairs
    assert every.recall >= 0.95, every.missed_pairs
    alone = measured(RULES, labels().pairs(), name_alone)
    assert alone.precision >= 0.99, alone.wrong_pairs
    assert alone.recall >= 0.95, alone.missed_pairs


def test_labelled_variants_and_names_that_say_too_little() -> None:
    right, count = variants_right(RULES)
    assert right == count
    assert left_open(RULES) == len(labels().open)


@pytest.mark.parametrize("source", PUBLISHERS)
def test_a_publisher_that_the_tables_do_not_know_is_read_all_the_same(source: str) -> None:
    quality = measured(compiled(without_publisher(source)), pairs_of_publisher(source))
    assert quality.precision >= 0.97, quality.wrong_pairs
    assert quality.recall >= 0.9, quality.missed_pairs


def test_models_of_a_creator_that_the_tables_do_not_know_are_not_confused() -> None:
    for creator, pairs in families().items():
        quality = measured(compiled(without_family(creator)), pairs)
        assert quality.joined > 0
        assert quality.precision >= 0.75, (creator, quality.wrong_pairs)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        (aa("Claude Opus 4.5 (Reasoning)", "Anthropic"), "anthropic/claude-opus-4-5:thinking"),
        (aa("Claude Opus 4.5 (Non-reasoning)", "Anthropic"), "anthropic/claude-opus-4-5"),
        (
            aa("Claude Opus 4.6 (Adaptive Reasoning, Max Effort)", "Anthropic"),
            "anthropic/claude-opus-4-6:thinking-max",
        ),
        (
            arena("claude-3-7-sonnet-20250219-thinking-32k", "anthropic"),
            "anthropic/claude-sonnet-3-7:thinking-32k",
        ),
        (
            arena("claude-opus-4-5-20251101-high-32k", "anthropic"),
            "anthropic/claude-opus-4-5:high-32k",
        ),
        (other("epoch", "claude-opus-4-5-20251101_16K"), "anthropic/claude-opus-4-5:thinking-16k"),
        (arena("claude-opus-5-max", "anthropic"), "anthropic/claude-opus-5:max"),
        (other("x", "claude-opus-6-20261201"), "anthropic/claude-opus-6"),
        (aa("GPT-5.2 Codex (xhigh)", "OpenAI"), "openai/gpt-5-2-codex:xhigh"),
        (other("epoch", "gpt-5.1-codex-max_high"), "openai/gpt-5-1-codex-max:high"),
        (aa("GPT-5 (medium)", "OpenAI"), "openai/gpt-5"),
        (aa("GPT-5.1 (Non-reasoning)", "OpenAI"), "openai/gpt-5-1"),
        (aa("GPT-6 Sol (Low)", "OpenAI"), "openai/gpt-6-sol:low"),
        (arena("claude-3-5-sonnet-20240620"), "anthropic/claude-sonnet-3-5@2024-06-20"),
        (arena("gpt-4o-2024-05-13", "openai"), "openai/gpt-4o@2024-05-13"),
        (arena("command-r-08-2024", "cohere"), "cohere/command-r@2024-08"),
        (arena("grok-4-fast-reasoning", "xai"), "xai/grok-4-fast:thinking"),
        (arena("kimi-k2-thinking-turbo", "moonshot"), "moonshot/kimi-k2-thinking-turbo"),
        (aa("Kimi K2 (Reasoning)", "Kimi"), "moonshot/kimi-k2-thinking"),
        (arena("trinity-large-thinking"), "arcee/trinity-large-thinking"),
        (arena("qwen3.8-max", "alibaba"), "alibaba/qwen3-8-max"),
        (arena("phi-3-medium-4k-instruct", "microsoft"), "microsoft/phi-3-medium-4k-instruct"),
        (arena("llama-3.1-405b-instruct-fp8", "meta"), "meta/llama-3-1-405b-instruct:fp8"),
        (arena("step-2-16k-exp-202412", "stepfun"), "stepfun/step-2-16k-exp@2024-12"),
        (arena("ernie-5.0-0110", "baidu"), "baidu/ernie-5-0-0110"),
        (other("openrouter", "z-ai/glm-4.5-air:free"), "zai/glm-4-5-air"),
        (other("openrouter", "qwen/qwen-plus-2025-07-28:thinking"), "alibaba/qwen-plus@2025-07-28:thinking"),
        (other("litellm", "anthropic.claude-v2:1"), "anthropic/claude-2-1"),
        (host("databricks/databricks-claude-opus-4-1"), "anthropic/claude-opus-4-1"),
        (aa("Claude 3.7 Sonnet (Extended Thinking)", "Anthropic"), "anthropic/claude-sonnet-3-7:thinking"),
        (other("litellm", "vertex_ai/claude-opus-5@default"), "anthropic/claude-opus-5"),
        (other("epoch", "gpt-5.2-pro-2025-12-11-webapp"), "openai/gpt-5-2-pro:web-app"),
        (other("epoch", "gpt-5.2-pro-2025-12-11-web-app"), "openai/gpt-5-2-pro:web-app"),
        (other("litellm", "bedrock/us-gov-east-1/openai.gpt-oss-20b-1:0"), "openai/gpt-oss-20b"),
        (other("litellm", "ollama/gpt-oss:20b-cloud"), "openai/gpt-oss-20b"),
        (other("litellm", "lemonade/gpt-oss-120b-mxfp-GGUF"), "openai/gpt-oss-120b:mxfp4"),
        (other("litellm", "deepinfra/openai/gpt-oss-120b-Turbo"), "openai/gpt-oss-120b:turbo"),
        (other("litellm", "together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo"), "meta/llama-3-3-70b-instruct:turbo"),
        (other("litellm", "together_ai/meta-llama/Llama-3-70b-chat-hf"), "meta/llama-3-70b-instruct"),
        (other("litellm", "deepseek/deepseek-r1-turbo"), "deepseek/deepseek-r1-turbo"),
        (other("litellm", "gpt-3.5-turbo-16k"), "openai/gpt-3-5-turbo-16k"),
        (other("litellm", "dashscope/qwen-turbo-2025-04-28"), "alibaba/qwen-turbo@2025-04-28"),
        (other("litellm", "qwen.qwen3-235b-a22b-2507-v1:0"), "alibaba/qwen3-235b-a22b-instruct"),
        (other("litellm", "ollama/mistral-large-instruct-2407"), "mistral/mistral-large@2024-07-24"),
        (arena("olmo-2-0325-32b-instruct"), "allenai/olmo-2-32b-instruct"),
        (other("epoch", "CodeQwen1.5-7B"), "alibaba/codeqwen1-5-7b"),
        (other("litellm", "fireworks_ai/accounts/fireworks/models/codeqwen-v1p5-7b"), "alibaba/codeqwen1-5-7b"),
        (other("litellm", "deepseek.v3-v1:0"), "deepseek/deepseek-v3-1"),
        # What a host means by the bare name of weights that are published both ways.
        (other("epoch", "Meta-Llama-3-70B"), "meta/llama-3-70b"),
        (other("litellm", "ollama/llama3:70b"), "meta/llama-3-70b-instruct"),
        (other("litellm", "ollama/llama2:13b"), "meta/llama-2-13b-chat"),
        (other("litellm", "snowflake/mixtral-8x7b"), "mistral/mixtral-8x7b-instruct"),
        (other("litellm", "cerebras/llama3.1-8b"), "meta/llama-3-1-8b-instruct"),
        (other("litellm", "together_ai/meta-llama/Meta-Llama-3.1-8B"), "meta/llama-3-1-8b"),
        (other("litellm", "groq/gemma-7b-it"), "google/gemma-7b-it"),
        (other("litellm", "fireworks_ai/accounts/fireworks/models/gemma-7b"), "google/gemma-7b"),
        (other("litellm", "snowflake/gemma-7b"), "google/gemma-7b-it"),
        (host("x/gemma-3n-e4b-it"), "google/gemma-3n-e4b"),
        (aa("Novelty 3 Pro", "Novelty Labs"), "novelty-labs/novelty-3-pro"),
    ],
)  # fmt: skip
def test_key(name: SourceName, key: str) -> None:
    assert resolved(name).canonical_model_key == key


def test_offering_is_host_and_the_hosts_own_id() -> None:
    first_party = resolved(host("anthropic/claude-opus-4-5"))
    assert first_party.offering_key == "anthropic|claude-opus-4-5"
    on_azure = resolved(host("azure/gpt-4o-2024-08-06"))
    assert (on_azure.creator, on_azure.host) == ("openai", "azure")
    nested = resolved(host("openrouter/anthropic/claude-opus-4.5"))
    assert nested.offering_key == "openrouter|anthropic/claude-opus-4.5"
    assert nested.base_model == first_party.base_model
    assert resolved(aa("Claude Opus 4.5", "Anthropic")).offering_key is None
    unlisted = resolved(host("some-new-host/claude-opus-4-5"))
    assert unlisted.offering_key == "some-new-host|claude-opus-4-5"


@pytest.mark.parametrize(
    ("model_id", "offering"),
    [
        ("groq/llama-3.1-8b-instant", "groq|llama-3.1-8b-instant"),
        ("vertex_ai/claude-opus-5@default", "google-vertex|claude-opus-5@default"),
        ("anthropic.claude-opus-5-v1:0", "amazon-bedrock|anthropic.claude-opus-5-v1:0"),
        ("openai.gpt-oss-20b-1:0", "amazon-bedrock|openai.gpt-oss-20b-1:0"),
        # A creator in front may be no more than that.
        ("openai/gpt-5", None),
        ("deepseek/deepseek-v3.1", None),
        ("ollama-like/llama3:70b", None),
    ],
)
def test_a_name_of_an_unknown_source_tells_its_host(model_id: str, offering: str | None) -> None:
    outcome = RULES.resolve(SourceName("", model_id))
    assert (outcome.offering_key if isinstance(outcome, Identity) else None) == offering


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        # A name that moves keeps its first date: the price beside it is a later release's.
        (host("openai/gpt-4o", "2024-05-13"), "several releases"),
        (host("openai/gpt-4o"), "several releases"),
        (aa("GPT-4o", "OpenAI"), "several releases"),
        (host("openai/gpt-4-turbo", "2023-11-06"), "several releases"),
        (arena("mistral-medium", "mistral"), "several releases"),
        (host("mistral/mistral-large-latest"), "several releases"),
        (host("google/gemini-flash-latest", "2025-09-25"), "moving name"),
        (host("deepseek/deepseek-chat"), "moving name"),
        (dated("deepseek-chat", "2030-01-01"), "moving name"),
        # Its first date stays while its target moves: the price beside it is a later release's.
        (host("deepseek/deepseek-chat", "2025-12-01"), "moving name"),
        (host("deepseek/deepseek-reasoner", "2025-12-01"), "moving name"),
        (arena("owl-alpha"), "creator unknown"),
        (other("litellm", "llamagate/llama-3.1-8b"), "llamagate does not say which it serves"),
        (other("litellm", "mistral/mistral-7b"), "v0.1, v0.2 and v0.3"),
        (arena("mistral-7b-instruct", "mistral"), "v0.1, v0.2 and v0.3"),
        (other("openrouter", "openai/gpt-4-turbo-preview"), "leaves open which model"),
        *((arena(name), "leaves open which model") for name in FAMILIES),
        (other("litellm", "novita/some-tuner/deepseek-v3.1-x1"), "in no table"),
        (aa("Llama 3.1 8B Lexi", "Some Tuner"), "in no table"),
        (aa("Claude Opus 4.5", "OpenAI"), "belongs to anthropic"),
        (arena("claude-3-5-sonnet-20240620-20241022"), "disagree"),
        (arena(""), "no model name"),
        (arena("()"), "no model name"),
        (aa("x" * 301, "OpenAI"), "longer"),
    ],
)
def test_abstains(name: SourceName, reason: str) -> None:
    assert reason in _unresolved(name).reason


def _unresolved(name: SourceName) -> Unresolved:
    outcome = RULES.resolve(name)
    assert isinstance(outcome, Unresolved)
    return outcome


def test_abstention_proposes_the_nearest_release() -> None:
    outcome = RULES.resolve(aa("GPT-4o", "OpenAI", "2024-08-20"))
    assert isinstance(outcome, Identity)  # one release in that month
    assert outcome.method == "publisher"
    outcome = RULES.resolve(aa("GPT-4o", "OpenAI", "2024-10-30"))
    assert outcome == Unresolved(
        "openai/gpt-4o has several releases (2024-05-13, 2024-08-06, 2024-11-20) and the name "
        "says none",
        "openai/gpt-4o@2024-11-20",
    )
    outcome = RULES.resolve(other("x", "unknown-lab/llama-3.1-8b-instruct"))
    assert isinstance(outcome, Unresolved)
    assert outcome.proposal == "meta/llama-3-1-8b-instruct"


def test_a_dated_alias_holds_within_its_dates() -> None:
    keys = [
        resolved(dated("deepseek-reasoner", day)).canonical_model_key
        for day in ("2025-01-20", "2025-05-28", "2025-11-30", "2025-12-01")
    ]
    assert keys == [
        "deepseek/deepseek-r1@2025-01-20",
        "deepseek/deepseek-r1@2025-05-28",
        "deepseek/deepseek-v3-2-exp:thinking",
        "deepseek/deepseek-v3-2:thinking",
    ]
    assert resolved(dated("deepseek-reasoner", "2025-12-01")).method == "alias"


@pytest.mark.parametrize(
    "name",
    [
        # A stated creator that the name contradicts, and a row without any name to read.
        SourceName("openrouter", "alpindale/magnum-72b"),
        SourceName("artificial_analysis", UUID),
    ],
)
def test_what_is_decided_of_a_row_always_holds(name: SourceName) -> None:
    assert isinstance(RULES.resolve(name), Unresolved)
    row = {"source": name.source, "source_model_id": name.source_model_id}
    tables = _with("aliases", {**row, "key": "anthracite/magnum-72b", "reason": "decided"})
    outcome = compiled(tables).resolve(name)
    assert isinstance(outcome, Identity)
    assert (outcome.base_model, outcome.method) == ("anthracite/magnum-72b", "alias")


def test_a_date_in_no_table_keeps_releases_apart() -> None:
    keys = {
        resolved(other("x", model_id)).base_model
        for model_id in ("gpt-4o-2024-05-13", "gpt-4o-2026-01-01", "hunyuan-t2-20260101", "hunyuan-t2")
    }  # fmt: skip
    assert len(keys) == 4
    assert "openai/gpt-4o@2026-01-01" in keys


@pytest.mark.parametrize(
    ("text", "creator"),
    [
        ("OpenAI", "openai"),
        ("open ai", "openai"),
        ("claude", "anthropic"),
        ("GPT", "openai"),
        ("Google DeepMind,Google", "google"),
        ("Z.ai (Zhipu AI),Tsinghua University", "zai"),
        ("SpaceXAI", "xai"),
        ("Kimi", "moonshot"),
        ("meta-llama", "meta"),
        ("ant-group", "inclusionai"),
        ("no such lab", None),
        ("", None),
    ],
)
def test_creator_id(text: str, creator: str | None) -> None:
    assert RULES.creator_id(text) == creator


def test_hosts() -> None:
    assert RULES.host_id("Amazon Bedrock") == "amazon-bedrock"
    assert RULES.host_id("together ai") == "togetherai"
    assert RULES.host_id("no such host") is None
    assert RULES.own_host("anthropic") == "anthropic"
    assert RULES.own_host("google") == "google"
    assert RULES.own_host("moonshot") == "moonshotai"
    assert RULES.own_host("stanford") is None


# the tables ---------------------------------------------------------------------------------------


def _with(path: str, row: dict[str, Any]) -> dict[str, Any]:
    return {**TABLES, path: [*TABLES[path], row]}


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (_with("creators", {"id": "anthropic"}), "stands twice"),
        (_with("creators", {"id": "new", "names": ["claude"]}), "stands twice"),
        (_with("hosts", {"id": "new", "first_party_of": "nobody"}), "in no row"),
        (_with("own_words", {"creator": "nobody", "names": ["x"], "reason": "r"}), "in no row"),
        (
            _with(
                "bare_names",
                {
                    "creator": "meta",
                    "names": ["x"],
                    "word": "chat",
                    "instructed_at": ["nowhere"],
                    "pretrained_at": [],
                    "reason": "r",
                },
            ),
            "'nowhere' is in no row of the hosts table",
        ),
        (_with("hosts", {"id": "new", "id_form": "("}), "is no regular expression"),
        (_with("rewrites", {"find": "a", "put": "b"}), "reason"),
        (_with("releases", {"base": "meta/a", "reason": "r", "releases": []}), "at least 1"),
        (
            _with(
                "releases",
                {
                    "base": "meta/a",
                    "reason": "r",
                    "undated": "2025-01",
                    "releases": [{"date": "2024-01"}],
                },
            ),
            "is none of",
        ),
        ({**TABLES, "extra": 1}, "Extra inputs"),
    ],
)
def test_wrong_tables_are_refused(tables: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        IdentityConfig.model_validate(tables)


def test_contradicting_tables_are_refused() -> None:
    twice = _with("hosts", {"id": "new", "aliases": ["bedrock"]})
    with pytest.raises(ValueError, match="stands for both"):
        IdentityRules(IdentityConfig.model_validate(twice))
    bad_key = _with("aliases", {"name": "a", "key": "no key", "reason": "r"})
    with pytest.raises(ValueError, match="is not creator/base"):
        IdentityRules(IdentityConfig.model_validate(bad_key))


def test_counter_examples_differ_from_their_rows() -> None:
    """What a release family must not touch is not resolved to that family."""
    for family in TABLES["releases"]:
        creator = family["base"].partition("/")[0]
        outcome = RULES.resolve(SourceName("x", str(family["not"]), None, creator))
        if isinstance(outcome, Identity):
            assert outcome.base_model.partition("@")[0] != family["base"], family["base"]


# laws ---------------------------------------------------------------------------------------------

slugs = st.from_regex(r"[a-z0-9]{1,6}(-[a-z0-9]{1,6}){0,3}", fullmatch=True)
releases = st.dates(date(2020, 1, 1), date(2039, 12, 31)).map(str) | st.from_regex(
    r"20[23][0-9]-(0[1-9]|1[0-2])", fullmatch=True
)
WORDS = [
    *("claude", "gpt", "gemini", "llama", "qwen3", "deepseek", "mistral", "kimi", "grok", "phi"),
    *("nova", "glm", "opus", "sonnet", "large", "mini", "flash", "pro", "r1", "v3", "4o", "k2"),
    *("4", "4.5", "3.1", "2", "5", "05", "06", "70b", "8b", "235b", "a22b", "next", "instruct"),
    *("it", "chat", "thinking", "reasoning", "no", "non", "high", "xhigh", "max", "medium"),
    *("latest", "preview", "0528", "2407", "2507", "20241022", "2025-08-07", "08-2024", "fp8"),
    *("(Aug '24)", "(Reasoning)", "(May' 25)", "(high)", "(Non-reasoning)", "(Preview)", "bf16"),
    *("32k", "16k", ":free", ":thinking", "@2024-08", "-v1:0", "beta", "exp", "codex", "002"),
]
model_names = st.lists(st.sampled_from(WORDS), min_size=1, max_size=7).flatmap(
    lambda words: st.sampled_from(["-", " ", "_", "/"]).map(lambda mark: mark.join(words))
)
source_names = st.builds(
    SourceName,
    source=st.sampled_from(["artificial_analysis", "models_dev", "lmarena", "elsewhere", ""]),
    source_model_id=model_names | st.text(),
    model_name=st.none() | model_names | st.text(),
    creator=st.none() | st.sampled_from(["openai", "Anthropic", "", "Meta", "New"]) | st.text(),
    host=st.none() | st.sampled_from(["openai", "azure", "", "groq"]) | st.text(),
    release_date=st.none() | st.dates(),
)


@given(slugs, slugs, st.none() | releases, st.none() | slugs)
def test_keys_round_trip(creator: str, base: str, release: str | None, variant: str | None) -> None:
    key = format_key(creator, base, release, variant)
    assert parse_key(key) == ModelKey(creator, base, release, variant)


@given(st.text())
def test_parse_key_refuses_or_reads_back(text: str) -> None:
    try:
        key = parse_key(text)
    except ValueError:
        return
    assert format_key(key.creator, key.base, key.release, key.variant) == text


@pytest.mark.parametrize("key", ["a", "a/b/c", "A/b", "a/b.c", "a/b@2024", "a/b:", "a/", "a/b\n"])
def test_parse_key_refuses(key: str) -> None:
    with pytest.raises(ValueError, match="is not creator/base"):
        parse_key(key)


@given(source_names)
def test_resolve_is_total_and_deterministic(name: SourceName) -> None:
    outcome = RULES.resolve(name)
    assert outcome == RULES.resolve(name)
    if isinstance(outcome, Identity):
        key = parse_key(outcome.canonical_model_key)
        assert outcome.base_model == format_key(key.creator, key.base, key.release)
        assert (outcome.creator, outcome.variant) == (key.creator, key.variant)
        assert 0 < outcome.confidence <= 1
    elif outcome.proposal is not None:
        parse_key(outcome.proposal)


def again(identity: Identity) -> Identity | Unresolved:
    return RULES.resolve(SourceName("x", identity.canonical_model_key, None, identity.creator))


@given(source_names)
def test_a_canonical_key_resolves_to_itself(name: SourceName) -> None:
    outcome = RULES.resolve(name)
    if isinstance(outcome, Identity):
        repeated = again(outcome)
        assert isinstance(repeated, Identity), (outcome, repeated)
        assert repeated.canonical_model_key == outcome.canonical_model_key


def _labelled() -> Iterable[SourceName]:
    yield from itertools.chain.from_iterable((*labels().same, *labels().different))


def test_labelled_keys_resolve_to_themselves() -> None:
    for name in _labelled():
        outcome = RULES.resolve(name)
        if isinstance(outcome, Identity):
            repeated = again(outcome)
            assert isinstance(repeated, Identity), outcome
            assert repeated.canonical_model_key == outcome.canonical_model_key


def test_order_does_not_matter() -> None:
    names = list(_labelled())
    forward = [RULES.resolve(name) for name in names]
    backward = [IdentityRules(IdentityConfig.model_validate(TABLES)).resolve(n) for n in names[:1]]
    assert backward[0] == forward[0]
    assert [RULES.resolve(name) for name in reversed(names)] == forward[::-1]


# ids that a publisher gives -----------------------------------------------------------------


def _given(model_id: str, *same_as: str) -> SourceName:
    return SourceName("openrouter", model_id, same_as=same_as)


@pytest.mark.parametrize(
    ("name", "key", "method"),
    [
        # The name leaves the release open, the given id decides it.
        (
            _given("openai/gpt-5-chat", "openrouter:openai/gpt-5-chat-2025-08-07"),
            "openai/gpt-5-chat@2025-08-07",
            "given",
        ),
        (
            _given("deepseek/deepseek-chat", "huggingface:deepseek-ai/DeepSeek-V3"),
            "deepseek/deepseek-v3@2024-12-26",
            "given",
        ),
        (
            SourceName(
                "models_dev",
                "deepseek/deepseek-chat",
                release_date=date(2025, 12, 1),
                same_as=("huggingface:deepseek-ai/DeepSeek-V3.2",),
            ),
            "deepseek/deepseek-v3-2",
            "given",
        ),
        # The variant is what the name says.
        (
            _given(
                "mistralai/devstral-small:thinking", "huggingface:mistralai/Devstral-Small-2507"
            ),
            "mistral/devstral-small@2025-07-10:thinking",
            "given",
        ),
        (_given("acme/aura:free", "huggingface:Acme-AI/Aura-7B"), "acme-ai/aura-7b", "given"),
        # Both agree; a date in an aggregator's id only says when the model was listed.
        (
            _given("inclusionai/ling-9-flash", "openrouter:inclusionai/ling-9-flash-20260421"),
            "inclusionai/ling-9-flash",
            "rule",
        ),
        (
            _given("z-ai/glm-4.6v", "openrouter:z-ai/glm-4.6", "huggingface:zai-org/GLM-4.6V"),
            "zai/glm-4-6v",
            "table",
        ),
        # Ids that say nothing change nothing.
        (
            _given("openai/gpt-5", "openrouter:openai/gpt-latest", "odd:x", "y"),
            "openai/gpt-5",
            "table",
        ),
    ],
)
def test_given_ids(name: SourceName, key: str, method: str) -> None:
    identity = resolved(name)
    assert (identity.canonical_model_key, identity.method) == (key, method)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            _given("google/gemini-2.5-pro-preview-05-06", "openrouter:google/gemini-2.5-pro"),
            "the id that its publisher gives google/gemini-2-5-pro",
        ),
        (
            _given("openai/gpt-4o", "openrouter:openai/gpt-4.1", "models_dev:openai/gpt-5"),
            "the ids that its publisher gives say openai/gpt-4-1 and openai/gpt-5",
        ),
    ],
)
def test_what_given_ids_contradict_is_left_open(name: SourceName, reason: str) -> None:
    assert reason in _unresolved(name).reason


def test_an_organisation_in_no_table_is_a_creator_where_paths_name_creators() -> None:
    tuned = resolved(SourceName("openrouter", "some-tuner/llama-3.1-70b-novel"))
    assert (tuned.creator, tuned.confidence) == ("some-tuner", 0.85)
    assert isinstance(
        RULES.resolve(SourceName("litellm", "somewhere/some-tuner/llama-3.1-70b-novel")), Unresolved
    )


@pytest.mark.parametrize(
    ("model_id", "key"),
    [
        ("somewhere/nvidia/Qwen3-32B-FP4", "alibaba/qwen3-32b:fp4"),
        ("somewhere/nvidia/Llama3-ChatQA-70B", "nvidia/llama-3-chatqa-70b"),
        ("somewhere/unsloth/gemma-3-27b-it", "google/gemma-3-27b"),
        ("somewhere/hf:deepseek-ai/DeepSeek-V3.2", "deepseek/deepseek-v3-2"),
        ("us-gov.anthropic.claude-opus-5", "anthropic/claude-opus-5"),
        ("regional.moonshotai.kimi-k3", "moonshot/kimi-k3"),
        ("fireworks_ai/accounts/fireworks/routers/kimi-k3-spot", "moonshot/kimi-k3"),
        ("azure_ai/FW-GLM-5.2", "zai/glm-5-2"),
        # A host's own name in front says that it serves the model.
        ("perplexity/perplexity/glm-5.3", "zai/glm-5-3"),
        ("perplexity/perplexity/nemotron-3-ultra-550b-a55b", "nvidia/nemotron-3-ultra-550b-a55b"),
        ("perplexity/perplexity/sonar", "perplexity/sonar"),
        ("perplexity/sonar-pro", "perplexity/sonar-pro"),
        # Tunes by their own word, copies by their creator.
        ("openrouter/llama-3.1-lumimaid-8b", "neversleep/llama-3-1-lumimaid-8b"),
        ("openrouter/codellama-7b-instruct-solidity", "alfredpros/codellama-7b-instruct-solidity"),
        ("together_ai/togethercomputer/CodeLlama-34b-Instruct", "meta/codellama-34b-instruct"),
        ("novita/alpindale/WizardLM-2-8x22B", "microsoft/wizardlm-2-8x22b"),
        ("novita/alpindale/goliath-120b", "alpindale/goliath-120b"),
        ("x/togethercomputer/LLaMA-2-7B-32K-Instruct", "together/llama-2-7b-32k-instruct"),
    ],
)
def test_paths_prefixes_and_copies(model_id: str, key: str) -> None:
    assert resolved(SourceName("litellm", model_id)).canonical_model_key == key


# explanations -------------------------------------------------------------------------------


@given(source_names)
def test_an_explanation_tells_what_resolve_says(name: SourceName) -> None:
    assert RULES.explain(name).outcome == RULES.resolve(name)


def test_an_explanation_names_the_rows_that_decided() -> None:
    explained = RULES.explain(SourceName("litellm", "azure/gpt-4o-2024-08-06"))
    steps = {step.step: step for step in explained.steps}
    assert steps["taken apart"].text == "host azure; words gpt 4o; dates 2024-08-06"
    assert steps["creator"].text == "openai"
    assert (
        steps["release"].reason == "the API name moves from release to release, at different prices"
    )
