"""`llmrec rank-quality`: how well each way of ranking predicts what it has not seen, and how firm its
answers are, over an edition's data."""

from __future__ import annotations

from math import fsum
from typing import Any

import polars as pl

from llmrec_pipeline.domain.consensus import METHODS
from llmrec_pipeline.domain.rank_quality import (
    POOL_SIZE,
    Data,
    Fold,
    consensus_order_changes,
    folds,
    robustness,
)
from llmrec_pipeline.domain.scorers import ANCHORED, SCORERS
from llmrec_pipeline.domain.task_profile import RequestError
from llmrec_pipeline.locations import read_locations
from llmrec_pipeline.serving.cli import OK
from llmrec_pipeline.serving.cli.output import Format, chosen, print_json, print_table, say
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.storage.editions import Edition, find_edition
from llmrec_pipeline.storage.evidence import stored_evidence

_SIMPLE_METHODS = ("shrunk_z_mean", "rank_mean")
_STABILITY_GOAL = 0.96
# Two means of some dozens of folds that differ by less are equally good.
_SLACK = 0.005


def rank_quality(trials: int, edition: str | None, wanted: Format | None) -> int:
    """Print the figures of each method and scorer, and which goals they meet."""
    data = _data(find_edition(read_locations().published, edition))
    found = list(folds(data))
    if not found:
        raise RequestError("no measure has enough models that other measures know too")
    report = _report(data, found, trials)
    if chosen(wanted) is Format.JSON:
        print_json(report)
    else:
        _print(report)
    return OK


def _data(edition: Edition) -> Data:
    evidence = stored_evidence(
        *(
            pl.read_parquet(edition.table(table))
            for table in ("measure_readings", "measure_populations")
        )
    )
    payload, config = edition.ranking(), load_settings().consensus
    return Data(evidence.readings, evidence.populations, payload, config)


def _report(data: Data, found: list[Fold], trials: int) -> dict[str, Any]:
    methods = [
        {
            "method": method,
            **_prediction(found, method),
            "order_changes": consensus_order_changes(data, method),
        }
        for method in METHODS
    ]
    scorers = [
        {"scorer": scorer, **_prediction(found, scorer), **_firmness(data, scorer, trials)}
        for scorer in SCORERS
    ]
    return {
        "edition": data.payload["edition"],
        "method": data.config.method,
        "folds": len(found),
        "pool_size": POOL_SIZE,
        "methods": methods,
        "scorers": scorers,
        "goals": _goals(data.config.method, methods, scorers),
        "by_fold": [{**fold._asdict(), "held_out": str(fold.held_out)} for fold in found],
    }


def _prediction(found: list[Fold], name: str) -> dict[str, float]:
    return {
        "kendall_tau": fsum(fold.tau[name] for fold in found) / len(found),
        "top1_regret": fsum(fold.regret[name] for fold in found) / len(found),
    }


def _firmness(data: Data, scorer: str, trials: int) -> dict[str, Any]:
    try:
        return robustness(data, scorer, trials)._asdict()
    except ValueError as error:
        raise RequestError(str(error)) from None


def _goals(
    method: str, methods: list[dict[str, Any]], scorers: list[dict[str, Any]]
) -> dict[str, bool]:
    by_method = {row["method"]: row for row in methods}
    simple = [by_method[name] for name in _SIMPLE_METHODS]
    tau = max(row["kendall_tau"] for row in simple)
    regret = min(row["top1_regret"] for row in simple)
    anchored = next(row for row in scorers if row["scorer"] == ANCHORED)
    own = by_method[method]
    return {
        f"tau and regret within {_SLACK:g} of the best simple method's": (
            own["kendall_tau"] >= tau - _SLACK and own["top1_regret"] <= regret + _SLACK
        ),
        f"stability of {_STABILITY_GOAL:.0%}": anchored["stability"] >= _STABILITY_GOAL,
        "no order changes": own["order_changes"] == anchored["order_changes"] == 0,
    }


def _print(report: dict[str, Any]) -> None:
    say(f"Edition {report['edition']}: {report['folds']} measures held out in turn.")
    say()
    print_table(report["methods"], ["method", "kendall_tau", "top1_regret", "order_changes"])
    say()
    print_table(
        report["scorers"],
        ["scorer", "kendall_tau", "top1_regret", "stability", "order_changes", "first_changes"],
    )
    say(
        f"Scorers: {report['scorers'][0]['trials']} random pools of {report['pool_size']} models; "
        "tau and regret are those of the quality that they compare, where a model without it "
        "counts as last."
    )
    for goal, met in report["goals"].items():
        say(f"Goal {'met' if met else 'missed'}: {goal}.")
