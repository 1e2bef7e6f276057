"""`llmrec intel recommend`, `report` and `explain`: upgrade advice, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from llmrec_pipeline.domain.advice import NO_ADVICE, Advice, Assessment
from llmrec_pipeline.domain.advice_record import computed_again, figures, reasoning
from llmrec_pipeline.domain.timestamps import iso
from llmrec_pipeline.serving.cli import FAILED, NOTHING_LEFT, OK
from llmrec_pipeline.serving.cli.database import opened_store
from llmrec_pipeline.serving.cli.output import (
    Format,
    ReportFormat,
    chosen,
    note,
    print_json,
    print_markdown,
    print_table,
    say,
)
from llmrec_pipeline.serving.upgrade_advice import Question, answer, sources_of
from llmrec_pipeline.settings import Settings, load_settings
from llmrec_pipeline.storage.evidence_store.models import ModelRecommendation
from llmrec_pipeline.storage.evidence_store.recommendations import (
    all_of,
    changed_since,
    events_of,
    find,
    propose,
)
from llmrec_pipeline.team_settings import load_team_settings

_CANDIDATE_COLUMNS = (
    "model",
    "provider",
    "composite",
    "confidence",
    "cost %",
    "quality %",
    "id",
)
_REPORT_COLUMNS = (
    "id",
    "created_at",
    "status",
    "use_case",
    "current_model",
    "recommended_model",
    "cost %",
    "quality %",
    "confidence",
)


def recommend(question: Question, persist: bool, wanted: Format | None) -> int:
    """Print the advice, and store what is advised where that is asked for."""
    settings = load_settings()
    team = load_team_settings(settings.locations).models
    now = datetime.now(UTC)
    with opened_store() as store:
        opened = store.writing() if persist else store.reading()
        with opened as session:
            advice = answer(session, question, team, settings, now)
            ids = _persisted(session, advice, settings, now) if persist else {}
    told = _told(advice, ids, settings)
    if chosen(wanted) is Format.JSON:
        print_json(told)
    else:
        _print(told)
    if advice.verdict == NO_ADVICE:
        note(f"llmrec: no advice: {advice.reason}")
        return NOTHING_LEFT
    return OK


def _persisted(
    session: Session, advice: Advice, settings: Settings, now: datetime
) -> dict[str, int]:
    """Id of the recommendation of each advised model."""
    return {
        found.candidate.model_id: propose(session, advice.use_case, found, settings.advice, now).id
        for found in advice.candidates
    }


def _told(advice: Advice, ids: dict[str, int], settings: Settings) -> dict[str, Any]:
    return {
        "use_case": advice.use_case,
        "task_type": settings.advice.task_type(advice.use_case),
        "current_model": advice.current.model_id,
        "verdict": advice.verdict,
        "reason": advice.reason,
        "candidates": [_candidate(found, ids) for found in advice.candidates],
        "considered": [_candidate(found, ids) for found in advice.considered],
        "excluded": dict(advice.excluded),
        "attribution": {
            source: settings.sources[source].attribution
            for source in sorted(sources_of(advice))
            if source in settings.sources
        },
    }


def _candidate(found: Assessment, ids: dict[str, int]) -> dict[str, Any]:
    return {
        "model": found.candidate.model_id,
        "provider": found.candidate.provider,
        "kinship": found.kinship,
        **numbers(figures(found)),
        "quality_interval": found.interval and found.interval._asdict(),
        "shared_benchmarks": len(found.shared),
        "recommendation_id": ids.get(found.candidate.model_id),
        "reasoning": reasoning(found),
    }


def numbers(content: Any) -> Any:
    """Decimals that are stored as text, as JSON numbers."""
    if isinstance(content, dict):
        return {name: numbers(value) for name, value in content.items()}
    return float(content) if isinstance(content, str) else content


def _print(told: dict[str, Any]) -> None:
    say(f"{told['use_case']}: {told['current_model']} now. {told['verdict']}: {told['reason']}.")
    for title, rows in (("Advised", told["candidates"]), ("Considered", told["considered"])):
        if not rows:
            continue
        say()
        say(f"{title}:")
        print_table([_row(row) for row in rows], _CANDIDATE_COLUMNS)
        for row in rows:
            say(f"  {row['model']}: {row['reasoning']}")
    if told["excluded"]:
        say()
        say(f"Excluded: {', '.join(f'{why} {n}' for why, n in told['excluded'].items())}.")
    for line in told["attribution"].values():
        say(line)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "cost %": row["expected_cost_delta_pct"],
        "quality %": _in_percent(row["expected_quality_delta"]),
        "id": row["recommendation_id"],
    }


def report(latest: bool, use_case: str | None, wanted: ReportFormat | None) -> int:
    """Print recommendations with their status."""
    with opened_store() as store, store.reading() as session:
        rows = [recommendation(row) for row in all_of(session, use_case, latest=latest)]
    if wanted is ReportFormat.MARKDOWN:
        print_markdown(_report_rows(rows), _REPORT_COLUMNS)
    elif chosen(None if wanted is None else Format(wanted.value)) is Format.JSON:
        print_json(rows)
    else:
        print_table(_report_rows(rows), _REPORT_COLUMNS)
    return OK


def _report_rows(rows: Sequence[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    for row in rows:
        yield {
            **row,
            "cost %": row["expected_cost_delta_pct"],
            "quality %": _in_percent(row["expected_quality_delta"]),
        }


def recommendation(row: ModelRecommendation) -> dict[str, Any]:
    """A stored recommendation, as it is printed; `references` counts its evidence by kind."""
    return {
        "id": row.id,
        "created_at": iso(row.created_at),
        "status": row.status,
        "use_case": row.use_case,
        "current_model": row.current_model,
        "recommended_model": row.recommended_model,
        "confidence": float(row.confidence),
        "expected_cost_delta_pct": _number(row.expected_cost_delta_pct),
        "expected_quality_delta": _number(row.expected_quality_delta),
        "reasoning": row.reasoning,
        "references": {kind: len(ids) for kind, ids in row.evidence["rows"].items()},
    }


def explain(recommendation_id: int, wanted: Format | None) -> int:
    """Print a recommendation with its evidence; exit code 1 where it is not computed again."""
    with opened_store() as store, store.reading() as session:
        row = find(session, recommendation_id)
        stored = row.evidence["figures"]
        again = figures(computed_again(row.evidence))
        told = {
            **recommendation(row),
            "figures": numbers(stored),
            "is_reproduced": again == stored,
            "computed_again": numbers(again),
            "changed_since": changed_since(session, row),
            "quality_interval": row.evidence["quality_interval"],
            "config_hash": row.evidence["config_hash"],
            "rows": row.evidence["rows"],
            "current": row.evidence["current"],
            "candidate": row.evidence["candidate"],
            "events": [
                {
                    "happened_at": iso(event.happened_at),
                    "from": event.from_status,
                    "to": event.to_status,
                    "by": event.decided_by,
                    "why": event.why,
                }
                for event in events_of(session, row.id)
            ],
        }
    if chosen(wanted) is Format.JSON:
        print_json(told)
    else:
        _print_explained(told)
    return OK if told["is_reproduced"] else FAILED


def _print_explained(told: dict[str, Any]) -> None:
    say(f"{told['id']}: {told['use_case']}, {told['current_model']} to {told['recommended_model']}")
    say(told["reasoning"])
    same = "the same" if told["is_reproduced"] else "NOT the same"
    say(
        f"Computed again from the stored values: {same} (composite {told['figures']['composite']})."
    )
    parts = told["figures"]["components"].items()
    say(f"Parts: {', '.join(f'{name} {value}' for name, value in parts)}.")
    counts = told["references"].items()
    say(f"Rests on: {', '.join(f'{n} {kind}' for kind, n in counts)}.")
    for line in told["changed_since"] or ["Nothing has changed since."]:
        say(f"  {line}")
    print_table(told["events"], ("happened_at", "from", "to", "by", "why"))


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _in_percent(value: float | None) -> float | None:
    return None if value is None else round(value * 100, 6)
