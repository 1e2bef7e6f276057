"""The report as one HTML file that asks nobody for anything: styles, scripts and data stand in it.

Text is escaped by the template; data stands in a JSON element whose text cannot end it. A policy in
the page forbids the browser any request.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from llmrec_pipeline.domain.outside_text import harmless
from llmrec_pipeline.serving.report import wording
from llmrec_pipeline.serving.report.charts import ChartKit
from llmrec_pipeline.serving.report.content import (
    Answer,
    Choice,
    Figure,
    History,
    Line,
    Point,
    ReportContent,
    Tradeoff,
)

_PACKAGE = "llmrec_pipeline.serving.report"
_BAR_WIDTH = 120


def as_page(content: ReportContent, kit: ChartKit) -> str:
    """The whole page; equal content and equal code give equal bytes."""
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=content,
            digest=content.digest(),
            # Ours and the chart libraries': nothing in them comes from an edition.
            styles=Markup(_asset("report.css")),  # noqa: S704
            script=Markup(_asset("report.js")),  # noqa: S704
            libraries=Markup(kit.script),  # noqa: S704
            data={
                "specs": kit.specs,
                "tradeoffs": {t.task_type: _tradeoff(t) for t in content.tradeoffs},
                "histories": [_history(history, content) for history in content.histories],
            },
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(_PACKAGE),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.policies["json.dumps_kwargs"] = {
        "sort_keys": True,
        "ensure_ascii": False,
        "separators": (",", ":"),
    }
    environment.globals.update(word=wording, bar=interval_bar, scale=scale_of)
    environment.filters["web_address"] = web_address
    return environment


def _shown(value: object) -> object:
    """What an expression of the template puts on the page; markup is ours and stays as it is."""
    return harmless(value) if type(value) is str else value


@cache
def _asset(name: str) -> str:
    return (files(_PACKAGE) / "templates" / name).read_text("utf-8")


def web_address(url: str | None) -> str | None:
    """The address where it is one of the web; what else a source may have written is no link."""
    if url is None or urlsplit(url).scheme not in ("http", "https"):
        return None
    return url


def scale_of(answers: list[Answer]) -> tuple[float, float]:
    """The lowest and the highest end of the intervals of some answers."""
    ends = [
        end
        for answer in answers
        for choice in answer.choices
        for end in (choice.low, choice.high)
        if end is not None
    ]
    return (min(ends), max(ends)) if ends else (0.0, 1.0)


def interval_bar(choice: Choice, scale: tuple[float, float]) -> dict[str, float] | None:
    """Where low, value and high lie on a bar, in its units; None without an interval."""
    if choice.low is None or choice.high is None or choice.quality.value is None:
        return None
    low, high = scale
    span = (high - low) or 1.0

    def place(value: float) -> float:
        return round(4 + (value - low) / span * (_BAR_WIDTH - 8), 1)

    return {
        "low": place(choice.low),
        "value": place(choice.quality.value),
        "high": place(choice.high),
    }


def _tradeoff(tradeoff: Tradeoff) -> list[Mapping[str, Any]]:
    return [_point(point) for point in tradeoff.points]


def _point(point: Point) -> dict[str, Any]:
    interval = f"{wording.deviations(point.low)} to {wording.deviations(point.high)}"
    price, quality = wording.money(point.price.value), wording.deviations(point.quality.value)
    return {
        "name": point.name,
        "provider": point.provider,
        "price": point.price.value,
        "quality": point.quality.value,
        "low": point.low,
        "high": point.high,
        "on_line": point.on_line,
        "told_price": price,
        "told_quality": quality,
        "told_interval": interval if point.low is not None else wording.UNKNOWN,
        "described": f"{point.name}: {price} per 1M input tokens, quality {quality}",
        "evidence": _evidence(point.quality, point.price),
    }


def _evidence(*figures: Figure) -> str:
    return ", ".join(figure.evidence for figure in figures if figure.evidence)


def _history(history: History, content: ReportContent) -> list[dict[str, Any]]:
    return [
        *_series(history.prices, "price", content),
        *_series(history.indices, "index", content),
    ]


def _series(lines: tuple[Line, ...], scale: str, content: ReportContent) -> list[dict[str, Any]]:
    """A series for each source and item, with a line for each index version."""
    by: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        by.setdefault((line.source, line.item), []).append(line)
    return [
        {
            "scale": scale,
            "title": f"{wording.label(item).capitalize()}, {content.title_of(source)}",
            "lines": [
                {"version": line.index_version, "points": [list(point) for point in line.points]}
                for line in sorted(versions, key=lambda line: line.points[0])
            ],
        }
        for (source, item), versions in sorted(by.items())
    ]
