"""JSON in constant memory: a document a line, documents one after the other, or long lists.

A file is read by lines where its first lines are objects. Else it is text that holds documents,
written over several lines or without an end of line: each is taken up as soon as it is whole. Of a
list, and of an object that begins with the list that it is about (`resourceSpans`, `data`), each
element is a document of its own, so that one long export costs no more memory than its longest
element. No document may be longer than 64 MiB.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from llmrec_pipeline.telemetry.log import Entry, Place, UsageLogError

LONGEST_BYTES = 64 << 20
_BLOCK = 1 << 16
_LOOKED_AT = 20
_LONG_LINE = 1 << 20
_SPANS, _PAGE = "resourceSpans", "data"
# What a list may begin with, and how much of a text has to be there to tell.
_LIST = re.compile(rf'(?:\{{\s*"({_SPANS}|{_PAGE})"\s*:\s*)?\[')
_BEGINNING = 256
_GAP = re.compile(r"[\s,]*")


def is_by_lines(stream: BinaryIO) -> bool:
    """Whether one of the first lines is a JSON object; reads from the stream. A line that is too
    long to be looked into counts where an object follows it."""
    for _ in range(_LOOKED_AT):
        line = stream.readline(_LONG_LINE)
        if not line:
            return False
        if len(line) == _LONG_LINE and not line.endswith(b"\n"):
            _skip_line(stream)
            return stream.readline(_LONG_LINE).lstrip()[:1] == b"{"
        try:
            document = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(document, dict):
            # A page of an API is one long list in one line.
            return _PAGE not in document
    return False


def _skip_line(stream: BinaryIO) -> int:
    """Read to the end of a line; how many bytes that were."""
    skipped = 0
    while part := stream.readline(_LONG_LINE):
        skipped += len(part)
        if part.endswith(b"\n"):
            break
    return skipped


def read_lines(stream: BinaryIO, after: Place) -> Iterator[tuple[Entry, Any]]:
    """A document a line, from a stream that stands at `after`."""
    number, offset = after.entry, after.offset
    while line := stream.readline(LONGEST_BYTES):
        number += 1
        offset += len(line)
        if len(line) == LONGEST_BYTES and not line.endswith(b"\n"):
            offset += _skip_line(stream)
            yield Entry(Place(number, offset), offset, problem="too_long"), None
            continue
        if not line.strip():
            continue
        place = Place(number, offset)
        try:
            yield Entry(place, offset), json.loads(line)
        except (ValueError, RecursionError):
            yield Entry(place, offset, problem="not_json"), None


def read_text(stream: BinaryIO, after: Place, name: str) -> Iterator[tuple[Entry, Any]]:
    """Documents of a text, from its beginning; those before `after` are passed over. Raises
    UsageLogError where the text is no JSON or a document is too long."""
    text = _Text(stream, name)
    for number, document in enumerate(text.documents(), start=1):
        if number > after.entry:
            yield Entry(Place(number), text.done), document


class _Text:
    """A buffer over a stream that gives one document after the other."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._name = name
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape").decode
        self._scan = json.JSONDecoder().raw_decode
        self._buffer = ""
        self._at = 0
        self._ended = False
        self.done = 0

    def documents(self) -> Iterator[Any]:
        while self._is_more():
            found = _LIST.match(self._buffer, self._at)
            if found is None:
                yield self._value()
                continue
            self._at = found.end()
            key = found.group(1)
            while self._peek() != "]":
                element = self._value()
                yield {_SPANS: [element]} if key == _SPANS else element
            self._at += 1
            if key is not None:
                # What is left of the object that held the list, made an object of its own.
                self._buffer = '{"":0' + self._buffer[self._at :]
                self._at = 0
                self._value()

    def _is_more(self) -> bool:
        """Whether a document follows, with enough of it in the buffer to see how it begins."""
        self._skip_gap()
        while len(self._buffer) - self._at < _BEGINNING and self._fill(_BLOCK):
            self._skip_gap()
        return self._at < len(self._buffer)

    def _peek(self) -> str:
        if not self._is_more():
            raise self._cut_short()
        return self._buffer[self._at]

    def _value(self) -> Any:
        """The value that begins here; raises UsageLogError where it never ends or is too long."""
        wanted = _BLOCK
        while True:
            try:
                value, end = self._scan(self._buffer, self._at)
            except (ValueError, RecursionError):
                self._require_not_too_long()
            else:
                # A number at the end of the buffer may go on.
                if end < len(self._buffer) or self._ended:
                    self._at = end
                    return value
            if self._ended:
                raise self._cut_short()
            self._fill(wanted)
            # What is not whole yet is looked at again after twice as much.
            wanted *= 2

    def _fill(self, wanted: int) -> bool:
        """Read on; False at the end of the stream."""
        block = self._stream.read(wanted)
        self.done += len(block)
        self._buffer = self._buffer[self._at :] + self._decode(block, not block)
        self._at = 0
        self._ended = not block
        return bool(block)

    def _skip_gap(self) -> None:
        found = _GAP.match(self._buffer, self._at)
        self._at = found.end() if found else self._at

    def _require_not_too_long(self) -> None:
        if len(self._buffer) - self._at > LONGEST_BYTES:
            raise UsageLogError(
                f"{self._name}: a JSON document is longer than {LONGEST_BYTES >> 20} MiB; write "
                f"one document a line (jq -c '.[]' or jq -c '.{_SPANS}[]')"
            )

    def _cut_short(self) -> UsageLogError:
        begins = max(0, self.done - len(self._buffer) + self._at)
        return UsageLogError(
            f"{self._name}: is no JSON, or is cut short, from about byte {begins} on; export it "
            "again, best one document a line"
        )
