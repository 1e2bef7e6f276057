"""`llmrec learn evaluate`: what learning from outcomes would gain, on a table or a log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llmrec_pipeline.domain.learning_config import LearningConfig
from llmrec_pipeline.domain.learning_simulation import (
    EARLY,
    LATE,
    prior_of,
    prior_of_other_tasks,
    replay,
    simulate,
)
from llmrec_pipeline.domain.task_profile import RequestError
from llmrec_pipeline.locations import read_locations
from llmrec_pipeline.serving.cli import OK
from llmrec_pipeline.serving.cli.output import Format, chosen, print_json, print_table, say
from llmrec_pipeline.serving_settings import load_learning
from llmrec_pipeline.storage.outcome_tables import read_log, read_matrix, read_prior

_PRIORS = {
    "file": "the file's means",
    "other_task_types": "each model's mean over the table's other task types",
    "flat": "none, since the table has one task type",
}


def evaluate(
    matrix: Path | None,
    prior: Path | None,
    log: Path | None,
    rounds: int,
    seeds: int,
    wanted: Format | None,
) -> int:
    """Print the simulation on a matrix, or the replay of a log."""
    if (matrix is None) == (log is None):
        raise RequestError("name one of --matrix FILE and --log FILE")
    config = load_learning(read_locations())
    if matrix is not None:
        report, show = _simulated(matrix, prior, config, rounds, seeds), _print_simulated
    else:
        assert log is not None  # noqa: S101 - one of the two is named
        report, show = _replayed(log, prior, config), _print_replayed
    if chosen(wanted) is Format.JSON:
        print_json(report)
    else:
        show(report)
    return OK


def _simulated(
    path: Path, prior_path: Path | None, config: LearningConfig, rounds: int, seeds: int
) -> dict[str, Any]:
    read = read_matrix(path)
    matrix = read.matrix
    if prior_path is None:
        prior = prior_of_other_tasks(matrix)
    else:
        prior = prior_of(read_prior(prior_path, matrix), matrix)
    return {
        "prompts": len(matrix.tasks),
        "prompts_dropped": read.dropped,
        "scores_repeated": read.repeated,
        "score_out_of": read.scale,
        "task_types": list(matrix.task_types),
        "models": list(matrix.models),
        "prior": {"from": prior.source, "filled": prior.filled},
        "rounds": rounds,
        "seeds": seeds,
        "learning": config.model_dump(mode="json"),
        **simulate(matrix, prior, config, rounds, seeds),
    }


def _print_simulated(report: dict[str, Any]) -> None:
    say(
        f"{report['prompts']} prompts, {len(report['task_types'])} task types, "
        f"{len(report['models'])} models; {report['rounds']} rounds, {report['seeds']} seeds"
    )
    if report["prompts_dropped"]:
        say(f"Left out, since a model has no score: {report['prompts_dropped']} prompts.")
    if report["scores_repeated"]:
        say(f"Averaged, since prompt and model repeat: {report['scores_repeated']} scores.")
    say(f"Prior: {_PRIORS[report['prior']['from']]}; {report['prior']['filled']} rates filled in.")
    say()
    headings = {"first": f"first {EARLY}", "last": f"last {LATE}", "all": "all"}
    rows = [
        {
            "policy": name,
            **{
                heading: f"{figures[part]['mean']:.3f} ± {figures[part]['se']:.3f}"
                for part, heading in headings.items()
            },
        }
        for name, figures in report["policies"].items()
    ]
    print_table(rows, ["policy", *headings.values()])
    say("Mean score, ± standard error over the seeds; posterior_mean is what serves.")
    for goal, met in report["goals"].items():
        say(f"Goal {'met' if met else 'missed'}: {goal}.")


def _replayed(path: Path, prior_path: Path | None, config: LearningConfig) -> dict[str, Any]:
    told = {} if prior_path is None else read_prior(prior_path)
    return replay(read_log(path), told, config)


def _print_replayed(report: dict[str, Any]) -> None:
    say(f"{report['outcomes']} outcomes, each predicted from those before it")
    say()
    rows = [{"predictor": name, **figures} for name, figures in report["predictors"].items()]
    print_table(rows, list(rows[0]))
