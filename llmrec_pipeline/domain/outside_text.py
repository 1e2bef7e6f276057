"""Text that comes from outside, made fit to be stored and shown.

PostgreSQL takes no NUL, nothing encodes half of a surrogate pair, and a terminal obeys control
characters. Texts of others are cleaned of them; what somebody types is refused where it is no text. Pure.
"""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import Any

# Colours and movements of a terminal (ECMA-48, 5.4); what else a control character may start is
# left as plain text.
_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
# What turns the direction of writing: behind it a name reads as another.
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# JSON escapes no other control characters than those below a blank.
_OBEYED = re.compile(f"[\x7f-\x9f]|{_TURNING.pattern}")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def cleaned(text: str) -> str:
    """The text without sequences of a terminal, other control characters as blanks (line breaks and
    tabs stay), and U+FFFD for what is no character."""
    return _SURROGATE.sub("\ufffd", _CONTROL.sub(" ", _SEQUENCE.sub("", text)))


def harmless(text: str) -> str:
    """The text cleaned, and without what turns the direction of writing: fit to be shown."""
    return _TURNING.sub("", cleaned(text))


def harmless_json(document: str) -> str:
    """A JSON document of the same content, whose text no terminal obeys."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


def cleaned_json(value: Any) -> Any:
    """JSON with all of its texts cleaned. Raises ValueError for a number that JSON does not know."""
    if isinstance(value, str):
        return cleaned(value)
    if isinstance(value, dict):
        return {cleaned(name): cleaned_json(item) for name, item in value.items()}
    if isinstance(value, list):
        return [cleaned_json(item) for item in value]
    if isinstance(value, float) and not isfinite(value):
        raise ValueError(f"{value} is no number in JSON")
    return value


def read_json(text: str | bytes) -> Any:
    """What JSON says; raises ValueError for what is none, or is nested too deeply to be read."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply to be read") from None


def is_encodable(text: str) -> bool:
    """Whether it is text: what is no UTF-8 reaches a program as halves of surrogate pairs."""
    return _SURROGATE.search(text) is None
