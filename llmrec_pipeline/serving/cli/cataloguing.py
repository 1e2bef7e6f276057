"""`llmrec intel ingest-catalog` and `add-benchmark`: what the evidence store knows of models."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal

import duckdb
from sqlalchemy import select

from llmrec_pipeline.domain.catalogue import BenchmarkEntry, CatalogueRows, catalogue
from llmrec_pipeline.domain.decimals import read_decimal
from llmrec_pipeline.domain.outside_text import cleaned
from llmrec_pipeline.domain.task_profile import RequestError, unknown_name
from llmrec_pipeline.domain.team_models import ModelsConfig
from llmrec_pipeline.serving.cli import OK
from llmrec_pipeline.serving.cli.database import opened_store
from llmrec_pipeline.serving.cli.output import Format, chosen, note, print_json, say
from llmrec_pipeline.serving.edition_tables import open_edition
from llmrec_pipeline.settings import Settings, load_settings
from llmrec_pipeline.storage.editions import EditionError, find_edition
from llmrec_pipeline.storage.evidence_store.ingesting import (
    find_benchmark,
    ingest,
    ingest_benchmarks,
    read_market,
)
from llmrec_pipeline.storage.evidence_store.models import CatalogModel, ModelBenchmark
from llmrec_pipeline.team_settings import load_team_settings

UNITS = ("fraction", "percent", "index", "points", "elo")


@dataclass(frozen=True, slots=True)
class Score:
    """What a person tells of a model, as it was typed."""

    model: str
    benchmark: str
    score: str
    unit: str
    task_type: str
    source: str
    url: str
    dataset_version: str | None = None


def ingest_catalog(wanted: Format | None) -> int:
    """Enter what the files and the current edition tell, and print how much of it is new."""
    settings = load_settings()
    team = load_team_settings(settings.locations)
    told = catalogue(
        _current_market(settings),
        team.models,
        team.pricing,
        settings.consensus.benchmarks,
        tuple(settings.tasks["task_types"]),
    )
    with opened_store() as store, store.writing() as session:
        done = ingest(session, told, datetime.now(UTC))
    for warning in told.warnings:
        note(f"llmrec: {warning}")
    if chosen(wanted) is Format.JSON:
        print_json({**asdict(done), "warnings": list(told.warnings)})
    else:
        for name in ("models", "prices", "benchmarks"):
            counts = getattr(done, name)
            say(f"{name}: {counts.told} told, {counts.new} new, {counts.changed} changed")
    return OK


def _current_market(settings: Settings) -> CatalogueRows:
    edition = find_edition(settings.locations.published, None)
    with duckdb.connect(":memory:") as con:
        open_edition(con, edition)
        try:
            return read_market(con)
        except duckdb.CatalogException:
            raise EditionError(
                f"{edition.folder}: is of an older shape; run `llmrec refresh`"
            ) from None


def add_benchmark(told: Score, wanted: Format | None) -> int:
    """Enter one score, and print it."""
    settings = load_settings()
    team = load_team_settings(settings.locations)
    entry = BenchmarkEntry(
        model_id=model_id_of(told.model, team.models),
        benchmark_name=_given("--benchmark", told.benchmark),
        score=_score(told.score),
        unit=_one_of("--unit", told.unit, UNITS),
        task_type=_one_of("--task-type", told.task_type, tuple(settings.tasks["task_types"])),
        dataset_version=told.dataset_version and cleaned(told.dataset_version),
        source=_own_source(told.source, settings),
        source_url=_given("--url", told.url),
        retrieved_at=datetime.now(UTC),
    )
    with opened_store() as store, store.writing() as session:
        known = set(session.scalars(select(CatalogModel.model_id)))
        if entry.model_id not in known:
            raise unknown_name("model", entry.model_id, known)
        _refuse_pulled(find_benchmark(session, entry), settings)
        counts = ingest_benchmarks(session, [entry])
    if chosen(wanted) is Format.JSON:
        print_json({**asdict(entry), "new": bool(counts.new), "changed": bool(counts.changed)})
    else:
        verb = "entered" if counts.new else "corrected" if counts.changed else "known already"
        say(f"{entry.benchmark_name} {entry.score} of {entry.model_id}: {verb}.")
    return OK


def model_id_of(name: str, models: ModelsConfig) -> str:
    """The key of a name in models.yaml, or of a key; raises RequestError."""
    found = models.model_id(name)
    if found is None:
        raise unknown_name("model", name, [*models.models, *sorted(models.model_ids)])
    return found


def _given(flag: str, text: str) -> str:
    told = cleaned(text).strip()
    if not told:
        raise RequestError(f"{flag} is empty; say what it is")
    return told


def _own_source(text: str, settings: Settings) -> str:
    """A name that tells a person's score from what is pulled."""
    source = _given("--source", text)
    if source in settings.sources:
        raise RequestError(
            f"--source {source!r} is a source that is pulled; say who told you, such as "
            f"{source}-by-hand"
        )
    return source


def _refuse_pulled(known: ModelBenchmark | None, settings: Settings) -> None:
    """The next pull would undo what a person writes over it."""
    if known is not None and known.source in settings.sources:
        raise RequestError(
            f"--url {known.source_url!r}: {known.source} tells {known.benchmark_name} of "
            f"{known.model_id} there already, as {known.score}; name another address or version"
        )


def _one_of(flag: str, text: str, allowed: tuple[str, ...]) -> str:
    if text not in allowed:
        raise RequestError(f"{flag} {text!r} is not allowed; allowed: {', '.join(allowed)}")
    return text


def _score(text: str) -> Decimal:
    try:
        return read_decimal(text)
    except ValueError as error:
        raise RequestError(f"--score {error}") from None
