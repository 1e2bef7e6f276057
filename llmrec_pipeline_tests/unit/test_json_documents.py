"""JSON in constant memory: the same documents, however they are written."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec_pipeline.telemetry import json_documents
from llmrec_pipeline.telemetry.log import Entry, Place, UsageLogError

Documents = list[dict[str, Any]]
WAYS: dict[str, Callable[[Documents], str]] = {
    "a list": json.dumps,
    "a list over lines": lambda documents: json.dumps(documents, indent=2),
    "one after the other": lambda documents: "".join(json.dumps(d) for d in documents),
    "over lines": lambda documents: "\n".join(json.dumps(d, indent=1) for d in documents),
    "a page": lambda documents: json.dumps({"data": documents, "meta": {"page": [1]}}),
    "two pages": lambda documents: "\n".join(
        json.dumps({"data": part, "meta": {}}) for part in (documents[:1], documents[1:])
    ),
}


def _read(text: bytes, after: Place | None = None) -> Iterator[tuple[Entry, Any]]:
    stream = io.BytesIO(text)
    place = after or Place()
    if json_documents.is_by_lines(stream):
        stream.seek(place.offset)
        return json_documents.read_lines(stream, place)
    stream.seek(0)
    return json_documents.read_text(stream, place, "log")


_TEXT = st.text('ab"\\\n[]{},é☃', max_size=6)
_DOCUMENTS = st.lists(
    st.dictionaries(
        _TEXT,
        _TEXT | st.floats(allow_nan=False) | st.lists(st.integers(), max_size=3),
        min_size=1,
    ),
    max_size=5,
)


@pytest.mark.parametrize("way", WAYS)
@given(documents=_DOCUMENTS)
def test_documents_in_every_way(way: str, documents: Documents) -> None:
    text = WAYS[way](documents).encode()
    read = list(_read(text))
    assert [document for _, document in read] == documents
    for entry, _ in read:
        rest = [document for _, document in _read(text, entry.place)]
        assert rest == documents[entry.place.entry :]


def test_a_bad_line_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_documents, "LONGEST_BYTES", 64)
    long = json.dumps({"prompt": "x" * 200})
    read = list(_read(f'{{"a": 1}}\n{{"a": \n\n{long}\n{{"a": 2}}\n'.encode()))
    assert [(entry.place.entry, entry.problem, document) for entry, document in read] == [
        (1, None, {"a": 1}),
        (2, "not_json", None),
        (4, "too_long", None),
        (5, None, {"a": 2}),
    ]


def test_each_resource_of_a_long_document_is_a_document() -> None:
    text = json.dumps({"resourceSpans": [{"scopeSpans": n} for n in range(3)]}, indent=1)
    assert [document for _, document in _read(text.encode())] == [
        {"resourceSpans": [{"scopeSpans": n}]} for n in range(3)
    ]


@pytest.mark.parametrize("text", ["[1, 2", "hello", '{"data": [{"a": 1}', '[{"a": }]', "{"])
def test_what_is_no_json_is_told(text: str) -> None:
    with pytest.raises(UsageLogError, match="is no JSON, or is cut short"):
        list(_read(text.encode()))


def test_a_document_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_documents, "LONGEST_BYTES", 1 << 17)
    with pytest.raises(UsageLogError, match="one document a line"):
        list(_read(b'[{"a": "' + b"x" * (1 << 20) + b'"}]'))


def test_a_long_list_needs_the_memory_of_its_elements() -> None:
    text = json.dumps([{"prompt": "x" * 900, "n": n} for n in range(20_000)]).encode()
    stream = io.BytesIO(text)
    tracemalloc.start()
    count = sum(1 for _ in json_documents.read_text(stream, Place(), "log"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 20_000
    assert peak < len(text) / 10
