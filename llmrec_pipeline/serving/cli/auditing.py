"""`llmrec audit`: the model strings of a code tree, and whether one of them must not be there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from llmrec_pipeline.domain.audit import OUTDATED, Auditor
from llmrec_pipeline.domain.code_regions import CODE
from llmrec_pipeline.domain.identity import IdentityRules
from llmrec_pipeline.domain.identity_config import IdentityConfig
from llmrec_pipeline.domain.model_mentions import ModelNames
from llmrec_pipeline.domain.successors import Offered
from llmrec_pipeline.domain.task_profile import RequestError
from llmrec_pipeline.serving.cli import FAILED, OK
from llmrec_pipeline.serving.cli.output import Format, chosen, note, print_json, print_table, say
from llmrec_pipeline.serving.cli.querying import edition_rows
from llmrec_pipeline.serving.code_audit import AuditResult, audit_tree
from llmrec_pipeline.settings import Settings, load_settings
from llmrec_pipeline.storage.editions import Edition, current_edition
from llmrec_pipeline.storage.warehouse import sql_text
from llmrec_pipeline.team_settings import load_audit, load_mentions, load_team_settings

# Raised when a field changes its meaning or goes; new fields may come at any time.
_SCHEMA_VERSION = 1
_COLUMNS = ("place", "text", "where", "model", "status", "successor", "fails")


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """What is audited, and for what."""

    path: Path
    globs: Sequence[str] = ()
    fail_on: Sequence[str] = ()
    include_comments: bool = False


def audit(asked: AuditRequest, wanted: Format | None) -> int:
    """Print what stands where; exit code 1 where something must not stand there."""
    if not asked.path.exists():
        raise RequestError(f"{asked.path}: there is no such file or folder")
    for flag, texts in (("--glob", asked.globs), ("--fail-on", asked.fail_on)):
        if not all(text.strip() for text in texts):
            raise RequestError(f"{flag} is empty; say what it is")
    settings = load_settings()
    edition = current_edition(settings.locations.published)
    if edition is None:
        note("llmrec: no edition yet: only names of config/ are known, and nothing of what is sold")
    auditor = _auditor(asked, settings, edition)
    result = audit_tree(asked.path, asked.globs, auditor, load_audit(settings.locations))
    for line in result.skipped.notes:
        note(f"llmrec: {line}")
    told = _told(asked, edition, result)
    if chosen(wanted) is Format.JSON:
        print_json(told)
    else:
        _print(result, told)
    return FAILED if told["failures"] else OK


def _auditor(asked: AuditRequest, settings: Settings, edition: Edition | None) -> Auditor:
    team = load_team_settings(settings.locations).models
    market = _market(edition)
    names = ModelNames(
        IdentityRules(settings.identity),
        {*market, *team.model_ids, *_keys_of_tables(settings.identity)},
        [*_names(edition), *_names_of_tables(settings.identity)],
        team.names,
        load_mentions(settings.locations).words(),
    )
    return Auditor(names, market, asked.fail_on, fail_outside_code=asked.include_comments)


def _keys_of_tables(identity: IdentityConfig) -> set[str]:
    """The models that the identity tables name."""
    keys = {alias.key for alias in identity.aliases}
    for family in identity.releases:
        dates = [release.date for release in family.releases]
        keys |= {f"{family.base}@{date}" for date in dates} if dates[1:] else {family.base}
    return keys


def _names_of_tables(identity: IdentityConfig) -> list[tuple[str, str]]:
    """The names that were decided one by one; one that moved on means each of its models."""
    return [(alias.name, alias.key) for alias in identity.aliases if alias.name is not None]


def _market(edition: Edition | None) -> dict[str, Offered]:
    rows = edition_rows(edition, sql_text("catalogue_models")) if edition else []
    return {
        row["model_id"]: Offered(
            row["model_id"], row["release_date"], row["is_deprecated"], row["is_listed"]
        )
        for row in rows
    }


def _names(edition: Edition | None) -> list[tuple[str, str]]:
    rows = edition_rows(edition, sql_text("audit_names")) if edition else []
    return [(row["name"], row["model_id"]) for row in rows]


def _told(asked: AuditRequest, edition: Edition | None, result: AuditResult) -> dict[str, Any]:
    found = result.findings
    return {
        "schema_version": _SCHEMA_VERSION,
        "root": str(asked.path),
        "edition": edition and edition.name,
        "fail_on": list(asked.fail_on),
        "files": result.files,
        "lines": result.lines,
        "skipped": dict(sorted(result.skipped.counts.items())),
        "failures": sum(finding.fails for finding in found),
        "findings": [asdict(finding) for finding in found if finding.where == CODE],
        "in_comments_and_docs": [asdict(finding) for finding in found if finding.where != CODE],
        "allowed": [{**asdict(finding), "reason": reason} for finding, reason in result.allowed],
    }


def _print(result: AuditResult, told: dict[str, Any]) -> None:
    for title, name in (("In code", "findings"), ("In comments and docs", "in_comments_and_docs")):
        if told[name]:
            say(f"{title}:")
            print_table([_row(finding) for finding in told[name]], _COLUMNS)
            say()
    outdated = Counter(finding.status for finding in result.findings if finding.status in OUTDATED)
    followed = {(f.text, f.successor) for f in result.findings if f.successor}
    for text, successor in sorted(followed, key=lambda pair: pair[0]):
        say(f"{text}: {successor.model_id}: {successor.why}.")
    skipped = ", ".join(f"{count} {reason}" for reason, count in told["skipped"].items())
    say(
        f"{told['files']} files, {told['lines']} lines; {len(told['findings'])} model strings in "
        f"code, {len(told['in_comments_and_docs'])} in comments and docs, "
        f"{len(told['allowed'])} allowed; skipped: {skipped or 'nothing'}."
    )
    for status, count in sorted(outdated.items()):
        say(f"{count} {status.replace('_', ' ')}.")
    if told["failures"]:
        say(f"{told['failures']} must not be there.")


def _row(finding: dict[str, Any]) -> dict[str, Any]:
    successor = finding["successor"]
    return {
        **finding,
        "place": f"{finding['path']}:{finding['line']}:{finding['column']}",
        "model": finding["model_id"] or " or ".join(finding["candidates"]),
        "successor": successor and successor["model_id"],
    }
