"""Epoch AI's Benchmarking Hub: a ZIP of CSV files, one a benchmark, some run by Epoch itself.

What a file measures and in which columns stands in sources.yaml. A file without a rule is read only
if it has the columns of Epoch's own runs, whose unit is known; then it lands under its own name and
stands for no index. A model's name there ends in its effort or budget; it stays as written.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from llmrec_pipeline.domain.records import BENCHMARK_RESULTS, MODELS_SNAPSHOT
from llmrec_pipeline.settings import BenchmarkRule, FieldRule, SourceSettings
from llmrec_pipeline.sources.archive import unpacked
from llmrec_pipeline.sources.cells import CellReader, asked_url, scaled, text, the_page
from llmrec_pipeline.sources.http import PublisherClient
from llmrec_pipeline.sources.pull import InvalidStructure, ParsedPull, RawPage

PARSER_VERSION = "1"
_MODEL = "Model version"
_OWN_RUN = frozenset({_MODEL, "mean_score", "Best score (across scorers)", "stderr"})
_OPEN, _CLOSED = "open weights", ("api access", "hosted access", "unreleased")
_FACTS = {"release_date": FieldRule(path="Release date"), "creator": FieldRule(path="Organization")}
# The real files have a few hundred rows of about twenty columns.
_MAX_ROWS = 50_000
_MAX_COLUMNS = 200

Table = list[dict[str, str]]


def fetch(http: PublisherClient, _settings: SourceSettings) -> list[RawPage]:
    """The one archive; raises PullFailed."""
    return [http.get("benchmark_data.zip")]


def parse(pages: Sequence[RawPage], settings: SourceSettings) -> ParsedPull:
    """A model row for each name in any file, with the indices that benchmarks stand for, and one
    benchmark row for each model and benchmark: its best, since neither how often nor in how many
    scaffolds a model was tried is a part of what it can do. Raises InvalidStructure."""
    page = the_page(pages)
    tables = {
        name: table
        for name, body in sorted(unpacked(page, lambda name: name.endswith(".csv")).items())
        if (table := _table(name, body)) is not None
    }
    reader = _Reader(settings, asked_url(page))
    for name in settings.required:
        if name not in tables:
            raise InvalidStructure(f"{page.name}: {name} is missing; was it renamed?")
    for name, table in tables.items():
        reader.read(name, table)
    reader.cells.require_mostly_good(settings.max_bad_share)
    if not reader.models:
        raise InvalidStructure(f"{page.name}: no file names a model")
    return ParsedPull(
        list(reader.models.values()),
        list(reader.results.values()),
        reader.cells.bad_values,
        skipped={kind: count for kind, count in reader.skipped.items() if count},
    )


class _Reader:
    """Collects the rows of all files."""

    def __init__(self, settings: SourceSettings, url: str) -> None:
        self._settings = settings
        self._url = url
        self.cells = CellReader(_FACTS)
        self.models: dict[str, dict[str, Any]] = {}
        self.results: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.skipped: Counter[str] = Counter()

    def read(self, name: str, table: Table) -> None:
        """Take in one file."""
        rule = self._settings.benchmarks.get(name) or _own_run(name, table)
        if rule is None:
            self.skipped["files without a rule"] += 1
            return
        missing = [column for column in (_MODEL, *rule.scores.values()) if column not in table[0]]
        if missing:
            self.cells.bad[rule.name] += 1
            if name in self._settings.required:
                raise InvalidStructure(f"{name}: {missing[0]} is missing; was it renamed?")
            return
        for row in sorted(table, key=lambda row: list(row.values())):
            model_id = text(row[_MODEL])
            if model_id is None:
                self.skipped["rows without a model"] += 1
                continue
            model = self._model(model_id, row)
            if rule.scaffold_column and text(row.get(rule.scaffold_column)) != rule.scaffold:
                self.skipped["rows of other scaffolds"] += 1
                continue
            for category, column in rule.scores.items():
                self._result(model, rule, category, column, row)

    def _model(self, model_id: str, row: Mapping[str, str]) -> dict[str, Any]:
        """The model's row, with what this file knows of it and no file before did."""
        model = self.models.setdefault(
            model_id,
            {"source_model_id": model_id, "model_name": model_id, "source_url": self._url},
        )
        if model["model_name"] == model_id:
            model["model_name"] = text(row.get("Display name")) or model_id
        facts = self.cells.read({name: cell for name, cell in row.items() if cell.strip()})
        facts["is_open_weights"] = _are_weights_open(row.get("Model accessibility", ""))
        for column, value in facts.items():
            if model.get(column) is None:
                model[column] = value
        return model

    def _result(
        self,
        model: dict[str, Any],
        rule: BenchmarkRule,
        category: str,
        column: str,
        row: Mapping[str, str],
    ) -> None:
        score = self._number("score", row.get(column), rule.scale)
        if score is None:
            return
        key = (model["source_model_id"], rule.name, category)
        known = self.results.get(key)
        if known is not None and known["score"] >= score:
            return
        if rule.column is not None:
            index = scaled(score, 100) if rule.unit == "fraction" else score
            model[rule.column] = self.cells.number(MODELS_SNAPSHOT[rule.column], index)
        self.results[key] = {
            "source_model_id": model["source_model_id"],
            "benchmark_name": rule.name,
            "category": category,
            "score": score,
            "unit": rule.unit,
            "stderr": self._told("stderr", row, rule.stderr, rule.scale),
            "n": self._told("n", row, rule.n, 1),
            "lower": self._told("lower", row, rule.lower, rule.scale),
            "upper": self._told("upper", row, rule.upper, rule.scale),
            "dataset_version": text(row.get(rule.version)) if rule.version else None,
            "verified": rule.verified,
            "source_url": self._url,
        }

    def _told(
        self, column: str, row: Mapping[str, str], path: str | None, scale: float
    ) -> float | int | None:
        return None if path is None else self._number(column, row.get(path), scale)

    def _number(self, column: str, written: str | None, scale: float) -> float | int | None:
        value = scaled(written.strip(), scale) if written and written.strip() else None
        return self.cells.optional_number(BENCHMARK_RESULTS[column], value)


def _own_run(name: str, table: Table) -> BenchmarkRule | None:
    """How a file of Epoch's own runs is read that has no rule yet."""
    if not table[0].keys() >= _OWN_RUN:
        return None
    scores = [scaled(row["mean_score"]) for row in table]
    if not all(isinstance(score, float) and 0 <= score <= 1 for score in scores):
        return None
    return BenchmarkRule(
        name=name.removesuffix(".csv"), scores={"other": "mean_score"}, stderr="stderr"
    )


def _are_weights_open(accessibility: str) -> bool | None:
    told = accessibility.strip().lower()
    return True if told.startswith(_OPEN) else False if told.startswith(_CLOSED) else None


def _table(name: str, body: bytes) -> Table | None:
    """The rows of a CSV file by column; None where it has none. Raises InvalidStructure."""
    try:
        reader = csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""), restval="")
        if len(reader.fieldnames or ()) > _MAX_COLUMNS:
            raise InvalidStructure(f"{name}: more than {_MAX_COLUMNS} columns")
        rows = list(islice(_rows(reader), _MAX_ROWS + 1))
    except (csv.Error, UnicodeDecodeError) as error:
        raise InvalidStructure(f"{name}: no CSV: {error}") from None
    if len(rows) > _MAX_ROWS:
        raise InvalidStructure(f"{name}: more than {_MAX_ROWS} rows")
    return rows or None


def _rows(reader: csv.DictReader[str]) -> Iterator[dict[str, str]]:
    for row in reader:
        # Cells beyond the header have no column to belong to.
        row.pop(None, None)
        yield row
