"""The commands that the README tells, as it tells them.

A command is a line of a block of shell, or a span of code in the prose that starts with a program's
name. Nobody lists them: a new line is found by being there.
"""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from llmrec_pipeline.locations import PROJECT_ROOT

_HEADING = re.compile(r"^#{1,3} (.+)$", re.MULTILINE)
_SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`]+)`")
_PROGRAMS = {"llmrec", ".venv/bin/llmrec", ".venv/bin/dg", "make", "git", "curl", "export"}


@dataclass(frozen=True, slots=True)
class Section:
    """A heading of the README, and the commands below it in their order: lines of shell blocks
    first, then what the prose names."""

    heading: str
    commands: tuple[str, ...]


def sections() -> list[Section]:
    """The README's sections that tell a command."""
    _, *parts = _HEADING.split(
        _without_headings_in_blocks((PROJECT_ROOT / "README.md").read_text("utf-8"))
    )
    told = [
        Section(heading, tuple(dict.fromkeys([*_lines(body), *_spans(body)])))
        for heading, body in zip(parts[::2], parts[1::2], strict=True)
    ]
    return [section for section in told if section.commands]


def words_of(command: str) -> list[str]:
    """The command's words as a shell reads them, without the path to its program."""
    program, *words = shlex.split(command, comments=True)
    return [program.removeprefix(".venv/bin/"), *words]


def _without_headings_in_blocks(text: str) -> str:
    """A comment of shell at the start of a line is no heading."""
    return _BLOCK.sub(lambda block: re.sub(r"^#.*\n", "", block[0], flags=re.MULTILINE), text)


def _lines(body: str) -> Iterator[str]:
    for block in _SHELL.findall(body):
        for line in block.replace("\\\n", " ").splitlines():
            if shlex.split(line, comments=True):
                yield " ".join(_without_comment(line).split())


def _without_comment(line: str) -> str:
    return re.sub(r"\s#\s.*$", "", line)


def _spans(body: str) -> Iterator[str]:
    """`a b\\|c` in a table stands for `a b` and for `a c`."""
    for span in _SPAN.findall(_BLOCK.sub("", body)):
        words = span.split()
        if words[0] in _PROGRAMS and len(words) > 1:
            for each in itertools.product(*(word.split("\\|") for word in words)):
                yield " ".join(each)
