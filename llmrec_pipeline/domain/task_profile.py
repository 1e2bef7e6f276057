"""From a request in words and flags to a task profile: what is asked, and what weighs how much.

Belongs here: the task types and their words as configured, what a reading holds, and the weights.
Does not belong here: how a text is read (`llmrec_pipeline.domain.request_reader`) and anything
that looks at models (`llmrec_pipeline.domain.ranking`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from math import fsum, isfinite
from typing import Any, TypeVar

from llmrec_pipeline.domain.checked_mapping import CheckedMapping
from llmrec_pipeline.domain.records import INDEX_COLUMNS, WRITING_INDEX
from llmrec_pipeline.domain.request_wording import Wording
from llmrec_pipeline.domain.scoring.weighted import MISSING_NORMS, Weights

NO_PRIORITY = "none"
PRIORITIES = (NO_PRIORITY, "quality", "speed", "cost")
LISTS_ONLY = "lists"  # understood by the configured words alone, without a fitted model
QUALITY_COLUMNS = (*(column.name for column in INDEX_COLUMNS), WRITING_INDEX.name)

CONSENSUS_BASIS, MEASURE_BASIS = "consensus", "measure"
QUALITY_BASES = (CONSENSUS_BASIS, MEASURE_BASIS)

_WORD_KEYS = ("strong_words", "words")
_SUM_TOLERANCE = 1e-9

Read = TypeVar("Read")


class RequestError(ValueError):
    """A request that cannot be answered as asked; the message is one line for the user."""


def unknown_name(kind: str, value: str, allowed: Iterable[str]) -> RequestError:
    """The error for a name that is not allowed: names the nearest ones, or all of a short list."""
    from difflib import get_close_matches

    names = sorted(set(allowed))
    near = get_close_matches(value.casefold(), names, n=3, cutoff=0.6)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    if len(names) <= 12:
        return RequestError(f"unknown {kind} {value!r}{hint} (known: {', '.join(names)})")
    return RequestError(f"unknown {kind} {value!r}{hint} ({len(names)} are known)")


@dataclass(frozen=True, slots=True)
class TaskProfile:
    """What is asked of a model.

    The weights are shares from 0 to 1 that sum to 1; `max_price_per_1m` is USD per 1M input
    tokens, `min_context` tokens; None and empty lists set no limit. Raises RequestError where
    the values contradict that or each other.
    """

    task_type: str
    weight_quality: float
    weight_speed: float
    weight_cost: float
    max_price_per_1m: float | None = None
    min_context: int | None = None
    provider_allowlist: tuple[str, ...] = ()
    provider_denylist: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, weight in self.weights._asdict().items():
            if not 0.0 <= weight <= 1.0:
                raise RequestError(f"weight_{name} is {weight}; a weight is from 0 to 1")
        total = fsum(self.weights)
        if abs(total - 1.0) > _SUM_TOLERANCE:
            raise RequestError(f"the weights sum to {total}; they must sum to 1")
        price, context = self.max_price_per_1m, self.min_context
        if price is not None and not (isfinite(price) and price >= 0):
            raise RequestError(
                f"max_price_per_1m is {price}; a price is 0 or more USD per 1M tokens"
            )
        if context is not None and context < 1:
            raise RequestError(f"min_context is {context}; a context is 1 token or more")
        both = [name for name in self.provider_allowlist if name in self.provider_denylist]
        if both:
            raise RequestError(f"{', '.join(both)} is both allowed and denied")

    @property
    def weights(self) -> Weights:
        """Its three weights."""
        return Weights(self.weight_quality, self.weight_speed, self.weight_cost)

    @classmethod
    def from_mapping(cls, content: Mapping[str, Any]) -> TaskProfile:
        """Of what `to_mapping` gave."""
        stated: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in content.items()
        }
        return cls(**stated)

    def to_mapping(self) -> dict[str, Any]:
        """The profile as JSON: the fields by name, lists for the provider names."""
        lists = ("provider_allowlist", "provider_denylist")
        return {**asdict(self), **{name: list(getattr(self, name)) for name in lists}}


@dataclass(frozen=True, slots=True)
class Words:
    """Words that speak for a meaning; a strong one counts three times a plain one.

    A trailing `*` lets a word go on: `refactor*`.
    """

    strong_words: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    @classmethod
    def read(cls, content: CheckedMapping) -> Words:
        """Of a mapping that may hold both lists. Raises ValueError for what is no list of texts."""
        return cls(*(content.texts(key) for key in _WORD_KEYS))

    def to_mapping(self) -> dict[str, list[str]]:
        """The lists that hold something, as `read` takes them."""
        return {key: list(getattr(self, key)) for key in _WORD_KEYS if getattr(self, key)}


@dataclass(frozen=True, slots=True)
class TaskType:
    """One task type: its quality columns in the order in which they are tried, and its words."""

    columns: tuple[str, ...]
    words: Words = field(default_factory=Words)


@dataclass(frozen=True, slots=True)
class Priority:
    """One priority: its weights and the words that ask for it.

    Those of `none` say that something does not matter ("speed is not important"); they count for
    no priority and keep the words within them from counting.
    """

    weights: Weights
    words: Words = field(default_factory=Words)


@dataclass(frozen=True, slots=True)
class Tasks:
    """config/tasks.yaml: task types, priorities and how a ranking is made by default.

    `minimum_measured` is the number of candidates that a measure must cover (or half of them,
    if that is fewer); `budget_shift` is the weight that a stated budget moves to cost.
    """

    task_types: Mapping[str, TaskType]
    priorities: Mapping[str, Priority]
    default_task_type: str
    budget_shift: float
    minimum_measured: int
    scorer: str
    quality_basis: str
    missing_policy: str
    free_words: tuple[str, ...]
    wording: Wording

    @classmethod
    def from_mapping(cls, content: Mapping[str, Any]) -> Tasks:
        """Build from the content of config/tasks.yaml; `to_mapping` gives it back.

        Raises ValueError with the key, its value and what is allowed.
        """
        reader = CheckedMapping(content)
        task_types = {
            name: TaskType(
                columns=child.texts("columns", allowed=QUALITY_COLUMNS, at_least=1),
                words=Words.read(child),
            )
            for name, child in reader.children("task_types", {"columns", *_WORD_KEYS})
        }
        priorities = {
            name: Priority(weights=_read_weights(child), words=Words.read(child))
            for name, child in reader.children("priorities", {"weights", *_WORD_KEYS})
        }
        if set(priorities) != set(PRIORITIES):
            raise ValueError(
                f"priorities: {', '.join(priorities)}; allowed: exactly {', '.join(PRIORITIES)}"
            )
        tasks = cls(
            task_types=task_types,
            priorities={name: priorities[name] for name in PRIORITIES},
            default_task_type=reader.text("default_task_type", allowed=task_types),
            budget_shift=reader.number("budget_shift", 0, 1),
            minimum_measured=int(reader.number("minimum_measured", 1, 10_000)),
            scorer=reader.text("scorer"),
            quality_basis=reader.text("quality_basis", allowed=QUALITY_BASES),
            missing_policy=reader.text("missing_policy", allowed=MISSING_NORMS),
            free_words=reader.texts("free_words"),
            wording=Wording.read(reader),
        )
        reader.only(set(tasks.to_mapping()))
        return tasks

    def to_mapping(self) -> dict[str, Any]:
        """The content of config/tasks.yaml as plain JSON values."""
        return {
            "scorer": self.scorer,
            "quality_basis": self.quality_basis,
            "missing_policy": self.missing_policy,
            "minimum_measured": self.minimum_measured,
            "budget_shift": self.budget_shift,
            "default_task_type": self.default_task_type,
            "task_types": {
                name: {"columns": list(task.columns), **task.words.to_mapping()}
                for name, task in self.task_types.items()
            },
            "priorities": {
                name: {"weights": priority.weights._asdict(), **priority.words.to_mapping()}
                for name, priority in self.priorities.items()
            },
            "free_words": list(self.free_words),
            "request": self.wording.to_mapping(),
        }

    def task_type(self, name: str) -> TaskType:
        """The task type of that name; RequestError names the known ones."""
        if name not in self.task_types:
            raise unknown_name("task type", name, self.task_types)
        return self.task_types[name]

    def weights(self, priority: str, *, budget: bool = False) -> Weights:
        """Weights of a priority; a stated budget moves `budget_shift` more to cost.

        The shift comes from quality and speed in proportion to them and leaves neither below 0.
        The arithmetic is exact on the decimals as configured. RequestError for an unknown name.
        """
        if priority not in self.priorities:
            raise unknown_name("priority", priority, self.priorities)
        quality, speed, cost = (Fraction(repr(w)) for w in self.priorities[priority].weights)
        others = quality + speed
        if budget and others:
            shift = min(Fraction(repr(self.budget_shift)), others)
            kept = (others - shift) / others
            quality, speed, cost = quality * kept, speed * kept, cost + shift
        return Weights(float(quality), float(speed), float(cost))


def _read_weights(content: CheckedMapping) -> Weights:
    child = content.child("weights", set(Weights._fields))
    weights = Weights(*(child.number(name, 0, 1) for name in Weights._fields))
    if sum(Fraction(repr(weight)) for weight in weights) != 1:
        raise ValueError(f"{child.path}: {weights._asdict()}; allowed: weights that sum to 1")
    return weights


@dataclass(frozen=True, slots=True)
class RequestReading:
    """What a text asks for, with the words that say so.

    `priority` is none, quality, speed or cost; `matched` gives for each field the words of the
    text behind it; `topk` is a number of results. `probabilities` are those of the task types,
    `task_mix` the shares of those that the text may mean, `why` the words that spoke for the first,
    `understanding` by what means: lists (of words), words or full. `ignored` says what was seen and
    not used, `notes` that, and what was used with a caveat.
    """

    task_type: str
    priority: str = NO_PRIORITY
    max_price_per_1m: float | None = None
    min_context: int | None = None
    provider_allowlist: tuple[str, ...] = ()
    provider_denylist: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    topk: int | None = None
    matched: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    probabilities: Mapping[str, float] = field(default_factory=dict)
    task_mix: Mapping[str, float] = field(default_factory=dict)
    why: tuple[str, ...] = ()
    understanding: str = LISTS_ONLY

    @property
    def understood(self) -> tuple[str, ...]:
        """The reading in words, a line for each thing understood."""
        values = {
            "task_type": f"task type {self.task_type}",
            "priority": f"priority {self.priority}",
            "max_price_per_1m": f"at most {self.max_price_per_1m} USD per 1M input tokens",
            "min_context": f"at least {self.min_context} tokens of context",
            "provider_allowlist": f"only {', '.join(self.provider_allowlist)}",
            "provider_denylist": f"not {', '.join(self.provider_denylist)}",
            "capabilities": f"capable of {', '.join(self.capabilities)}",
            "topk": f"{self.topk} results",
        }
        lines = (
            f"{text} ({', '.join(map(repr, self.matched[name]))})"
            for name, text in values.items()
            if self.matched.get(name)
        )
        how = "by default" if self.understanding == LISTS_ONLY else f"by {self.understanding}"
        default = () if self.matched.get("task_type") else (f"{values['task_type']} ({how})",)
        return (*default, *lines)

    def to_mapping(self) -> dict[str, Any]:
        """The reading as JSON; a priority is None where none is stated."""
        return {
            "task_type": self.task_type,
            "probabilities": {name: round(p, 4) for name, p in self.probabilities.items()},
            "priority": None if self.priority == NO_PRIORITY else self.priority,
            "max_price_per_1m": self.max_price_per_1m,
            "min_context": self.min_context,
            "providers_allow": list(self.provider_allowlist),
            "providers_deny": list(self.provider_denylist),
            "capabilities": list(self.capabilities),
            "ignored": list(self.ignored),
            "understanding": self.understanding,
            "task_mix": {name: round(share, 4) for name, share in self.task_mix.items()},
            "why": list(self.why),
            "topk": self.topk,
            "notes": list(self.notes),
            "matched": {name: list(words) for name, words in self.matched.items() if words},
        }


@dataclass(frozen=True, slots=True)
class ProfileOverrides:
    """What flags or a form state beside the text; None leaves it to the text.

    An empty provider list lifts the text's limit. Stated weights replace those of the priority,
    budget shift included.
    """

    task_type: str | None = None
    priority: str | None = None
    weights: Weights | None = None
    max_price_per_1m: float | None = None
    min_context: int | None = None
    provider_allowlist: tuple[str, ...] | None = None
    provider_denylist: tuple[str, ...] | None = None


def resolve_providers(names: Iterable[str], provider_aliases: Mapping[str, str]) -> tuple[str, ...]:
    """Creator ids of the names, each once, in order; RequestError for a name that is unknown."""
    ids = {alias.casefold(): creator for alias, creator in provider_aliases.items()}
    ids |= {creator.casefold(): creator for creator in provider_aliases.values()}
    found: dict[str, None] = {}
    for name in names:
        folded = name.strip().casefold()
        if folded not in ids:
            raise unknown_name("provider", name.strip(), ids)
        found[ids[folded]] = None
    return tuple(found)


def build_profile(
    reading: RequestReading,
    overrides: ProfileOverrides | None = None,
    *,
    tasks: Tasks,
    provider_aliases: Mapping[str, str],
) -> TaskProfile:
    """The profile of a reading under overrides, which win where both speak.

    A provider that an override allows leaves the text's denylist, and the other way round.
    Weights: those of the priority, shifted to cost where a price cap is stated. Raises
    RequestError for an unknown name, a value out of range or a contradiction.
    """
    flags = overrides or ProfileOverrides()
    task_type = _first(flags.task_type, reading.task_type)
    tasks.task_type(task_type)
    max_price = _first(flags.max_price_per_1m, reading.max_price_per_1m)
    priority = _first(flags.priority, reading.priority)
    weights = flags.weights or tasks.weights(priority, budget=max_price is not None)

    def providers(stated: tuple[str, ...] | None, read: tuple[str, ...]) -> tuple[str, ...]:
        return resolve_providers(read if stated is None else stated, provider_aliases)

    allowed = providers(flags.provider_allowlist, reading.provider_allowlist)
    denied = providers(flags.provider_denylist, reading.provider_denylist)
    if flags.provider_denylist is None:
        denied = tuple(name for name in denied if name not in allowed)
    elif flags.provider_allowlist is None and set(allowed) - set(denied):
        allowed = tuple(name for name in allowed if name not in denied)
    return TaskProfile(
        task_type=task_type,
        weight_quality=weights.quality,
        weight_speed=weights.speed,
        weight_cost=weights.cost,
        max_price_per_1m=max_price,
        min_context=_first(flags.min_context, reading.min_context),
        provider_allowlist=allowed,
        provider_denylist=denied,
    )


def _first(stated: Read | None, read: Read) -> Read:
    return read if stated is None else stated
