"""What somebody should do today, the most pressing first, told from the other parts of a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmrec_pipeline.domain.candidates import DEPRECATED, NOT_LISTED
from llmrec_pipeline.domain.decisions import ACCEPTED, PROPOSED
from llmrec_pipeline.domain.market import TOP_PICK
from llmrec_pipeline.domain.records import PULLED_ORIGINS
from llmrec_pipeline.serving.report.answering import BEST, DOMINATED, IN_ORDER
from llmrec_pipeline.serving.report.content import Action, Changes, Proposal, Source, UseCase
from llmrec_pipeline.serving.report.wording import signed_money

_NOW, _SOON, _KNOW = 1, 2, 3
_PRESSING = (DEPRECATED, NOT_LISTED.replace("_", " "))


def actions(
    use_cases: Sequence[UseCase],
    proposals: Sequence[Proposal],
    last: Changes,
    sources: Sequence[Source],
) -> tuple[Action, ...]:
    """From proposals, the state of each use case, sources and new top picks."""
    found = [
        *_of_proposals(proposals),
        *_of_use_cases(use_cases, {proposal.use_case for proposal in proposals}),
        *_of_sources(sources),
        *_of_changes(last),
    ]
    return tuple(sorted(found, key=lambda action: action.weight))


def _of_proposals(proposals: Sequence[Proposal]) -> Iterator[Action]:
    """One for each use case: what waits for a decision, and what was accepted and waits to be
    carried out."""
    for status, verb in ((ACCEPTED, "Carry out"), (PROPOSED, "Decide on")):
        waiting: dict[tuple[str, str], list[Proposal]] = {}
        for proposal in proposals:
            if proposal.status == status:
                about = proposal.use_case, proposal.current_model
                waiting.setdefault(about, []).append(proposal)
        for (use_case, current), found in waiting.items():
            told = "; or ".join(map(_worth, found))
            command = f"llmrec intel propose-patch --recommendation-id {found[0].id}"
            yield Action(_NOW, f"{verb} {use_case}, now {current}: {told}.", "proposals", command)


def _worth(proposal: Proposal) -> str:
    monthly = proposal.usd_per_month
    saved = "" if monthly is None else f", {signed_money(monthly)} a month"
    return f"{proposal.recommended_model} (proposal {proposal.id}{saved})"


def _of_use_cases(use_cases: Sequence[UseCase], proposed: set[str]) -> Iterator[Action]:
    """Of use cases without a proposal; those in the same state for the same reason together."""
    together: dict[tuple[int, str], list[UseCase]] = {}
    for case in use_cases:
        if case.use_case not in proposed and case.state not in (BEST, IN_ORDER):
            weight = _NOW if case.state in _PRESSING else _SOON
            together.setdefault((weight, _trouble(case)), []).append(case)
    for (weight, trouble), cases in together.items():
        told = ", ".join(f"{case.use_case} ({case.current_name})" for case in cases)
        asked = cases[0].use_case if len(cases) == 1 else "NAME"
        command = f"llmrec intel recommend --use-case {asked}"
        yield Action(weight, f"{trouble}: {told}.", "use-cases", command)


def _trouble(case: UseCase) -> str:
    if case.state == DOMINATED:
        return f"{case.dominated_by} is better beyond the noise and costs no more"
    return f"The model in use is {case.state}"


def _of_sources(sources: Sequence[Source]) -> Iterator[Action]:
    asked = [source for source in sources if source.enabled]
    for source in asked:
        if source.doubt:
            told = f"{source.title}: its newest pull is not believed: {source.doubt}."
            yield Action(_SOON, told, "sources")
    unserved = [
        f"{source.title} ({'nothing' if source.origin == 'none' else 'bundled facts'})"
        for source in asked
        if source.origin not in PULLED_ORIGINS
    ]
    if unserved:
        told = f"No pull serves of {', '.join(unserved)}."
        yield Action(_SOON, told, "sources", "llmrec doctor")


def _of_changes(last: Changes) -> Iterator[Action]:
    for change in last.rows:
        if change.change == TOP_PICK:
            yield Action(
                _KNOW,
                f"The first for {change.subject} is {change.after} now, was {change.before}.",
                "changes",
            )
