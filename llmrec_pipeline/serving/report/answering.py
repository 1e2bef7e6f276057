"""The answers of a report: for each task type and price cap, for the team's use cases, and quality
against price. Each is what `llmrec recommend` gives for the same edition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmrec_pipeline.domain.candidates import why_not
from llmrec_pipeline.domain.dominance import Dominance
from llmrec_pipeline.domain.published_consensus import PublishedStanding, standings_of
from llmrec_pipeline.domain.ranking import recommend
from llmrec_pipeline.domain.robustness import pareto_set
from llmrec_pipeline.domain.task_profile import NO_PRIORITY, TaskProfile, Tasks
from llmrec_pipeline.serving.report.content import (
    FIRM,
    LIKELY,
    OPEN,
    Answer,
    Choice,
    Figure,
    Point,
    Tradeoff,
    UseCase,
)
from llmrec_pipeline.serving.report.evidence_book import UNKNOWN, EvidenceBook

Row = Mapping[str, Any]

DOMINATED = "dominated"
"""Another model is better beyond the noise and costs no more."""
BEST, IN_ORDER = "best", "in order"


@dataclass(frozen=True, slots=True)
class Ranked:
    """One answer of `recommend`, and what it was asked. Without a cap it names every ranked model."""

    profile: TaskProfile
    result: Row

    @property
    def rows(self) -> Sequence[Row]:
        """The ranked models, best first, as `recommend` prints them."""
        rows: Sequence[Row] = self.result["recommendations"]
        return rows

    def row_of(self, key: str) -> tuple[int, Row] | None:
        """Place and row of a model; None where it is not ranked."""
        places = enumerate(self.rows, start=1)
        return next(((n, row) for n, row in places if row["canonical_model_key"] == key), None)


class Rankings:
    """Every task type without a cap and under each cap."""

    def __init__(self, payload: Row) -> None:
        self._payload = payload
        tasks = Tasks.from_mapping(payload["tasks"])
        self.task_types = tuple(tasks.task_types)
        self._shown: int = payload["report"]["models_per_answer"]
        self.caps: tuple[float | None, ...] = (None, *payload["report"]["price_caps_per_1m"])
        self.models = {model["canonical_model_key"]: model for model in payload["models"]}
        self.names: dict[str, str] = {
            key: model["model_name"]
            for model in payload["models"]
            for key in (
                *(offering["offering_key"] for offering in model["offerings"]),
                model["canonical_model_key"],
            )
        }
        self._dominance = Dominance(payload, payload["report"]["input_per_output"])
        self.thresholds: Mapping[str, float] = payload["report"]["sureness"]
        self._ranked = {
            (task_type, cap): self._rank(tasks, task_type, cap)
            for task_type in self.task_types
            for cap in self.caps
        }
        self._standings = {
            task_type: dict(
                zip(self.models, standings_of(payload, task_type, list(self.models)), strict=True)
            )
            for task_type in self.task_types
        }

    def __getitem__(self, question: tuple[str, float | None]) -> Ranked:
        return self._ranked[question]

    def shown(self, ranked: Ranked) -> Sequence[Row]:
        """The rows that an answer names."""
        return ranked.rows[: self._shown]

    def named(self) -> Iterator[str]:
        """The models that the answers name, the first answer's first; some more than once."""
        for ranked in self._ranked.values():
            yield from (row["canonical_model_key"] for row in self.shown(ranked))

    def standing(self, task_type: str, row: Row) -> PublishedStanding | None:
        """The standing behind a row's quality; None where it rests on one measure."""
        if "consensus" not in row["metrics"]:
            return None
        standing: PublishedStanding | None = self._standings[task_type][row["canonical_model_key"]]
        return standing

    def offering(self, row: Row) -> Row:
        """The offering of a ranked row; empty where none is known."""
        offerings = self.models[row["canonical_model_key"]]["offerings"]
        return next((o for o in offerings if o["offering_key"] == row["offering_key"]), {})

    def dominating(self, key: str, task_type: str) -> str | None:
        """Name of the model that is better beyond the noise and costs no more, where one is."""
        found = self._dominance.over(key, task_type, firm=True)
        return None if found is None else self.names[found.key]

    def under(self, task_type: str, cap: float | None) -> list[Row]:
        """Every ranked row whose input price is within a cap."""
        rows = self._ranked[task_type, None].rows
        if cap is None:
            return list(rows)
        prices = ((row, row["metrics"]["price_input_per_1m"]) for row in rows)
        return [row for row, price in prices if price is not None and price <= cap]

    def why_not(self, key: str, profile: TaskProfile) -> str | None:
        """Why a model does not compete; None where it does."""
        return why_not(self._payload, key, profile)

    def _rank(self, tasks: Tasks, task_type: str, cap: float | None) -> Ranked:
        weights = tasks.weights(NO_PRIORITY, budget=cap is not None)
        profile = TaskProfile(task_type, *weights, max_price_per_1m=cap)
        # Charts and use cases look at everybody, and only where there is no cap.
        topk = self._shown if cap is not None else max(1, len(self.models))
        return Ranked(profile, recommend(self._payload, profile, topk=topk))


def answers(rankings: Rankings, book: EvidenceBook, since: Mapping[str, str]) -> Iterator[Answer]:
    """An answer for each task type and cap; `since` is by model the day since when its input price
    holds."""
    for task_type in rankings.task_types:
        for cap in rankings.caps:
            yield _answer(rankings[task_type, cap], cap, rankings, book, since)


def _answer(
    ranked: Ranked,
    cap: float | None,
    rankings: Rankings,
    book: EvidenceBook,
    since: Mapping[str, str],
) -> Answer:
    result, task_type = ranked.result, ranked.profile.task_type
    choices = _choices(ranked, rankings, book)
    firm = result["stability"]
    first = choices[0] if choices else None
    publishers = first.publishers if first else ()
    observed = [result["origins"][name]["observed_at"] for name in publishers]
    ahead = _ahead(rankings.under(task_type, cap), first, task_type, rankings)
    return Answer(
        task_type=task_type,
        cap=cap,
        choices=choices,
        sureness=None if first is None else _sureness(firm["share"], first, rankings.thresholds),
        stability=firm and firm["share"],
        weight_vectors=firm["weight_vectors"] if firm else 0,
        rivals=tuple(rankings.models[key]["model_name"] for key in (firm or {}).get("rivals", ())),
        ties=(result["ties"] or {}).get("with_first", 0),
        ranked=result["basis"]["measured"],
        not_measured=len(result["not_measured"]),
        excluded=dict(result["excluded"]),
        publishers=publishers,
        better=len(ahead),
        best_in_quality=_point(ahead[0], False, task_type, rankings, book) if ahead else None,
        observed_at=min(filter(None, observed), default=None),
        price_since=since.get(first.key) if first else None,
        message=result.get("message"),
        command=_command(task_type, cap),
    )


def _ahead(
    rows: Sequence[Row], first: Choice | None, task_type: str, rankings: Rankings
) -> list[Row]:
    """Rows whose interval of quality lies wholly above the first's, the best first."""
    if first is None or first.high is None:
        return []
    standings = [(row, rankings.standing(task_type, row)) for row in rows]
    above = [(row, found) for row, found in standings if found and found.low > first.high]
    above.sort(key=lambda pair: (-pair[1].score, pair[0]["canonical_model_key"]))
    return [row for row, _ in above]


def _command(task_type: str, cap: float | None) -> str:
    limit = "" if cap is None else f" --max-price-per-1m {cap:g}"
    return f'llmrec recommend "{task_type}" --task-type {task_type}{limit}'


def _sureness(share: float, first: Choice, thresholds: Mapping[str, float]) -> str:
    """Firm takes two publishers, likely two measures: what one alone says, nobody has confirmed."""
    if share >= thresholds["firm"] and len(first.publishers) > 1:
        return FIRM
    return LIKELY if share >= thresholds["likely"] and first.measures > 1 else OPEN


def _choices(ranked: Ranked, rankings: Rankings, book: EvidenceBook) -> tuple[Choice, ...]:
    rows = rankings.shown(ranked)
    task_type = ranked.profile.task_type
    standings = [rankings.standing(task_type, row) for row in rows]
    return tuple(
        _choice(place, row, standing, standings[0], rankings, book, task_type)
        for place, (row, standing) in enumerate(zip(rows, standings, strict=True), start=1)
    )


def _choice(
    place: int,
    row: Row,
    standing: PublishedStanding | None,
    first: PublishedStanding | None,
    rankings: Rankings,
    book: EvidenceBook,
    task_type: str,
) -> Choice:
    model, offering = rankings.models[row["canonical_model_key"]], rankings.offering(row)

    def offered(column: str) -> Figure:
        return book.offered(model, offering, column)

    return Choice(
        place=place,
        key=row["canonical_model_key"],
        name=row["model_name"],
        provider=row["provider"],
        offering_key=row["offering_key"],
        score=row["score"],
        quality=book.quality(model, task_type, row["metrics"], standing),
        low=standing and standing.low,
        high=standing and standing.high,
        rank_low=standing and standing.rank_low,
        rank_high=standing and standing.rank_high,
        measures=len(standing.measures) if standing else 1,
        publishers=standing.publishers if standing else (row["metrics"]["quality_source"],),
        price_input=offered("price_input_per_1m"),
        price_output=offered("price_output_per_1m"),
        speed=offered("output_tokens_per_s"),
        latency=offered("ttft_s"),
        context=offered("context_window"),
        better=standing is not None and first is not None and standing.low > first.high,
        ties=place > 1 and standing is not None and first is not None and standing.overlaps(first),
        justification=row["justification"],
    )


def tradeoffs(rankings: Rankings, book: EvidenceBook, limit: int) -> Iterator[Tradeoff]:
    """Quality against input price for each task type: whoever nobody is better than in both, and
    the best of the others."""
    for task_type in rankings.task_types:
        rows = rankings[task_type, None].rows
        priced = [row for row in rows if row["metrics"]["price_input_per_1m"]]
        free = sum(row["metrics"]["price_input_per_1m"] == 0 for row in rows)
        on_line = set(_line(priced))
        by_quality = sorted(
            range(len(priced)),
            key=lambda n: (n not in on_line, -priced[n]["metrics"]["quality"]),
        )
        drawn = sorted(by_quality[:limit])
        counts = {
            "without a price": len(rows) - len(priced) - free,
            "free, which a logarithmic axis cannot show": free,
            "weaker": len(priced) - len(drawn),
        }
        points = (_point(priced[n], n in on_line, task_type, rankings, book) for n in drawn)
        yield Tradeoff(task_type, tuple(points), {why: n for why, n in counts.items() if n})


def _line(rows: Sequence[Row]) -> list[int]:
    """Places of the models that no other beats in quality and price together."""
    return pareto_set(
        [(row["metrics"]["quality"], 0.0, -row["metrics"]["price_input_per_1m"]) for row in rows]
    )


def _point(
    row: Row, on_line: bool, task_type: str, rankings: Rankings, book: EvidenceBook
) -> Point:
    model, standing = rankings.models[row["canonical_model_key"]], rankings.standing(task_type, row)
    return Point(
        key=row["canonical_model_key"],
        name=row["model_name"],
        provider=row["provider"],
        price=book.offered(model, rankings.offering(row), "price_input_per_1m"),
        quality=book.quality(model, task_type, row["metrics"], standing),
        low=standing and standing.low,
        high=standing and standing.high,
        on_line=on_line,
    )


def use_cases(
    rows: Sequence[Row], rankings: Rankings, redirects: Mapping[str, str], book: EvidenceBook
) -> Iterator[UseCase]:
    """How the model of each use case stands at its task type."""
    for row in rows:
        key = redirects.get(row["current_model"], row["current_model"])
        yield _use_case(row, key, rankings[row["task_type"], None], rankings, book)


def _use_case(
    row: Row, key: str, ranked: Ranked, rankings: Rankings, book: EvidenceBook
) -> UseCase:
    model = rankings.models.get(key)
    best = ranked.rows[0] if ranked.rows else None
    found = ranked.row_of(key)
    quality, price = UNKNOWN, UNKNOWN
    dominated_by: str | None = None
    if model is not None and found is not None:
        standing = rankings.standing(row["task_type"], found[1])
        quality = book.quality(model, row["task_type"], found[1]["metrics"], standing)
        price = book.offered(model, rankings.offering(found[1]), "price_input_per_1m")
        dominated_by = rankings.dominating(key, row["task_type"])
    return UseCase(
        use_case=row["use_case"],
        task_type=row["task_type"],
        current_model=row["current_model"],
        current_name=model["model_name"] if model else row["model_name"],
        price_input=price,
        quality=quality,
        rank=found[0] if found else None,
        ranked=len(ranked.rows),
        best_model=best["canonical_model_key"] if best else None,
        best_name=best["model_name"] if best else None,
        dominated_by=dominated_by,
        state=_state(key, model, found, dominated_by, ranked, rankings),
    )


def _state(
    key: str,
    model: Row | None,
    found: tuple[int, Row] | None,
    dominated_by: str | None,
    ranked: Ranked,
    rankings: Rankings,
) -> str:
    if model is None:
        return "unknown to every source"
    if found is None:
        reason = rankings.why_not(key, ranked.profile)
        return (reason or "not measured").replace("_", " ")
    if found[0] == 1 and not dominated_by:
        return BEST
    return DOMINATED if dominated_by else IN_ORDER
