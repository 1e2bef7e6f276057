"""`llmrec intel decide`, `verify` and `propose-patch`: what people make of a recommendation."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from llmrec_pipeline.domain.decisions import ACCEPTED, IMPLEMENTED, REJECTED, STATUSES
from llmrec_pipeline.domain.outside_text import cleaned
from llmrec_pipeline.domain.task_profile import RequestError
from llmrec_pipeline.domain.team_models import UseCase
from llmrec_pipeline.locations import read_locations
from llmrec_pipeline.serving.advice_report import attribution_lines, recommendation
from llmrec_pipeline.serving.cli import FAILED, OK
from llmrec_pipeline.serving.cli.database import opened_store
from llmrec_pipeline.serving.cli.output import Format, chosen, note, print_json, print_table, say
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.storage.evidence_store.models import ModelRecommendation
from llmrec_pipeline.storage.evidence_store.recommendations import all_of, find, implemented_last
from llmrec_pipeline.storage.evidence_store.recommendations import decide as note_decision
from llmrec_pipeline.storage.files import write_bytes
from llmrec_pipeline.storage.model_patch import model_patch
from llmrec_pipeline.team_settings import TeamSettings, load_team_settings

_DECISIONS = STATUSES[1:]


def decide(
    recommendation_id: int, status: str, by: str, why: str | None, wanted: Format | None
) -> int:
    """Store the decision, and print the recommendation."""
    if status not in _DECISIONS:
        raise RequestError(f"{status!r} is no decision; allowed: {', '.join(_DECISIONS)}")
    by, why = cleaned(by).strip(), why and cleaned(why)
    if not by:
        raise RequestError("--by is empty; say who decides")
    settings = load_settings()
    team = load_team_settings(settings.locations)
    with opened_store() as store, store.writing() as session:
        row = find(session, recommendation_id)
        if status == IMPLEMENTED:
            _require_named(row, team)
        note_decision(session, row, status, by, why, datetime.now(UTC))
        told = {**recommendation(row, settings), "decided_by": by, "why": why}
    if chosen(wanted) is Format.JSON:
        print_json(told)
    else:
        say(f"Recommendation {told['id']} ({told['use_case']}) is {told['status']}.")
    return OK


def _require_named(row: ModelRecommendation, team: TeamSettings) -> None:
    """Refuse to call implemented what models.yaml does not say."""
    named = _named(row, team)
    if named != row.recommended_model:
        raise RequestError(
            f"{team.models_path}: {row.use_case} is {named or 'not there'}, not "
            f"{row.recommended_model}; apply the patch of `llmrec intel propose-patch` first"
        )


def _named(row: ModelRecommendation, team: TeamSettings) -> str | None:
    """The key of the model that models.yaml names for the use case now."""
    use_case = team.models.by_use_case.get(row.use_case)
    return None if use_case is None else team.models.model_id(use_case.model)


def verify(wanted: Format | None) -> int:
    """Print, for what was accepted and what was implemented last for a use case, whether models.yaml
    names it; exit code 1 where something that counts as implemented is not there."""
    team = load_team_settings(read_locations())
    with opened_store() as store, store.reading() as session:
        in_force = implemented_last(session)
        rows = [
            _verified(row, team)
            for row in all_of(session)
            if row.status == ACCEPTED or row.id in in_force
        ]
    if chosen(wanted) is Format.JSON:
        print_json(rows)
    elif not rows:
        say("Nothing is accepted or implemented.")
    else:
        print_table(rows, ("id", "status", "use_case", "recommended_model", "named", "is_named"))
    missing = [row for row in rows if row["status"] == IMPLEMENTED and not row["is_named"]]
    for row in missing:
        note(
            f"llmrec: {row['id']}: {row['use_case']} is {row['named'] or 'not there'}, "
            f"not {row['recommended_model']}"
        )
    return FAILED if missing else OK


def _verified(row: ModelRecommendation, team: TeamSettings) -> dict[str, Any]:
    named = _named(row, team)
    return {
        "id": row.id,
        "status": row.status,
        "use_case": row.use_case,
        "recommended_model": row.recommended_model,
        "named": named,
        "is_named": named == row.recommended_model,
    }


def propose_patch(recommendation_id: int, output: Path | None, wanted: Format | None) -> int:
    """Store the patch, write it where a file is named, and print it with the full report."""
    settings = load_settings()
    team = load_team_settings(settings.locations)
    with opened_store() as store, store.writing() as session:
        row = find(session, recommendation_id)
        patch = _patch(row, team)
        row.proposed_patch = patch
        told = recommendation(row, settings)
    if output is not None:
        write_bytes(output, patch.encode())
    if chosen(wanted) is Format.JSON:
        print_json({**told, "output": output and str(output), "patch": patch})
        return OK
    for name, value in told.items():
        if name != "attribution":
            say(f"{name}: {_flat(value)}")
    for line in attribution_lines([told]):
        say(line)
    say()
    say(f"Written to {output}; apply it with `git apply`." if output else patch.rstrip("\n"))
    return OK


def _patch(row: ModelRecommendation, team: TeamSettings) -> str:
    """Raises RequestError where the file has moved on, or the recommendation was rejected."""
    if row.status == REJECTED:
        raise RequestError(f"recommendation {row.id} is rejected; there is nothing to patch")
    use_case = _unmoved(row, team)
    new = team.models.name_of(row.recommended_model)
    header = (
        f"Recommendation {row.id}: {row.use_case}, {use_case.model} to {new}",
        f"{row.current_model} to {row.recommended_model}, confidence {row.confidence}",
        row.reasoning,
    )
    return model_patch(team.models_path, use_case.place, new, header)


def _unmoved(row: ModelRecommendation, team: TeamSettings) -> UseCase:
    """The use case, which still names the model that the recommendation is about."""
    named = _named(row, team)
    if named == row.current_model:
        return team.models.by_use_case[row.use_case]
    if named is None:
        raise RequestError(
            f"{team.models_path}: there is no use case {row.use_case!r}; add it there first"
        )
    raise RequestError(
        f"{team.models_path}: {row.use_case} is {named} now, and recommendation {row.id} is about "
        f"{row.current_model}; run `llmrec intel recommend --use-case {row.use_case} --persist`"
    )


def _flat(value: Any) -> Any:
    return (
        ", ".join(f"{n} {kind}" for kind, n in value.items()) if isinstance(value, dict) else value
    )
