"""`llmrec explain MODEL --task T`: why a model stands where it stands."""

from __future__ import annotations

from typing import Any

from llmrec_pipeline.serving.at_time import Asked
from llmrec_pipeline.serving.cli import OK
from llmrec_pipeline.serving.cli.output import Format, chosen, print_json, print_table, say
from llmrec_pipeline.serving.explaining import explain
from llmrec_pipeline.settings import load_settings


def explain_model(name: str, task_type: str, asked: Asked, wanted: Format | None) -> int:
    """Print the explanation."""
    told = explain(name, task_type, asked, load_settings())
    if chosen(wanted) is Format.JSON:
        print_json(told)
    else:
        _print(told)
    return OK


def _print(told: dict[str, Any]) -> None:
    say(f"{told['model_name']} ({told['canonical_model_key']}) at {told['task_type']}")
    if told["score"]:
        say(f"Rank {told['rank']} of {told['ranked']}. {told['score']['in_words']}")
    else:
        say(f"Not ranked: {told['not_ranked']}")
    used = told["consensus"]
    if used:
        say()
        say(
            f"Consensus {used['score']:.3f} ({used['low']:.3f} to {used['high']:.3f}) by "
            f"{used['method']}; rank {used['rank']}, between {used['rank_low']} and "
            f"{used['rank_high']}, {used['ties']} tie."
        )
        print_table(
            [_row(measure) for measure in used["measures"]], list(_row(used["measures"][0]))
        )
        say("Raw pages:")
        for page in dict.fromkeys(str(m["pull"]["page"]) for m in used["measures"]):
            say(f"  {page}")
    if told["not_counted"]:
        names = ", ".join(
            f"{row['source']} {row['name']}" + (f": {row['category']}" if row["category"] else "")
            for row in told["not_counted"]
        )
        say(f"Measured, but not counted at {told['task_type']}: {names}.")
    say(f"Edition {told['edition']}.")
    for line in told["attribution"].values():
        say(line)


def _row(measure: dict[str, Any]) -> dict[str, Any]:
    category = f": {measure['category']}" if measure["category"] else ""
    return {
        "publisher": measure["publisher"],
        "measure": f"{measure['measure']}{category}",
        "version": measure["index_version"],
        "grade": measure["grade"],
        "value": measure["values"][0]["value"],
        "mean": measure["anchor"]["mean"],
        "sd": measure["anchor"]["sd"],
        "scaled": round(measure["scaled"], 3),
        "offset": round(measure["offset"], 3),
        "weight": measure["weight"],
        "adds": round(measure["contribution"], 3),
        "observed": measure["pull"]["observed_at"],
    }
