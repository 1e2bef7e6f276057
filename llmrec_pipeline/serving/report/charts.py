"""The report's charts: Vega-Lite specifications without data, made by Altair, and the scripts that
draw them.

Both follow from the installed versions and this module alone, and making them takes seconds, so
they are kept in a file named by these. The page fills in the data by name: `points` and `labels`
for quality against price, `values` for a line over time. Colours are the page's CSS variables, so
that a chart follows its theme.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from llmrec_pipeline.domain.outside_text import read_json
from llmrec_pipeline.storage.files import write_json

_PACKAGES = ("altair", "vl-convert-python")
_QUALITY = "Quality, standard deviations"
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True, slots=True)
class ChartKit:
    """The libraries as one script, and the specifications by name."""

    script: str
    specs: dict[str, Any]


def chart_kit(cache: Path) -> ChartKit:
    """From the folder `cache` where it is there, else made and kept there; a folder that cannot be
    written changes nothing."""
    path = cache / f"charts-{_fingerprint()}.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = read_json(path.read_bytes())
        return ChartKit(kept["script"], kept["specs"])
    kit = _made()
    with suppress(OSError):
        write_json(path, {"script": kit.script, "specs": kit.specs})
    return kit


def _fingerprint() -> str:
    parts = [Path(__file__).read_bytes(), *(version(name).encode() for name in _PACKAGES)]
    return hashlib.sha256(b"\n".join(parts)).hexdigest()[:16]


def _made() -> ChartKit:
    import vl_convert

    specs = {"tradeoff": _tradeoff(), "price": _line("$~g"), "index": _line("~g")}
    # A script's end within a string of the libraries would end ours.
    script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace(
        "</script", "<\\/script"
    )
    return ChartKit(script, specs)


def _tradeoff() -> dict[str, Any]:
    """Quality against input price on a logarithmic axis: intervals, points, the line of those that
    nobody beats in both, and names."""
    import altair as alt

    x = alt.X("price:Q").scale(type="log", nice=False, padding=24)
    x = x.title("Input price, USD per 1M tokens (logarithmic)").axis(
        format="$~g", tickCount=6, grid=False
    )
    y = alt.Y("quality:Q").scale(zero=False, nice=False, padding=18).title(_QUALITY)
    on_line = alt.datum.on_line
    base = alt.Chart(alt.NamedData("points"))
    intervals = base.mark_rule(color="var(--faint)", strokeWidth=1.5).encode(
        x=x, y=alt.Y("low:Q").title(_QUALITY), y2="high:Q"
    )
    line = (
        base.transform_filter(on_line)
        .mark_line(
            color="var(--accent)", strokeWidth=1.5, strokeDash=[4, 3], interpolate="step-after"
        )
        .encode(x=x, y=y)
    )
    tooltip = [
        alt.Tooltip(f"{name}:N", title=title)
        for name, title in (
            ("name", "Model"),
            ("provider", "Creator"),
            ("told_price", "Input price"),
            ("told_quality", "Quality"),
            ("told_interval", "Interval"),
            ("evidence", "Evidence (click)"),
        )
    ]
    points = base.mark_point(filled=True, opacity=1, cursor="pointer").encode(
        x=x,
        y=y,
        size=alt.condition(on_line, alt.value(90), alt.value(45)),
        color=alt.condition(on_line, alt.value("var(--accent)"), alt.value("var(--dot)")),
        tooltip=tooltip,
        description="described:N",
    )
    labels = alt.Chart(alt.NamedData("labels")).encode(x=x, y=y, text="name:N")
    halo = labels.mark_text(stroke="var(--bg)", strokeWidth=3, align="left", baseline="middle")
    names = labels.mark_text(align="left", baseline="middle").encode(
        color=alt.condition(on_line, alt.value("var(--fg)"), alt.value("var(--muted)"))
    )
    return _spec(alt.layer(intervals, line, points, halo, names), height=420)


def _line(number_format: str) -> dict[str, Any]:
    """Values over time, told in a format of d3. Each line is of one index version; where one
    begins, its name stands, and nothing joins it with the one before."""
    import altair as alt

    x = (
        alt.X("day:T")
        .title(None)
        .axis(format="%-d %b %y", tickCount=5, labelOverlap=True, grid=False)
    )
    y = alt.Y("value:Q").scale(zero=False, padding=10).title(None)
    # Whole ticks alone would tell a flat line of 0.43 as 0.
    y = y.axis(tickCount=4, format=number_format)
    base = alt.Chart(alt.NamedData("values"))
    lines = base.mark_line(interpolate="step-after", strokeWidth=2, color="var(--accent)").encode(
        x=x, y=y, detail="version:N"
    )
    points = base.mark_point(filled=True, size=22, opacity=1, color="var(--accent)").encode(
        x=x, y=y, tooltip=[alt.Tooltip("told:N", title="Value"), alt.Tooltip("at:N", title="Day")]
    )
    begun = base.transform_filter(alt.datum.begins)
    rules = begun.mark_rule(color="var(--muted)", strokeDash=[3, 3]).encode(x="day:T")
    names = begun.mark_text(color="var(--muted)", align="left", baseline="top", dx=4).encode(
        x="day:T", y=alt.value(0), text="version:N"
    )
    return _spec(alt.layer(rules, lines, points, names), height=110)


def _spec(chart: Any, height: int) -> dict[str, Any]:
    sized = chart.properties(width="container", height=height, background="transparent")
    spec: dict[str, Any] = sized.configure_view(stroke=None).to_dict()
    spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    spec["config"] |= {
        "font": _FONT,
        "axis": {
            "labelColor": "var(--muted)",
            "titleColor": "var(--muted)",
            "titleFontWeight": "normal",
            "gridColor": "var(--line)",
            "domainColor": "var(--line)",
            "tickColor": "var(--line)",
            "labelFontSize": 11,
            "titleFontSize": 12,
        },
        "text": {"fontSize": 11},
    }
    return spec
