"""`python -m llmrec_pipeline_tests.benchmarks`: every benchmark, one table, and a page of results.

Prints our figure, what it is compared with, the ratio, the goal and whether it is met, and writes
the same to `llmrec_pipeline_tests/results/benchmarks.md` with the machine's description. A run of
some benchmarks only prints. Progress goes to stderr. `python -m
llmrec_pipeline_tests.benchmarks.NAME` tells more of one, where it has a module of that name.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from llmrec_pipeline_tests.benchmarks import (
    api,
    audit_speed,
    dagster_steps,
    many_rankings,
    reading,
    refresh,
    report,
    starting,
    telemetry,
)
from llmrec_pipeline_tests.benchmarks.figure import Benchmark, Figure, progress, table
from llmrec_pipeline_tests.measured_on import measured_on

RESULTS = Path(__file__).parents[1] / "results" / "benchmarks.md"
_LIBRARIES = ("dagster", "duckdb", "polars", "numpy", "pydantic", "fastapi", "ibis-framework")
BENCHMARKS = (
    Benchmark("imports", "import time of each entry point", starting.imports),
    Benchmark(
        "cold",
        "a cold `llmrec recommend` beside the import of polars",
        starting.cold_answer,
        found="Declaring the flags of commands that were not called took longer than an answer, and "
        "typer from 0.26 on imports pydantic: only the called command is declared, and an earlier "
        "typer is held. The edition was read twice, before and after asking whether it is stale, and "
        "its content searched for garbage meanwhile.",
        next_step="A third of it is reading the edition's ranking file, half of which is the consensus of "
        "task types that were not asked for; they could be read when they are. Typer and click are "
        "half of what is imported.",
    ),
    Benchmark(
        "dagster",
        "what Dagster adds to each step of a refresh",
        dagster_steps.figures,
        found="A run has some 155 events, and Dagster commits them to its SQLite one by one (418 "
        "commits): that is half of what it adds.",
        next_step="Fewer checks as events of their own, or Dagster's storage on PostgreSQL.",
    ),
    Benchmark(
        "ranking",
        "many requests at once beside a numpy product of the same shape",
        many_rankings.figures,
        found="Sorting whole rankings took most of the time: only the first are found, by partition. Both "
        "sides are the least of fifteen runs in turn: the product ends in hundredths of a second.",
        next_step="Each request is scored by a call of its own; weights could be columns too.",
    ),
    Benchmark(
        "reading",
        "the longest requests, and the names of publishers",
        reading.figures,
        found="Each figure is the least of nine runs.",
    ),
    Benchmark(
        "api",
        "answers over HTTP beside a constant route",
        api.figures,
        found="A quarter of the time of an answer given before went into writing its record out as "
        "JSON again: that is kept with the answer. The constant route is /healthz, behind the same "
        "gate (id, metrics, log line); a bare route of FastAPI stands beside it. New words are read "
        "and ranked anew, for which there is no goal.",
        next_step="The client shares the cores with the server; a client on a machine of its own.",
    ),
    Benchmark(
        "report",
        "the report of an edition after two years of pulls",
        report.figures,
        next_step="A profile of the content beside that of the page.",
        measure_small=partial(report.figures, pulls=200, models=300),
    ),
    Benchmark(
        "audit",
        "an audit of a tree of a million lines",
        audit_speed.figures,
        found="Where every file names a model, Python's own tokenizer takes nearly all of the time.",
        measure_small=partial(audit_speed.figures, lines=100_000),
    ),
    Benchmark(
        "telemetry",
        "figures of our own calls beside SQL by hand",
        telemetry.figures,
        found="Multiplying decimals took engines as long as the join and the reading together: prices "
        "are taken apart, so that sums stay exact in 64 bits. Half of the rest is quantiles, which "
        "order whole numbers of 32 bits faster than floats; names are grouped as they are written, "
        "and what is summed under a condition is told before.",
        next_step="Our names are asked for in a scan of their own, which SQL by hand spares: each day's "
        "file could tell its names. The join compares texts that are made for it; keys that the "
        "importer writes would spare that.",
        measure_small=partial(telemetry.figures, sizes=telemetry.SIZES[:1]),
    ),
    Benchmark(
        "refresh",
        "one refresh after ten years of pulls beside one after ten pulls",
        refresh.figures,
        found="The values of each measure were counted over the rows of all years at each refresh: they "
        "are counted once, as their file is loaded. Gone models, of which years leave many, were told "
        "at full length in each edition. The sensor read the logs of all years at each question: a "
        "log that has not changed is read once. The month under way is written anew each time: what "
        "a month of pulls costs stands apart, and both lakes end as a month begins.",
        next_step="Which values froze a population is read from blocks of bronze of all years, which "
        "DuckDB keeps for a while; they could be kept apart. The month under way is one file, written "
        "anew; one a day would end that, but change what readers of history find. Which step of a refresh grows, "
        "`python -m llmrec_pipeline_tests.benchmarks.refresh` tells.",
        measure_small=partial(refresh.figures, pulls=1_000, repetitions=3),
    ),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write the page where all were measured."""
    parser = argparse.ArgumentParser(
        prog="python -m llmrec_pipeline_tests.benchmarks", description=__doc__
    )
    names = [benchmark.name for benchmark in BENCHMARKS]
    parser.add_argument("--only", choices=names, action="append", help="measure this one")
    parser.add_argument("--quick", action="store_true", help="smaller cases; the table tells them")
    parser.add_argument("--list", action="store_true", help="name the benchmarks and end")
    chosen = parser.parse_args(arguments)
    if chosen.list:
        sys.stdout.write("".join(f"{each.name:12}{each.about}\n" for each in BENCHMARKS))
        return
    wanted = [each for each in BENCHMARKS if not chosen.only or each.name in chosen.only]
    started = time.perf_counter()
    measured: dict[Benchmark, Sequence[Figure]] = {}
    for benchmark in wanted:
        measured[benchmark] = _measure(benchmark, quick=chosen.quick)
        if not chosen.only:
            # Each time, so that a run that is stopped leaves what it measured.
            RESULTS.parent.mkdir(exist_ok=True)
            seconds = time.perf_counter() - started
            RESULTS.write_text(_page(measured, seconds, quick=chosen.quick), "utf-8")
    sys.stdout.write(_table(measured))


def _table(measured: Mapping[Benchmark, Sequence[Figure]]) -> str:
    return table([figure for figures in measured.values() for figure in figures])


def _measure(benchmark: Benchmark, *, quick: bool) -> Sequence[Figure]:
    started = time.perf_counter()
    progress(f"{benchmark.name}: {benchmark.about}")
    figures = ((quick and benchmark.measure_small) or benchmark.measure)()
    progress(f"{benchmark.name}: {time.perf_counter() - started:.0f} s")
    return figures


def _page(measured: Mapping[Benchmark, Sequence[Figure]], seconds: float, *, quick: bool) -> str:
    short = [
        f"- {benchmark.name}: {benchmark.next_step}"
        for benchmark, figures in measured.items()
        if any(figure.is_met is False for figure in figures)
    ]
    parts = [
        "# Benchmarks",
        f"Written by `make bench` on {datetime.now(UTC):%Y-%m-%d}, in {seconds / 60:.0f} minutes"
        f"{', of smaller cases (`--quick`)' if quick else ''}. Ratios are within this run; no test "
        "asserts a speed.",
        measured_on(_LIBRARIES),
        _table(measured).rstrip(),
    ]
    if missing := [benchmark.name for benchmark in BENCHMARKS if benchmark not in measured]:
        parts.append(f"The run was stopped before: {', '.join(missing)}.")
    if short:
        parts += ["## Short of the goal, and the next step", "\n".join(short)]
    found = [f"- {benchmark.name}: {benchmark.found}" for benchmark in measured if benchmark.found]
    parts += ["## What profiles showed", "\n".join(found)]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
