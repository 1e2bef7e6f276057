"""`llmrec parse`: what a request in words is understood to ask for, one text or a stream of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from llmrec_pipeline.domain.request_reader import RequestReader
from llmrec_pipeline.domain.task_profile import (
    RequestError,
    RequestReading,
    Tasks,
    build_profile,
)
from llmrec_pipeline.serving.cli import OK, USAGE
from llmrec_pipeline.serving.cli.output import (
    Format,
    chosen,
    note,
    print_json,
    print_json_line,
    say,
)
from llmrec_pipeline.serving.understanding import request_reader

STREAM = "-"


class _Parser:
    """Reads texts under the settings' configuration."""

    def __init__(self, understanding: str | None) -> None:
        from llmrec_pipeline.domain.identity_config import ids_by_alias
        from llmrec_pipeline.settings import load_settings

        settings = load_settings()
        self._tasks = Tasks.from_mapping(settings.tasks)
        self._aliases = ids_by_alias(settings.identity.creators)
        self._reader: RequestReader = request_reader(self._tasks, self._aliases, understanding)

    def read(self, text: str) -> RequestReading:
        return self._reader.read(text)

    def record(self, text: str, reading: RequestReading) -> dict[str, Any]:
        """The reading as `llmrec parse` prints it, with the weights that a ranking would use."""
        profile = build_profile(reading, tasks=self._tasks, provider_aliases=self._aliases)
        read = reading.to_mapping()
        first = {name: read.pop(name) for name in ("task_type", "probabilities", "priority")}
        return {"text": text, **first, "weights": profile.weights._asdict(), **read}


def answer(text: str, understanding: str | None, wanted: Format | None) -> int:
    """Print what is understood; `-` reads a text, or JSON {"text"}, a line and prints a JSON line
    for each but a blank one: the reading, or {"line", "text", "error"}. The exit code says whether
    every line could be read."""
    parser = _Parser(understanding)
    if text == STREAM:
        return _stream(parser)
    reading = parser.read(text)
    if chosen(wanted) is Format.JSON:
        print_json(parser.record(text, reading))
        return OK
    for line in (*reading.understood, *reading.notes):
        say(line)
    mix = ", ".join(f"{name} {share:.0%}" for name, share in reading.task_mix.items())
    why = f" for {', '.join(map(repr, reading.why))}" if reading.why else ""
    say(f"task types: {mix}, understood by {reading.understanding}{why}")
    return OK


def _stream(parser: _Parser) -> int:
    lines = bad = 0
    for number, line in _lines():
        lines += 1
        text = line.decode("utf-8", errors="replace").strip()
        try:
            text = _text(line)
            told = parser.record(text, parser.read(text))
        except RequestError as error:
            bad += 1
            told = {"line": number, "text": text, "error": str(error)}
        print_json_line(told)
    if not bad:
        return OK
    note(f"llmrec: {bad} of {lines} lines could not be read; each has its error in its place")
    return USAGE


def _lines() -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(sys.stdin.buffer, start=1):
        if line.strip():
            yield number, line


def _text(line: bytes) -> str:
    """The text of a line: plain, a JSON string, or the "text" of a JSON object; RequestError for
    any other JSON, and for what is no UTF-8."""
    try:
        text = line.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise RequestError(f"no UTF-8 at byte {error.start}; save the texts as UTF-8") from None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        if not text.startswith("{"):
            return text
        raise RequestError('a line that begins with { must be JSON such as {"text": "…"}') from None
    if isinstance(content, str):
        return content
    if isinstance(content, int | float) and not isinstance(content, bool):
        return text  # a number is a text as good as another: "128"
    if not isinstance(content, dict) or not isinstance(content.get("text"), str):
        raise RequestError('text: missing or no text; expected JSON such as {"text": "…"}')
    told: str = content["text"]
    return told
