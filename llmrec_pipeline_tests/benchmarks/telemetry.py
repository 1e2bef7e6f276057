"""`python -m llmrec_pipeline_tests.benchmarks.telemetry`: what figures of our own calls cost.

Generates events into Parquet partitions, a day at a time, and reports our aggregation (names asked
for, and the statistics) beside a hand-written DuckDB query of the same statistics and joins on the
same files; then windows of a third and of all of the days, and a third with twice the history beside
it. Every figure is of a process of its own. Progress goes to stderr; the files are removed.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import duckdb

from llmrec_pipeline.domain.usage_names import UsageNames
from llmrec_pipeline.domain.usage_prices import DatedPrice, ServedName, Terms, Window
from llmrec_pipeline.locations import Locations
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.storage.usage_engines import open_usage_events
from llmrec_pipeline.storage.usage_seals import SEAL, UNSEALED, seal
from llmrec_pipeline.storage.usage_stats import compute
from llmrec_pipeline_tests.benchmarks.apart import apart
from llmrec_pipeline_tests.benchmarks.figure import Figure, Goal, progress

SIZES = (10_000_000, 100_000_000)
DAYS = 30
GOAL_RATIO, GOAL_MIB = Goal(1.2), Goal(4_096)
_MODELS = 20
_START = datetime(2026, 9, 1, tzinfo=UTC)
_WHOLE = Window(_START, _START + timedelta(days=DAYS))
_REPRICED = timedelta(days=15, hours=3)
_TIER_ABOVE = 8_000
_HOSTS = ("openai", "anthropic", "google", "mistral")
_GENERATE = """
COPY (
    WITH drawn AS (
        SELECT i, hash(i) AS h, hash(i + 1000000007) AS g FROM range({first}, {last}) AS r(i)
    ),
    uniform AS (
        SELECT
            i,
            (h & 65535) / 65536.0 AS a,
            ((h >> 16) & 65535) / 65536.0 AS b,
            ((h >> 32) & 65535) / 65536.0 AS c,
            ((h >> 48) & 65535) / 65536.0 AS d,
            (g & 1048575) / 1048576.0 AS e,
            ((g >> 20) & 1048575) / 1048576.0 AS f
        FROM drawn
    )
    SELECT
        'bench' AS source,
        i::VARCHAR AS event_id,
        $day::TIMESTAMPTZ + to_microseconds((i - {first}) * 86400000000 // {n}) AS started_at,
        'chat' AS operation_name,
        {hosts}[1 + i % 4] AS provider_name,
        'model-' || (i % {models}) AS request_model,
        'model-' || (i % {models}) AS response_model,
        exp(6 + a * 3)::BIGINT AS input_tokens,
        exp(4 + b * 3)::BIGINT AS output_tokens,
        CASE WHEN c < 0.3 THEN exp(5 + a)::BIGINT END AS cache_read_input_tokens,
        NULL::BIGINT AS cache_creation_input_tokens,
        NULL::BIGINT AS reasoning_output_tokens,
        NULL::BIGINT AS total_tokens,
        0.2 + e AS time_to_first_chunk_s,
        1.5 + f * 20 AS duration_s,
        NULL::VARCHAR AS finish_reasons,
        NULL::VARCHAR AS conversation_id,
        NULL::VARCHAR AS agent_name,
        ['builder', 'auditor', 'doctor', 'tidy'][1 + (d * 1000)::BIGINT % 4] AS role,
        NULL::VARCHAR AS task_type,
        CASE WHEN d < 0.03 THEN 'error' ELSE 'ok' END AS status,
        NULL::VARCHAR AS error_type,
        (d > 0.95)::BIGINT AS retries,
        NULL::VARCHAR AS evaluation_name,
        NULL::DOUBLE AS evaluation_score,
        NULL::VARCHAR AS evaluation_label,
        NULL::DOUBLE AS cost_usd,
        NULL::VARCHAR AS user_hash,
        1::BIGINT AS calls
    FROM uniform
) TO '{path}' (FORMAT parquet, COMPRESSION snappy, KV_METADATA {seal})
"""
# As one would write it by hand: names joined, then prices.
_BY_HAND = """
SELECT
    n.provider, n.model, coalesce(e.role, 'unspecified') AS role,
    sum(e.calls), sum(e.retries), sum(e.input_tokens), sum(e.output_tokens),
    sum(e.cache_read_input_tokens),
    sum(coalesce(e.total_tokens, e.input_tokens + e.output_tokens)),
    sum(e.calls) FILTER (e.status = 'ok'),
    sum(e.calls) FILTER (e.status IN ('ok', 'error')),
    sum((
        (e.input_tokens - coalesce(e.cache_read_input_tokens, 0)) * p.input_price
        + coalesce(e.cache_read_input_tokens, 0) * p.cached_price
        + e.output_tokens * p.output_price
    ) / 1e6),
    sum(e.calls) FILTER (p.input_price IS NULL),
    sum(e.calls) FILTER (e.input_tokens IS NULL),
    sum(e.cost_usd),
    quantile_cont(coalesce(e.total_tokens, e.input_tokens + e.output_tokens), [0.5, 0.9])
        FILTER (e.calls = 1),
    quantile_cont(e.duration_s, [0.5, 0.9]) FILTER (e.calls = 1),
    quantile_cont(e.time_to_first_chunk_s, [0.5, 0.9]) FILTER (e.calls = 1),
    quantile_cont(e.output_tokens / (e.duration_s - e.time_to_first_chunk_s), [0.5, 0.9])
        FILTER (e.calls = 1)
FROM read_parquet($paths) AS e
LEFT JOIN names AS n
    ON coalesce(e.provider_name, '') = n.provider
    AND coalesce(e.response_model, e.request_model) = n.name
LEFT JOIN prices AS p
    ON n.model = p.model
    AND e.started_at >= p.since AND e.started_at < p.until
    AND e.input_tokens >= p.input_from AND e.input_tokens < p.input_below
WHERE e.started_at >= $start AND e.started_at < $end
GROUP BY ALL
"""


class Cost(NamedTuple):
    """Of one run, in a process of its own."""

    seconds: float
    processor_s: float
    peak_mib: float


class _Names(UsageNames):
    """Names that need no rules."""

    def __init__(self) -> None:
        """Nothing is looked up."""

    def served(self, provider_name: str, model_name: str) -> ServedName:
        return ServedName(
            provider_name, model_name, provider_name, f"{provider_name}/{model_name}", is_known=True
        )

    def doubt(self, served: ServedName) -> None:
        """Nobody is in doubt."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Generate, measure, print, for each size."""
    parser = argparse.ArgumentParser(
        prog="python -m llmrec_pipeline_tests.benchmarks.telemetry", description=__doc__
    )
    parser.add_argument("--events", type=int, nargs="+", default=SIZES, help="events of 30 days")
    parser.add_argument("--repeat", type=int, default=3, help="runs behind each median")
    parser.add_argument("--folder", type=Path, help="where to generate; about 25 bytes an event")
    chosen = parser.parse_args(arguments)
    for events in chosen.events:
        with tempfile.TemporaryDirectory(prefix="llmrec-telemetry-", dir=chosen.folder) as folder:
            sys.stdout.write(_report(Path(folder), events, chosen.repeat))


def figures(sizes: Sequence[int] = SIZES, repetitions: int = 3) -> list[Figure]:
    """Our aggregation of a whole window beside the query by hand, for each number of events. The goals
    are of the largest, where what is done once weighs least."""
    return [figure for events in sizes for figure in _figures(events, repetitions, max(sizes))]


def _figures(events: int, repetitions: int, largest: int) -> list[Figure]:
    is_judged = events == largest
    with tempfile.TemporaryDirectory(prefix="llmrec-telemetry-") as folder:
        _generate(Path(folder), events, _START)
        ours, by_hand = _alternately(Path(folder), _WHOLE, repetitions, _ours, _by_hand)
    return [
        Figure(
            f"figures of {events:,} calls",
            *(ours.seconds, "s", "SQL by hand", by_hand.seconds, GOAL_RATIO if is_judged else None),
        ),
        Figure("  their peak memory", ours.peak_mib, "MiB", goal=GOAL_MIB if is_judged else None),
    ]


def _report(data: Path, events: int, repetitions: int) -> str:
    third = Window(_WHOLE.end - timedelta(days=DAYS // 3), _WHOLE.end)
    _generate(data, events, _START)
    ours, by_hand = _alternately(data, _WHOLE, repetitions, _ours, _by_hand)
    (of_third,) = _alternately(data, third, repetitions, _ours)
    _generate(data, events, _START - timedelta(days=DAYS))
    (beside,) = _alternately(data, third, repetitions, _ours)
    rows = [
        ("ours", ours, ours),
        ("by hand", by_hand, ours),
        ("ours, a third of the days", of_third, ours),
        ("  with twice the history", beside, of_third),
    ]
    lines = [
        f"{events:,} events of {DAYS} days; median of {repetitions}",
        f"{'':28}{'seconds':>10}{'processor s':>13}{'peak MiB':>10}",
        *(
            f"{name:28}{cost.seconds:10.1f}{cost.processor_s:13.1f}{cost.peak_mib:10.0f}"
            for name, cost, _ in rows
        ),
        f"Ours over by hand: {ours.seconds / by_hand.seconds:.2f} of the time "
        f"(processor {ours.processor_s / by_hand.processor_s:.2f}); goal {GOAL_RATIO}, and "
        f"{GOAL_MIB} MiB.",
        f"A third of the window: {of_third.seconds / ours.seconds:.2f} of the time; twice the history "
        f"beside it: {beside.seconds / of_third.seconds:.2f}.",
        f"{platform.machine()}, {os.cpu_count()} cores, DuckDB {duckdb.__version__}.",
    ]
    return "\n".join(lines) + "\n\n"


def _generate(data: Path, events: int, start: datetime) -> None:
    """A file for each of thirty days, in constant memory."""
    per_day = events // DAYS
    folder = _locations(data).usage_events
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute("SET preserve_insertion_order = false")
        con.execute("SET enable_progress_bar = false")
        for number in range(DAYS):
            day = start + timedelta(days=number)
            partition = folder / f"day={day.date().isoformat()}"
            partition.mkdir(parents=True)
            path = partition / "events.parquet"
            text = _GENERATE.format(
                first=number * per_day,
                last=(number + 1) * per_day,
                n=max(per_day, 1),
                hosts=list(_HOSTS),
                models=_MODELS,
                path=path,
                seal=f"{{{SEAL}: '{UNSEALED}'}}",
            )
            con.execute(text.replace("$day", f"'{day.isoformat()}'"))
            seal(path)
    progress(f"{events:,} events from {start.date().isoformat()} on: written")


def _alternately(
    data: Path, window: Window, repetitions: int, *runs: Callable[[Path, Window], Cost]
) -> list[Cost]:
    """The runs in turn, so that whatever else the machine does falls on all alike."""
    costs: dict[Callable[[Path, Window], Cost], list[Cost]] = {run: [] for run in runs}
    for number in range(repetitions):
        for run in runs:
            costs[run].append(apart(run, data, window))
            progress(f"{run.__name__.strip('_')}, {number + 1} of {repetitions}: {costs[run][-1]}")
    return [
        Cost(
            statistics.median(cost.seconds for cost in told),
            statistics.median(cost.processor_s for cost in told),
            max(cost.peak_mib for cost in told),
        )
        for told in costs.values()
    ]


def _ours(data: Path, window: Window) -> Cost:
    tiers = {
        since: tuple(
            Terms(*(Decimal(price) * times for price in prices), above_input_tokens=above)
            for above, times in ((0, 1), (_TIER_ABOVE, 2))
        )
        for since, *prices in _price_changes()
    }
    dated = [DatedPrice(since, terms) for since, terms in tiers.items()]
    config = load_settings({}).telemetry
    with open_usage_events(_locations(data), config, {}) as engine:
        started = time.perf_counter(), time.process_time()
        computed = compute(
            engine,
            window,
            _Names(),
            lambda served: {(name.provider, name.model): dated for name in served},
            config,
        )
    if len(computed.stats) != _MODELS * 4 or any(
        row.est_cost_usd is None for row in computed.stats
    ):
        raise RuntimeError("the figures are not those of all models and roles")
    return _cost(started)


def _by_hand(data: Path, window: Window) -> Cost:
    paths = [
        str(_locations(data).usage_events / f"day={day.isoformat()}" / "events.parquet")
        for day in (window.start.date() + timedelta(days=n) for n in range(window.days))
    ]
    config = load_settings({}).telemetry
    with duckdb.connect(config={"threads": config.threads}) as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute("SET preserve_insertion_order = false")
        con.execute("SET enable_progress_bar = false")
        con.execute("CREATE TABLE names (provider VARCHAR, name VARCHAR, model VARCHAR)")
        con.execute(
            "CREATE TABLE prices (model VARCHAR, since TIMESTAMPTZ, until TIMESTAMPTZ, "
            "input_from BIGINT, input_below BIGINT, input_price DOUBLE, output_price DOUBLE, "
            "cached_price DOUBLE)"
        )
        changes = _price_changes()
        ends = [change[0] for change in changes[1:]] + [_START + timedelta(days=DAYS)]
        for number in range(_MODELS):
            host = _HOSTS[number % len(_HOSTS)]
            model = f"{host}/model-{number}"
            con.execute("INSERT INTO names VALUES (?, ?, ?)", [host, f"model-{number}", model])
            for (since, *prices), until in zip(changes, ends, strict=True):
                for low, high, times in ((0, _TIER_ABOVE + 1, 1), (_TIER_ABOVE + 1, 2**62, 2)):
                    told = [float(price) * times for price in prices]
                    con.execute(
                        "INSERT INTO prices VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                        [model, since, until, low, high, *told],
                    )
        started = time.perf_counter(), time.process_time()
        rows = con.execute(
            _BY_HAND, {"paths": paths, "start": window.start, "end": window.end}
        ).fetchall()
    if len(rows) != _MODELS * 4:
        raise RuntimeError("the query does not answer for all models and roles")
    return _cost(started)


def _price_changes() -> list[tuple[datetime, str, str, str]]:
    """Since when, and input, output and cached input for a million tokens."""
    return [
        (_START - timedelta(days=2 * DAYS), "1.25", "10", "0.125"),
        (_START + _REPRICED, "1", "8", "0.1"),
    ]


def _cost(started: tuple[float, float]) -> Cost:
    return Cost(
        time.perf_counter() - started[0],
        time.process_time() - started[1],
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def _locations(data: Path) -> Locations:
    return Locations(data=data, config=load_settings({}).locations.config, offline=True)


if __name__ == "__main__":
    main()
