"""How well names are joined, on hand-labelled names:

    python -m llmrec_pipeline_tests.identity_quality

One line for each measurement: precision and recall of base models over pairs of names, with the
counts, then variants. Then the same where the rules know one publisher, or one creator's models,
less. Names that a person too must leave open are counted apart and are no miss.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from llmrec_pipeline.domain.identity import Identity, IdentityRules, SourceName
from llmrec_pipeline.domain.identity_config import IdentityConfig
from llmrec_pipeline.locations import PROJECT_ROOT

PUBLISHERS = ("artificial_analysis", "openrouter", "models_dev", "litellm", "lmarena", "epoch")
_LABELS = Path(__file__).with_name("identity_labels.yaml")
_BY_CREATOR = (
    *("rewrites", "single_releases", "default_variants", "separate_modes", "own_words"),
    *("bare_names", "unspecific_names", "reuploads"),
)

Tables = dict[str, Any]
Pair = tuple[SourceName, SourceName]


@dataclass(frozen=True, slots=True)
class Labels:
    """`same`: names of one model each; `variants`: what some of them say of how it runs."""

    same: tuple[tuple[SourceName, ...], ...]
    variants: dict[SourceName, str | None]
    different: tuple[Pair, ...]
    open: tuple[SourceName, ...]

    def pairs(self) -> list[tuple[Pair, bool]]:
        """Pairs of names with whether both are one model: all within a model, the hard pairs, and
        one of each two models."""
        same = [pair for group in self.same for pair in itertools.combinations(group, 2)]
        apart = [(one[0], other[0]) for one, other in itertools.combinations(self.same, 2)]
        return [
            *((pair, True) for pair in same),
            *((pair, False) for pair in (*self.different, *apart)),
        ]


@dataclass(frozen=True, slots=True)
class Quality:
    """Counts over pairs of names. `joined`: joined and one model; `wrong`: joined and two models;
    `missed`: one model and not joined."""

    joined: int
    wrong: int
    missed: int
    wrong_pairs: tuple[Pair, ...] = ()
    missed_pairs: tuple[Pair, ...] = ()

    @property
    def precision(self) -> float:
        return self.joined / (self.joined + self.wrong) if self.joined + self.wrong else 1.0

    @property
    def recall(self) -> float:
        return self.joined / (self.joined + self.missed) if self.joined + self.missed else 1.0

    def line(self, what: str) -> str:
        """One line of the report."""
        return (
            f"{what:<44} precision {self.precision:.4f} ({self.joined}/{self.joined + self.wrong})"
            f"  recall {self.recall:.4f} ({self.joined}/{self.joined + self.missed})"
        )


@cache
def labels() -> Labels:
    """The labelled names."""
    content = yaml.safe_load(_LABELS.read_text("utf-8"))
    variants: dict[SourceName, str | None] = {}

    def read(row: Tables) -> SourceName:
        name = SourceName(
            row["source"],
            row["name"],
            row["name"],
            row.get("creator"),
            None,
            row.get("release_date"),
        )
        if (variant := row.get("variant")) is not None:
            variants[name] = None if variant == "bare" else variant
        return name

    same = tuple(tuple(read(row) for row in group) for group in content["same"])
    different = tuple((read(one), read(other)) for one, other in content["different"])
    return Labels(same, variants, different, tuple(read(row) for row in content["open"]))


@cache
def tables() -> Tables:
    """`config/identity.yaml`."""
    text = (PROJECT_ROOT / "config" / "identity.yaml").read_text("utf-8")
    content: Tables = yaml.safe_load(text)
    return content


def compiled(content: Tables) -> IdentityRules:
    """The rules of some tables."""
    return IdentityRules(IdentityConfig.model_validate(content))


def name_alone(name: SourceName) -> SourceName:
    """The name with its source, and nothing else that its publisher says."""
    return replace(name, creator=None, host=None, release_date=None)


def measured(
    rules: IdentityRules,
    pairs: Iterable[tuple[Pair, bool]],
    seen: Callable[[SourceName], SourceName] = lambda name: name,
) -> Quality:
    """How well the rules join these pairs, of each name what `seen` leaves of it."""
    truth = dict(pairs)
    bases = {name: _base(rules, seen(name)) for name in itertools.chain.from_iterable(truth)}
    together = {
        pair for pair in truth if bases[pair[0]] is not None and bases[pair[0]] == bases[pair[1]]
    }
    wrong = tuple(pair for pair, same in truth.items() if pair in together and not same)
    missed = tuple(pair for pair, same in truth.items() if same and pair not in together)
    return Quality(len(together) - len(wrong), len(wrong), len(missed), wrong, missed)


def variants_right(rules: IdentityRules) -> tuple[int, int]:
    """How many of the labelled variants are read as labelled, and how many there are."""
    labelled = labels().variants
    return sum(_variant(rules, name) == said for name, said in labelled.items()), len(labelled)


def left_open(rules: IdentityRules) -> int:
    """How many of the names that say too little are left open."""
    return sum(_base(rules, name) is None for name in labels().open)


def without_publisher(source: str) -> Tables:
    """The tables without how a publisher writes, and without the hosts that only it names."""
    rules = compiled(tables())
    named = {publisher: _hosts(rules, publisher) for publisher in PUBLISHERS}
    others = set().union(*(hosts for name, hosts in named.items() if name != source))
    gone = named[source] - others
    needed = {creator.get("own_host") for creator in tables()["creators"]}
    places = ("instructed_at", "pretrained_at")
    bare = [
        {**row, **{place: [host for host in row[place] if host not in gone] for place in places}}
        for row in tables()["bare_names"]
    ]
    return {
        **tables(),
        "sources": {name: row for name, row in tables()["sources"].items() if name != source},
        "hosts": [row for row in tables()["hosts"] if row["id"] not in gone or row["id"] in needed],
        "bare_names": bare,
        "aliases": [row for row in tables()["aliases"] if row.get("source") != source],
    }


def without_family(creator: str) -> Tables:
    """The tables without what they know of one creator's models."""
    changed = {
        table: [row for row in tables()[table] if row.get("creator") != creator]
        for table in _BY_CREATOR
    }
    releases = [row for row in tables()["releases"] if not row["base"].startswith(f"{creator}/")]
    aliases = [row for row in tables()["aliases"] if not row["key"].startswith(f"{creator}/")]
    return {**tables(), **changed, "releases": releases, "aliases": aliases}


def pairs_of_publisher(source: str) -> list[tuple[Pair, bool]]:
    """Labelled pairs with a name of this publisher."""
    return [
        (pair, same) for pair, same in labels().pairs() if source in {name.source for name in pair}
    ]


def families() -> dict[str, list[tuple[Pair, bool]]]:
    """Labelled pairs by creator, of creators of whom several models are labelled."""
    rules = compiled(tables())
    names = itertools.chain(
        itertools.chain.from_iterable(labels().same),
        itertools.chain.from_iterable(labels().different),
    )
    creators = {name: _creator(rules, name) for name in names}
    counted = {creator for creator in creators.values() if creator is not None}
    several = sorted(
        creator for creator in counted if sum(creators[g[0]] == creator for g in labels().same) > 2
    )
    return {
        creator: [
            (pair, same)
            for pair, same in labels().pairs()
            if creator in {creators[name] for name in pair}
        ]
        for creator in several
    }


def report() -> Iterable[str]:
    """The lines of the report."""
    rules = compiled(tables())
    every = labels().pairs()
    hard = len(labels().different)
    positive = sum(same for _, same in every)
    yield f"{positive} pairs of one model, {hard} hard pairs of two, {len(every)} pairs in all"
    yield measured(rules, every).line("base models")
    yield measured(rules, every, name_alone).line("base models, by name and source alone")
    right, count = variants_right(rules)
    yield f"{'variants':<44} {right} of {count} as labelled ({right / count:.4f})"
    yield f"{'names that say too little':<44} {left_open(rules)} of {len(labels().open)} left open"
    for source in PUBLISHERS:
        pairs = pairs_of_publisher(source)
        yield measured(compiled(without_publisher(source)), pairs).line(
            f"without publisher {source}"
        )
    for creator, pairs in families().items():
        yield measured(compiled(without_family(creator)), pairs).line(f"without family {creator}")


def _base(rules: IdentityRules, name: SourceName) -> str | None:
    outcome = rules.resolve(name)
    return outcome.base_model if isinstance(outcome, Identity) else None


def _variant(rules: IdentityRules, name: SourceName) -> str | None:
    outcome = rules.resolve(name)
    return outcome.variant if isinstance(outcome, Identity) else f"left open: {outcome.reason}"


def _creator(rules: IdentityRules, name: SourceName) -> str | None:
    outcome = rules.resolve(name)
    return outcome.creator if isinstance(outcome, Identity) else None


def _hosts(rules: IdentityRules, source: str) -> set[str]:
    names: Sequence[SourceName] = [name for group in labels().same for name in group]
    outcomes = (rules.resolve(name) for name in names if name.source == source)
    return {o.host for o in outcomes if isinstance(o, Identity) and o.host is not None}


def main() -> None:
    """Print the report."""
    for line in report():
        print(line)


if __name__ == "__main__":
    main()
