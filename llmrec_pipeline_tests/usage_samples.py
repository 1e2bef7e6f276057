"""Logs of invented calls in the shape of each tool that writes them, with traps among the rows.

Every row holds what must never be kept: `SECRET` wherever the tool puts prompts and answers, and
`USER` where it names who asked.
"""

from __future__ import annotations

import csv
import gzip
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

SECRET = "open-sesame-7f3a"
USER = "ana@example.org"
FIRST = datetime(2026, 10, 30, 22, tzinfo=UTC)
_MODELS = (
    ("openai", "gpt-4.1-mini"),
    ("anthropic", "claude-opus-4-5-20251101"),
    ("openai", "gpt-5"),
)
_NOBODYS = "modle-nobody-knows"
# Every so many rows, a trap; the place in the cycle says which.
_CYCLE = 20
_TRAPS = {
    2: "naive",
    4: "negative",
    6: "total_disagrees",
    8: "unknown_model",
    10: "duplicate",
    12: "wrong_type",
    14: "prompt_as_role",
    16: "ends_before_start",
    18: "no_call",
}


@dataclass
class Call:
    """One invented call, and what is wrong with its row."""

    number: int
    id: str
    start: datetime
    end: datetime
    provider: str
    model: str
    input: int
    output: int
    cached: int
    reasoning: int
    ok: bool
    role: str
    trap: str | None

    @property
    def total(self) -> int:
        return self.input + self.output

    def time(self, moment: datetime) -> str:
        """ISO text, without its zone where that is the trap."""
        text = moment.isoformat()
        return text.removesuffix("+00:00") if self.trap == "naive" else text

    @property
    def told_input(self) -> Any:
        return -self.input if self.trap == "negative" else self.input

    @property
    def told_output(self) -> Any:
        return "twelve" if self.trap == "wrong_type" else self.output

    @property
    def told_total(self) -> int:
        return self.total + 7 if self.trap == "total_disagrees" else self.total

    @property
    def told_role(self) -> str:
        return f"{SECRET}\nplease" if self.trap == "prompt_as_role" else self.role

    @property
    def told_end(self) -> datetime:
        return self.start - timedelta(seconds=1) if self.trap == "ends_before_start" else self.end


def calls(count: int, seed: int = 7) -> list[Call]:
    """Invented calls over some days, in the order of a log."""
    dice = random.Random(seed)
    made: list[Call] = []
    for number in range(count):
        trap = _TRAPS.get(number % _CYCLE)
        provider, model = dice.choice(_MODELS)
        start = FIRST + timedelta(minutes=13 * number, microseconds=dice.randrange(10**6))
        read = dice.randrange(50, 4_000)
        answered = dice.randrange(1, 900)
        call = Call(
            number,
            f"{seed:02x}{number:014x}",
            start,
            start + timedelta(milliseconds=dice.randrange(200, 30_000)),
            provider,
            _NOBODYS if trap == "unknown_model" else model,
            read,
            answered,
            dice.randrange(0, read),
            dice.randrange(0, answered),
            dice.random() > 0.1,
            dice.choice(["builder_low", "auditor_high"]),
            trap,
        )
        if trap == "duplicate":
            before = made[-1]
            call = Call(**{**vars(before), "number": number})
        made.append(call)
    return made


@dataclass
class Told:
    """What an import of a sample has to say."""

    read: int = 0
    new: int = 0
    duplicate: int = 0
    not_calls: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    noted: Counter[str] = field(default_factory=Counter)


_REFUSALS = {
    "naive": "started_at: naive_time",
    "negative": "input_tokens: negative",
    "wrong_type": "output_tokens: not_a_number",
}
_NOTES = {
    "total_disagrees": "total_tokens: total_disagrees",
    "prompt_as_role": "role: not_a_name",
    "ends_before_start": "duration_s: ends_before_start",
}


@dataclass(frozen=True)
class Shape:
    """How a tool writes a call. `harmless`: traps that it cannot have."""

    name: str
    record: Callable[[Call], dict[str, Any]]
    harmless: frozenset[str] = frozenset()

    def told(self, made: Sequence[Call]) -> Told:
        told = Told(read=len(made))
        seen = set()
        for call in made:
            trap = None if call.trap in self.harmless else call.trap
            if trap == "no_call":
                told.not_calls += 1
            elif trap in _REFUSALS:
                told.refused[_REFUSALS[trap]] += 1
            else:
                if trap in _NOTES:
                    told.noted[_NOTES[trap]] += 1
                told.new += call.id not in seen
                told.duplicate += call.id in seen
                seen.add(call.id)
        return told


def _otel(call: Call) -> dict[str, Any]:
    """A span as OTLP writes it; one in three by the older names."""
    is_old = call.number % 3 == 0
    kept = [
        ("gen_ai.operation.name", "invoke_agent" if call.trap == "no_call" else "chat"),
        ("gen_ai.system" if is_old else "gen_ai.provider.name", call.provider),
        ("gen_ai.request.model", call.model),
        (f"gen_ai.usage.{'prompt' if is_old else 'input'}_tokens", call.told_input),
        (f"gen_ai.usage.{'completion' if is_old else 'output'}_tokens", call.told_output),
        ("gen_ai.usage.cache_read.input_tokens", call.cached),
        ("gen_ai.usage.reasoning.output_tokens", call.reasoning),
        ("gen_ai.usage.total_tokens", call.told_total),
        ("gen_ai.response.finish_reasons", ["stop"]),
        ("gen_ai.response.time_to_first_chunk", 0.25),
        ("llmrec.role", call.told_role),
        ("user.id", USER),
        ("gen_ai.input.messages", SECRET),
        ("gen_ai.output.messages", [SECRET]),
    ]
    return {
        "traceId": "ab" * 8 + call.id,
        "spanId": call.id,
        "name": f"chat {SECRET}",
        "startTimeUnixNano": str(_nanos(call.start)),
        "endTimeUnixNano": str(_nanos(call.told_end)),
        "attributes": [{"key": key, "value": _otlp_value(value)} for key, value in kept],
        "status": {"message": SECRET} | ({} if call.ok else {"code": 2}),
        "events": [
            {
                "name": "gen_ai.evaluation.result",
                "attributes": [
                    {"key": "gen_ai.evaluation.name", "value": {"stringValue": "relevance"}},
                    {"key": "gen_ai.evaluation.score.value", "value": {"doubleValue": 0.5}},
                    {"key": "gen_ai.evaluation.explanation", "value": {"stringValue": SECRET}},
                ],
            }
        ],
    }


def _nanos(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1_000


def _otlp_value(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        return {"arrayValue": {"values": [_otlp_value(item) for item in value]}}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value}


def _flat_span(call: Call) -> dict[str, Any]:
    """A span as an SDK's exporter writes it, a line each."""
    otlp = _otel(call)
    attributes = {
        entry["key"]: next(iter(entry["value"].values()))
        for entry in otlp["attributes"]
        if "arrayValue" not in entry["value"]
    }
    return {
        "name": SECRET,
        "context": {"trace_id": f"0x{otlp['traceId'].upper()}", "span_id": f"0x{otlp['spanId']}"},
        "start_time": call.time(call.start),
        "end_time": call.time(call.told_end),
        "status": {"status_code": "UNSET" if call.ok else "ERROR"},
        "attributes": attributes,
        "resource": {"attributes": {"service.name": "crew"}},
    }


def _litellm(call: Call) -> dict[str, Any]:
    return {
        "request_id": call.id,
        "call_type": "acompletion",
        "spend": 0.000125,
        "total_tokens": call.told_total,
        "prompt_tokens": call.told_input,
        "completion_tokens": call.told_output,
        # The table's own columns have no zone.
        "startTime": call.start.replace(tzinfo=None).isoformat(sep=" "),
        "endTime": call.told_end.replace(tzinfo=None).isoformat(sep=" "),
        "completionStartTime": call.told_end.replace(tzinfo=None).isoformat(sep=" "),
        "model": call.model,
        "model_group": "our-fast-model",
        "custom_llm_provider": call.provider,
        "user": USER,
        "end_user": "",
        "cache_hit": "True" if call.trap == "no_call" else "False",
        "session_id": f"session-{call.number % 5}",
        "status": "success" if call.ok else "failure",
        "metadata": {
            "usage_object": {
                "prompt_tokens_details": {"cached_tokens": call.cached},
                "completion_tokens_details": {"reasoning_tokens": call.reasoning},
            },
            "spend_logs_metadata": {"role": call.told_role},
            "error_information": {"error_message": SECRET},
        },
        "messages": [{"content": SECRET}],
        "response": {"content": SECRET},
        "proxy_server_request": SECRET,
    }


def _llm_usage_events(call: Call) -> dict[str, Any]:
    return {
        "id": call.id,
        "provider": call.provider,
        "model": call.model,
        "run_id": f"run-{call.number % 4}",
        "phase_id": f"phase-{call.number % 12}",
        "role": call.told_role,
        "total_tokens": call.told_total,
        "prompt_tokens": call.told_input,
        "completion_tokens": call.told_output,
        "created_at": call.time(call.start),
        "notes": SECRET,
    }


def _langfuse(call: Call) -> dict[str, Any]:
    """Parts of input and output stand apart, and are not in them."""
    is_odd = call.trap in ("negative", "wrong_type")
    return {
        "id": call.id,
        "traceId": f"trace-{call.number % 9}",
        "type": "SPAN" if call.trap == "no_call" else "GENERATION",
        "name": "summarise",
        "startTime": call.start.isoformat().replace("+00:00", "Z"),
        "endTime": call.told_end.isoformat().replace("+00:00", "Z"),
        "completionStartTime": None,
        "model": call.model,
        "usageDetails": {
            "input": call.told_input if is_odd else call.input - call.cached,
            "input_cached_tokens": call.cached,
            "output": call.told_output if is_odd else call.output - call.reasoning,
            "output_reasoning_tokens": call.reasoning,
            "total": call.told_total,
        },
        "costDetails": {"total": 0.002},
        "level": "DEFAULT" if call.ok else "ERROR",
        "statusMessage": SECRET,
        "environment": "production",
        "metadata": {"role": call.told_role, "prompt": SECRET},
        "userId": USER,
        "input": {"messages": SECRET},
        "output": SECRET,
    }


def _openrouter(call: Call) -> dict[str, Any]:
    return {
        "date": f"{call.start:%Y-%m-%d}",
        "model": f"{call.provider}/{call.model}",
        "endpoint_id": call.id,
        "provider_name": "Somebody",
        "usage": 0.5,
        "requests": 1 + call.input % 40,
        "prompt_tokens": call.told_input,
        "completion_tokens": call.told_output,
        "reasoning_tokens": call.reasoning,
    }


def _own(call: Call) -> dict[str, Any]:
    """A log of the team's own, which `OWN_MAPPING` reads."""
    return {
        "call": {"id": call.id, "ended": call.time(call.told_end)},
        "at": call.time(call.start),
        "llm": call.model,
        "vendor": call.provider,
        "in": call.told_input,
        "out": call.told_output,
        "sum": call.told_total,
        "cents": 12.5,
        "outcome": "fine" if call.ok else "broken",
        "job": call.told_role,
        "prompt": SECRET,
        "who": USER,
    }


OWN_MAPPING = """\
source: our_proxy
fields:
  event_id: call.id
  started_at: {path: at, time_format: iso}
  duration_s: {until: call.ended}
  request_model: llm
  provider_name: vendor
  input_tokens: in
  output_tokens: out
  total_tokens: sum
  cost_usd: {path: cents, unit: cents}
  status: {path: outcome, values: {fine: ok, broken: error}}
  role: job
  operation_name: {constant: chat}
  user_id: who
"""

_ZONED = frozenset({"naive"})
_NO_END = frozenset({"ends_before_start", "no_call"})
SHAPES = {
    shape.name: shape
    for shape in (
        Shape("otel", _otel, _ZONED),
        Shape("flat spans", _flat_span),
        Shape("litellm", _litellm, _ZONED),
        Shape("llm_usage_events", _llm_usage_events, _NO_END),
        Shape("langfuse", _langfuse, _ZONED),
        Shape("openrouter", _openrouter, _ZONED | _NO_END | {"total_disagrees", "prompt_as_role"}),
        Shape("own", _own, frozenset({"no_call"})),
    )
}


def otlp_document(spans: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Spans in one OTLP document."""
    service = {"attributes": [{"key": "service.name", "value": {"stringValue": "crew"}}]}
    return {"resourceSpans": [{"resource": service, "scopeSpans": [{"spans": list(spans)}]}]}


def write_jsonl(path: Path, records: Iterable[dict[str, Any]]) -> Path:
    """A record a line, gzipped where the name says so."""
    text = "".join(f"{json.dumps(record)}\n" for record in records).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def write_csv(path: Path, records: Sequence[dict[str, Any]]) -> Path:
    """A row each; what is nested is JSON text."""
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(records[0]))
        writer.writeheader()
        writer.writerows(_cells(record) for record in records)
    return path


def write_parquet(path: Path, records: Sequence[dict[str, Any]]) -> Path:
    """A row each, every cell a text."""
    rows = [{name: _text(value) for name, value in _cells(record).items()} for record in records]
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(path)
    return path


def _cells(record: dict[str, Any]) -> dict[str, Any]:
    return {
        name: json.dumps(value) if isinstance(value, dict | list) else value
        for name, value in record.items()
    }


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
