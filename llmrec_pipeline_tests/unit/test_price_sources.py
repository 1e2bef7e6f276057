"""OpenRouter, LiteLLM, genai-prices: units, what zero and -1 mean, what is no text model."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmrec_pipeline.domain.records import CAPABILITY_COLUMNS
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.sources import publisher
from llmrec_pipeline.sources.cells import same_as, scaled
from llmrec_pipeline.sources.http import PublisherClient
from llmrec_pipeline.sources.pull import InvalidStructure, ParsedPull, RawPage
from llmrec_pipeline_tests.parsing import (
    by_id,
    page,
    parse,
    refusal,
    require_clean,
    source_settings,
)
from llmrec_pipeline_tests.publisher_facts import GENAI_PRICES, LITELLM, OPENROUTER, Facts, Row
from llmrec_pipeline_tests.publisher_faults import (
    BadCells,
    EmptyList,
    RenamedFields,
    ZeroForUnknown,
)

CAPABILITIES = tuple(column.name for column in CAPABILITY_COLUMNS)
PRICES = ("price_input_per_1m", "price_output_per_1m", "price_cached_input_per_1m")


def _prices(parsed: ParsedPull, source_model_id: str) -> tuple[Any, ...]:
    row = by_id(parsed)[source_model_id]
    return tuple(row[column] for column in PRICES)


# numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "factor", "expected"),
    [
        ("0.000003", 1e6, 3.0),
        (2.8e-07, 1e6, 0.28),
        (1.1e-06, 1e6, 1.1),
        ("0", 1e6, 0.0),
        ("-1", 1e6, -1),
        (-1, 1e6, -1),
        (" 41.8 ", 0.01, 0.418),
        ("5e-8", 1e6, 0.05),
        ("0.035", 1.0, 0.035),
    ],
)
def test_numbers_are_scaled_digit_by_digit(value: Any, factor: float, expected: float) -> None:
    assert scaled(value, factor) == expected


@pytest.mark.parametrize("value", [None, True, "free", "", "1" * 50, [1], {"base": "1"}, "1e-5x"])
def test_what_is_no_number_stays_what_it_is(value: Any) -> None:
    assert scaled(value, 1e6) is value


# OpenRouter ---------------------------------------------------------------------------------


def _router(**changes: Any) -> Row:
    return {
        "id": "openai/gpt-5.4",
        "name": "OpenAI: GPT-5.4",
        "created": 1772668800,
        "context_length": 1_050_000,
        "architecture": {"output_modalities": ["text"]},
        "pricing": {
            "prompt": "0.00000125",
            "completion": "0.00001",
            "input_cache_read": "0.00000012",
        },
        "top_provider": {"max_completion_tokens": 128_000},
        "expiration_date": None,
        **changes,
    }


def test_openrouter_offerings() -> None:
    facts = Facts.invented()
    parsed = parse(OPENROUTER, {"data": facts.openrouter})
    assert (parsed.bad_values, parsed.skipped) == ({}, {})
    models = by_id(parsed)
    for told in facts.openrouter:
        row = models[told["id"]]
        assert (row["host"], row["context_window"]) == ("openrouter", told["context_length"])
        assert row["is_deprecated"] is False
        if told["id"] == "openrouter/auto":
            assert (row["price_input_per_1m"], row["is_free"]) == (None, None)
        elif told["id"].endswith(":free"):
            assert (row["price_input_per_1m"], row["is_free"]) == (0.0, True)
        else:
            assert row["price_input_per_1m"] == pytest.approx(
                float(told["pricing"]["prompt"]) * 1e6
            )
            assert row["is_free"] is False
            day = datetime.fromtimestamp(told["created"], UTC).date()
            assert row["release_date"] == day


@pytest.mark.parametrize(
    ("model_id", "pricing", "expected", "is_free"),
    [
        ("a/b:free", {"prompt": "0", "completion": "0"}, (0.0, 0.0, None), True),
        ("a/b", {"prompt": "0", "completion": "0"}, (None, None, None), None),
        ("a/b", {"prompt": "-1", "completion": "-1"}, (None, None, None), None),
        ("a/b", {"prompt": "0", "completion": "0.000002"}, (None, 2.0, None), False),
        ("a/b", {"prompt": "0.0000002", "completion": "0.0000007"}, (0.2, 0.7, None), False),
        (
            "a/b",
            {"prompt": "1e-6", "completion": "2e-6", "input_cache_read": "0"},
            (1, 2, None),
            False,
        ),
    ],
)
def test_openrouter_prices(
    model_id: str, pricing: Row, expected: tuple[Any, ...], is_free: bool | None
) -> None:
    parsed = parse(OPENROUTER, {"data": [_router(id=model_id, pricing=pricing)]})
    assert _prices(parsed, model_id) == expected
    assert by_id(parsed)[model_id]["is_free"] is is_free


def test_openrouter_leaves_out_what_is_no_ordinary_text_model() -> None:
    parsed = parse(
        OPENROUTER,
        {
            "data": [
                _router(),
                _router(id="a/image", architecture={"output_modalities": ["image"]}),
                _router(id="a/both", architecture={"output_modalities": ["image", "text"]}),
                _router(id="a/untold", architecture=None),
                _router(id="openai/gpt-5.4:batch"),
                _router(id="a/going", expiration_date="2026-12-01"),
            ]
        },
    )
    assert set(by_id(parsed)) == {"openai/gpt-5.4", "a/both", "a/untold", "a/going"}
    assert parsed.skipped == {"models without text output": 1, "batch tariffs": 1}
    assert by_id(parsed)["a/going"]["is_deprecated"] is True


@pytest.mark.parametrize("created", ["soon", -5, 0, 1e30, True, float("inf")])
def test_a_day_of_listing_that_is_none_is_counted(created: object) -> None:
    parsed = parse(OPENROUTER, {"data": [_router(created=created)]})
    assert parsed.bad_values == {"release_date": 1}
    assert parsed.models[0]["release_date"] is None


def test_openrouter_says_what_a_model_can_do_and_what_it_is_called_elsewhere() -> None:
    told = _router(
        architecture={"input_modalities": ["text", "image"], "output_modalities": ["text"]},
        supported_parameters=["tools", "include_reasoning"],
        canonical_slug="openai/gpt-5.4-20260305",
        hugging_face_id="openai/gpt-oss-120b",
    )
    plain = _router(id="a/plain", supported_parameters=[], hugging_face_id="")
    models = by_id(parse(OPENROUTER, {"data": [told, plain]}))
    assert [models["openai/gpt-5.4"][column] for column in CAPABILITIES] == [
        True,
        True,
        False,
        True,
    ]
    assert models["openai/gpt-5.4"]["same_as"] == (
        "openrouter:openai/gpt-5.4-20260305 huggingface:openai/gpt-oss-120b"
    )
    assert [models["a/plain"][column] for column in CAPABILITIES] == [False, None, False, False]
    assert models["a/plain"]["same_as"] is None


def test_an_address_is_no_part_of_an_id() -> None:
    given = {"url": "https://huggingface.co/acme/model-7b/", "blank": "a b", "none": None}
    assert same_as(given, {"huggingface": "url"}) == "huggingface:acme/model-7b"
    assert same_as(given, {"openrouter": "blank", "models_dev": "none"}) is None


def test_what_is_no_list_is_a_bad_capability() -> None:
    parsed = parse(OPENROUTER, {"data": [_router(supported_parameters="tools")]})
    assert parsed.bad_values == dict.fromkeys(
        ("supports_reasoning", "supports_structured_output", "supports_tools"), 1
    )


# LiteLLM ------------------------------------------------------------------------------------


def _entry(**changes: Any) -> Row:
    return {
        "litellm_provider": "anthropic",
        "mode": "chat",
        "input_cost_per_token": 3e-06,
        "input_cost_per_token_above_200k_tokens": 6e-06,
        "output_cost_per_token": 1.5e-05,
        "cache_read_input_token_cost": 3e-07,
        "max_input_tokens": 200_000,
        "max_output_tokens": 64_000,
        **changes,
    }


def test_litellm_offerings() -> None:
    facts = Facts.invented()
    parsed = parse(LITELLM, facts.litellm)
    assert (parsed.bad_values, parsed.skipped) == ({}, {"entries of other modes": 1})
    models = by_id(parsed)
    assert set(models) == set(facts.models(LITELLM)) - {"text-embedding-3-small"}
    for key, row in models.items():
        told = facts.litellm[key]
        assert row["host"] == told["litellm_provider"]
        assert row["price_input_per_1m"] == pytest.approx(told["input_cost_per_token"] * 1e6)
        assert row["context_window"] == told["max_input_tokens"]
        assert row["is_free"] is False
        assert row["is_deprecated"] is (key == "gpt-3.5-turbo-0301")


def test_litellm_keeps_what_writes_text() -> None:
    modes = ("chat", "responses", "completion", "embedding", "image_generation", "rerank", None)
    entries = {f"m-{mode}": _entry(mode=mode) for mode in modes}
    tuned = {"ft:gpt-4o": _entry(), "azure/ft:gpt-4o": _entry()}
    parsed = parse(LITELLM, {"sample_spec": _entry(), **entries, **tuned})
    assert set(by_id(parsed)) == {"m-chat", "m-responses", "m-completion"}
    assert parsed.skipped == {"entries of other modes": 4, "fine-tuning tariffs": 2}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (3.0, 15.0, 0.3)),
        ({"input_cost_per_token": 0.0, "output_cost_per_token": 0.0}, (None, None, 0.3)),
        ({"cache_read_input_token_cost": None}, (3.0, 15.0, None)),
        ({"input_cost_per_token": "0.0000011"}, (1.1, 15.0, 0.3)),
    ],
)
def test_litellm_prices_are_those_of_the_first_tier(
    changes: Row, expected: tuple[Any, ...]
) -> None:
    parsed = parse(LITELLM, {"a-model": _entry(**changes)})
    assert _prices(parsed, "a-model") == expected
    assert parsed.models[0]["is_free"] is not True


def _tiers(parsed: ParsedPull) -> list[tuple[Any, ...]]:
    (row,) = parsed.models
    told = json.loads(row["price_tiers"] or "[]")
    assert all(tuple(tier) == ("above_input_tokens", *PRICES) for tier in told)
    return [tuple(tier.values()) for tier in told]


def test_litellm_tiers_are_those_above_a_length() -> None:
    entry = _entry(
        output_cost_per_token_above_200k_tokens=2.25e-05,
        input_cost_per_token_above_512k_tokens=9e-06,
        input_cost_per_token_above_200k_tokens_priority=1.0,
        cache_creation_input_token_cost_above_200k_tokens=1.0,
        output_cost_per_token_above_512k_tokens=None,
    )
    assert _tiers(parse(LITELLM, {"a-model": entry})) == [
        (200_000, 6.0, 22.5, None),
        (512_000, 9.0, None, None),
    ]
    assert _tiers(parse(LITELLM, {"a": _entry(input_cost_per_token_above_200k_tokens=None)})) == []


def test_litellm_entries_that_list_prices_by_length() -> None:
    listed = [
        {"range": [0, 256000.0], "input_cost_per_token": 5e-08, "output_cost_per_token": 4e-07},
        {"range": [256000.0, 1e6], "input_cost_per_token": 2.5e-07, "output_cost_per_token": 2e-06},
        {"range": "long", "input_cost_per_token": 1.0},
    ]
    entry = {"litellm_provider": "a", "mode": "chat", "max_input_tokens": 1_000_000}
    whole = {f"m-{number}": _entry() for number in range(3)}
    parsed = parse(LITELLM, {"a-model": {**entry, "tiered_pricing": listed}, **whole})
    row = by_id(parsed)["a-model"]
    assert (row["price_input_per_1m"], row["price_output_per_1m"]) == (0.05, 0.4)
    assert json.loads(row["price_tiers"]) == [
        {
            "above_input_tokens": 256_000,
            "price_input_per_1m": 0.25,
            "price_output_per_1m": 2.0,
            "price_cached_input_per_1m": None,
        }
    ]


def test_litellm_does_not_deny_what_it_leaves_out() -> None:
    (row,) = parse(LITELLM, {"a": _entry(supports_vision=True, supports_reasoning=False)}).models
    assert [row[column] for column in CAPABILITIES] == [None, True, None, False]


@pytest.mark.parametrize(
    ("day", "expected"),
    [("2026-11-21", True), ("2026-11-22", False), (None, False), ("next year", False), (5, False)],
)
def test_litellm_retires_a_model_on_its_day(day: object, expected: bool) -> None:
    parsed = parse(LITELLM, {"a-model": _entry(deprecation_date=day)})
    assert parsed.models[0]["is_deprecated"] is expected


# genai-prices -------------------------------------------------------------------------------


def _package(*models: Row, provider: str = "anthropic") -> Row:
    return {
        "package": "genai-prices",
        "version": "0",
        "providers": [{"id": provider, "models": models}],
    }


def _model(prices: object, **changes: Any) -> Row:
    return {"id": "a-model", "name": None, "context_window": 200_000, "prices": prices, **changes}


def _at(day: str | None, price: str, **hours: str) -> Row:
    constraint = {"start_date": day} if day else hours or None
    return {"constraint": constraint, "prices": {"input_mtok": price, "output_mtok": "9"}}


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        ({"input_mtok": "0.27", "output_mtok": "1.1", "cache_read_mtok": "0.07"}, 0.27),
        (
            {
                "input_mtok": {"base": "3", "tiers": [{"start": 200_000, "price": "6"}]},
                "output_mtok": "9",
            },
            3.0,
        ),
        ([_at(None, "5"), _at("2026-11-21", "4"), _at("2026-11-22", "3")], 4.0),
        ([_at(None, "5"), _at("2027-01-01", "4")], 5.0),
        ([_at("2027-01-01", "7")], 7.0),
        ([_at(None, "1"), _at(None, "2", start_time="00:30:00Z", end_time="16:30:00Z")], 2.0),
        ([_at(None, "1"), _at(None, "2", start_time="01:00:00Z", end_time="04:00:00Z")], 1.0),
        ([_at(None, "1"), _at(None, "2", start_time="20:00:00Z", end_time="10:00:00Z")], 2.0),
        (
            [
                _at(None, "1"),
                _at(None, "2", start_time="20:00:00+09:00", end_time="08:00:00+09:00"),
            ],
            1.0,
        ),
        ([_at(None, "1"), {"constraint": {"moon": "full"}, "prices": {}}], 1.0),
        ([], None),
        ({}, None),
        (None, None),
    ],
)
def test_the_price_in_force_on_the_day_counts(prices: object, expected: float | None) -> None:
    for hour in (0, 3, 12, 23):
        moment = datetime(2026, 11, 21, hour, tzinfo=UTC)
        parsed = parse(GENAI_PRICES, _package(_model(prices)), read_at=moment)
        assert parsed.models[0]["price_input_per_1m"] == expected
        assert parsed.bad_values == {}


def test_genai_prices_tiers_and_since_when_a_price_holds() -> None:
    tiered = {
        "input_mtok": {"base": "3", "tiers": [{"start": 200_000, "price": "6"}]},
        "output_mtok": {"base": "9", "tiers": [{"start": 200_000, "price": "18"}, {"start": -1}]},
    }
    listed = [_at(None, "5"), {"constraint": {"start_date": "2026-11-01"}, "prices": tiered}]
    parsed = parse(GENAI_PRICES, _package(_model(listed)))
    assert _tiers(parsed) == [(200_000, 6.0, 18.0, None)]
    assert parsed.models[0]["effective_at"] == date(2026, 11, 1)
    before = parse(
        GENAI_PRICES, _package(_model(listed)), read_at=datetime(2026, 10, 31, tzinfo=UTC)
    )
    assert (_tiers(before), before.models[0]["effective_at"]) == ([], None)


def test_genai_prices_rows() -> None:
    parsed = parse(
        GENAI_PRICES,
        _package(
            _model({"input_mtok": "3", "output_mtok": "15"}, name="A Model", deprecated=True),
            _model({"audio_hours": "0.1"}, id="hears"),
            _model({"input_mtok": "1", "output_mtok": "2"}, id="a-model:batch"),
            _model({}, id="free?"),
        ),
    )
    models = by_id(parsed)
    assert set(models) == {"anthropic/a-model", "anthropic/free?"}
    row = models["anthropic/a-model"]
    assert (row["host"], row["model_name"], row["is_deprecated"]) == ("anthropic", "A Model", True)
    assert (row["context_window"], row["is_free"]) == (200_000, False)
    assert models["anthropic/free?"]["is_free"] is None
    assert parsed.skipped == {"models not sold by the token": 1, "batch tariffs": 1}


@pytest.fixture(scope="module")
def package_page() -> RawPage:
    loaded = load_settings({})
    config = loaded.sources[GENAI_PRICES]
    with PublisherClient(GENAI_PRICES, config, loaded.pipeline.http) as client:
        (fetched,) = publisher(GENAI_PRICES).fetch(client, config)
        assert client.requests == 0
    return fetched


def test_the_installed_package_is_read_whole(package_page: RawPage) -> None:
    from genai_prices.data import providers

    content = json.loads(package_page.body)
    assert package_page.url == f"package:genai-prices@{content['version']}"
    assert [told["id"] for told in content["providers"]] == [p.id for p in providers]
    models = [model for told in content["providers"] for model in told["models"]]
    assert len(models) == sum(len(p.models) for p in providers)
    assert all({"id", "match", "prices"} <= model.keys() for model in models)
    parsed = publisher(GENAI_PRICES).parse([package_page], source_settings(GENAI_PRICES))
    require_clean(parsed)
    assert parsed.bad_values == {}
    assert len(parsed.models) + sum(parsed.skipped.values()) == len(models)


def test_prices_agree_with_the_packages_own(package_page: RawPage) -> None:
    """Where the hour does not matter, the package's own choice for that moment."""
    from genai_prices.data import providers
    from genai_prices.types import TieredPrices

    moment = datetime(2026, 3, 13, 12, tzinfo=UTC)
    read = RawPage("p", package_page.url, 200, {}, package_page.body, moment)
    models = by_id(publisher(GENAI_PRICES).parse([read], source_settings(GENAI_PRICES)))
    compared = 0
    for provider in providers:
        for model in provider.models:
            row = models.get(f"{provider.id}/{model.id}")
            if row is None or "TimeOfDate" in repr(model.prices):
                continue
            told = vars(model.get_prices(moment)).get("input_mtok")
            price = told.base if isinstance(told, TieredPrices) else told
            assert row["price_input_per_1m"] == (float(price) or None if price else None)
            compared += 1
    assert compared > 1_000


# structure ----------------------------------------------------------------------------------

_BODY: dict[str, Callable[[Facts], object]] = {
    OPENROUTER: lambda facts: {"data": facts.openrouter},
    LITELLM: lambda facts: facts.litellm,
}
_NO_PAGES = {
    "HTML": b"<html></html>",
    "nothing": b"",
    "null": None,
    "a list": [],
    "a mapping": {},
    "no data": {"data": []},
    "numbers": {"data": [1, 2], "providers": [3], "x": 4},
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("source", [OPENROUTER, LITELLM, GENAI_PRICES])
@pytest.mark.parametrize("kind", _NO_PAGES)
def test_what_is_no_page_is_refused(source: str, kind: str) -> None:
    assert ("HTML" in refusal(source, _NO_PAGES[kind])) is (kind == "HTML")


@pytest.mark.parametrize("source", [OPENROUTER, LITELLM])
def test_faults_of_content(source: str) -> None:
    facts, body = Facts.invented(), _BODY[source]
    assert "renamed" in refusal(source, body(RenamedFields().change(facts, source)))
    assert refusal(source, body(EmptyList().change(facts, source)))
    assert sum(parse(source, body(BadCells().change(facts, source))).bad_values.values()) == 3
    zeros = parse(source, body(ZeroForUnknown().change(facts, source)))
    assert zeros.bad_values == {}
    assert {row["context_window"] for row in zeros.models} == {None}
    usual = parse(source, body(facts)).content_hash()
    assert parse(source, body(facts.next_day())).content_hash() != usual


_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
_KEYS = st.sampled_from(
    [
        *("id", "name", "data", "pricing", "prompt", "completion", "context_length", "created"),
        *("litellm_provider", "mode", "input_cost_per_token", "max_input_tokens", "architecture"),
        *("providers", "models", "prices", "input_mtok", "base", "constraint", "start_date"),
        *("start_time", "end_time", "deprecation_date", "output_modalities"),
    ]
)
_JSON = st.recursive(
    _LEAVES | st.sampled_from(["chat", "2026-01-01", "0.000001", "-1", "00:30:00Z", "text"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=6),
    max_leaves=20,
)


@pytest.mark.parametrize("source", [OPENROUTER, LITELLM, GENAI_PRICES])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=_JSON)
def test_arbitrary_json_is_parsed_or_refused(source: str, body: object) -> None:
    config = source_settings(source).model_copy(update={"required": ()})
    shaped: dict[str, object] = {
        OPENROUTER: {"data": [body]},
        LITELLM: {"m": {"mode": "chat", **body} if isinstance(body, dict) else body},
        GENAI_PRICES: {"providers": [{"id": "p", "models": [_model(body)]}]},
    }
    for content in (body, shaped[source]):
        try:
            parsed = publisher(source).parse([page(content)], config)
        except InvalidStructure:
            continue
        require_clean(parsed)


# recordings ---------------------------------------------------------------------------------


def test_recorded_openrouter(recordings: Path) -> None:
    parsed = parse(OPENROUTER, {"data": Facts.recorded(recordings).openrouter})
    assert (len(parsed.models), parsed.bad_values, parsed.skipped) == (356, {}, {})
    priced = [row for row in parsed.models if row["price_input_per_1m"] is not None]
    free = [row for row in priced if row["is_free"]]
    assert (len(priced), len(free)) == (349, 24)
    assert all(row["source_model_id"].endswith(":free") for row in free)
    assert sum(row["is_deprecated"] for row in parsed.models) == 3
    assert max(row["price_input_per_1m"] for row in priced) < 1_000
    assert min(row["release_date"] for row in parsed.models) > date(2023, 1, 1)


def test_recorded_litellm(recordings: Path) -> None:
    parsed = parse(LITELLM, Facts.recorded(recordings).litellm)
    assert (len(parsed.models), parsed.bad_values) == (3486, {})
    assert parsed.skipped == {"entries of other modes": 1052, "fine-tuning tariffs": 14}
    prices = [row["price_input_per_1m"] for row in parsed.models]
    assert sum(price is not None for price in prices) == 3268
    assert not [row for row in parsed.models if row["is_free"]]
    # One entry says the price of a thousand tokens as that of one.
    assert [price for price in prices if price and price > 1_000] == [3200.0]
