"""A code tree audited: every file searched for all names at once, and looked at closely only where
something was found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from pathlib import Path

import polars as pl

from llmrec_pipeline.domain.audit import Auditor, Finding
from llmrec_pipeline.domain.audit_config import AuditConfig, Language
from llmrec_pipeline.storage.code_tree import CodeFile, Skipped, code_files, path_matcher

# Characters searched at a time: enough for all cores, little beside what Python itself takes.
_BATCH = 16_000_000


@dataclass(slots=True)
class AuditResult:
    """What was read, and what was found; `allowed` has the reason of each."""

    files: int = 0
    lines: int = 0
    findings: list[Finding] = field(default_factory=list)
    allowed: list[tuple[Finding, str]] = field(default_factory=list)
    skipped: Skipped = field(default_factory=Skipped)


def audit_tree(
    root: Path, globs: Sequence[str], auditor: Auditor, config: AuditConfig
) -> AuditResult:
    """Every finding below a folder, or in one file, in order of paths and lines."""
    result = AuditResult()
    languages, allowed = _Languages(config), _AllowList(config)
    patterns = auditor.patterns
    files = code_files(root, globs, int(config.max_file_mb * 1_000_000), result.skipped)
    for batch in _batches(files):
        result.files += len(batch)
        result.lines += sum(file.text.count("\n") for file in batch)
        for file, places in zip(batch, _places(batch, patterns), strict=True):
            if not places:
                continue
            language = languages.of(file.path)
            for finding in auditor.findings(file.path, file.text, places, language):
                reason = allowed.reason(finding)
                if reason is None:
                    result.findings.append(finding)
                else:
                    result.allowed.append((finding, reason))
    return result


def _batches(files: Iterable[CodeFile]) -> Iterator[list[CodeFile]]:
    batch: list[CodeFile] = []
    size = 0
    for file in files:
        batch.append(file)
        size += len(file.text)
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _places(batch: Sequence[CodeFile], patterns: list[str]) -> list[list[int]]:
    """Where in each file a pattern stands. Searched with a character for a character in ASCII, so
    that a place is one of the text, and not one of its bytes."""
    texts = [
        file.text if file.text.isascii() else file.text.encode("ascii", "replace").decode("ascii")
        for file in batch
    ]
    found = pl.Series(texts, dtype=pl.String).str.find_many(
        pl.Series(patterns, dtype=pl.String).implode(), ascii_case_insensitive=True
    )
    places: list[list[int]] = found.to_list()
    return places


class _Languages:
    """The language of a file, by its name."""

    def __init__(self, config: AuditConfig) -> None:
        self._languages = [
            (re.compile("|".join(map(translate, language.files))), language)
            for language in config.languages.values()
        ]

    def of(self, path: str) -> Language | None:
        name = path.rpartition("/")[2]
        return next((lang for pattern, lang in self._languages if pattern.match(name)), None)


class _AllowList:
    """What may stay, and why."""

    def __init__(self, config: AuditConfig) -> None:
        self._rows = [
            (path_matcher([row.path or "*"]), (row.text or "").lower(), row.reason)
            for row in config.allow
        ]

    def reason(self, finding: Finding) -> str | None:
        """Why a finding may stay, None where it may not."""
        return next(
            (
                reason
                for covers, text, reason in self._rows
                if text in ("", finding.text.lower()) and covers(finding.path)
            ),
            None,
        )
