"""The grammar of constraints, production by production, and its behaviour on any input."""

from __future__ import annotations

import contextlib
import json
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec_pipeline.domain.request_amounts import read_unit
from llmrec_pipeline.domain.request_context import read_context
from llmrec_pipeline.domain.request_numbers import number
from llmrec_pipeline.domain.request_price import read_price
from llmrec_pipeline.domain.request_reader import RequestReader
from llmrec_pipeline.domain.request_text import READ_AT_END, READ_AT_START
from llmrec_pipeline.domain.request_tokens import Text, misspellings, words_of
from llmrec_pipeline.domain.task_profile import RequestError, RequestReading, Tasks
from llmrec_pipeline_tests.full_requests import REPEATED, full_request

CONTENT: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[2] / "config" / "tasks.yaml").read_text(encoding="utf-8")
)
TASKS = Tasks.from_mapping(CONTENT)
ALIASES = {
    "openai": "openai",
    "anthropic": "anthropic",
    "claude": "anthropic",
    "google": "google",
    "gemini": "google",
    "mistral": "mistral",
    "deepseek": "deepseek",
    "qwen": "alibaba",
    "grok": "xai",
    "xai": "xai",
    "meta": "meta",
}
READER = RequestReader(TASKS, ALIASES)
CHINESE = TASKS.wording.provider_groups["chinese"].creators
AMERICAN = TASKS.wording.provider_groups["american"].creators
EUROPEAN = TASKS.wording.provider_groups["european"].creators


def read(text: str) -> RequestReading:
    return READER.read(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("128k", 128_000),
        ("1.5M", 1_500_000),
        ("2^17", 131_072),
        ("2**10", 1_024),
        ("1,000,000", 1_000_000),
        ("1_000_000", 1_000_000),
        ("1.000.000", 1_000_000),
        ("0,002", Fraction(2, 1000)),
        ("2,50", Fraction(5, 2)),
        (".5", Fraction(1, 2)),
        ("five", 5),
        ("twenty five", 25),
        ("twenty-five", 25),
        ("two hundred thousand", 200_000),
        ("one hundred thousand", 100_000),
        ("one and a half", Fraction(3, 2)),
        ("two-and-a-half", Fraction(5, 2)),
        ("three and a half million", 3_500_000),
        ("two fifty", Fraction(5, 2)),
        ("one hundred twenty eight thousand", 128_000),
        ("two hundred and fifty", 250),
        ("a hundred a month", 100),
        ("3e-6", Fraction(3, 1_000_000)),
        ("1.5E5", 150_000),
        ("2 billion", 2_000_000_000),
        ("half a million", 500_000),
        ("1 mil", 1_000_000),
        ("100 mil", 100_000),
        ("20万", 200_000),
        ("百万", None),
        ("二十", 20),
        ("五", 5),
        ("\uff12", 2),
        ("zwei", 2),
        ("word", None),
    ],
)
def test_numbers(text: str, value: Fraction | int | None) -> None:
    found = number(Text.of(text), 0)
    assert (found.value if found else None) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("128.000", 128_000),
        ("200 000", 200_000),
        ("1 000 000", 1_000_000),
        ("1.5e5", 150_000),
        ("two fifty", 250),
    ],
)
def test_a_count_has_no_decimals(text: str, value: int) -> None:
    found = number(Text.of(text), 0, counts=True)
    assert found is not None
    assert found.value == value


@pytest.mark.parametrize(
    ("text", "tokens", "side"),
    [
        ("/1M tokens", 1_000_000, ""),
        ("/MTok", 1_000_000, ""),
        ("per million output tokens", 1_000_000, "output"),
        ("per token", 1, ""),
        ("/ 1K tok", 1_000, ""),
        ("per mil", 1_000_000, ""),
        ("por mil tokens", 1_000, ""),
        ("pro Million Token", 1_000_000, ""),
        ("par million de tokens", 1_000_000, ""),
        ("每百万token", 1_000_000, ""),
        ("input per 1M", 1_000_000, "input"),
        ("1M tokens", 1_000_000, ""),
    ],
)
def test_units(text: str, tokens: int, side: str) -> None:
    found = read_unit(Text.of(text), 0)
    assert found is not None
    assert (found.tokens, found.side) == (tokens, side)


@pytest.mark.parametrize(
    "text", ["per month", "/s", "per 1M context", "per user", "a million users"]
)
def test_what_is_no_unit(text: str) -> None:
    assert read_unit(Text.of(text), 0) is None


@pytest.mark.parametrize(
    ("text", "cap"),
    [
        ("a buck per million", 1),
        ("15 bucks / mil", 15),
        ("half a dollar per million tokens", 0.5),
        ("2.5$/MTok", 2.5),
        ("0,50 $ per million", 0.5),
        ("$1-3 per million", 3),
        ("between 2 and 4 dollars per million", 4),
        ("between $5 and $3 per million", 5),
        ("25¢/1M", 0.25),
        ("60 cents per million", 0.6),
        ("under $5 per 1M, max $3 per 1M", 3),
        ("I won't pay more than 4 dollars per million tokens", 4),
        ("doesn't cost more than $4 per million", 4),
        ("paying $30/1M today, want under $10/1M", 10),
        ("input at most $2/M and output at most $10/M", 2),
        ("2 USD on a million tokens", 2),
        ("moins de 1,50 $ par million de tokens", 1.5),
        ("hasta 0,50 dólares por millón de tokens", 0.5),
        ("até 1 dólar por milhão de tokens", 1),
        ("weniger als 2,50 Dollar pro Million Token", 2.5),
        ("价格低于\uff12美元每百万token", 2),
        ("2美元/百万token以内", 2),
        ("anything under a dollar per million tokens", 1),
        ("four-and-a-half dollars per million max", 4.5),
        ("budget: three fifty per million", 3.5),
        ("4e-6 dollars per token at most", 4),
        ("maximum input price 1.5, maximum output price 12 per million", 1.5),
        ("$2 in / $6 out per 1M", 2),
        ("$20/1M budget but prefer under $4", 20),
        ("preferably under $4 per 1M", 4),
        ("$3 or less for a million tokens", 3),
        ("price: 3", 3),
        ("max_price_per_1m=3.5", 3.5),
        ("price\u22640.7", 0.7),
        ("USD 2,000 per billion tokens", 2),
        ("moins de 40 centimes de dollar le million de jetons", 0.4),
        ("0,003 $ par millier", 3),
        ("ticket price: 30 each, 4 people", None),
        ("budget $500", None),
        ("a shop that sells items under $20", None),
        ("any model with a 1M token context window", None),
        ("20 requests per minute", None),
    ],
)
def test_prices(text: str, cap: float | None) -> None:
    found = read_price(Text.of(text), largest_bare_price=200.0).cap
    assert found == (None if cap is None else Fraction(repr(cap)))


def test_of_two_sides_the_input_price_is_the_cap() -> None:
    assert read("$3/M in, $15/M out max").max_price_per_1m == 3


def test_what_somebody_charges_is_no_cap() -> None:
    assert read("why does it charge and OpenAI charges $10 per 1M tokens").max_price_per_1m is None


def test_a_bare_amount_in_a_long_story_is_no_price() -> None:
    story = "The shop was old and the owner kind, " * 12
    assert read(f"{story} and the toys were all under $5.").max_price_per_1m is None
    assert read(f"{story} under $5 per 1M tokens").max_price_per_1m == 5


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("200 000 tokens of context", 200_000),
        ("mindestens 128.000 Token Kontext", 128_000),
        ("contexto mínimo de 100 mil tokens", 100_000),
        ("至少128k上下文", 128_000),
        ("上下文至少32k", 32_000),
        ("需要20万token上下文", 200_000),
        ("32k is enough context", 32_000),
        ("only openai, 128k, $3/M", 128_000),
        ("a 200K window", 200_000),
        ("at least 64k and at most 128k context", 64_000),
        ("at least 16k but ideally 64k context", 16_000),
        ("64k would be nice but 16k is the minimum", 16_000),
        ("ideally 64k context", 64_000),
        ("at most 400k needed; at least 64k", 64_000),
        ("no more than 2 million tokens context", None),
        ("3 books of 200 pages each in context", 300_000),
        ("4 papers, 30 pages each, all in context", 60_000),
        ("un millón de tokens de contexto", 1_000_000),
        ("un million de tokens de contexte", 1_000_000),
        ("um milhão de tokens de contexto", 1_000_000),
        ("上下文窗口不少于100k", 100_000),
        ("百万token上下文", 1_000_000),
        ("a 300-page book", 150_000),
        ("a novel of 800 pages", 400_000),
        ("a 30,000-word manuscript", 39_999),
        ("a 300-page book, 64k context", 64_000),
        ("our 500k users", None),
        ("300k lines of java", None),
        ("write a 20 page report", None),
        ("20,000 pages per day", None),
        ("write 2000 word essays", None),
        ("a 2-page letter", None),
        ("Windows 2000 support", None),
    ],
)
def test_contexts(text: str, tokens: int | None) -> None:
    assert (
        read_context(Text.of(text), tokens_per_page=500.0, tokens_per_word=1.3333).tokens == tokens
    )


def test_an_estimate_says_so() -> None:
    reading = read("edit a 300-page book")
    assert reading.min_context == 150_000
    assert "estimated" in reading.notes[0]
    assert reading.ignored == ()


@pytest.mark.parametrize(
    ("text", "allowed", "denied"),
    [
        ("no chinese providers", (), CHINESE),
        ("nothing made in China", (), CHINESE),
        ("american providers only", AMERICAN, ()),
        ("only european models", EUROPEAN, ()),
        ("keine chinesischen Anbieter", (), CHINESE),
        ("neither OpenAI nor Anthropic", (), ("openai", "anthropic")),
        ("no OpenAI, no Google", (), ("openai", "google")),
        ("exclude: openai, google, meta", (), ("openai", "google", "meta")),
        ("only Claude", ("anthropic",), ()),
        ("not Claude and not GPT", (), ("anthropic", "openai")),
        ("without Qwen or DeepSeek", (), ("alibaba", "deepseek")),
        ("no Grok please", (), ("xai",)),
        ("Google's models are out", (), ("google",)),
        ("OpenAI or nothing", ("openai",), ()),
        ("nur OpenAI oder Mistral", ("openai", "mistral"), ()),
        ("sans OpenAI", (), ("openai",)),
        ("solo Mistral", ("mistral",), ()),
        ("sem DeepSeek", (), ("deepseek",)),
        ("sem OpenAI nem Google", (), ("openai", "google")),
        ("weder OpenAI noch Google", (), ("openai", "google")),
        ("不要OpenAI", (), ("openai",)),
        ("只用Anthropic", ("anthropic",), ()),
        ("only antrhopic", ("anthropic",), ()),
        ("allow mistral, deny google", ("mistral",), ("google",)),
        ("OpenAI is fine, Mistral is fine, nobody else", ("openai", "mistral"), ()),
        ("OpenAI is fine", (), ()),
        ("!mistral", (), ("mistral",)),
        ("no mistrel", (), ("mistral",)),
        ("sin proveedores chinos", (), CHINESE),
        ("pas de fournisseurs chinois", (), CHINESE),
        ("sem provedores chineses", (), CHINESE),
        ("solo Mistral u OpenAI", ("mistral", "openai"), ()),
        ("只要谷歌或OpenAI", ("google", "openai"), ()),
        ("不用谷歌", (), ("google",)),
        ("排除百度和阿里巴巴", (), ("baidu", "alibaba")),
        ("GDPR: hosted in the EU only", (), ()),
        ("only EU-hosted models", (), ()),
        ("for data analysis, no Chinese models", (), CHINESE),
        ("hosted models only from US providers", AMERICAN, ()),
        ("article on why Mistral only hires in Paris", (), ()),
        ("let users allow Google logins", (), ()),
        ("better than Claude", (), ()),
        ("currently on GPT-4o", (), ()),
        ("a poem about China", (), ()),
        ("translate Chinese poems", (), ()),
    ],
)
def test_providers(text: str, allowed: tuple[str, ...], denied: tuple[str, ...]) -> None:
    reading = read(text)
    assert (reading.provider_allowlist, reading.provider_denylist) == (allowed, denied)


@pytest.mark.parametrize(
    "text",
    [
        "Write only haiku about autumn",
        "we meet without a cursor",
        "for liquid only, not for gas",
        "Use only Google Sheets formulas",
        "Do not use Microsoft Excel",
        "a list without meta tags",
        "no databricks notebooks",
    ],
)
def test_an_everyday_word_or_other_goods_name_no_provider(text: str) -> None:
    reading = read(text)
    assert (reading.provider_allowlist, reading.provider_denylist) == ((), ())


def test_an_everyday_word_beside_models_or_a_provider_names_one() -> None:
    assert read("only models from Phi").provider_allowlist == ("microsoft",)
    assert read("only openai or phi").provider_allowlist == ("openai", "microsoft")
    assert read("no Opus models").provider_denylist == ("anthropic",)
    assert "'only haiku'" in read("Write only haiku").ignored[0]


def test_a_refusal_is_taken_out_of_a_group() -> None:
    reading = read("american providers only, no OpenAI")
    assert reading.provider_allowlist == tuple(name for name in AMERICAN if name != "openai")
    assert reading.provider_denylist == ("openai",)
    reading = read("only US providers, not google")
    assert reading.provider_allowlist == tuple(name for name in AMERICAN if name != "google")


@pytest.mark.parametrize(
    ("text", "both"),
    [
        ("only openai, no openai", ("'only openai'", "'no openai'")),
        ("only DeepSeek, no Chinese providers", ("'only deepseek'", "'no chinese providers'")),
        ("allow mistral, deny mistral", ("'allow mistral'", "'deny mistral'")),
        ("at least 300k context but at most 50k context", ("'300k context'", "'at most 50k")),
        ("at least $5 per 1M and under $3 per 1M", ("'at least $5 per 1m'", "'under $3 per 1m'")),
    ],
)
def test_a_contradiction_names_both(text: str, both: tuple[str, str]) -> None:
    with pytest.raises(RequestError) as error:
        read(text)
    for side in both:
        assert side in str(error.value)


@pytest.mark.parametrize(
    ("text", "capabilities"),
    [
        ("function calling and JSON mode", ("tools", "structured_output")),
        ("it must understand images", ("vision",)),
        ("open weights only", ("open_weights",)),
        ("self-hosted", ("open_weights",)),
        ("a reasoning model", ("reasoning",)),
        ("no vision needed", ()),
        ("支持函数调用", ("tools",)),
        ("strong reasoning", ()),
    ],
)
def test_capabilities(text: str, capabilities: tuple[str, ...]) -> None:
    assert read(text).capabilities == capabilities


@pytest.mark.parametrize(
    ("text", "topk"),
    [
        ("top 3", 3),
        ("give me five options", 5),
        ("3 models for python", 3),
        ("show the 10 best models", 10),
        ("top 5%", None),
        ("compare 25 papers", None),
        ("python 3", None),
    ],
)
def test_number_of_results(text: str, topk: int | None) -> None:
    assert read(text).topk == topk


@pytest.mark.parametrize(
    "text", ["data must stay in the EU", "GDPR", "fine-tuning", "audio input", "under €5 per 1M"]
)
def test_what_cannot_be_checked_is_said_to_be_ignored(text: str) -> None:
    reading = read(text)
    assert len(reading.ignored) == 1
    assert reading.max_price_per_1m is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("python code, 7 dollars", "'7 dollars'"),
        ("budget $1e400 per 1M", "'$1e400 per 1m'"),
        ("python under 1e-400 USD", "'1e-400 usd'"),
        ("chat under 1e400 per 1M tokens", "'1e400 per 1m tokens'"),
        ("chat, max $1234567890123456789", "'$1234567890123456789'"),
        ("chat bot, mistral never", "'mistral'"),
        ("temperature=0.2 python code", "'temperature=0.2'"),
        ("I have 20k tokens per day of email", "'20k tokens'"),
        ("essay: how did Mistral get below $3 per million tokens?", "'$3'"),
        ("$3 in / $9 out per 1M", "'$9 out per 1m'"),
        ("$20/1M budget but prefer under $4", "'under $4'"),
        ("at least 16k but ideally 64k context", "'64k context'"),
        ("at most 2 million tokens context", "'at most 2 million tokens context'"),
    ],
)
def test_what_looks_like_a_constraint_and_is_not_read_is_told(text: str, told: str) -> None:
    reading = read(text)
    assert len(reading.ignored) == 1
    assert told in reading.ignored[0]
    assert "1e" not in text or reading.max_price_per_1m is None


@pytest.mark.parametrize(
    "text", ["x = 3, solve for y", "email a client in a c minor mood", "price\u22640.7, python"]
)
def test_what_is_no_constraint_or_was_read_is_not_told(text: str) -> None:
    assert read(text).ignored == ()


@pytest.mark.parametrize(
    "text",
    [
        "blog post about why Mistral only hires poets",
        "essay: how did Mistral get below $3 per million tokens?",
        "a story where the queen has no google and at most $7",
    ],
)
def test_what_to_write_about_is_no_constraint(text: str) -> None:
    reading = read(text)
    assert (reading.provider_allowlist, reading.provider_denylist) == ((), ())
    assert reading.max_price_per_1m is None
    assert reading.task_type == "writing"


def test_a_constraint_after_what_to_write_about_counts() -> None:
    assert read("essay on why Google won, only mistral").provider_allowlist == ("mistral",)


@pytest.mark.parametrize(
    ("text", "priority"),
    [
        ("top 4 cheapest models for slogans", "cost"),
        ("respond within 400 ms", "speed"),
        ("速度最快", "speed"),
    ],
)
def test_priorities_beside_constraints(text: str, priority: str) -> None:
    assert read(text).priority == priority


@pytest.mark.parametrize("text", ["a", "b", "q?"])
def test_a_bare_letter_is_sure_of_nothing(text: str) -> None:
    reading = read(text)
    assert reading.task_type == TASKS.default_task_type
    assert set(reading.probabilities.values()) == {1 / len(TASKS.task_types)}
    assert set(reading.task_mix) == set(TASKS.task_types)


def test_a_slip_of_the_finger_is_read_as_the_word() -> None:
    slips = misspellings(["million", "tokens"])
    assert {slips[word] for word in ("milion", "milllion", "mlilion")} == {"million"}
    assert slips["tokns"] == "tokens"
    assert "million" not in slips
    assert misspellings(["ab", "abc"]).get("ab") is None


def test_every_creator_of_the_wording_is_known() -> None:
    identity = yaml.safe_load(
        (Path(__file__).parents[2] / "config" / "identity.yaml").read_text("utf-8")
    )
    known = {creator["id"] for creator in identity["creators"]}
    wording = TASKS.wording
    named = set(wording.provider_names).union(
        *(group.creators for group in wording.provider_groups.values())
    )
    assert named <= known


def test_a_very_long_text_is_read_at_both_ends() -> None:
    filler = "word " * 300_000
    reading = read(f"only openai. {filler} under $5 per 1M tokens")
    assert (reading.provider_allowlist, reading.max_price_per_1m) == (("openai",), 5)
    assert "characters in the middle" in reading.ignored[0]
    assert read(f"{'x' * READ_AT_START} only openai {'y' * READ_AT_END}").provider_allowlist == ()


_PLAIN_PIECES = r"""
    $5 -3 128k 2^99 1M ^ ** /1M per under at least context tokens only no openai google , . a
    one million cents or - between and to 999999999999999999 half hundred thousand two chinese
    from China neither nor mil 300-page book pages top best models not more than 1.000.000
    3e-6 2e9 = _ ideally prefer each essay why nobody else allow deny would be nice
    0,50 200 000 token { } ( ) ' " # @ json vision null
"""
_PIECES = [
    *_PLAIN_PIECES.split(),
    "\xb2",
    "\u20ac",
    "\u4e07",
    "\u30c8\u30fc\u30af\u30f3",
    "\u6bcf",
    "\u767e",
    "\u4e07",
    "\u53ea\u7528",
    "\u4e0d\u8981",
    "\uff04",
    "\uff15",
    "\xe9",
    "\xdf",
    "\ufdfa",
    "\u202e",
    "\U0001f916",
    "\x00",
]


@pytest.mark.parametrize("piece", REPEATED)
def test_the_longest_text_of_one_piece_is_read_or_refused(piece: str) -> None:
    """How long it takes, the benchmark `reading` tells."""
    with contextlib.suppress(RequestError):
        assert read(full_request(piece)).task_type in TASKS.task_types


def test_ten_thousand_fuzzed_texts_raise_nothing_but_request_errors() -> None:
    dice = random.Random(7)
    for _ in range(10_000):
        words = dice.choices(_PIECES, k=dice.randint(0, 30))
        text = dice.choice([" ", ""]).join(words)
        with contextlib.suppress(RequestError):
            assert read(text).task_type in TASKS.task_types


@settings(deadline=None, max_examples=200)
@given(text=st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(RequestError):
        reading = read(text)
        assert reading.task_type in TASKS.task_types
        assert json.loads(json.dumps(reading.to_mapping()))


@given(text=st.text(alphabet="0123456789.,$kKmM/ %-", max_size=40))
@settings(deadline=None, max_examples=200)
def test_any_string_of_digits_and_signs_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(RequestError):
        read(f"under {text} per 1M tokens, {text} context")


@given(st.text("ab 'sé1*-\t", max_size=12))
def test_a_phrase_is_cut_as_a_text_is(phrase: str) -> None:
    assert words_of(phrase) == tuple(token.text for token in Text.of(phrase).tokens)
