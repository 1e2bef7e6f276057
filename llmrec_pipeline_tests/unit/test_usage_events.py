"""One record of a log as a usage event: what is kept, what is refused, what is left out."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec_pipeline.domain.usage_events import Problem, RecordReader, RecordReading
from llmrec_pipeline.domain.usage_mapping import MAPPED, USER_ID, UsageMapping
from llmrec_pipeline.domain.usage_records import USAGE_EVENTS

NOW = datetime(2026, 11, 21, tzinfo=UTC)
START = datetime(2026, 11, 1, 10, 30, tzinfo=UTC)
# Every column under its own name.
PLAIN = {name: {"path": name} for name in MAPPED}


def reader(timezone: str | None = None, **fields: Any) -> RecordReader:
    """Reads records of plain columns, with some fields mapped as a test states."""
    mapping = UsageMapping.model_validate({"source": "test", "fields": {**PLAIN, **fields}})
    return RecordReader(
        mapping,
        timezone=timezone,
        user_id=lambda user: f"hash of {user}",
        task_types=("coding", "general"),
        now=NOW,
    )


def read(record: dict[str, Any], timezone: str | None = None, **fields: Any) -> RecordReading:
    told = {"event_id": "a", "started_at": START.isoformat(), **record}
    return reader(timezone, **fields).read(told)


def told(record: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """What a record tells beside its id and its start, without a problem."""
    reading = read(record, **fields)
    assert reading.problems == ()
    assert reading.event is not None
    return {
        name: value
        for name, value in reading.event.items()
        if name not in ("source", "event_id", "started_at")
    }


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ({"event_id": ""}, "event_id: missing"),
        ({"event_id": True}, "event_id: not_a_name"),
        ({"event_id": "x" * 300}, "event_id: not_a_name"),
        ({"event_id": "caf\udce9"}, "event_id: not_utf8"),
        ({"started_at": None}, "started_at: missing"),
        ({"started_at": "yesterday"}, "started_at: not_a_time"),
        ({"started_at": 1_780_000_000}, "started_at: not_a_time"),
        ({"started_at": "2026-11-01T10:30:00"}, "started_at: naive_time"),
        ({"started_at": datetime(2026, 11, 1)}, "started_at: naive_time"),  # noqa: DTZ001
        ({"started_at": "1970-01-01T00:00:00Z"}, "started_at: implausible_time"),
        ({"started_at": "2026-12-24T00:00:00Z"}, "started_at: implausible_time"),
        ({"started_at": "9999-12-31T23:59:59-12:00"}, "started_at: implausible_time"),
        ({"input_tokens": -1}, "input_tokens: negative"),
        ({"output_tokens": "-5"}, "output_tokens: negative"),
        ({"input_tokens": "twelve"}, "input_tokens: not_a_number"),
        ({"input_tokens": 1.5}, "input_tokens: not_a_number"),
        ({"input_tokens": True}, "input_tokens: not_a_number"),
        ({"input_tokens": math.nan}, "input_tokens: not_a_number"),
        ({"input_tokens": [3]}, "input_tokens: not_a_number"),
        ({"input_tokens": 10**13}, "input_tokens: too_large"),
        ({"input_tokens": "1e300000000"}, "input_tokens: too_large"),
        ({"calls": 0}, "calls: too_small"),
        ({"calls": 10**9 + 1}, "calls: too_large"),
        ({"calls": 4.6e18}, "calls: too_large"),
        ({"input_tokens": 5, "cache_read_input_tokens": 6}, "input_tokens: part_above_whole"),
        ({"output_tokens": 5, "reasoning_output_tokens": 6}, "output_tokens: part_above_whole"),
    ],
)
def test_an_event_that_cannot_be_counted_is_refused(record: dict[str, Any], problem: str) -> None:
    reading = read(record)
    assert reading.event is None
    assert [f"{p.field}: {p.reason}" for p in reading.problems] == [problem]
    assert not reading.problems[-1].is_kept


@pytest.mark.parametrize(
    ("record", "field", "reason"),
    [
        ({"duration_s": -1}, "duration_s", "negative"),
        ({"duration_s": 604_801}, "duration_s", "too_large"),
        ({"duration_s": 1e300}, "duration_s", "too_large"),
        ({"duration_s": 10**400}, "duration_s", "too_large"),
        ({"duration_s": "1e999999"}, "duration_s", "too_large"),
        ({"time_to_first_chunk_s": 1e300}, "time_to_first_chunk_s", "too_large"),
        ({"cost_usd": "free"}, "cost_usd", "not_a_number"),
        ({"cost_usd": 1e30}, "cost_usd", "too_large"),
        ({"evaluation_score": "1e400"}, "evaluation_score", "too_large"),
        ({"role": "write me\na poem"}, "role", "not_a_name"),
        ({"role": {"a": 1}}, "role", "not_a_name"),
        ({"status": "meh"}, "status", "unknown_word"),
        ({"task_type": "poems"}, "task_type", "unknown_word"),
        ({"error_type": "you asked for a bomb"}, "error_type", "not_a_name"),
        ({"finish_reasons": ["I will not do that"]}, "finish_reasons", "not_a_name"),
        ({"finish_reasons": 5}, "finish_reasons", "not_a_name"),
        ({"retries": -1}, "retries", "negative"),
        ({"retries": 4.6e18}, "retries", "too_large"),
        ({"user_id": ["a"]}, "user_id", "not_a_name"),
    ],
)
def test_what_else_is_wrong_is_left_out(record: dict[str, Any], field: str, reason: str) -> None:
    reading = read({**record, "input_tokens": 3})
    assert reading.problems == (Problem(field, reason, is_kept=True),)
    assert reading.event is not None
    assert reading.event["input_tokens"] == 3
    assert field not in reading.event


@pytest.mark.parametrize(
    ("tokens", "kept", "disagrees"),
    [
        ({"total_tokens": 9}, {"total_tokens": 9}, False),
        ({}, {}, False),
        (
            {"input_tokens": "7", "output_tokens": 2.0},
            {"input_tokens": 7, "output_tokens": 2, "total_tokens": 9},
            False,
        ),
        (
            {"input_tokens": 7, "output_tokens": 2, "total_tokens": 10},
            {"input_tokens": 7, "output_tokens": 2, "total_tokens": 9},
            True,
        ),
        (
            {"input_tokens": 7, "total_tokens": 9},
            {"input_tokens": 7, "output_tokens": 2, "total_tokens": 9},
            False,
        ),
        (
            {"output_tokens": Decimal(2), "total_tokens": 9},
            {"input_tokens": 7, "output_tokens": 2, "total_tokens": 9},
            False,
        ),
        ({"output_tokens": 20, "total_tokens": 9}, {"output_tokens": 20}, True),
    ],
)
def test_input_output_and_total_say_the_same(
    tokens: dict[str, Any], kept: dict[str, int], disagrees: bool
) -> None:
    reading = read(tokens)
    assert reading.event is not None
    assert {n: v for n, v in reading.event.items() if n.endswith("_tokens")} == kept
    expected = (Problem("total_tokens", "total_disagrees", is_kept=True),) if disagrees else ()
    assert reading.problems == expected


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("2026-11-01T10:30:00Z", "iso"),
        ("2026-11-01 12:30:00.000000000+02:00", "iso"),
        (START, "iso"),
        (START.timestamp(), "epoch_s"),
        (str(int(START.timestamp() * 1000)), "epoch_ms"),
        (int(START.timestamp()) * 10**9, "epoch_ns"),
        ("01/11/2026 10:30 +0000", "%d/%m/%Y %H:%M %z"),
    ],
)
def test_moments_as_logs_write_them(value: Any, form: str) -> None:
    fields = {"started_at": {"path": "at", "time_format": form}}
    reading = reader(**fields).read({"event_id": "a", "at": value})
    assert reading.event is not None
    assert reading.event["started_at"] == START


def test_a_zone_places_moments_that_name_none() -> None:
    naive = {"started_at": "2026-11-01T10:30:00"}
    berlin = read(naive, "Europe/Berlin")
    assert berlin.event is not None
    assert berlin.event["started_at"] == START - timedelta(hours=1)
    day = read({"started_at": date(2026, 11, 1)}, "UTC")
    assert day.event is not None
    assert day.event["started_at"] == datetime(2026, 11, 1, tzinfo=UTC)


def test_units_words_sums_and_paths() -> None:
    fields: dict[str, Any] = {
        "duration_s": {"path": "ms", "unit": "ms"},
        "cost_usd": {"path": "bill.cents", "unit": "cents"},
        "total_tokens": {"path": "k", "unit": "thousand_tokens"},
        "input_tokens": {"path": "use.in", "plus": ["use.in_*", "use.warm"]},
        "status": {"path": "end", "values": {"Done*": "ok", "open": None}, "otherwise": "error"},
        "request_model": ["model.name", "gen_ai.request.model"],
        "operation_name": {"constant": "chat"},
    }
    record = {
        "ms": 250,
        "bill": '{"cents": "12.5"}',
        "k": "0.02",
        "use": {"in": 5, "in_cached": 3, "in_audio": 1, "warm": 2, "out": 9},
        "end": "DONE_WELL",
        "gen_ai.request.model": "gpt-5",
    }
    assert told(record, **fields) == {
        "calls": 1,
        "duration_s": 0.25,
        "cost_usd": 0.125,
        "input_tokens": 11,
        "output_tokens": 9,
        "total_tokens": 20,
        "status": "ok",
        "request_model": "gpt-5",
        "operation_name": "chat",
    }
    words = [told({"end": word}, **fields).get("status") for word in ("open", "broken")]
    assert words == [None, "error"]


def test_a_duration_ends_where_the_log_says() -> None:
    fields: dict[str, Any] = {
        "duration_s": {"until": "end"},
        "time_to_first_chunk_s": {"until": "first", "unless_equal": "end"},
    }
    end = (START + timedelta(seconds=2)).isoformat()
    first = (START + timedelta(milliseconds=500)).isoformat()
    assert told({"end": end, "first": first}, **fields) == {
        "calls": 1,
        "duration_s": 2.0,
        "time_to_first_chunk_s": 0.5,
    }
    assert told({"end": end, "first": end}, **fields) == {"calls": 1, "duration_s": 2.0}
    before = (START - timedelta(seconds=2)).isoformat()
    assert read({"end": before}, **fields).problems == (
        Problem("duration_s", "ends_before_start", is_kept=True),
    )


def test_users_and_ids() -> None:
    fields: dict[str, Any] = {
        "event_id": {"join": ["day", "model"]},
        "user_id": "who",
    }
    reading = read({"day": "x", "who": 17}, **fields)
    assert reading.event is not None
    assert (reading.event["event_id"], reading.event["user_hash"]) == ("x:", "hash of 17")
    by_content = {"event_id": {"path": "id", "or_content": True}}
    ids = [
        str((reading.event or {})["event_id"])
        for tokens in (1, 1, 2)
        if (reading := reader(**by_content).read({"started_at": START, "input_tokens": tokens}))
    ]
    assert ids[0] == ids[1] != ids[2]


def test_which_records_are_calls() -> None:
    mapping = UsageMapping.model_validate(
        {
            "source": "test",
            "fields": {"event_id": "id", "started_at": "at"},
            "calls": {"only": {"type": ["call"]}, "never": {"cached": "true"}, "needs": ["m", "n"]},
        }
    )
    reads = RecordReader(mapping, timezone=None, user_id=str, task_types=(), now=NOW).read
    call = {"id": "a", "at": START, "type": "CALL", "cached": False, "n": "gpt-5"}
    assert reads(dict(call)).event
    for other in ({"type": "span"}, {"type": None}, {"cached": "True"}, {"n": ""}):
        reading = reads({**call, **other})
        assert (reading.is_call, reading.problems) == (False, ())


_TEXT = st.text("a1{[\n\udce9", max_size=4)
_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    _TEXT,
    st.sampled_from([START.isoformat(), "ok", "{", '{"a": 1}', "[", "1e400", "12"]),
    st.lists(_TEXT, max_size=2),
    st.dictionaries(_TEXT, st.integers(), max_size=2),
)


@given(st.dictionaries(st.sampled_from(MAPPED), _VALUES))
def test_any_record_is_read_and_every_event_fits_the_table(record: dict[str, Any]) -> None:
    reading = read(record)
    assert reading.is_call
    if reading.event is None:
        assert not reading.problems[-1].is_kept
        return
    assert USER_ID not in reading.event
    for column in USAGE_EVENTS.columns:
        value = reading.event.get(column.name)
        assert value is not None or not column.required
        if column.minimum is not None and value is not None:
            assert value >= column.minimum
        if column.maximum is not None and value is not None:
            assert value <= column.maximum
