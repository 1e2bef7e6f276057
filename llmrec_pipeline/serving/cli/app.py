"""The commands and their flags. Bodies are one call; the work is in the verb modules."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from llmrec_pipeline.serving.cli.output import Format, PageFormat, ReportFormat

app = typer.Typer(
    name="llmrec",
    help="Which LLM to use for a job, and the evidence.",
    epilog=(
        "Exit codes: 0 done, 1 failed, 2 wrong call or input, 3 nothing left to recommend, "
        "4 no edition, 5 wrong setting, 6 another process is in the way."
    ),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def _group() -> None:
    # A group by its own declaration: typer would take the only command that is kept for the whole.
    pass


identity = typer.Typer(
    help="Which model a name means, who decides it, and what a key stands for.",
    no_args_is_help=True,
)
app.add_typer(identity, name="identity")
db = typer.Typer(
    help="The evidence store's database: its schema, brought up to date and checked.",
    no_args_is_help=True,
)
app.add_typer(db, name="db")
intel = typer.Typer(
    help="Catalogue, evidence and upgrade advice that a person decides on.",
    no_args_is_help=True,
)
app.add_typer(intel, name="intel")
telemetry = typer.Typer(
    help="Our own calls to models: taken in from the logs that tell of them, and summed up.",
    no_args_is_help=True,
)
app.add_typer(telemetry, name="telemetry")
alerts = typer.Typer(
    help="What deserves attention in the current edition, and whom it was told.",
    no_args_is_help=True,
)
app.add_typer(alerts, name="alerts")
learn = typer.Typer(
    help="What our own outcomes teach beside the benchmarks.",
    no_args_is_help=True,
)
app.add_typer(learn, name="learn")
users = typer.Typer(
    help="Users and teams, and the answers that they were given.",
    no_args_is_help=True,
)
app.add_typer(users, name="users")

report = typer.Typer(
    help="The report of an edition, as one HTML file and as Markdown.",
    no_args_is_help=True,
)
app.add_typer(report, name="report")
workload = typer.Typer(
    help="What a workload of ours costs, model by model.",
    no_args_is_help=True,
)
app.add_typer(workload, name="workload")

FormatOption = Annotated[
    Format | None,
    typer.Option("--format", help="json or table; JSON when piped, a table on a terminal."),
]
EditionOption = Annotated[
    str | None, typer.Option("--edition", help="An edition instead of the current one.")
]
AsOfOption = Annotated[
    str | None,
    typer.Option("--as-of", help="Only pulls observed by then: a day (its end) or a time, UTC."),
]
KnownAtOption = Annotated[
    str | None, typer.Option("--known-at", help="Only pulls that had landed by then.")
]


@app.command()
def recommend(
    text: Annotated[str, typer.Argument(help="What the model is for, in words.")],
    topk: Annotated[
        int | None,
        typer.Option(min=1, help="How many models to name; else the text's number, else 5."),
    ] = None,
    max_price_per_1m: Annotated[
        float | None, typer.Option(help="Highest input price, USD per 1M tokens.")
    ] = None,
    min_context: Annotated[int | None, typer.Option(help="Smallest context, tokens.")] = None,
    provider_allowlist: Annotated[
        str | None, typer.Option(help='Only these creators: "openai,google".')
    ] = None,
    provider_denylist: Annotated[str | None, typer.Option(help="None of these creators.")] = None,
    host: Annotated[
        str | None, typer.Option(help="Prices and limits of this host, not of the creator's own.")
    ] = None,
    capabilities: Annotated[
        str | None,
        typer.Option(
            help="What the model must be known to have: tools, vision, structured_output, "
            "reasoning, open_weights."
        ),
    ] = None,
    task_type: Annotated[
        str | None, typer.Option(help="Task type, instead of the one read from the text.")
    ] = None,
    priority: Annotated[
        str | None, typer.Option(help="none, quality, speed or cost, instead of the text's.")
    ] = None,
    missing_policy: Annotated[
        str | None,
        typer.Option(
            help="penalize (default): a missing price or speed is worst; neutral: middle."
        ),
    ] = None,
    scorer: Annotated[
        str | None, typer.Option(help="anchored_v1, single_measure_v1 or weighted_v1.")
    ] = None,
    quality_basis: Annotated[
        str | None,
        typer.Option(help="consensus: all measures of all publishers; measure: one of them."),
    ] = None,
    edition: EditionOption = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    no_refresh: Annotated[
        bool, typer.Option("--no-refresh", help="Answer from what is there.")
    ] = False,
    force_refresh: Annotated[
        bool, typer.Option("--force-refresh", help="Refresh first, however fresh the data is.")
    ] = False,
    user: Annotated[
        str | None, typer.Option(help="Keep the answer in the history of this user or team.")
    ] = None,
    understanding: Annotated[
        str,
        typer.Option(help="words: quick to start; full: with a sentence embedding (extra)."),
    ] = "words",
    format: FormatOption = None,
) -> None:
    """Rank models for a job described in words.

    Example: llmrec recommend "python debugging, prefer quality, budget $5/1M tokens" --topk 3
    """
    from llmrec_pipeline.serving.at_time import Asked
    from llmrec_pipeline.serving.cli import recommending

    raise typer.Exit(
        recommending.answer(
            text,
            recommending.Flags(
                topk=topk,
                max_price_per_1m=max_price_per_1m,
                min_context=min_context,
                provider_allowlist=provider_allowlist,
                provider_denylist=provider_denylist,
                host=host,
                capabilities=capabilities,
                task_type=task_type,
                priority=priority,
                missing_policy=missing_policy,
                scorer=scorer,
                asked=Asked(edition, as_of, known_at),
                quality_basis=quality_basis,
                no_refresh=no_refresh,
                force_refresh=force_refresh,
                user=user,
                understanding=understanding,
            ),
            format,
        )
    )


@app.command()
def parse(
    text: Annotated[
        str,
        typer.Argument(
            help='A request in words; - reads one, or JSON {"text"}, a line of stdin; a blank line'
            " gives no output."
        ),
    ],
    understanding: Annotated[
        str | None,
        typer.Option(
            help="words, or full with a sentence embedding; full where the extra is installed."
        ),
    ] = None,
    format: FormatOption = None,
) -> None:
    """Show what a request in words is understood to ask for, and what is ignored.

    Example: llmrec parse "cheap model for SQL, 128k context, no xAI"

    Example: llmrec parse - < requests.txt > understood.jsonl
    """
    from llmrec_pipeline.serving.cli import parsing

    raise typer.Exit(parsing.answer(text, understanding, format))


NoWait = Annotated[
    bool, typer.Option("--no-wait", help="Leave at once (exit 6) when another run is under way.")
]


@app.command()
def run(no_wait: NoWait = False, format: FormatOption = None) -> None:
    """Pull every source and publish an edition: ingest, then refresh.

    Example: llmrec run
    """
    from llmrec_pipeline.serving.cli import running

    raise typer.Exit(running.run(("ingest", "refresh"), wait=not no_wait, wanted=format))


@app.command()
def ingest(no_wait: NoWait = False, format: FormatOption = None) -> None:
    """Pull every source into the lake.

    Example: llmrec ingest
    """
    from llmrec_pipeline.serving.cli import running

    raise typer.Exit(running.run(("ingest",), wait=not no_wait, wanted=format))


@app.command()
def refresh(no_wait: NoWait = False, format: FormatOption = None) -> None:
    """Derive tables and rankings from the lake and publish them.

    Example: llmrec refresh
    """
    from llmrec_pipeline.serving.cli import running

    raise typer.Exit(running.run(("refresh",), wait=not no_wait, wanted=format))


@app.command()
def rebuild(no_wait: NoWait = False, format: FormatOption = None) -> None:
    """Throw the warehouse away and derive it anew from the lake; the content is the same.

    Example: llmrec rebuild
    """
    from llmrec_pipeline.serving.cli import running

    raise typer.Exit(running.rebuild(wait=not no_wait, wanted=format))


@app.command()
def backfill(
    source: Annotated[str, typer.Argument(help="Whose responses they are, as in `sources`.")],
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="Files of one page each, folders named by a moment (one pull, its files are the "
            "pages), or folders with both. A moment is YYYY-MM-DD or 2026-03-01T06-00-00Z, in UTC; "
            "files may be gzipped.",
        ),
    ],
    at: Annotated[
        str | None, typer.Option(help="When it was observed, of one capture without a name.")
    ] = None,
    no_refresh: Annotated[
        bool, typer.Option("--no-refresh", help="Only land; the next refresh takes them up.")
    ] = False,
    no_wait: NoWait = False,
    format: FormatOption = None,
) -> None:
    """Take in raw responses that were captured earlier, in any order, and refresh.

    What is there already is left as it is. A capture that cannot be taken is named on stderr, and
    the others land; the exit code is then 2.

    Example: llmrec backfill artificial_analysis captures/aa-2026-03-01.json captures/february
    """
    from llmrec_pipeline.serving.cli import backfilling

    raise typer.Exit(
        backfilling.backfill(
            source, paths, at, refresh=not no_refresh, wait=not no_wait, wanted=format
        )
    )


@app.command()
def models(
    search: Annotated[str | None, typer.Argument(help="Part of a key or a name.")] = None,
    provider: Annotated[str | None, typer.Option(help="Only this creator.")] = None,
    all: Annotated[bool, typer.Option("--all", help="Also models no longer listed.")] = False,
    edition: EditionOption = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    format: FormatOption = None,
) -> None:
    """List models with price, context, speed and measures.

    Example: llmrec models opus --format table
    """
    from llmrec_pipeline.serving.at_time import Asked
    from llmrec_pipeline.serving.cli import reading

    asked = Asked(edition, as_of, known_at)
    raise typer.Exit(reading.models(search, provider, all, asked, format))


ProvidersOption = Annotated[
    str | None,
    typer.Option("--providers", help="env: whose keys are set; or a list: openai,google."),
]


@app.command()
def top(
    category: Annotated[
        str, typer.Argument(help="coding, math, reasoning, research, empathy or general.")
    ],
    providers: ProvidersOption = None,
    top_n: Annotated[int, typer.Option("--top-n", min=1, help="How many models.")] = 3,
    edition: EditionOption = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    format: FormatOption = None,
) -> None:
    """Name the best models of a category by blended scores.

    Example: llmrec top coding --providers openai,anthropic --top-n 5
    """
    from llmrec_pipeline.serving.at_time import Asked
    from llmrec_pipeline.serving.cli import choosing

    asked = Asked(edition, as_of, known_at)
    raise typer.Exit(choosing.top(category, providers, top_n, asked, format))


@app.command()
def provider(
    text: Annotated[str, typer.Argument(help="A category, or the job in words.")],
    providers: ProvidersOption = None,
    format: FormatOption = None,
) -> None:
    """Choose whom to call for a category or a job; a choice stands for hours.

    Example: llmrec provider "prove a theorem" --providers env
    """
    from llmrec_pipeline.serving.cli import choosing

    raise typer.Exit(choosing.provider(text, providers, format))


@app.command()
def sources(format: FormatOption = None) -> None:
    """Say for each source where its data comes from, how old it is, and what went wrong last.

    Example: llmrec sources
    """
    from llmrec_pipeline.serving.cli import reading

    raise typer.Exit(reading.sources(format))


@app.command()
def editions(format: FormatOption = None) -> None:
    """List the published editions, newest first.

    Example: llmrec editions
    """
    from llmrec_pipeline.serving.cli import reading

    raise typer.Exit(reading.editions(format))


@app.command()
def explain(
    model: Annotated[str, typer.Argument(help="A model's key, or its name.")],
    task: Annotated[str, typer.Option("--task", help="Task type.")] = "general",
    edition: EditionOption = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    format: FormatOption = None,
) -> None:
    """Take a model's score apart: every measure with publisher, pull, value, population, weight
    and contribution, down to the raw page.

    Example: llmrec explain anthropic/claude-opus-4-5 --task coding
    """
    from llmrec_pipeline.serving.at_time import Asked
    from llmrec_pipeline.serving.cli import explaining

    asked = Asked(edition, as_of, known_at)
    raise typer.Exit(explaining.explain_model(model, task, asked, format))


@app.command()
def diff(
    before: Annotated[str, typer.Argument(help="An edition, `current`, or a time.")],
    after: Annotated[str, typer.Argument(help="Another.")],
    known_at: KnownAtOption = None,
    format: FormatOption = None,
) -> None:
    """Say what changed: models new, gone and repriced, places won and lost, measures rebased.

    Example: llmrec diff 2026-11-01 2026-11-21
    """
    from llmrec_pipeline.serving.cli import diffing

    raise typer.Exit(diffing.diff(before, after, known_at, format))


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="One SELECT over the edition's tables.")],
    edition: EditionOption = None,
    format: FormatOption = None,
) -> None:
    """Query an edition, read-only. Tables: models_latest, model_offerings, price_conflicts,
    measures_latest, measure_readings, measure_populations, consensus, silver_models,
    benchmark_results, task_rankings, category_rankings, market_changes, market_changes_month, pulls,
    models_history, model_identity_map, model_identity_review, key_redirects, source_names,
    use_cases, decisions, manual_benchmarks, model_recommendations, model_runtime_stats; and
    source_usage, the requests made.

    Example: llmrec sql "select model_name, price_input_per_1m from models_latest limit 5"
    """
    from llmrec_pipeline.serving.cli import querying

    raise typer.Exit(querying.sql(query, edition, format))


@app.command()
def audit(
    path: Annotated[Path, typer.Argument(help="A folder, or one file.")] = Path(),
    glob: Annotated[
        list[str] | None,
        typer.Option(help='Only these files, as in .gitignore: "*.py". May be given again.'),
    ] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            help="A model string that must not be there; its other names neither. May be given "
            "again."
        ),
    ] = None,
    include_comments: Annotated[
        bool, typer.Option("--include-comments", help="Fail on comments and docs too.")
    ] = False,
    format: FormatOption = None,
) -> None:
    """List the model strings of a code tree: where they stand, which are deprecated, and what
    follows those. Exit code 1 where a string of --fail-on stands in code.

    Example: llmrec audit --glob "*.py" --fail-on "glm-4.6" src
    """
    from llmrec_pipeline.serving.cli import auditing

    asked = auditing.AuditRequest(path, glob or (), fail_on or (), include_comments)
    raise typer.Exit(auditing.audit(asked, format))


@app.command("rank-quality")
def rank_quality(
    trials: Annotated[int, typer.Option(min=1, help="Random pools to try each scorer on.")] = 320,
    edition: EditionOption = None,
    format: FormatOption = None,
) -> None:
    """Measure each method of consensus and each scorer: how well it predicts measures that it has
    not seen, and how firm its answers are.

    Example: llmrec rank-quality --format table
    """
    from llmrec_pipeline.serving.cli import rank_quality as measuring

    raise typer.Exit(measuring.rank_quality(trials, edition, format))


@app.command()
def doctor(format: FormatOption = None) -> None:
    """Check settings, folders, warehouse, edition and sources, and say what to mend.

    Example: llmrec doctor
    """
    from llmrec_pipeline.serving.cli import doctoring

    raise typer.Exit(doctoring.doctor(format))


@app.command()
def schema(
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="[COMMAND...]", help="Its words; without one, the commands."),
    ] = None,
    format: FormatOption = None,
) -> None:
    """Print the JSON Schema of what a command prints as JSON.

    Example: llmrec schema recommend
    """
    from llmrec_pipeline.serving.cli import describing

    raise typer.Exit(describing.schema(command or [], format))


@identity.command("resolve")
def identity_resolve(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME…",
            help="Names; - reads a name, or JSON with name and source, a line.",
        ),
    ],
    source: Annotated[str | None, typer.Option(help="The source whose names these are.")] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Also the steps, and the rows that decided.")
    ] = False,
    format: FormatOption = None,
) -> None:
    """Say which model each name means. A stream of names is answered with a JSON line for each.

    Example: llmrec identity resolve claude-opus-4-5-thinking --explain
    """
    from llmrec_pipeline.serving.cli import identifying

    raise typer.Exit(identifying.resolve(names, source, explain, format))


@identity.command("review")
def identity_review(
    source: Annotated[str | None, typer.Option(help="Only names of this source.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 50,
    doubles: Annotated[
        bool,
        typer.Option("--doubles", help="Instead: rows that tell of one model again."),
    ] = False,
    format: FormatOption = None,
) -> None:
    """List names that no rule could join, with what they are most like.

    Example: llmrec identity review --source epoch
    """
    from llmrec_pipeline.serving.cli import identity_reviewing

    raise typer.Exit(identity_reviewing.review(source, limit, doubles, format))


@identity.command("accept")
def identity_accept(
    review_id: Annotated[str, typer.Argument(help="As `identity review` prints it.")],
    by: Annotated[str, typer.Option(help="Who decides.")],
    key: Annotated[
        str | None,
        typer.Option(help="The model's key; without it, the proposal if it is very like."),
    ] = None,
    why: Annotated[str | None, typer.Option(help="Why the name means it.")] = None,
    since: Annotated[
        str | None, typer.Option(help="First day, for names dated by their publisher.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="First day on which it holds no more.")] = None,
    format: FormatOption = None,
) -> None:
    """Write a decision on one row of a source into config/identity.yaml.

    Example: llmrec identity accept 3f9c21ab07 --key openai/gpt-4o@2024-08-06 --by ana
    """
    from llmrec_pipeline.serving.cli import identity_reviewing

    decision = identity_reviewing.Decision(review_id, by, key, why, since, until)
    raise typer.Exit(identity_reviewing.accept(decision, format))


@identity.command("explain")
def identity_explain(
    key: Annotated[str, typer.Argument(help="A model's key; one of earlier editions too.")],
    format: FormatOption = None,
) -> None:
    """Say what a key stands for: names in every source, variants, offerings and old keys.

    Example: llmrec identity explain openai/gpt-4o@2024-08-06
    """
    from llmrec_pipeline.serving.cli import identity_reviewing

    raise typer.Exit(identity_reviewing.explain(key, format))


@db.command("upgrade")
def db_upgrade(
    revision: Annotated[str, typer.Argument(help="A revision; head is the newest.")] = "head",
    format: FormatOption = None,
) -> None:
    """Bring the database's schema up to date, all of it or nothing.

    Example: DATABASE_URL=postgresql://me@host/llmrec llmrec db upgrade
    """
    from llmrec_pipeline.serving.cli import database

    raise typer.Exit(database.upgrade(revision, format))


@db.command("downgrade", context_settings={"ignore_unknown_options": True})
def db_downgrade(
    revision: Annotated[
        str, typer.Argument(help="A revision, -1 for the one before, or base: drops every table.")
    ],
    format: FormatOption = None,
) -> None:
    """Take the schema back to a revision. What newer tables hold is lost.

    Example: llmrec db downgrade base
    """
    from llmrec_pipeline.serving.cli import database

    raise typer.Exit(database.downgrade(revision, format))


@db.command("current")
def db_current(format: FormatOption = None) -> None:
    """Say which database it is, and the revision that it is at.

    Example: llmrec db current
    """
    from llmrec_pipeline.serving.cli import database

    raise typer.Exit(database.current(format))


@db.command("check")
def db_check(format: FormatOption = None) -> None:
    """Compare the schema with what this version expects; exit code 1 where it differs.

    Example: llmrec db check
    """
    from llmrec_pipeline.serving.cli import database

    raise typer.Exit(database.check(format))


@intel.command("ingest-catalog")
def intel_ingest_catalog(format: FormatOption = None) -> None:
    """Enter models, prices and benchmarks of config/models.yaml, config/pricing.yaml and the
    current edition into the evidence store. Once more changes nothing.

    Example: llmrec intel ingest-catalog
    """
    from llmrec_pipeline.serving.cli import cataloguing

    raise typer.Exit(cataloguing.ingest_catalog(format))


@intel.command("compute-runtime-stats")
def intel_compute_runtime_stats(
    window_days: Annotated[
        int, typer.Option(min=1, help="How many whole days (UTC), up to the last midnight.")
    ] = 30,
    format: FormatOption = None,
) -> None:
    """Compute what our own calls tell, by host, model and role: success, latency, tokens and cost by
    the price in force at the time; and enter it into the evidence store. Once more changes nothing.

    Example: llmrec intel compute-runtime-stats --window-days 30
    """
    from llmrec_pipeline.serving.cli import measuring

    raise typer.Exit(measuring.compute_runtime_stats(window_days, format))


@intel.command("add-benchmark")
def intel_add_benchmark(
    model: Annotated[str, typer.Option(help="A name in models.yaml, or a key.")],
    benchmark: Annotated[str, typer.Option(help="The benchmark's name.")],
    score: Annotated[str, typer.Option(help="A decimal; more is better.")],
    unit: Annotated[str, typer.Option(help="fraction, percent, index, points or elo.")],
    task_type: Annotated[str, typer.Option(help="What it measures, as in tasks.yaml.")],
    source: Annotated[str, typer.Option(help="Who measured.")],
    url: Annotated[str, typer.Option(help="Where it is told.")],
    dataset_version: Annotated[str | None, typer.Option(help="Version of the benchmark.")] = None,
    format: FormatOption = None,
) -> None:
    """Enter a score that no source tells. The same benchmark, version and address corrects it.

    Example: llmrec intel add-benchmark --model gpt-5.4 --benchmark our-evals --score 0.81
    --unit fraction --task-type coding --source us --url https://example.org/evals/7
    """
    from llmrec_pipeline.serving.cli import cataloguing

    told = cataloguing.Score(model, benchmark, score, unit, task_type, source, url, dataset_version)
    raise typer.Exit(cataloguing.add_benchmark(told, format))


@intel.command("ingest-sentiment")
def intel_ingest_sentiment(
    source: Annotated[str, typer.Option(help="reddit, hn, twitter or blog.")],
    model: Annotated[
        str | None,
        typer.Option(help="A name in models.yaml, or a key. A file may name models itself."),
    ] = None,
    url: Annotated[str | None, typer.Option(help="Where the text is.")] = None,
    snippet: Annotated[str | None, typer.Option(help="What it says.")] = None,
    sentiment: Annotated[
        str | None,
        typer.Option(help="positive, neutral, negative or mixed; by its words if left out."),
    ] = None,
    title: Annotated[str | None, typer.Option(help="Its title.")] = None,
    tags: Annotated[
        str | None, typer.Option(help='topic=coding,issue=price, or {"topic": "coding"}.')
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Search the source for so many texts on the model.")
    ] = None,
    from_file: Annotated[
        Path | None, typer.Option(help="JSON lines, CSV, or a Listing as Reddit exports it.")
    ] = None,
    format: FormatOption = None,
) -> None:
    """Enter what people write of a model: one text, a file of them, or what a search finds.

    A text that does not say for certain which model it speaks of waits in `review-sentiment`. Rows
    of a file that cannot be taken are written beside it, and the exit code is then 2.

    Example: llmrec intel ingest-sentiment --model gpt-5.4 --source hn --limit 20
    """
    from llmrec_pipeline.serving.cli import listening

    told = listening.Told(
        source, model, url, snippet, sentiment, title, tags, limit=limit, file=from_file
    )
    raise typer.Exit(listening.ingest_sentiment(told, format))


@intel.command("review-sentiment")
def intel_review_sentiment(
    accept: Annotated[
        int | None, typer.Option(help="Settle this one: it speaks of --model.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="A name in models.yaml, or a key. May be given again.")
    ] = None,
    reject: Annotated[int | None, typer.Option(help="Settle this one: it speaks of none.")] = None,
    format: FormatOption = None,
) -> None:
    """List texts that do not say for certain which model they speak of, or settle one.

    Example: llmrec intel review-sentiment --accept 12 --model claude-opus-4-5
    """
    from llmrec_pipeline.serving.cli import listening

    raise typer.Exit(listening.review_sentiment(accept, model or (), reject, format))


RecommendationIdOption = Annotated[
    int, typer.Option("--recommendation-id", help="As `intel report` prints it.")
]


@intel.command("recommend")
def intel_recommend(
    use_case: Annotated[str, typer.Option(help="As in models.yaml, or of your own.")],
    current_model: Annotated[
        str | None, typer.Option(help="The model in use, instead of the one in models.yaml.")
    ] = None,
    max_candidates: Annotated[
        int | None, typer.Option(min=1, help="How many to name; 3 by default.")
    ] = None,
    persist: Annotated[
        bool, typer.Option("--persist", help="Store what is advised, for a person to decide on.")
    ] = False,
    format: FormatOption = None,
) -> None:
    """Say whether a use case should move to another model, and why. Nothing is changed by it.

    Example: llmrec intel recommend --use-case builder_high --persist
    """
    from llmrec_pipeline.serving.cli import advising
    from llmrec_pipeline.serving.upgrade_advice import AdviceQuestion

    question = AdviceQuestion(use_case, current_model, max_candidates)
    raise typer.Exit(advising.recommend(question, persist, format))


@intel.command("report")
def intel_report(
    latest: Annotated[
        bool, typer.Option("--latest", help="Only the last one of each use case and model.")
    ] = False,
    use_case: Annotated[str | None, typer.Option(help="Only of this use case.")] = None,
    format: Annotated[
        ReportFormat | None,
        typer.Option("--format", help="json, table or markdown; JSON when piped."),
    ] = None,
) -> None:
    """List recommendations with their status, newest first.

    Example: llmrec intel report --latest --use-case builder_high
    """
    from llmrec_pipeline.serving.cli import advising

    raise typer.Exit(advising.report(latest, use_case, format))


@intel.command("explain")
def intel_explain(
    recommendation_id: Annotated[int, typer.Argument(help="As `intel report` prints it.")],
    format: FormatOption = None,
) -> None:
    """Compute a recommendation again from what is stored with it, say whether the numbers are the
    same, where the evidence has changed since, and what was decided.

    Example: llmrec intel explain 7
    """
    from llmrec_pipeline.serving.cli import advising

    raise typer.Exit(advising.explain(recommendation_id, format))


@intel.command("decide")
def intel_decide(
    recommendation_id: RecommendationIdOption,
    status: Annotated[str, typer.Argument(help="accepted, rejected or implemented.")],
    by: Annotated[str, typer.Option(help="Who decides.")],
    why: Annotated[str | None, typer.Option(help="Why.")] = None,
    format: FormatOption = None,
) -> None:
    """Note what a person decides. A recommendation is implemented once models.yaml names the model.

    Example: llmrec intel decide --recommendation-id 7 accepted --by ana --why "trial went well"
    """
    from llmrec_pipeline.serving.cli import deciding

    raise typer.Exit(deciding.decide(recommendation_id, status, by, why, format))


@intel.command("verify")
def intel_verify(format: FormatOption = None) -> None:
    """Say whether models.yaml names what was accepted or implemented; exit code 1 where something
    that counts as implemented is not there.

    Example: llmrec intel verify
    """
    from llmrec_pipeline.serving.cli import deciding

    raise typer.Exit(deciding.verify(format))


@intel.command("propose-patch")
def intel_propose_patch(
    recommendation_id: RecommendationIdOption,
    output: Annotated[Path | None, typer.Option(help="Write the patch here.")] = None,
    format: FormatOption = None,
) -> None:
    """Print the full report of a recommendation, and a patch of models.yaml for `git apply`.
    Nothing is changed by it.

    Example: llmrec intel propose-patch --recommendation-id 7 --output upgrade.patch
    """
    from llmrec_pipeline.serving.cli import deciding

    raise typer.Exit(deciding.propose_patch(recommendation_id, output, format))


@telemetry.command("import")
def telemetry_import(
    places: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH|URL...",
            help="Files (.jsonl, .json, .csv, each also .gz; .parquet), or the database that holds "
            "the table: postgresql://user@host/name, sqlite:///path.",
        ),
    ],
    log_format: Annotated[
        str,
        typer.Option(
            "--format",
            help="otel, litellm, llm_usage_events, langfuse, openrouter; or csv, jsonl, parquet "
            "with --mapping.",
        ),
    ],
    mapping: Annotated[
        Path | None,
        typer.Option(help="What the columns mean, instead of config/telemetry/<format>.yaml."),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(help="Of moments that name none, such as Europe/Berlin; else refused."),
    ] = None,
    keep_user_ids: Annotated[
        bool, typer.Option("--keep-user-ids", help="Store users' ids as they are, not hashed.")
    ] = False,
    output_format: Annotated[
        Format | None,
        typer.Option(
            "--output-format", help="json or table; JSON when piped, a table on a terminal."
        ),
    ] = None,
) -> None:
    """Take in the calls that logs tell of. Prompts and answers are never read.

    The same log again changes nothing, and one that was interrupted goes on. What is wrong with a
    record is counted and listed in a file, without what stood there.

    Example: llmrec telemetry import --format litellm postgresql://me@host/litellm
    """
    from llmrec_pipeline.serving.cli import telemetering

    asked = telemetering.ImportRequest(log_format, mapping, timezone, keep_user_ids)
    raise typer.Exit(telemetering.take_in(places, asked, output_format))


@telemetry.command("summary")
def telemetry_summary(
    since: Annotated[str | None, typer.Option(help="First day, YYYY-MM-DD in UTC.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day.")] = None,
    format: FormatOption = None,
) -> None:
    """Sum up our own calls by model and role, and say which names nobody knows.

    Example: llmrec telemetry summary --since 2026-11-01
    """
    from llmrec_pipeline.serving.cli import summing_up

    raise typer.Exit(summing_up.summary(since, until, format))


@alerts.command("list")
def alerts_list(format: FormatOption = None) -> None:
    """List the alerts that the current edition gives rise to, and those of the last day, with the
    channels that were told. Nothing is sent.

    Example: llmrec alerts list
    """
    from llmrec_pipeline.serving.cli import alerting

    raise typer.Exit(alerting.list_alerts(format))


@alerts.command("send")
def alerts_send(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be sent where, and send nothing.")
    ] = False,
    format: FormatOption = None,
) -> None:
    """Send each channel the alerts that it was not told yet, as every refresh does. Exit code 1
    where a channel does not take them; they stay to be sent.

    Example: llmrec alerts send --dry-run
    """
    from llmrec_pipeline.serving.cli import alerting

    raise typer.Exit(alerting.send(dry_run, format))


@alerts.command("test")
def alerts_test(format: FormatOption = None) -> None:
    """Send one test alert through every channel, and say what came of it. Exit code 1 where a
    channel does not take it.

    Example: LLMREC_ALERT_SLACK_WEBHOOK=https://hooks.example.org/T0/B0 llmrec alerts test
    """
    from llmrec_pipeline.serving.cli import alerting

    raise typer.Exit(alerting.test(format))


@learn.command("evaluate")
def learn_evaluate(
    matrix: Annotated[
        Path | None,
        typer.Option(
            help="Every model's score on every prompt: prompt_id, task_type, model, score."
        ),
    ] = None,
    prior: Annotated[
        Path | None, typer.Option(help="What benchmarks say: task_type, model, mean.")
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option(help="Outcomes as they came, instead: task_type or use_case, model, score."),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Prompts of one simulation.")] = 2000,
    seeds: Annotated[int, typer.Option(min=1, help="Simulations.")] = 20,
    format: FormatOption = None,
) -> None:
    """Simulate what learning from outcomes gains over the benchmarks alone. Files are CSV, JSON
    lines or Parquet. Without a prior, a model's mean over the table's other task types is one.

    Example: llmrec learn evaluate --matrix outcomes.csv --prior benchmarks.csv
    """
    from llmrec_pipeline.serving.cli import learning

    raise typer.Exit(learning.evaluate(matrix, prior, log, rounds, seeds, format))


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
) -> None:
    """Serve the HTTP API until asked to stop (SIGTERM, Ctrl-C). Beyond this machine only with a
    token: see config/api.yaml. Its routes are told at /docs and /openapi.json.

    Example: llmrec serve --port 8000
    """
    from llmrec_pipeline.serving.cli import serving

    raise typer.Exit(serving.serve(host, port))


@learn.command("show")
def learn_show(
    use_case: Annotated[str, typer.Option(help="A use case of yours, or a task type.")],
    task_type: Annotated[
        str | None, typer.Option(help="Whose benchmarks count; else that of the use case.")
    ] = None,
    format: FormatOption = None,
) -> None:
    """Say what our own outcomes say of each model in a use case, beside the benchmarks.

    Example: llmrec learn show --use-case builder_high
    """
    from llmrec_pipeline.serving.cli import remembering

    raise typer.Exit(remembering.show(use_case, task_type, format))


UserIdArgument = Annotated[str, typer.Argument(help="The user or team.")]


@users.command("put")
def users_put(
    user_id: UserIdArgument,
    profile: Annotated[str, typer.Option(help="What the user works on, in words.")],
    providers: Annotated[
        str | None, typer.Option(help="Whom the user can call: openai,mistral; else anybody.")
    ] = None,
    max_price_per_1m: Annotated[
        float | None, typer.Option(min=0, help="Highest input price, USD per 1M tokens.")
    ] = None,
    min_context: Annotated[
        int | None, typer.Option(min=1, help="Smallest context, tokens.")
    ] = None,
    priority: Annotated[str | None, typer.Option(help="none, quality, speed or cost.")] = None,
    format: FormatOption = None,
) -> None:
    """Store a user or team; the same id again replaces what was stored.

    Example: llmrec users put team-search --profile "ranking of search results, in German"
    """
    from llmrec_pipeline.serving.cli import remembering

    constraints = {
        "max_price_per_1m": max_price_per_1m,
        "min_context": min_context,
        "priority": priority,
    }
    raise typer.Exit(remembering.put(user_id, profile, providers, constraints, format))


@users.command("list")
def users_list(format: FormatOption = None) -> None:
    """List users and teams.

    Example: llmrec users list
    """
    from llmrec_pipeline.serving.cli import remembering

    raise typer.Exit(remembering.users(format))


@users.command("history")
def users_history(
    user_id: UserIdArgument,
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 20,
    format: FormatOption = None,
) -> None:
    """Print the answers given to a user, newest first and whole.

    Example: llmrec users history team-search
    """
    from llmrec_pipeline.serving.cli import remembering

    raise typer.Exit(remembering.answers(user_id, limit, format))


@users.command("replay")
def users_replay(
    answer_id: Annotated[str, typer.Argument(help="As `users history` prints it.")],
    format: FormatOption = None,
) -> None:
    """Make an answer anew from its edition; exit code 1 where it is not the same.

    Example: llmrec users replay 838c28c5b9e440f08623dd71bffdb088
    """
    from llmrec_pipeline.serving.cli import remembering

    raise typer.Exit(remembering.replay(answer_id, format))


@app.command()
def feedback(
    model: Annotated[str, typer.Option(help="A model's key.")],
    use_case: Annotated[str, typer.Option(help="A use case of yours, or a task type.")],
    rating: Annotated[int | None, typer.Option(help="1 to 5.")] = None,
    success: Annotated[
        bool | None, typer.Option("--success/--failure", help="Whether it did the job.")
    ] = None,
    score: Annotated[
        float | None, typer.Option(min=0, max=1, help="Of an evaluation, 0 to 1.")
    ] = None,
    user: Annotated[str | None, typer.Option(help="Who says so.")] = None,
    answer_id: Annotated[str | None, typer.Option(help="Which served answer it is about.")] = None,
    comment: Annotated[str | None, typer.Option(help="Anything else.")] = None,
    format: FormatOption = None,
) -> None:
    """Report how a model did. It re-ranks later answers of the API; it switches nothing.

    Example: llmrec feedback --model openai/gpt-5-4 --use-case coding --rating 4
    """
    from llmrec_pipeline.serving.cli import remembering

    told = remembering.Told(model, use_case, rating, success, score, user, answer_id, comment)
    raise typer.Exit(remembering.feedback(told, format))


@report.command("build")
def report_build(
    edition: EditionOption = None,
    output: Annotated[
        str | None,
        typer.Option(
            help="Write one format here instead of every one below the data folder; - prints it."
        ),
    ] = None,
    format: Annotated[
        PageFormat | None,
        typer.Option("--format", help="Only html or only markdown, to --output or else printed."),
    ] = None,
    open: Annotated[bool, typer.Option("--open", help="Show the page in a browser.")] = False,
) -> None:
    """Build the report of an edition from what it holds, and say where it lies.

    Example: llmrec report build --format markdown | gh pr comment --body-file -
    """
    from llmrec_pipeline.serving.cli import reporting

    raise typer.Exit(reporting.build(edition, output, format, show=open))


@report.command("path")
def report_path(format: FormatOption = None) -> None:
    """Say where the current edition's report lies, and how to open the UI.

    Example: llmrec report path
    """
    from llmrec_pipeline.serving.cli import reporting

    raise typer.Exit(reporting.path(format))


@workload.command("estimate")
def workload_estimate(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV, or JSONL by its ending, with input_tokens and output_tokens, and perhaps "
            "cached_input_tokens (part of the input), calls (1 by default; tokens are then of all of "
            "them) and model.",
            exists=True,
            dir_okay=False,
        ),
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="A name in models.yaml, or a key; repeat it. All priced ones by default."
        ),
    ] = None,
    format: FormatOption = None,
) -> None:
    """Say what a file of token counts would cost on each model, at its creator's own host, with
    cached input and the prices of longer requests.

    Example: llmrec workload estimate october.csv --model gpt-5.4 --model claude-sonnet-5
    """
    from llmrec_pipeline.serving.cli import estimating

    raise typer.Exit(estimating.estimate(file, model or [], format))
