"""Model strings in one file: which they are, where they stand, and which of them fail an audit.

Pure: a file's text and the places to look at in, findings out.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from llmrec_pipeline.domain.audit_config import Language
from llmrec_pipeline.domain.code_regions import CODE, Regions
from llmrec_pipeline.domain.model_key import base_model_of
from llmrec_pipeline.domain.model_mentions import Mention, ModelNames
from llmrec_pipeline.domain.successors import (
    DEPRECATED,
    GONE,
    PARTLY_DEPRECATED,
    UNKNOWN,
    Offered,
    Successor,
    successor,
)

OUTDATED = (DEPRECATED, PARTLY_DEPRECATED, GONE)


@dataclass(frozen=True, slots=True)
class Finding:
    """A model string. `line` and `column` count from 1; `where` is code, comment or docs;
    `model_id` is None where the string may mean several (`candidates`) or is only one to fail on;
    `status` of all of them is current, deprecated, partly_deprecated (some of them are), gone (listed
    by no source any more) or unknown;
    `fail_on` is the string of the call that it matches, `fails` whether that fails the audit."""

    path: str
    line: int
    column: int
    text: str
    where: str
    model_id: str | None
    candidates: tuple[str, ...]
    status: str
    successor: Successor | None
    fail_on: str | None
    fails: bool


class Auditor:
    """What is looked for. `market` is empty where no edition tells what is offered; `fail_on` are
    strings that must not stand in code, each with every other name of its model, and with
    `fail_outside_code` in comments and docs neither."""

    def __init__(
        self,
        names: ModelNames,
        market: Mapping[str, Offered],
        fail_on: Sequence[str],
        *,
        fail_outside_code: bool = False,
    ) -> None:
        self._names = names
        self._market = market
        self._fail_outside_code = fail_outside_code
        self._literals = {text: _literal(text) for text in fail_on}
        self._failing: dict[str, str] = {}
        for text in fail_on:
            for model in names.meaning(text) or ():
                self._failing.setdefault(model, text)
        self._successors: dict[tuple[str, ...], Successor | None] = {}

    @property
    def patterns(self) -> list[str]:
        """Lower-case texts at which alone something may be found."""
        return [*self._names.patterns, *(text.lower() for text in self._literals)]

    def findings(
        self, path: str, text: str, places: Iterable[int], language: Language | None
    ) -> list[Finding]:
        """Everything found at these places of a file, in order."""
        spans = self._mentions(text, places)
        if not spans:
            return []
        regions = Regions(text, language, until=spans[-1][0].end)
        lines = [0, *(match.end() for match in re.finditer("\n", text))]
        found = []
        for mention, literal in spans:
            where = regions.at(mention.start, mention.end)
            if where is not None:
                line = bisect_right(lines, mention.start)
                column = mention.start - lines[line - 1] + 1
                found.append(self._finding(path, line, column, where, mention, literal))
        return found

    def _mentions(self, text: str, places: Iterable[int]) -> list[tuple[Mention, str | None]]:
        """Names, and strings to fail on that are part of none, each with the string that it is."""
        named: dict[int, Mention] = {}
        for place in places:
            mention = self._names.id_at(text, place)
            if mention is not None:
                named[mention.start] = mention
        literals: dict[int, str] = {}
        for told, pattern in self._literals.items():
            for match in pattern.finditer(text):
                around = _around(named.values(), match)
                if around is None:
                    around = Mention(*match.span(), match[0], ())
                    named[around.start] = around
                literals.setdefault(around.start, told)
        return [(named[start], literals.get(start)) for start in sorted(named)]

    def _finding(
        self, path: str, line: int, column: int, where: str, mention: Mention, literal: str | None
    ) -> Finding:
        model_id = mention.models[0] if len(mention.models) == 1 else None
        fail_on = literal or self._same_model(mention.models)
        status = self._state(mention.models)
        return Finding(
            path=path,
            line=line,
            column=column,
            text=mention.text,
            where=where,
            model_id=model_id,
            candidates=mention.models if model_id is None else (),
            status=status,
            successor=self._successor(mention.models) if status in OUTDATED else None,
            fail_on=fail_on,
            fails=fail_on is not None and (where == CODE or self._fail_outside_code),
        )

    def _same_model(self, models: Sequence[str]) -> str | None:
        """The string to fail on that names the model too, or the model without its variant; of a
        name that may mean several, every one of them."""
        told = [self._failing.get(m) or self._failing.get(base_model_of(m)) for m in models]
        return told[0] if told and all(told) else None

    def _state(self, models: Sequence[str]) -> str:
        """The state of all the models that a name may mean; where they differ, whether some are
        deprecated."""
        states = {self._state_of(model) for model in models}
        if len(states) == 1:
            return states.pop()
        return PARTLY_DEPRECATED if DEPRECATED in states else UNKNOWN

    def _state_of(self, model_id: str) -> str:
        offered = self._market.get(model_id)
        return offered.state if offered else UNKNOWN

    def _successor(self, models: tuple[str, ...]) -> Successor | None:
        """What follows those of the models that are outdated."""
        if models not in self._successors:
            outdated = [model for model in models if self._state_of(model) in OUTDATED]
            self._successors[models] = successor(outdated, self._market)
        return self._successors[models]


def _literal(text: str) -> re.Pattern[str]:
    """The text where no longer name goes on: `gpt-4` is not in `gpt-4o`, `gpt-4-turbo`, `gpt-4.1`;
    a host before it and a colon behind it are no part of the name."""
    return re.compile(
        rf"(?<![A-Za-z0-9_.@+-]){re.escape(text)}(?![A-Za-z0-9_-]|[.@+][A-Za-z0-9])", re.IGNORECASE
    )


def _around(mentions: Iterable[Mention], match: re.Match[str]) -> Mention | None:
    """The name that a match is part of, or that is part of it."""
    start, end = match.span()
    return next((m for m in mentions if m.start < end and start < m.end), None)
