"""`llmrec recommend`: the hot path. Standard library, typer and the pure domain only."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from llmrec_pipeline.domain.task_model import WORDS_ONLY
from llmrec_pipeline.domain.task_profile import RequestError, RequestReading
from llmrec_pipeline.domain.timestamps import parse_iso
from llmrec_pipeline.locations import Locations, read_locations
from llmrec_pipeline.serving.answering import (
    Answered,
    Question,
    answer_question,
    new_answer_id,
    prepared,
    served_record,
)
from llmrec_pipeline.serving.at_time import Asked, payload_of
from llmrec_pipeline.serving.auto_refresh import refresh_and_wait, sources_due
from llmrec_pipeline.serving.cli import NOTHING_LEFT, OK
from llmrec_pipeline.serving.cli.flags import names_of
from llmrec_pipeline.serving.cli.output import (
    Format,
    chosen,
    note,
    print_json,
    print_table,
    say,
)
from llmrec_pipeline.serving.standing import age, origins_now
from llmrec_pipeline.storage.editions import (
    Edition,
    EditionError,
    current_edition,
    find_edition,
)


@dataclass(frozen=True, slots=True)
class Flags:
    """What the command line said beside the text."""

    topk: int | None = None
    max_price_per_1m: float | None = None
    min_context: int | None = None
    provider_allowlist: str | None = None
    provider_denylist: str | None = None
    host: str | None = None
    capabilities: str | None = None
    task_type: str | None = None
    priority: str | None = None
    missing_policy: str | None = None
    scorer: str | None = None
    asked: Asked = field(default_factory=Asked)
    quality_basis: str | None = None
    no_refresh: bool = False
    force_refresh: bool = False
    user: str | None = None
    understanding: str = WORDS_ONLY


def answer(text: str, flags: Flags, wanted: Format | None) -> int:
    """Print the answer; the exit code says whether anything is left."""
    locations = read_locations()
    if flags.no_refresh and flags.force_refresh:
        raise RequestError("--no-refresh and --force-refresh: one of them, not both")
    if flags.user is not None and flags.asked.is_past:
        raise RequestError("--user keeps answers from editions; leave out --as-of and --known-at")
    if flags.asked.is_current:
        edition, payload = _current(locations, flags)
        payload["origins"] = _origins_now(payload, edition, locations)
    else:
        if flags.force_refresh:
            raise RequestError(
                "--edition, --as-of and --known-at answer from what was; leave out --force-refresh"
            )
        payload = payload_of(flags.asked)
    question = _question(text, flags)
    found = answer_question(payload, question)
    reading, result = found.reading, found.answer
    if flags.user is not None:
        result = {"answer_id": _noted(flags.user, question, found, locations), **result}
    if chosen(wanted) is Format.JSON:
        print_json(result)
    else:
        _print(result, reading, flags)
    if result["recommendations"]:
        return OK
    note(f"llmrec: {result['message']}")
    return NOTHING_LEFT


def _current(locations: Locations, flags: Flags) -> _Read:
    """The current edition, once what is due was refreshed; raises EditionError."""
    before = None
    if not flags.no_refresh:
        before = _readable(locations)
        _refresh_if_due(locations, before and before.payload, force=flags.force_refresh)
    edition = find_edition(locations.published, None)
    # Reading one takes long enough not to do it twice.
    if before is not None and before.edition == edition:
        return before
    return _Read(edition, edition.ranking())


class _Read(NamedTuple):
    edition: Edition
    payload: dict[str, Any]


def _readable(locations: Locations) -> _Read | None:
    """The current edition with its payload; None where there is none that can be read."""
    edition = current_edition(locations.published)
    if edition is not None:
        with suppress(EditionError):
            return _Read(edition, edition.ranking())
    return None


def _refresh_if_due(locations: Locations, payload: dict[str, Any] | None, *, force: bool) -> None:
    """Refresh where that is due by the current edition's payload, or where there is none."""
    if payload is None and locations.offline and not force:
        return
    now = datetime.now(UTC)
    rules = _rules() if payload is None else payload["schedule"]
    if force or payload is None or sources_due(locations, payload["origins"], now, rules):
        try:
            told = refresh_and_wait(locations, now, rules, force=force, patient=payload is None)
        except OSError as error:
            # A folder that cannot be written is no reason to keep the answer back.
            told = f"no refresh: {error}"
        if told:
            note(f"llmrec: {told}")


def _rules() -> dict[str, float]:
    """What an edition would tell, from the settings: before the first there is no hot path."""
    from llmrec_pipeline.settings import load_settings

    pipeline = load_settings().pipeline
    return {
        "live_hours": pipeline.schedule.live_hours,
        "wait_s": pipeline.refresh.wait_s,
        "backoff_minutes": pipeline.refresh.backoff_minutes,
    }


def _origins_now(
    payload: dict[str, Any], edition: Edition, locations: Locations
) -> dict[str, dict[str, Any]]:
    """The payload's origins as they stand now; a manifest that cannot be read changes nothing."""
    origins: dict[str, dict[str, Any]] = payload["origins"]
    try:
        sources = edition.manifest()["sources"]
    except EditionError:
        return origins
    live_hours = payload["schedule"]["live_hours"]
    now = origins_now(sources, locations.states, datetime.now(UTC), live_hours)
    return {
        source: {name: now.get(source, origin).get(name, value) for name, value in origin.items()}
        for source, origin in origins.items()
    }


def _question(text: str, flags: Flags) -> Question:
    return Question(
        text,
        topk=flags.topk,
        task_type=flags.task_type,
        priority=flags.priority,
        max_price_per_1m=flags.max_price_per_1m,
        min_context=flags.min_context,
        provider_allowlist=_names("--provider-allowlist", flags.provider_allowlist),
        provider_denylist=_names("--provider-denylist", flags.provider_denylist),
        host=flags.host,
        capabilities=_names("--capabilities", flags.capabilities),
        missing_policy=flags.missing_policy,
        scorer=flags.scorer,
        quality_basis=flags.quality_basis,
        understanding=flags.understanding,
    )


def _noted(user: str, question: Question, found: Answered, locations: Locations) -> str:
    """Spool the answer for a user's history, and tell its id. The spool is drained by whoever has
    the evidence store open."""
    from llmrec_pipeline.storage.spool import AnswerSpool

    edition = find_edition(locations.published, found.answer["edition"])
    answer_id = new_answer_id()
    record = served_record(
        prepared(question, found),
        answer_id,
        datetime.now(UTC),
        "cli",
        user,
        edition.manifest()["config_hash"],
    )
    AnswerSpool(locations.data).append(record, sync=True)
    return answer_id


def _names(flag: str, text: str | None) -> tuple[str, ...] | None:
    """What a flag lists; None without it, and nothing where it is empty."""
    names = None if text is None else names_of(text)
    if text and not names:
        raise RequestError(f"{flag} {text!r} names nothing; write names with commas between them")
    return names


def _heard(reading: RequestReading, flags: Flags) -> list[str]:
    """What the ranking follows: the text's words, less what a flag overrides, and the flags."""
    stated = {
        name: value
        for name in (
            "task_type",
            "priority",
            "max_price_per_1m",
            "min_context",
            "provider_allowlist",
            "provider_denylist",
            "topk",
            "host",
            "capabilities",
            "missing_policy",
            "scorer",
            "quality_basis",
        )
        if (value := getattr(flags, name)) is not None
    }
    kept = {name: words for name, words in reading.matched.items() if name not in stated}
    # A creator that a flag names is taken out of the text's list of the other kind.
    if "provider_allowlist" in stated or "provider_denylist" in stated:
        kept = {name: words for name, words in kept.items() if not name.startswith("provider_")}
    lines = [
        line
        for line in replace(reading, matched={"task_type": ("",), **kept}).understood
        if "('')" not in line
    ]
    if not reading.matched.get("task_type") and "task_type" not in stated:
        lines.insert(0, reading.understood[0])
    return [*lines, *(f"--{name.replace('_', '-')} {value}" for name, value in stated.items())]


def _print(result: dict[str, Any], reading: RequestReading, flags: Flags) -> None:
    profile = result["task_profile"]
    say(
        f"{profile['task_type']}: quality {profile['weight_quality']:.0%}, "
        f"speed {profile['weight_speed']:.0%}, cost {profile['weight_cost']:.0%}"
    )
    for line in (*_heard(reading, flags), *reading.notes):
        say(f"  {line}")
    say()
    rows = [
        {
            "#": rank,
            "model": item["model_name"],
            "creator": item["provider"],
            "score": round(item["score"], 3),
            "quality": item["metrics"]["quality"],
            "$/1M in": item["metrics"]["price_input_per_1m"],
            "$/1M out": item["metrics"]["price_output_per_1m"],
            "tokens/s": item["metrics"]["output_tokens_per_s"],
            "context": item["metrics"]["context_window"],
            "key": item["canonical_model_key"],
        }
        for rank, item in enumerate(result["recommendations"], start=1)
    ]
    if rows:
        # A column that nobody fills says less than its absence.
        print_table(rows, [name for name in rows[0] if any(row[name] is not None for row in rows)])
        say()
        say(f"Why the first: {result['recommendations'][0]['justification']}")
    for line in (*_basis_in_words(result), *_robustness_in_words(result)):
        say(line)
    if result["excluded"]:
        counts = ", ".join(f"{reason} {count}" for reason, count in result["excluded"].items())
        say(f"Excluded: {counts}.")
    if result["not_measured"]:
        say(f"Not measured, so not ranked: {len(result['not_measured'])} models.")
    say(f"Edition {result['edition']}, newest data of any source {result['snapshot_ts']}.")
    for source, origin in result["origins"].items():
        if origin["origin"] == "none":
            say(f"  {source}: nothing serves")
            continue
        seen = age(parse_iso(origin["verified_at"])) if origin["verified_at"] else "?"
        say(f"  {source}: origin {origin['origin']}, seen {seen} ago")
    for warning in result["warnings"]:
        say(f"Warning: {warning}")
    if "answer_id" in result:
        say(f"Kept for {flags.user} as answer {result['answer_id']}.")
    for attribution in result["attribution"].values():
        say(attribution)


def _basis_in_words(result: dict[str, Any]) -> list[str]:
    """What the quality of the models rests on."""
    basis = result["basis"]
    measured = f"{basis['measured']} of {basis['candidates']} candidates measured"
    if basis.get("measures_per_model"):
        fewest, most = basis["measures_per_model"]
        count = fewest if fewest == most else f"{fewest} to {most}"
        return [
            f"Basis: consensus ({basis['method']}) of {count} measures a model by "
            f"{', '.join(basis['publishers'])}, {measured}."
        ]
    if not basis.get("source"):
        return []
    version = f" {basis['index_version']}" if basis.get("index_version") else ""
    origin = result["origins"][basis["source"]]
    return [
        f"Basis: {basis['column']} of {basis['source']}{version}, {measured}; "
        f"origin {origin['origin']}, observed {origin['observed_at']}."
    ]


def _robustness_in_words(result: dict[str, Any]) -> list[str]:
    """How firmly the first stands, and who cannot be told from it."""
    lines = []
    firm, ties = result["stability"], result["ties"]
    if firm is not None:
        rivals = f"; else {', '.join(firm['rivals'])}" if firm["rivals"] else ""
        lines.append(
            f"Stability: first under {firm['share']:.0%} of {firm['weight_vectors']} weights "
            f"within 20 %{rivals}."
        )
        lines.append(
            f"Nobody is better in quality, speed and cost together: {len(result['pareto'])} models."
        )
    if ties is not None and ties["with_first"]:
        more = ", …" if ties["with_first"] > len(ties["keys"]) else ""
        lines.append(
            f"In quality {ties['with_first']} others tie with the first, their intervals overlap: "
            f"{', '.join(ties['keys'])}{more}."
        )
    return lines
