"""How texts sound, what of them is kept, and which model they speak of."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec_pipeline.domain.identity import IdentityRules
from llmrec_pipeline.domain.model_mentions import ModelNames
from llmrec_pipeline.domain.outside_text import cleaned
from llmrec_pipeline.domain.sentiment import (
    LABEL_BY,
    PERSON,
    Lexicon,
    SentimentReview,
    SentimentSignal,
    plain_url,
    snippet_of,
    tags_of,
)
from llmrec_pipeline.domain.sentiment_entries import Defaults, Rejected, read_entries, read_tags
from llmrec_pipeline.domain.sentiment_reading import Entry, SentimentReader
from llmrec_pipeline.locations import read_locations
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.team_settings import load_mentions, load_sentiment

PLACE = read_locations({})
CONFIG = load_sentiment(PLACE, {})
NOW = datetime(2026, 6, 1, tzinfo=UTC)
OPUS, NEWER_OPUS, GLM = "anthropic/claude-opus-4-5", "anthropic/claude-opus-4-6", "zai/glm-4-6"
GPT_4O = ("openai/gpt-4o@2024-08-06", "openai/gpt-4o@2024-11-20")
KEYS = (OPUS, f"{OPUS}:thinking", NEWER_OPUS, GLM, "openai/gpt-4@2023-06-13", *GPT_4O)

LABELS = {
    "It is great": "positive",
    "It is not great": "negative",
    "It isn't a very good one": "negative",
    "not bad at all": "positive",
    "It does not fail, never slow": "positive",
    "It is never not good": "positive",
    "Great, but slow": "mixed",
    "great great great great, one failure": "positive",
    "It exists": "neutral",
    "": "neutral",
    "not there. Good": "positive",
    "a game changer": "positive",
    "It doesn\u2019t hallucinate? It hallucinates!": "negative",
    "The unit is goodness-of-fit": "neutral",
}


@pytest.mark.parametrize("text", LABELS)
def test_the_lexicon(text: str) -> None:
    assert Lexicon(CONFIG.lexicon).label(text) == LABELS[text]


def test_tags_are_what_most_words_speak_for() -> None:
    text = "Coding in Python: refactoring made up an API, and it is overpriced; the essay less so"
    assert tags_of(text, CONFIG.tags) == {"topic": "coding", "issue": "hallucination"}
    assert tags_of("nothing of it", CONFIG.tags) == {}


@given(st.text(max_size=300), st.integers(20, 80), st.integers(0, 300))
def test_a_snippet_is_bounded_and_a_part_of_the_text(text: str, limit: int, around: int) -> None:
    snippet = snippet_of(text, limit, around)
    assert len(snippet) <= limit
    assert snippet.strip("\u2026").strip() in " ".join(text.split())


def test_a_snippet_is_cut_at_words_around_the_name() -> None:
    text = f"{'before ' * 40}Claude Opus 4.5 is here {'after ' * 40}"
    snippet = snippet_of(text, 80, text.index("Claude"))
    assert "Claude Opus 4.5 is here" in snippet
    assert {word.strip("\u2026") for word in snippet.split()} <= set(text.split())
    assert snippet[0] == snippet[-1] == "\u2026"


def test_an_address_is_made_plain_only_where_that_is_sure() -> None:
    told = "HTTPS://Example.ORG:443/A/?utm_source=x&B=%20c&gclid=1#Part"
    assert plain_url(told, CONFIG.tracking_parameters) == "https://example.org/A/?B=+c#Part"
    for same in ("https://example.org/?a=%20&b", "http://example.org:8080/x", "https://[::1]/"):
        assert plain_url(same, CONFIG.tracking_parameters) == same
    for wrong in ("example.org", "ftp://example.org/", "https://", "https://a b/", ""):
        with pytest.raises(ValueError, match="web address"):
            plain_url(wrong)


# which model ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reader() -> SentimentReader:
    rules = IdentityRules(load_settings({}).identity)
    own = {"ours": OPUS}
    names = ModelNames(rules, KEYS, own_names=own, prose=load_mentions(PLACE, {}).words())
    released = {key: date.fromisoformat(key.rpartition("@")[2]) for key in GPT_4O}
    return SentimentReader(CONFIG, names, NOW, released)


def _entry(text: str, **more: Any) -> Entry:
    return Entry("blog", "https://example.org/1", text, **more)


CERTAIN = {
    "Claude Opus 4.5 is great": OPUS,
    "I like Opus 4.5. Claude is nice": OPUS,
    "Opus 4.5 thinking is slow": OPUS,
    "GLM-4.6 beats others": GLM,
    "We run GPT-4": "openai/gpt-4@2023-06-13",
}
DOUBTFUL = {
    "Opus 4.5 beats GLM-4.6": (OPUS, GLM),
    # Of GPT-4o the newer one first, of Opus the team's own.
    "claude is lazy": (OPUS, NEWER_OPUS),
    "Claude opus is fantastic": (OPUS, NEWER_OPUS),
    "GPT-4o is cheap": tuple(reversed(GPT_4O)),
    "Opus 4.5 and GPT-4 Turbo": (OPUS,),
    "GPT-4 Turbo": (),
}


@pytest.mark.parametrize("text", CERTAIN)
def test_a_text_that_names_one_model_speaks_of_it(reader: SentimentReader, text: str) -> None:
    read = reader.read(_entry(text))
    assert isinstance(read, SentimentSignal)
    assert (read.model_id, read.snippet) == (CERTAIN[text], text)
    assert read.tags[LABEL_BY] == "lexicon_v1"


@pytest.mark.parametrize("text", DOUBTFUL)
def test_a_text_that_names_several_or_a_family_is_for_a_person(
    reader: SentimentReader, text: str
) -> None:
    read = reader.read(_entry(text))
    assert isinstance(read, SentimentReview)
    assert read.candidates == DOUBTFUL[text]


def test_a_text_that_names_none_says_nothing(reader: SentimentReader) -> None:
    assert reader.read(_entry("The weather is great, at 20 C")) is None


def test_what_a_person_says_holds_unless_the_text_says_otherwise(reader: SentimentReader) -> None:
    for text in ("It is slow", "claude is slow", "Opus 4.5 is slower than GLM-4.6"):
        read = reader.read(_entry(text, model_id=OPUS, sentiment="positive", tags={"topic": "x"}))
        assert isinstance(read, SentimentSignal)
        assert (read.model_id, read.sentiment) == (OPUS, "positive")
        assert (read.tags[LABEL_BY], read.tags["topic"]) == (PERSON, "x")
    doubt = reader.read(_entry("GLM-4.6 is slow", model_id=OPUS))
    assert isinstance(doubt, SentimentReview)
    assert doubt.candidates == (OPUS, GLM)
    assert doubt.reason == f"entered as {OPUS}, and the text names {GLM}"


def test_a_title_counts_for_a_post_and_not_for_a_reply(reader: SentimentReader) -> None:
    post = reader.read(_entry("It is great", title="Opus 4.5"))
    assert isinstance(post, SentimentSignal)
    assert (post.title, post.sentiment) == ("Opus 4.5", "positive")
    assert reader.read(_entry("It is great", title="Opus 4.5", is_reply=True)) is None
    only_title = reader.read(_entry("", title="Opus 4.5 is great"))
    assert isinstance(only_title, SentimentSignal)
    assert only_title.snippet == "Opus 4.5 is great"


# files ------------------------------------------------------------------------------------------


def _read(name: str, content: str, model_id: str | None = None) -> list[Entry | Rejected]:
    def model_of(model: str) -> str:
        if model != "opus":
            raise ValueError(f"unknown model {model!r}")
        return OPUS

    defaults = Defaults("reddit", ("reddit", "blog"), model_id, model_of)
    return list(read_entries(name, content, defaults))


def test_json_lines() -> None:
    rows = [
        {"url": "https://a.org/1", "snippet": "one", "tags": {"topic": "x"}, "source": "blog"},
        {"url": "https://a.org/2", "text": "two", "model": "opus", "sentiment": "Mixed"},
        {"url": "https://a.org/3"},
        {"url": "nowhere", "snippet": "x"},
        {"url": "https://a.org/4", "snippet": "x", "sentiment": "meh"},
        {"url": "https://a.org/5", "snippet": "x", "model": "other"},
        {"url": "https://a.org/6", "snippet": "x", "likes": 3},
        {"url": "https://a.org/7", "snippet": 3},
        {"url": "https://a.org/8", "snippet": "x", "source": "usenet"},
        [],
    ]
    lines = [*map(json.dumps, rows), "", "{"]
    one, two, *rejected = _read("f.jsonl", "\r\n".join(lines), GLM)
    assert one == Entry("blog", "https://a.org/1", "one", None, None, {"topic": "x"}, GLM)
    assert two == Entry("reddit", "https://a.org/2", "two", None, "mixed", {}, OPUS)
    assert [
        (row.place, row.reason.split(";")[0]) for row in rejected if isinstance(row, Rejected)
    ] == [
        (3, "snippet is missing"),
        (4, "'nowhere' is no web address"),
        (5, "sentiment 'meh' is not allowed"),
        (6, "unknown model 'other'"),
        (7, "'likes' is no field"),
        (8, "snippet is 3"),
        (9, "source 'usenet' is not allowed"),
        (10, "is no JSON object"),
        (12, "is no JSON object"),
    ]
    assert rejected[-1].row == "{"  # type: ignore[union-attr]
    assert len(_read("f.json", json.dumps(rows[:2]))) == len(_read("f", json.dumps(rows[0]))) + 1


def test_what_a_database_or_a_terminal_does_not_take_is_cleaned_or_rejected() -> None:
    lines = [
        r'{"url": "https://a.org/1", "snippet": "a\u0000b\ud800 \u001b[31mred", "title": "\u009bT"}',
        r'{"url": "https://a.org/2", "snippet": "x", "tags": {"\u0000": ["\udfff"]}}',
        r'{"url": "https://a.org/3", "snippet": "x", "tags": {"n": NaN}}',
        r'{"url": "https://a.org/\u0000", "snippet": "x"}',
        r'{"url": "https://a.org/\ud800", "snippet": "x"}',
    ]
    text, tagged, *rejected = _read("f.jsonl", "\n".join(lines))
    assert isinstance(text, Entry)
    assert (text.text, text.title) == ("a b\ufffd red", " T")
    assert isinstance(tagged, Entry)
    assert tagged.tags == {" ": ["\ufffd"]}
    assert [row.place for row in rejected if isinstance(row, Rejected)] == [3, 4, 5]


@given(st.text(st.characters(), max_size=40))
def test_cleaned_text_can_be_stored_and_is_clean(text: str) -> None:
    clean = cleaned(text)
    assert b"\x00" not in clean.encode()
    assert "\x1b" not in clean
    assert cleaned(clean) == clean


def test_csv() -> None:
    content = (
        "URL,snippet,tags,sentiment\n"
        'https://a.org/1,"one,\ntwo","topic=x,issue=y",negative\n'
        "https://a.org/2,,,\n"
        "https://a.org/3,a,b=c,,too many\n"
    )
    one, *rejected = _read("f.csv", content)
    assert one == Entry(
        "reddit", "https://a.org/1", "one,\ntwo", None, "negative", {"topic": "x", "issue": "y"}
    )
    assert [row.reason for row in rejected if isinstance(row, Rejected)] == [
        "snippet is missing",
        "has more cells than the first line has columns",
    ]
    with pytest.raises(ValueError, match="no column url"):
        _read("f.csv", "a,b\n1,2\n")


def _thing(kind: str, **data: Any) -> dict[str, Any]:
    return {"kind": kind, "data": data}


def _listing(*children: Any) -> dict[str, Any]:
    return {"kind": "Listing", "data": {"after": None, "children": list(children)}}


def test_a_reddit_thread() -> None:
    deep = _thing("t1", body="deep", permalink="/r/x/3/", link_title="T", replies="")
    reply = _thing(
        "t1",
        body="reply",
        permalink="/r/x/2/",
        link_title="T",
        replies=_listing(
            _thing("t1", body="[deleted]", permalink="/r/x/9/", replies=_listing(deep))
        ),
    )
    thread = [
        _listing(_thing("t3", title="T", selftext="", permalink="/r/x/1/")),
        _listing(reply, _thing("more", count=3, children=["a"]), _thing("t5", display_name="x")),
    ]
    post, first, second, odd = _read("thread.json", json.dumps(thread), GLM)
    assert post == Entry("reddit", "https://www.reddit.com/r/x/1/", "", "T")
    assert first == Entry("reddit", "https://www.reddit.com/r/x/2/", "reply", "T", is_reply=True)
    assert second == Entry("reddit", "https://www.reddit.com/r/x/3/", "deep", "T", is_reply=True)
    assert odd.reason == "kind 't5' is neither t3 nor t1"  # type: ignore[union-attr]
    assert _read("one.json", json.dumps(thread[0])) == [post]


def test_tags_are_an_object_or_pairs() -> None:
    assert read_tags('{"topic": "coding"}') == read_tags(" topic = coding ,") == {"topic": "coding"}
    for wrong in ("topic", "=x", "{", "topic=,"):
        with pytest.raises(ValueError, match="tags are"):
            read_tags(wrong)


@given(st.text(max_size=120))
def test_any_file_gives_entries_or_reasons(content: str) -> None:
    assert all(isinstance(row, Entry | Rejected) for row in _read("f.jsonl", content))
