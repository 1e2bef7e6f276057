"""The report as Markdown, for pull requests and chat: the page's content without its charts, short
enough for one comment. Histories are told by their first and last value, answers under a cap in one
line, and of the evidence what is cited, as far as there is room.

Everything that a publisher or a person wrote is escaped. Figures cite the rows of the evidence by id.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from llmrec_pipeline.serving.markdown import code, escaped, table_lines
from llmrec_pipeline.serving.report import wording
from llmrec_pipeline.serving.report.content import (
    Answer,
    Changes,
    Evidence,
    Figure,
    History,
    ReportContent,
    Tradeoff,
)

# Characters of a whole report: a comment on GitHub holds 65,536.
LIMIT = 60_000
_HISTORIES = 40
# What stands around the rows of the evidence.
_FRAME = 200
_CITATION = re.compile(r"\((e\d+)\)")


def as_markdown(content: ReportContent) -> str:
    """The whole report."""
    told = _joined(
        (
            *_headline(content),
            _reasons(content),
            _use_cases(content),
            _pareto(content.tradeoffs),
            _histories(content.histories),
            _proposals(content),
            _changes("Changed with the newest pulls", content.since_last),
            _changes("Changed over 30 days", content.month),
            _usage(content),
            _sources(content),
        )
    )
    foot = _joined((_foot(content),))
    cited = set(_CITATION.findall(told))
    rows = [row for row in content.evidence if row.id in cited]
    return f"{told}\n{_joined((_evidence(rows, LIMIT - len(told) - len(foot)),))}\n{foot}"


def headline(content: ReportContent) -> str:
    """How the report begins: which model for which task type, and what to change today."""
    return _joined(_headline(content))


def _headline(content: ReportContent) -> tuple[Iterator[str], ...]:
    return _head(content), _matrix(content), _today(content)


def _joined(parts: Iterable[Iterable[str]]) -> str:
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _cited(figure: Figure, text: str) -> str:
    return escaped(text) if figure.evidence is None else f"{escaped(text)} ({figure.evidence})"


def _head(content: ReportContent) -> Iterator[str]:
    yield "# Which model for which job"
    yield ""
    yield (
        f"Published {wording.minute(content.published_at)} on data observed until "
        f"{wording.minute(content.snapshot_ts)}. Edition {code(content.edition)}. Prices are USD per "
        f"1M tokens; quality is in standard deviations; (e1) names a row of the evidence."
    )


def _today(content: ReportContent) -> Iterator[str]:
    yield "## What to change today"
    yield ""
    if not content.actions:
        yield "Nothing."
    for action in content.actions:
        command = "" if action.command is None else f" {code(action.command)}"
        yield f"- {escaped(action.text)}{command}"


def _matrix(content: ReportContent) -> Iterator[str]:
    yield "## Which model to use"
    yield ""
    rows = (
        (escaped(wording.label(task_type)), *map(_pick, content.answers_for(task_type)))
        for task_type in content.task_types
    )
    yield from table_lines(("Task type", *(wording.cap(cap) for cap in content.caps)), rows)


def _pick(answer: Answer) -> str:
    if answer.sureness is None:
        return "not enough evidence"
    first = answer.choices[0]
    price = wording.money(first.price_input.value)
    quality = wording.deviations(first.quality.value)
    return f"{escaped(first.name)}, {quality}, {price}, {wording.SURENESS[answer.sureness].lower()}"


def _reasons(content: ReportContent) -> Iterator[str]:
    """Each task type with its runners-up, and in a line each what stands first under a cap."""
    yield "## Why, how sure, and who comes next"
    for task_type in content.task_types:
        whole, *capped = content.answers_for(task_type)
        yield ""
        yield from _answer(whole, content)
        yield ""
        for answer in capped:
            yield f"- {_capped(answer)}"


def _answer(answer: Answer, content: ReportContent) -> Iterator[str]:
    yield f"### {escaped(wording.label(answer.task_type))}, {wording.cap(answer.cap)}"
    yield ""
    if not answer.choices:
        yield f"Not enough evidence. {escaped(answer.message)}"
        return
    yield _why(answer)
    yield ""
    rows = (
        (
            str(choice.place),
            f"{escaped(choice.name)} {code(choice.key)}",
            _cited(choice.quality, wording.deviations(choice.quality.value)),
            ""
            if choice.low is None
            else f"{wording.deviations(choice.low)} to {wording.deviations(choice.high)}",
            "better" if choice.better else "tie" if choice.ties else "",
            _cited(choice.price_input, wording.money(choice.price_input.value)),
            _cited(choice.price_output, wording.money(choice.price_output.value)),
            _cited(choice.speed, wording.number(choice.speed.value)),
            _cited(choice.context, wording.tokens(choice.context.value)),
        )
        for choice in answer.choices
    )
    columns = ("#", "Model", "Quality", "Interval", "", "In", "Out", "Tokens/s", "Context")
    yield from table_lines(columns, rows)
    yield ""
    since = (
        f"; price seen unchanged since {wording.date(answer.price_since)}"
        if answer.price_since
        else ""
    )
    publishers = ", ".join(map(content.title_of, answer.publishers))
    yield (
        f"By {escaped(publishers)}, observed {wording.minute(answer.observed_at)}{since}. "
        f"{escaped(wording.not_ranked(answer))} {code(answer.command)}"
    )


def _why(answer: Answer) -> str:
    told = f"{escaped(wording.reason(answer.choices[0]))} {escaped(wording.sureness(answer))}"
    return f"{told} **{escaped(wording.better(answer))}**" if answer.better else told


def _capped(answer: Answer) -> str:
    cap = f"{wording.cap(answer.cap)}:"
    if not answer.choices:
        return f"{cap} not enough evidence. {escaped(answer.message)}"
    first, *others = answer.choices
    price = _cited(first.price_input, wording.money(first.price_input.value))
    quality = _cited(first.quality, wording.deviations(first.quality.value))
    then = ", ".join(escaped(choice.name) for choice in others)
    return (
        f"{cap} {escaped(first.name)} {code(first.key)}, {quality}, {price} in. "
        f"{escaped(wording.sureness(answer))}"
        f"{f' **{escaped(wording.better(answer))}**' if answer.better else ''}"
        f"{f' Then {then}.' if then else ''}"
    )


def _use_cases(content: ReportContent) -> Iterator[str]:
    yield "## What you use now"
    yield ""
    if not content.use_cases:
        yield "None yet: name your models in `config/models.yaml`, then `llmrec refresh`."
        return
    rows = (
        (
            escaped(case.use_case),
            escaped(wording.label(case.task_type)),
            f"{escaped(case.current_name)} {code(case.current_model)}",
            _cited(case.price_input, wording.money(case.price_input.value)),
            _cited(case.quality, wording.deviations(case.quality.value)),
            f"{case.rank} of {case.ranked}" if case.rank else wording.UNKNOWN,
            escaped(case.state + (f" by {case.dominated_by}" if case.dominated_by else "")),
            escaped(case.best_name or wording.UNKNOWN),
        )
        for case in content.use_cases
    )
    columns = ("Use case", "Task type", "In use", "In", "Quality", "Rank", "State", "First")
    yield from table_lines(columns, rows)


def _pareto(tradeoffs: Iterable[Tradeoff]) -> Iterator[str]:
    yield "## Quality against price"
    yield ""
    yield "Models that no other beats in both, cheapest first."
    yield ""
    for tradeoff in tradeoffs:
        line = sorted(
            (point for point in tradeoff.points if point.on_line),
            key=lambda point: point.price.value or 0.0,
        )
        told = (
            f"{escaped(point.name)} {_cited(point.price, wording.money(point.price.value))} "
            f"{_cited(point.quality, wording.deviations(point.quality.value))}"
            for point in line
        )
        yield f"- {escaped(wording.label(tradeoff.task_type))}: {'; '.join(told) or 'nobody'}"


def _histories(histories: Sequence[History]) -> Iterator[str]:
    """First and last value of each line, those of one index version only."""
    yield "## Price and index history"
    yield ""
    rows = [
        (
            escaped(history.name),
            escaped(wording.label(line.item)),
            escaped(line.source),
            escaped(line.index_version or ""),
            *(f"{told(value)}, {wording.date(day)}" for day, value in (first, last)),
        )
        for history in histories
        for lines, told in ((history.prices, wording.money), (history.indices, wording.number))
        for line in lines
        for first, last in ((line.points[0], line.points[-1]),)
        if first[1] != last[1]
    ]
    if not rows:
        yield "No price and no index of the models named here has changed."
        return
    yield from table_lines(
        ("Model", "What", "Source", "Version", "First", "Last"), rows[:_HISTORIES]
    )
    if len(rows) > _HISTORIES:
        yield ""
        yield f"{len(rows) - _HISTORIES} more are on the page."


def _proposals(content: ReportContent) -> Iterator[str]:
    yield "## Upgrade proposals"
    yield ""
    if not content.proposals:
        yield "None yet. `llmrec intel recommend --use-case NAME --persist` asks for one."
        return
    rows = (
        (
            str(proposal.id),
            escaped(proposal.use_case),
            code(proposal.current_model),
            code(proposal.recommended_model),
            proposal.status,
            wording.signed_percent(
                None if proposal.cost_delta_pct is None else proposal.cost_delta_pct / 100
            ),
            wording.signed_percent(proposal.quality_delta),
            wording.signed_money(proposal.usd_per_month),
            wording.number(proposal.confidence),
            escaped(", ".join(f"{n} {kind}" for kind, n in proposal.evidence_counts.items() if n)),
        )
        for proposal in content.proposals
    )
    columns = (
        *("Id", "Use case", "From", "To", "Status", "Cost", "Quality", "A month"),
        *("Confidence", "Evidence"),
    )
    yield from table_lines(columns, rows)


def _changes(title: str, changes: Changes) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    if not changes.rows:
        yield "Nothing."
        return
    counts = ", ".join(f"{wording.label(kind)} {n}" for kind, n in changes.counts.items())
    yield f"Since {wording.minute(changes.since)}: {counts}; {len(changes.rows)} are shown."
    yield ""
    rows = (
        (
            wording.label(change.change),
            escaped(change.name),
            escaped(wording.label(change.field)) if change.field else "",
            escaped(wording.change_value(change, change.before)),
            escaped(wording.change_value(change, change.after)),
            "" if change.relative is None else wording.signed_percent(change.relative),
        )
        for change in changes.rows
    )
    yield from table_lines(("Change", "What", "Field", "Before", "After", "Relative"), rows)


def _usage(content: ReportContent) -> Iterator[str]:
    yield "## Own usage"
    yield ""
    if not content.usage:
        yield (
            "None yet: `llmrec telemetry import`, then "
            "`llmrec intel compute-runtime-stats --window-days 30`."
        )
        return
    rows = (
        (
            escaped(usage.use_case),
            f"{code(usage.model)} at {escaped(usage.provider)}",
            f"{wording.date(usage.window_start)} to {wording.date(usage.window_end)}",
            f"{usage.calls:,}",
            wording.money(usage.cost_usd),
            wording.percent(usage.success_rate),
            wording.number(usage.latency_s),
        )
        for usage in content.usage
    )
    columns = ("Use case", "Model", "Window", "Calls", "Spend", "Success", "Latency, s")
    yield from table_lines(columns, rows)


def _sources(content: ReportContent) -> Iterator[str]:
    yield "## Sources"
    yield ""
    rows = (
        (
            escaped(source.title),
            source.origin if source.enabled else "switched off",
            wording.minute(source.observed_at),
            wording.hours(source.age_hours),
            f"{source.rows:,}",
            escaped(source.index_version or ""),
            escaped(source.quota or ""),
            escaped(source.doubt or ""),
            escaped(source.licence),
            escaped(source.attribution),
        )
        for source in content.sources
    )
    columns = (
        *("Source", "Origin", "Observed", "Age", "Rows", "Version", "Quota", "Doubt"),
        *("Licence", "Attribution"),
    )
    yield from table_lines(columns, rows)


def _evidence(rows: Sequence[Evidence], room: int) -> Iterator[str]:
    """The rows as far as they fit in so many characters, in their order."""
    yield "## Evidence"
    yield ""
    yield "<details><summary>Rows that are cited above</summary>"
    yield ""
    columns = ("Row", "Kind", "Model", "What", "Value", "Unit", "Source", "Observed", "More")
    lines = list(table_lines(columns, map(_evidence_row, rows)))
    shown, left = 0, room - _FRAME
    for line in lines:
        left -= len(line) + 1
        if left < 0:
            break
        shown += 1
    yield from lines[:shown]
    yield ""
    yield "</details>"
    if shown < len(lines):
        yield ""
        yield f"{len(lines) - shown} more cited rows are on the page."


def _evidence_row(row: Evidence) -> tuple[str, ...]:
    return (
        row.id,
        row.kind,
        code(row.subject),
        escaped(wording.label(row.item)),
        wording.number(row.value, 6),
        escaped(row.unit),
        escaped(row.source),
        wording.minute(row.observed_at),
        escaped(" ".join((row.detail, *row.rests_on))),
    )


def _foot(content: ReportContent) -> Iterator[str]:
    yield f"Edition digest {code(content.edition_digest)}, report digest {code(content.digest())}."
    yield from content.left_out
