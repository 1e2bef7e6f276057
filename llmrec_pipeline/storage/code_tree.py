"""The files of a code tree that somebody wrote: what .gitignore leaves out is left out, binaries
and what is too long too, and no link is followed.

The rules are git's: the deepest .gitignore that says something of a path decides, and what lies in
a folder that is left out cannot be taken back in. Those of folders above the tree count as far as
the work tree that it is in goes, and so does .git/info/exclude.
"""

from __future__ import annotations

import codecs
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pathspec import GitIgnoreSpec

_GIT, _IGNORE = ".git", ".gitignore"
_SNIFFED = 8192
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class CodeFile:
    """A file of text; `path` is relative to the tree, with slashes."""

    path: str
    text: str


@dataclass(slots=True)
class Skipped:
    """What was left out: how many by reason, and which files one might have expected."""

    counts: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def note(self, reason: str, path: str, why: str) -> None:
        """Count a file that one might have expected, and say why it is left out."""
        self.counts[reason] += 1
        self.notes.append(f"{path}: {why}")


@dataclass(frozen=True, slots=True)
class _Rules:
    """The lines of one .gitignore, for paths below its folder."""

    folder: Path
    spec: GitIgnoreSpec

    def ignores(self, path: Path, is_folder: bool) -> bool | None:
        """Whether the path is left out; None where the rules say nothing of it."""
        relative = path.relative_to(self.folder).as_posix()
        return self.spec.check_file(f"{relative}/" if is_folder else relative).include


def code_files(
    root: Path, globs: Sequence[str], max_bytes: int, skipped: Skipped
) -> Iterator[CodeFile]:
    """The files below a folder, or the one file, in order of their paths. `globs`: as in
    .gitignore, which files to read; none is all."""
    root = root.resolve()
    top = root if root.is_dir() else root.parent
    paths = _walk(top, _rules_above(top), skipped) if root.is_dir() else iter([root])
    is_wanted = path_matcher(globs or ["*"])
    for path in paths:
        relative = path.relative_to(top).as_posix()
        if not is_wanted(relative):
            continue
        text = _text(path, relative, max_bytes, skipped)
        if text is not None:
            yield CodeFile(relative, text)


def path_matcher(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether a relative path is among those that lines of a .gitignore speak of."""
    return GitIgnoreSpec.from_lines(patterns).match_file


def _rules_above(top: Path) -> list[_Rules]:
    """Those of the work tree that a folder is in, from its root down to the folder."""
    inside = [top, *top.parents]
    root = next((place for place in inside if (place / _GIT).exists()), None)
    if root is None:
        return [*_rules_of(top, top / _IGNORE)]
    found = [*_rules_of(root, root / _GIT / "info" / "exclude")]
    for place in reversed(inside[: inside.index(root) + 1]):
        found += _rules_of(place, place / _IGNORE)
    return found


def _rules_of(folder: Path, file: Path) -> Iterator[_Rules]:
    try:
        lines = file.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return
    yield _Rules(folder, GitIgnoreSpec.from_lines(lines))


def _walk(folder: Path, rules: Sequence[_Rules], skipped: Skipped) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        skipped.note("unreadable", str(folder), f"cannot be read: {error.strerror}")
        return
    for entry in entries:
        path = Path(entry.path)
        is_folder = entry.is_dir(follow_symlinks=False)
        if entry.name == _GIT:
            continue
        if entry.is_symlink():
            skipped.counts["link"] += 1
        elif _is_ignored(path, is_folder, rules):
            skipped.counts["ignored"] += 1
        elif is_folder:
            yield from _walk(path, [*rules, *_rules_of(path, path / _IGNORE)], skipped)
        elif entry.is_file(follow_symlinks=False):
            yield path


def _is_ignored(path: Path, is_folder: bool, rules: Sequence[_Rules]) -> bool:
    said = (rule.ignores(path, is_folder) for rule in reversed(rules))
    return next((verdict for verdict in said if verdict is not None), False)


def _text(path: Path, relative: str, max_bytes: int, skipped: Skipped) -> str | None:
    """The text of a file: UTF-8, UTF-16 with its mark, else byte by byte."""
    try:
        with path.open("rb") as handle:
            body = handle.read(max_bytes + 1)
    except OSError as error:
        skipped.note("unreadable", relative, f"cannot be read: {error.strerror}")
        return None
    if len(body) > max_bytes:
        skipped.note("too long", relative, f"is longer than {max_bytes / 1e6:g} MB")
        return None
    if body.startswith(_UTF_16):
        return body.decode("utf-16", errors="replace")
    if b"\0" in body[:_SNIFFED]:
        skipped.counts["binary"] += 1
        return None
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("latin-1")
