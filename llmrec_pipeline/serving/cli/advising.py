"""`llmrec intel recommend`, `report` and `explain`: upgrade advice, and what became of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from llmrec_pipeline.domain.advice import NO_ADVICE, Advice
from llmrec_pipeline.domain.advice_record import computed_again, figures, reasoning
from llmrec_pipeline.domain.assessment import Assessment
from llmrec_pipeline.domain.spend import spend_fields
from llmrec_pipeline.domain.timestamps import iso
from llmrec_pipeline.serving.advice_report import (
    REPORT_COLUMNS,
    as_markdown,
    attribution_lines,
    deltas,
    recommendation,
    report_rows,
    reported,
)
from llmrec_pipeline.serving.cli import FAILED, NOTHING_LEFT, OK
from llmrec_pipeline.serving.cli.database import opened_store
from llmrec_pipeline.serving.cli.output import (
    Format,
    ReportFormat,
    chosen,
    note,
    print_json,
    print_table,
    say,
    say_wrapped,
)
from llmrec_pipeline.serving.upgrade_advice import (
    AdviceQuestion,
    answer,
    attribution_of,
    propose_all,
)
from llmrec_pipeline.settings import Settings, load_settings
from llmrec_pipeline.storage.evidence_store.recommendations import (
    changed_since,
    events_of,
    find,
)
from llmrec_pipeline.team_settings import load_team_settings

_CANDIDATE_COLUMNS = (
    "model",
    "provider",
    "composite",
    "confidence",
    "cost %",
    "quality %",
    "USD/month",
    "id",
)


# The use case and the model in use stand above.
_REPORT_COLUMNS = tuple(
    name for name in REPORT_COLUMNS if name not in ("use_case", "current_model")
)


def recommend(question: AdviceQuestion, persist: bool, wanted: Format | None) -> int:
    """Print the advice, and store what is advised where that is asked for."""
    settings = load_settings()
    team = load_team_settings(settings.locations).models
    now = datetime.now(UTC)
    with opened_store() as store:
        opened = store.writing() if persist else store.reading()
        with opened as session:
            advice = answer(session, question, team, settings, now)
            ids = propose_all(session, advice, settings, now) if persist else {}
    told = _told(advice, ids, settings)
    if chosen(wanted) is Format.JSON:
        print_json(told)
    else:
        _print(told)
    if advice.verdict == NO_ADVICE:
        note(f"llmrec: no advice: {advice.reason}")
        return NOTHING_LEFT
    return OK


def _told(advice: Advice, ids: dict[str, int], settings: Settings) -> dict[str, Any]:
    shown = (*advice.candidates, *advice.considered)
    return {
        "use_case": advice.use_case,
        "task_type": settings.advice.task_type(advice.use_case),
        "current_model": advice.current.model_id,
        "verdict": advice.verdict,
        "reason": advice.reason,
        "candidates": [_candidate(found, ids) for found in advice.candidates],
        "considered": [_candidate(found, ids) for found in advice.considered],
        "excluded": dict(advice.excluded),
        "attribution": attribution_of(
            (s for found in shown for s in (found.current, found.candidate)), settings
        ),
    }


def _candidate(found: Assessment, ids: dict[str, int]) -> dict[str, Any]:
    return {
        "model": found.candidate.model_id,
        "provider": found.candidate.provider,
        "kinship": found.kinship,
        **numbers(figures(found)),
        "quality_interval": found.interval and found.interval._asdict(),
        **spend_fields(found.spend),
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
        if rows:
            say()
            say(f"{title}:")
            print_table([_row(row) for row in rows], _CANDIDATE_COLUMNS)
    say()
    for row in told["candidates"]:
        say_wrapped(f"{row['model']}: {row['reasoning']}")
    if told["excluded"]:
        counts = sorted(told["excluded"].items(), key=lambda count: -count[1])
        say_wrapped(f"Excluded: {'; '.join(f'{n} {why}' for why, n in counts)}.")
    for line in told["attribution"].values():
        say(line)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, **deltas(row), "id": row["recommendation_id"]}


def report(latest: bool, use_case: str | None, wanted: ReportFormat | None) -> int:
    """Print recommendations with their status."""
    settings = load_settings()
    with opened_store() as store, store.reading() as session:
        rows = reported(session, settings, use_case, latest=latest)
    if wanted is ReportFormat.MARKDOWN:
        say(as_markdown(rows))
    elif chosen(None if wanted is None else Format(wanted.value)) is Format.JSON:
        print_json(rows)
    else:
        _print_report(rows)
    return OK


def _print_report(rows: list[dict[str, Any]]) -> None:
    """A table for each use case and model in use."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in report_rows(rows):
        groups.setdefault((row["use_case"], row["current_model"]), []).append(row)
    for (use_case, current), group in sorted(groups.items()):
        say(f"{use_case}: {current}")
        print_table(group, _REPORT_COLUMNS)
        say()
    if not rows:
        say("No recommendations; `llmrec intel recommend --use-case U --persist` stores some.")
    for line in attribution_lines(rows):
        say(line)


def explain(recommendation_id: int, wanted: Format | None) -> int:
    """Print a recommendation with its evidence; exit code 1 where it is not computed again."""
    settings = load_settings()
    with opened_store() as store, store.reading() as session:
        row = find(session, recommendation_id)
        stored = row.evidence["figures"]
        again = figures(computed_again(row.evidence))
        told = {
            **recommendation(row, settings),
            "figures": numbers(stored),
            "is_reproduced": again == stored,
            "computed_again": numbers(again),
            "changed_since": changed_since(session, row, datetime.now(UTC)),
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
    say_wrapped(told["reasoning"])
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
    for line in attribution_lines([told]):
        say(line)
