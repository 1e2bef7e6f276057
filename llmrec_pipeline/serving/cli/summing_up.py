"""`llmrec telemetry summary`: what our own calls come to, and what imports left out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from llmrec_pipeline.domain.identity import IdentityRules
from llmrec_pipeline.domain.proposals import Proposals
from llmrec_pipeline.domain.task_profile import RequestError
from llmrec_pipeline.domain.usage_names import UsageNames
from llmrec_pipeline.domain.usage_prices import ServedName
from llmrec_pipeline.serving.cli import OK
from llmrec_pipeline.serving.cli.flags import day_of
from llmrec_pipeline.serving.cli.output import Format, chosen, note, print_json, print_table, say
from llmrec_pipeline.settings import Settings, load_settings
from llmrec_pipeline.storage.usage_engines import VARIABLE
from llmrec_pipeline.storage.usage_partitions import UsagePartitions, event_engine
from llmrec_pipeline.storage.usage_seals import require_sound
from llmrec_pipeline.storage.usage_staging import cut_short, outcomes
from llmrec_pipeline.storage.usage_stats import published_models
from llmrec_pipeline.storage.warehouse import named_rows, sql_text
from llmrec_pipeline.team_settings import load_team_settings

_SUMS = ("events", "calls", "errors", "input_tokens", "output_tokens", "total_tokens")
_COST = "logged_cost_usd"


def summary(since: str | None, until: str | None, wanted: Format | None) -> int:
    """Print the sums of a range of days, both ends included."""
    settings = load_settings()
    first, last = day_of("--since", since), day_of("--until", until)
    if first and last and last < first:
        raise RequestError(f"--until {last}: lies before --since {first}")
    partitions = UsagePartitions(settings.locations.usage_events).files()
    days = {
        day: path
        for day, path in partitions.items()
        if (first is None or day >= first) and (last is None or day <= last)
    }
    models, sources = _queried(list(days.values()), settings)
    names = _Names(settings)
    for row in models:
        row["canonical_model_key"] = names.key(row)
    content = {
        "since": min(days, default=None),
        "until": max(days, default=None),
        **_total(models),
        "models": models,
        "sources": sources,
        "unknown_models": names.unknown(models),
        **_left_out(settings.locations.usage_imports),
    }
    if chosen(wanted) is Format.JSON:
        print_json(content)
    else:
        _print(content)
    for log in content["cut_short"]:
        note(f"llmrec: {log}: its import was cut short; import it again, and it goes on")
    if os.environ.get(VARIABLE, "").strip():
        note(
            f"llmrec: {VARIABLE} names another place of events, which are not in this summary of what "
            "was imported here; llmrec intel compute-runtime-stats reads them"
        )
    if _overlap(sources):
        note(
            "llmrec: logs of several kinds tell of the same days; a call that two tell of counts twice"
        )
    return OK


def _overlap(sources: Sequence[dict[str, Any]]) -> bool:
    """Whether two kinds of logs tell of one time."""
    ordered = sorted(sources, key=lambda row: row["first"])
    return any(later["first"] <= row["last"] for row, later in pairwise(ordered))


def _queried(
    files: Sequence[Path], settings: Settings
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows by model, host and role, and rows by source; raises DamagedEvents."""
    if not files:
        return [], []
    require_sound(files)
    parameters = {"files": [str(path) for path in files]}
    scratch = settings.locations.data / "telemetry" / "scratch"
    with event_engine(settings.pipeline.warehouse, scratch) as con:
        models, sources = (
            named_rows(con.execute(sql_text(name), parameters))
            for name in ("usage_summary", "usage_sources")
        )
    return models, sources


def _total(models: Sequence[dict[str, Any]]) -> dict[str, Any]:
    costs = [row[_COST] for row in models if row[_COST] is not None]
    return {
        **{name: sum(row[name] or 0 for row in models) for name in _SUMS},
        _COST: sum(costs) if costs else None,
        "first": min((row["first"] for row in models), default=None),
        "last": max((row["last"] for row in models), default=None),
    }


def _left_out(imports: Path) -> dict[str, Any]:
    """What imports so far refused and noted, by reason; of a log that was imported again, once."""
    told = outcomes(imports)
    refused: Counter[str] = Counter()
    noted: Counter[str] = Counter()
    for one in told:
        refused.update(one["refused"])
        noted.update(one["noted"])
    return {
        "imports": len(told),
        "refused": dict(refused.most_common()),
        "noted": dict(noted.most_common()),
        "cut_short": cut_short(imports),
    }


class _Names:
    """What the names of calls mean, and whether anybody knows what they mean."""

    def __init__(self, settings: Settings) -> None:
        team = load_team_settings(settings.locations).models
        published = published_models(settings.locations.published)
        self._names = UsageNames(IdentityRules(settings.identity), team, published)
        self._proposals = Proposals(set(published), settings.identity.proposals.min_score)

    def key(self, row: Mapping[str, Any]) -> str | None:
        """The model's key; None for a name that no rule can join."""
        served = self._served(row["provider_name"], row["model_name"])
        return served.model if served.is_known else None

    def unknown(self, models: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Names without a key, and with one that no source of the current edition tells of; each
        with the model whose name is most like it."""
        calls: Counter[tuple[str | None, str | None]] = Counter()
        for row in models:
            calls[row["provider_name"], row["model_name"]] += row["calls"]
        told = []
        for (host, name), count in calls.most_common():
            reason = self._names.doubt(self._served(host, name))
            if reason is None:
                continue
            nearest = self._proposals.nearest(name) if name else None
            told.append(
                {
                    "provider_name": host,
                    "model_name": name,
                    "calls": count,
                    "reason": reason,
                    "nearest": nearest.key if nearest else None,
                    "score": nearest.score if nearest else None,
                }
            )
        return told

    def _served(self, host: str | None, name: str | None) -> ServedName:
        return self._names.served(host or "", name or "")


def _print(content: dict[str, Any]) -> None:
    print_table(
        [
            {**row, "model": row["canonical_model_key"] or row["model_name"]}
            for row in content["models"]
        ],
        ["model", "provider_name", "role", "calls", "errors", "total_tokens", _COST, "last"],
    )
    cost = f", {content[_COST]:,.2f} USD as logged" if content[_COST] is not None else ""
    say(
        f"\n{content['calls']:,} calls in {content['events']:,} events, "
        f"{content['total_tokens']:,} tokens{cost}, from {content['since']} to {content['until']}."
    )
    if content["sources"]:
        told = ", ".join(f"{row['source']} {row['events']:,}" for row in content["sources"])
        say(f"Events by source: {told}.")
    if content["refused"]:
        told = ", ".join(f"{count:,} {reason}" for reason, count in content["refused"].items())
        say(f"Refused so far: {told}.")
    if content["unknown_models"]:
        say("\nNames that nobody knows:")
        print_table(
            content["unknown_models"],
            ["model_name", "provider_name", "calls", "nearest", "score", "reason"],
        )
