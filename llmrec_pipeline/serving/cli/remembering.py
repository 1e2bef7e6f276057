"""`llmrec users`, `llmrec feedback` and `llmrec learn show`: who asks, what was answered, how it went."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from llmrec_pipeline.domain.task_profile import RequestError, resolve_providers, unknown_name
from llmrec_pipeline.domain.timestamps import iso
from llmrec_pipeline.locations import read_locations
from llmrec_pipeline.serving.cli import FAILED, NOTHING_LEFT, OK
from llmrec_pipeline.serving.cli.database import opened_store
from llmrec_pipeline.serving.cli.flags import names_of
from llmrec_pipeline.serving.cli.output import Format, chosen, note, print_json, print_table, say
from llmrec_pipeline.serving.edition_models import key_of_today
from llmrec_pipeline.serving.feedback import feedback_record, score_of
from llmrec_pipeline.serving.history import replay_answer, served_answer
from llmrec_pipeline.serving.learned import OutcomeBook
from llmrec_pipeline.serving_settings import load_learning
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.storage.editions import find_edition
from llmrec_pipeline.storage.evidence_store.answers import (
    GivenFeedback,
    UserProfile,
    add_feedback,
    all_users,
    drain_spool,
    find_answer,
    find_user,
    history,
    outcomes,
    put_user,
)
from llmrec_pipeline.storage.evidence_store.models import User
from llmrec_pipeline.storage.evidence_store.opening import EvidenceStore
from llmrec_pipeline.storage.spool import AnswerSpool

_USER_COLUMNS = ("user_id", "profile_text", "constraints", "available_providers", "updated_at")


@dataclass(frozen=True, slots=True)
class Told:
    """Feedback as the command line says it."""

    model: str
    use_case: str
    rating: int | None
    success: bool | None
    score: float | None
    user: str | None
    answer_id: str | None
    comment: str | None


def put(
    user_id: str,
    profile: str,
    providers: str | None,
    constraints: dict[str, Any],
    wanted: Format | None,
) -> int:
    """Store a user or team."""
    aliases = _payload()["provider_aliases"]
    stated = {name: value for name, value in constraints.items() if value is not None}
    told = UserProfile(profile, stated, resolve_providers(names_of(providers or ""), aliases))
    with opened_store() as store, store.writing() as session:
        put_user(session, user_id, told, datetime.now(UTC))
        row = _user(find_user(session, user_id))
    _print([row], _USER_COLUMNS, wanted)
    return OK


def users(wanted: Format | None) -> int:
    """List them."""
    with opened_store() as store, store.reading() as session:
        rows = [_user(row) for row in all_users(session)]
    _print(rows, _USER_COLUMNS, wanted)
    return OK


def _user(row: User) -> dict[str, Any]:
    told = {name: getattr(row, name) for name in _USER_COLUMNS}
    return {**told, "updated_at": iso(row.updated_at)}


def answers(user_id: str, limit: int, wanted: Format | None) -> int:
    """Print a user's answers, newest first."""
    with _drained_store() as store, store.reading() as session:
        rows, total = history(session, user_id, limit)
        told = [served_answer(row) for row in rows]
    if chosen(wanted) is Format.JSON:
        print_json(told)
        return OK
    lines = [
        {
            "answer_id": row["answer_id"],
            "served_at": row["served_at"],
            "edition": row["edition"],
            "asked": row["question"]["text"],
            "first": _first(row["answer"]),
        }
        for row in told
    ]
    print_table(lines, ["answer_id", "served_at", "edition", "asked", "first"])
    say(f"{len(told)} of {total} answers.")
    return OK


def _first(answer: dict[str, Any]) -> str | None:
    named = answer["recommendations"]
    return named[0]["canonical_model_key"] if named else None


def replay(answer_id: str, wanted: Format | None) -> int:
    """Make an answer anew; the exit code says whether it is the same."""
    with _drained_store() as store, store.reading() as session:
        row = find_answer(session, answer_id)
    told = replay_answer(row, read_locations().published)
    if chosen(wanted) is Format.JSON:
        print_json(told)
    else:
        same = "the same" if told["same"] else "another one"
        say(f"Answer {answer_id} of edition {row.edition}, made anew, is {same}.")
    return OK if told["same"] else FAILED


def feedback(told: Told, wanted: Format | None) -> int:
    """Store one outcome."""
    payload = _payload()
    model = key_of_today(payload, told.model)
    if model is None:
        known = {entry["canonical_model_key"] for entry in payload["models"]}
        raise unknown_name("model", told.model, known)
    source, score = _score(told)
    given = GivenFeedback(
        told.use_case, model, source, score, told.user, told.answer_id, told.comment
    )
    with _drained_store() as store, store.writing() as session:
        row = add_feedback(session, given, datetime.now(UTC))
        stored = feedback_record(row)
    _print([stored], tuple(stored), wanted)
    return OK


def _score(told: Told) -> tuple[str, Decimal]:
    stated = [v for v in (told.rating, told.success, told.score) if v is not None]
    if len(stated) != 1:
        raise RequestError("name one of --rating, --success/--failure and --score")
    scale = load_learning(read_locations()).rating
    try:
        return score_of(told.rating, told.success, told.score, scale)
    except ValueError as error:
        raise RequestError(f"--{error}") from None


def show(use_case: str, task_type: str | None, wanted: Format | None) -> int:
    """Print what outcomes say in a use case, beside the benchmarks."""
    settings = load_settings()
    payload = _payload()
    config = load_learning(settings.locations)
    if task_type is None:
        known = payload["tasks"]["task_types"]
        task_type = use_case if use_case in known else settings.advice.task_type(use_case)
    with opened_store() as store, store.reading() as session:
        book = OutcomeBook(payload, outcomes(session), config, settings.advice.task_type)
    learned = book.learned(use_case, task_type)
    if learned is None:
        note(f"llmrec: no outcomes of a ranked model in {use_case}; see `llmrec feedback`")
        return NOTHING_LEFT
    if chosen(wanted) is Format.JSON:
        print_json(learned)
        return OK
    models = sorted(learned["models"].items(), key=lambda item: -item[1]["used"])
    print_table([{"model": key, **told} for key, told in models], ["model", "text"])
    return OK


def _payload() -> dict[str, Any]:
    return find_edition(read_locations().published, None).ranking()


@contextmanager
def _drained_store() -> Iterator[EvidenceStore]:
    """The store, with every answer that is spooled."""
    with opened_store() as store:
        drain_spool(AnswerSpool(read_locations().data), store, datetime.now(UTC))
        yield store


def _print(rows: list[dict[str, Any]], columns: tuple[str, ...], wanted: Format | None) -> None:
    if chosen(wanted) is Format.JSON:
        print_json(rows)
    else:
        print_table(rows, columns)
