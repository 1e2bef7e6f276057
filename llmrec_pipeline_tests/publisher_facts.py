"""What the publishers' test server tells: facts in each publisher's own shape.

`Facts.invented` takes real model names, spelled as each publisher spells them, and invents every
number; nothing in it is a measurement. `Facts.recorded` reads recorded responses from a folder
outside the repository. Mutators return changed copies, so one set of facts serves many tests.
"""

from __future__ import annotations

import copy
import csv
import json
import random
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

AA = "artificial_analysis"
MODELS_DEV = "models_dev"
LMARENA = "lmarena"
LLM_STATS = "llm_stats"
EPOCH = "epoch"
OPENROUTER = "openrouter"
LITELLM = "litellm"
# Read from an installed package; the server has nothing to tell of it.
GENAI_PRICES = "genai_prices"
SOURCES = (AA, MODELS_DEV, LMARENA)
EVERY_SOURCE = (*SOURCES, LLM_STATS, EPOCH, OPENROUTER, LITELLM)

ARENA_CATEGORIES = (
    "coding",
    "creative_writing",
    "expert",
    "hard_prompts",
    "instruction_following",
    "longer_query",
    "math",
    "multi_turn",
    "overall",
)
# Fields that Artificial Analysis adds for paid tiers.
PAID_FIELDS = (
    "context_window_tokens",
    "reasoning_model",
    "parameters",
    "modalities",
    "licensing",
    "openrouter_api_id",
    "huggingface_url",
)

T = TypeVar("T")
Row = dict[str, Any]
# One change of one model's record, in its publisher's shape; it may change the record in place.
Change = Callable[[Row], Row | None]

_OPEN = ("MIT", "Apache 2.0", "Modified MIT")


class _Lab(NamedTuple):
    """One creator as the three publishers name it."""

    creator: str
    host: str
    organization: str
    key_variable: str


class _Release(NamedTuple):
    """One base model. `variants` are Artificial Analysis's words in brackets, strongest first;
    `arena` are the Arena's names, strongest first."""

    lab: str
    name: str
    model_id: str
    released: str
    context: int
    max_output: int
    licence: str
    variants: tuple[str, ...]
    arena: tuple[str, ...]


_LABS = {
    "anthropic": _Lab("Anthropic", "anthropic", "anthropic", "ANTHROPIC_API_KEY"),
    "openai": _Lab("OpenAI", "openai", "openai", "OPENAI_API_KEY"),
    "google": _Lab("Google", "google", "google", "GEMINI_API_KEY"),
    "deepseek": _Lab("DeepSeek", "deepseek", "deepseek", "DEEPSEEK_API_KEY"),
    "xai": _Lab("xAI", "xai", "xai", "XAI_API_KEY"),
    "mistral": _Lab("Mistral", "mistral", "mistral", "MISTRAL_API_KEY"),
    "kimi": _Lab("Kimi", "moonshotai", "moonshot", "MOONSHOT_API_KEY"),
    "zai": _Lab("Z AI", "zai", "zai", "ZHIPU_API_KEY"),
    "alibaba": _Lab("Alibaba", "alibaba", "alibaba", "DASHSCOPE_API_KEY"),
    "minimax": _Lab("MiniMax", "minimax", "minimax", "MINIMAX_API_KEY"),
}
_THINKS = ("Reasoning", "Non-reasoning")
_EFFORT = ("high", "low")
_ONE = ("",)
_CLOSED = "Proprietary"


def _release(
    lab: str,
    name: str,
    model_id: str,
    released: str,
    size: tuple[int, int],
    variants: tuple[str, ...],
    *arena: str,
    licence: str = _CLOSED,
) -> _Release:
    context, output = (thousands * 1000 for thousands in size)
    return _Release(lab, name, model_id, released, context, output, licence, variants, arena)


# fmt: off
# Creators alternate, so that a few models already come from several of them.
_RELEASES = (
    _release("anthropic", "Claude Opus 4.5", "claude-opus-4-5", "2025-11-24", (200, 64), _THINKS, "claude-opus-4-5-20251101-thinking-32k", "claude-opus-4-5-20251101"),
    _release("openai", "GPT-5.4", "gpt-5.4", "2026-03-05", (1050, 128), _EFFORT, "gpt-5.4-high", "gpt-5.4"),
    _release("google", "Gemini 3.1 Pro Preview", "gemini-3.1-pro-preview", "2026-02-19", (1048, 65), _ONE, "gemini-3.1-pro-preview"),
    _release("deepseek", "DeepSeek V4 Pro", "deepseek-v4-pro", "2026-04-24", (1000, 384), _THINKS, "deepseek-v4-pro-thinking", "deepseek-v4-pro", licence="MIT"),
    _release("xai", "Grok 4.3", "grok-4.3", "2026-04-30", (1000, 256), _EFFORT, "grok-4.3-high", "grok-4.3"),
    _release("anthropic", "Claude Sonnet 4.6", "claude-sonnet-4-6", "2026-02-17", (1000, 64), _THINKS, "claude-sonnet-4-6-thinking", "claude-sonnet-4-6"),
    _release("openai", "GPT-5.2", "gpt-5.2", "2025-12-11", (400, 128), _EFFORT, "gpt-5.2-high", "gpt-5.2"),
    _release("google", "Gemini 3.5 Flash", "gemini-3.5-flash", "2026-05-19", (1048, 65), _EFFORT, "gemini-3.5-flash-high", "gemini-3.5-flash-low"),
    _release("kimi", "Kimi K2.6", "kimi-k2.6", "2026-04-21", (262, 262), _THINKS, "kimi-k2.6-thinking", "kimi-k2.6", licence="Modified MIT"),
    _release("zai", "GLM-5.1", "glm-5.1", "2026-04-07", (200, 131), _THINKS, "glm-5.1-thinking", "glm-5.1", licence="MIT"),
    _release("mistral", "Mistral Large 3", "mistral-large-3", "2025-12-02", (262, 262), _ONE, "mistral-large-3", licence="Apache 2.0"),
    _release("alibaba", "Qwen3.5 397B A17B", "qwen3.5-397b-a17b", "2026-02-16", (262, 65), _THINKS, "qwen3.5-397b-a17b-thinking", "qwen3.5-397b-a17b", licence="Apache 2.0"),
    _release("minimax", "MiniMax-M2.7", "MiniMax-M2.7", "2026-03-18", (204, 131), _ONE, "minimax-m2.7", licence="Modified MIT"),
    _release("anthropic", "Claude Haiku 4.5", "claude-haiku-4-5", "2025-10-15", (200, 64), _THINKS, "claude-haiku-4-5-20251001-thinking-32k", "claude-haiku-4-5-20251001"),
    _release("openai", "GPT-5.4 mini", "gpt-5.4-mini", "2026-03-17", (400, 128), _EFFORT, "gpt-5.4-mini-high", "gpt-5.4-mini"),
    _release("google", "Gemini 2.5 Pro", "gemini-2.5-pro", "2025-06-17", (1048, 65), _ONE, "gemini-2.5-pro"),
    _release("deepseek", "DeepSeek V4 Flash", "deepseek-v4-flash", "2026-04-24", (1000, 384), _THINKS, "deepseek-v4-flash-thinking", "deepseek-v4-flash", licence="MIT"),
    _release("xai", "Grok 4", "grok-4", "2025-07-09", (256, 64), _ONE, "grok-4-0709"),
    _release("anthropic", "Claude Opus 4.8", "claude-opus-4-8", "2026-05-28", (1000, 128), _EFFORT, "claude-opus-4-8-high", "claude-opus-4-8"),
    _release("openai", "GPT-5.5", "gpt-5.5", "2026-04-23", (1050, 128), _EFFORT, "gpt-5.5-high", "gpt-5.5"),
    _release("google", "Gemini 2.5 Flash", "gemini-2.5-flash", "2025-06-17", (1048, 65), _THINKS, "gemini-2.5-flash-thinking", "gemini-2.5-flash"),
    _release("zai", "GLM-4.7", "glm-4.7", "2025-12-22", (204, 131), _THINKS, "glm-4.7-thinking", "glm-4.7", licence="MIT"),
    _release("kimi", "Kimi K2.5", "kimi-k2.5", "2026-01-27", (262, 262), _THINKS, "kimi-k2.5-thinking", "kimi-k2.5-instant", licence="Modified MIT"),
    _release("alibaba", "Qwen3.5 27B", "qwen3.5-27b", "2026-02-24", (262, 65), _THINKS, "qwen3.5-27b-thinking", "qwen3.5-27b", licence="Apache 2.0"),
    _release("mistral", "Mistral Medium 3.1", "mistral-medium-2508", "2025-08-12", (262, 262), _ONE, "mistral-medium-2508"),
    _release("minimax", "MiniMax-M2.5", "MiniMax-M2.5", "2026-02-12", (204, 131), _ONE, "minimax-m2.5", licence="Modified MIT"),
    _release("anthropic", "Claude Opus 4.6", "claude-opus-4-6", "2026-02-05", (1000, 128), _EFFORT, "claude-opus-4-6-high", "claude-opus-4-6"),
    _release("openai", "GPT-5 mini", "gpt-5-mini", "2025-08-07", (400, 128), _EFFORT, "gpt-5-mini-high"),
    _release("google", "Gemini 3 Flash Preview", "gemini-3-flash-preview", "2025-12-17", (1048, 65), _THINKS, "gemini-3-flash-preview-thinking", "gemini-3-flash-preview"),
    _release("openai", "o3", "o3", "2025-04-16", (200, 100), _ONE, "o3-2025-04-16"),
    _release("anthropic", "Claude Sonnet 4.5", "claude-sonnet-4-5", "2025-09-29", (200, 64), _THINKS, "claude-sonnet-4-5-20250929-thinking-32k", "claude-sonnet-4-5-20250929"),
    _release("openai", "GPT-5.4 nano", "gpt-5.4-nano", "2026-03-17", (400, 128), _EFFORT, "gpt-5.4-nano-high"),
    _release("google", "Gemini 3.1 Flash Lite", "gemini-3.1-flash-lite", "2026-05-07", (1048, 65), _ONE, "gemini-3.1-flash-lite"),
    _release("zai", "GLM-5", "glm-5", "2026-02-11", (204, 131), _THINKS, "glm-5", licence="MIT"),
    _release("openai", "GPT-4.1", "gpt-4.1", "2025-04-14", (1047, 32), _ONE, "gpt-4.1-2025-04-14"),
    _release("anthropic", "Claude Opus 4.7", "claude-opus-4-7", "2026-04-16", (1000, 128), _EFFORT, "claude-opus-4-7-high", "claude-opus-4-7"),
    _release("openai", "GPT-5.1", "gpt-5.1", "2025-11-13", (400, 128), _EFFORT, "gpt-5.1-high", "gpt-5.1"),
    _release("openai", "GPT-5.3 Codex", "gpt-5.3-codex", "2026-02-05", (400, 128), _EFFORT),
    _release("anthropic", "Claude Sonnet 5", "claude-sonnet-5", "2026-06-30", (1000, 128), _EFFORT, "claude-sonnet-5-high"),
    _release("google", "Gemma 4 31B", "gemma-4-31b-it", "2026-04-02", (262, 32), _THINKS, "gemma-4-31b", licence="Apache 2.0"),
)
# fmt: on

# A second host that sells some of the same base models under names of its own, cheaper than the
# creator: a best-of-several-hosts mistake shows at once.
_RESELLER = "openrouter"
_RESOLD = ("claude-opus-4-5", "gpt-5.4", "gemini-3.5-flash", "kimi-k2.6", "deepseek-v4-pro")
_NAMESPACE = uuid.UUID("6f1d1a52-0f6b-5c0e-9a3a-000000000000")


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the test server knows; its records are never changed in place.

    `artificial_analysis` holds paid-tier records (the free route leaves out `PAID_FIELDS`),
    `legacy` the older shape, `models_dev` the whole of api.json, `lmarena` the Parquet rows,
    `llm_stats` score rows, `epoch` rows by file with cells as text, `openrouter` its records,
    `litellm` its map.
    """

    artificial_analysis: tuple[Row, ...]
    legacy: tuple[Row, ...]
    models_dev: Row
    lmarena: tuple[Row, ...]
    index_version: float = 4.1
    legacy_envelope: Row = field(default_factory=lambda: {"status": 200})
    llm_stats: tuple[Row, ...] = ()
    epoch: dict[str, tuple[Row, ...]] = field(default_factory=dict)
    openrouter: tuple[Row, ...] = ()
    litellm: Row = field(default_factory=dict)

    @classmethod
    def invented(cls, models: int = 60, seed: int = 7) -> Self:
        """Real names, invented numbers: `models` variants at Artificial Analysis and what the
        other publishers would say of the same base models. Equal arguments, equal facts."""
        return cls(**copy.deepcopy(_invented(models, seed)))

    @classmethod
    def recorded(cls, folder: Path) -> Self:
        """The recorded responses below `folder`."""
        current = _load(folder / AA, "current_free_page1_60_rows_*.json")
        legacy = _load(folder / AA, "legacy_data_llms_models_*.json")
        return cls(
            artificial_analysis=tuple(current["data"]),
            legacy=tuple(legacy.pop("data")),
            models_dev=_load(folder / MODELS_DEV, "api_*.json"),
            lmarena=tuple(_arena_recording(folder)),
            index_version=current["intelligence_index_version"],
            legacy_envelope=legacy,
            llm_stats=tuple(_scores_recording(folder)),
            epoch=_epoch_recording(folder),
            openrouter=tuple(_load(folder / OPENROUTER, "api_v1_models_*.json")["data"]),
            litellm=_load(folder / LITELLM, "model_prices_*.json"),
        )

    def models(self, source: str) -> list[str]:
        """The publisher's own names, in order: AA display names, `host/id`, Arena names, ids."""
        if source == AA:
            return [row["name"] for row in self.artificial_analysis]
        if source == LITELLM:
            return [key for key in self.litellm if key != _EXPLANATION]
        if source in _NAMED:
            rows = [row for rows in self.epoch.values() for row in rows]
            rows = rows if source == EPOCH else getattr(self, source)
            return list(dict.fromkeys(row[_NAMED[source]] for row in rows if row[_NAMED[source]]))
        if source == MODELS_DEV:
            return [
                f"{host}/{model_id}"
                for host, provider in self.models_dev.items()
                for model_id in provider["models"]
            ]
        return list(dict.fromkeys(row["model_name"] for row in self.lmarena))

    def changed(self, source: str, change: Change) -> Self:
        """A copy in which `change` went over every record of one publisher; a record for which
        it returns None is left out."""
        if source == AA:
            return replace(
                self,
                artificial_analysis=_mapped(self.artificial_analysis, change),
                legacy=_mapped(self.legacy, change),
            )
        if source in (LMARENA, LLM_STATS, OPENROUTER):
            return replace(self, **{source: _mapped(getattr(self, source), change)})
        if source == EPOCH:
            return replace(
                self, epoch={name: _mapped(rows, change) for name, rows in self.epoch.items()}
            )
        if source == LITELLM:
            entries = {
                key: entry if key == _EXPLANATION else change(copy.deepcopy(entry))
                for key, entry in self.litellm.items()
            }
            return replace(self, litellm={k: v for k, v in entries.items() if v is not None})
        catalogue: Row = {}
        for host, provider in self.models_dev.items():
            models = {}
            for model_id, model in provider["models"].items():
                if (new := change(copy.deepcopy(model))) is not None:
                    models[model_id] = new
            catalogue[host] = {**provider, "models": models}
        return replace(self, models_dev=catalogue)

    def listed(self, source: str, is_listed: Callable[[str], bool]) -> Self:
        """A copy in which one publisher lists only the models whose name (as `models` tells it)
        passes."""
        if source == MODELS_DEV:
            catalogue = {}
            for host, provider in self.models_dev.items():
                models = {
                    model_id: model
                    for model_id, model in provider["models"].items()
                    if is_listed(f"{host}/{model_id}")
                }
                if models:
                    catalogue[host] = {**provider, "models": models}
            return replace(self, models_dev=catalogue)
        if source == LITELLM:
            kept = {k: v for k, v in self.litellm.items() if k == _EXPLANATION or is_listed(k)}
            return replace(self, litellm=kept)
        name = _NAMED.get(source, "name" if source == AA else "model_name")
        return self.changed(source, lambda row: row if is_listed(row[name]) else None)

    def without(self, source: str, *models: str) -> Self:
        """A copy in which one publisher does not list these models."""
        return self.listed(source, lambda name: name not in models)

    def share(self, source: str, share: float) -> Self:
        """A copy in which one publisher lists that share of its models, spread evenly."""
        if source != AA:
            return self.listed(source, set(_spread(self.models(source), share)).__contains__)
        # Recorded, AA's two shapes hold different models.
        return replace(
            self,
            artificial_analysis=_spread(self.artificial_analysis, share),
            legacy=_spread(self.legacy, share),
        )

    def priced(
        self, source: str, model: str, *, price_input: float, price_output: float | None = None
    ) -> Self:
        """A copy with another price, USD per 1M tokens, for one model of AA or models.dev."""
        if source not in (AA, MODELS_DEV) or model not in self.models(source):
            raise ValueError(f"{source} has no price of {model!r}")
        if source == MODELS_DEV:
            host, _, model_id = model.partition("/")
            catalogue = copy.deepcopy(self.models_dev)
            cost = catalogue[host]["models"][model_id].setdefault("cost", {})
            cost["input"] = price_input
            if price_output is not None:
                cost["output"] = price_output
            return replace(self, models_dev=catalogue)

        def change(row: Row) -> Row:
            if row["name"] == model:
                row["pricing"]["price_1m_input_tokens"] = price_input
                if price_output is not None:
                    row["pricing"]["price_1m_output_tokens"] = price_output
            return row

        return self.changed(AA, change)

    def next_day(self) -> Self:
        """A copy in which every publisher's content moved a little, as it does from one day to
        the next: speeds, the price of one offering, ratings and the Arena's date of publication."""

        def faster(row: Row) -> Row:
            holder = row.get("performance", row)
            speed = holder["median_output_tokens_per_second"]
            holder["median_output_tokens_per_second"] = speed and round(speed * 1.03, 3)
            return row

        def voted(row: Row) -> Row:
            row["rating"] = round(row["rating"] + 0.25, 3)
            row["vote_count"] += 40.0
            published = date.fromisoformat(row["leaderboard_publish_date"])
            row["leaderboard_publish_date"] = (published + timedelta(days=1)).isoformat()
            return row

        moved = self.changed(AA, faster).changed(LMARENA, voted)
        for source, change in _NEXT_DAY.items():
            moved = moved.changed(source, change)
        for offering in self.models(MODELS_DEV):
            host, _, model_id = offering.partition("/")
            cost = self.models_dev[host]["models"][model_id].get("cost")
            if cost and cost.get("input"):
                return moved.priced(MODELS_DEV, offering, price_input=round(cost["input"] * 0.9, 6))
        return moved

    def rebased(self, index_version: float, factor: float) -> Self:
        """A copy on another AA index version: every AA index is multiplied by `factor`."""

        def change(row: Row) -> Row:
            for name, value in row["evaluations"].items():
                if name.startswith("artificial_analysis_") and value is not None:
                    row["evaluations"][name] = round(value * factor, 1)
            return row

        return replace(self.changed(AA, change), index_version=index_version)


def _rescored(row: Row) -> Row:
    if row.get("normalized_score"):
        row["normalized_score"] = round(row["normalized_score"] * 0.999, 5)
    return row


def _remeasured(row: Row) -> Row:
    if row.get("ECI Score"):
        row["ECI Score"] = f"{float(row['ECI Score']) + 0.01:.3f}"
    return row


def _widened(row: Row) -> Row:
    for name in ("context_length", "max_input_tokens"):
        if row.get(name):
            row[name] += 1
    return row


_NEXT_DAY: dict[str, Change] = {
    LLM_STATS: _rescored,
    EPOCH: _remeasured,
    OPENROUTER: _widened,
    LITELLM: _widened,
}
# LiteLLM's entry that explains the fields.
_EXPLANATION = "sample_spec"
# The field that names a record's model.
_NAMED = {LLM_STATS: "model_id", EPOCH: "Model version", OPENROUTER: "id"}


def _spread(items: Sequence[T], share: float) -> tuple[T, ...]:
    count = min(len(items), max(1, round(len(items) * share)))
    return tuple(items[number * len(items) // count] for number in range(count))


def _mapped(rows: Iterable[Row], change: Change) -> tuple[Row, ...]:
    changed = (change(copy.deepcopy(row)) for row in rows)
    return tuple(row for row in changed if row is not None)


def _load(folder: Path, pattern: str) -> Any:
    return json.loads(_only_file(folder, pattern).read_text("utf-8"))


def _only_file(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise FileNotFoundError(f"{folder}: {len(found)} files match {pattern}; one is expected")
    return found[0]


def _arena_recording(folder: Path, publish_date: str = "2026-08-19") -> list[Row]:
    """Rows of the recorded leaderboard, with the date that the served file has besides."""
    import polars as pl

    path = _only_file(folder / LMARENA, "text_style_control_latest_*.parquet")
    frame = pl.read_parquet(path).with_columns(leaderboard_publish_date=pl.lit(publish_date))
    return frame.to_dicts()


def _scores_recording(folder: Path) -> list[Row]:
    """Rows of the recorded scores as the API writes them."""
    path = _only_file(folder / LLM_STATS, "scores_*.csv")
    rows: list[Row] = list(csv.DictReader(path.read_text("utf-8").splitlines()))
    for row in rows:
        row["model_id"] = row.pop("llm_stats_model_id")
        row["verified"] = row["verified"] == "True"
        row["score"], row["normalized_score"] = float(row["score"]), float(row["normalized_score"])
    return rows


def _epoch_recording(folder: Path) -> dict[str, tuple[Row, ...]]:
    files = {}
    for path in sorted((folder / EPOCH / "benchmark_data").glob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as opened:
            files[path.name] = tuple(csv.DictReader(opened))
    return files


@lru_cache(maxsize=8)
def _invented(models: int, seed: int) -> Row:
    # Built on what this module defines.
    from llmrec_pipeline_tests import board_and_price_facts as more

    variants = [(release, word) for release in _RELEASES for word in release.variants]
    if not 1 <= models <= len(variants):
        raise ValueError(f"models={models}: between 1 and {len(variants)} can be invented")
    chosen = variants[:models]
    releases = list(dict.fromkeys(release for release, _ in chosen))
    return {
        "artificial_analysis": tuple(
            _aa_row(number, release, word, seed) for number, (release, word) in enumerate(chosen)
        ),
        "legacy": tuple(
            _legacy_row(number, release, word, seed)
            for number, (release, word) in enumerate(chosen)
        ),
        "models_dev": _catalogue(releases, seed),
        "lmarena": tuple(_arena_rows(releases, seed)),
        "llm_stats": more.llm_stats_scores(releases, seed),
        "epoch": more.epoch_files(releases, seed),
        "openrouter": more.openrouter_models(releases, seed),
        "litellm": more.litellm_map(releases, seed),
    }


def _dice(seed: int, *what: object) -> random.Random:
    return random.Random("/".join(map(str, (seed, *what))))


def _ability(release: _Release, strength: int, seed: int) -> float:
    """0..1; one hidden number from which all publishers' scores follow, so that they agree."""
    base = 0.15 + 0.7 * _dice(seed, "ability", release.model_id).random()
    return base + (0.1 if strength == 0 and len(release.variants) > 1 else 0.0)


def _prices(release: _Release, seed: int) -> tuple[float, float]:
    """USD per 1M tokens, in and out; the abler are the dearer, roughly."""
    dice = _dice(seed, "price", release.model_id)
    price = round(0.13 * 60 ** _ability(release, 1, seed) * dice.uniform(0.7, 1.4), 2)
    return price, round(price * dice.choice((3, 4, 5)), 2)


def _aa_row(number: int, release: _Release, word: str, seed: int) -> Row:
    strength = release.variants.index(word)
    ability = _ability(release, strength, seed)
    dice = _dice(seed, AA, release.model_id, word)
    price_input, price_output = _prices(release, seed)
    # Nulls are normal at this publisher; which rows have them follows from their place.
    has_coding, has_speed, has_price = number % 7 != 6, number % 11 != 10, number % 17 != 16
    first_token = round(dice.uniform(0.3, 2.0) if strength else dice.uniform(1.0, 30.0), 2)
    speed = round(dice.uniform(25, 260), 2)
    lab = _LABS[release.lab]
    slug = release.model_id.lower().replace(".", "-")
    # The bare slug is the strongest variant of some releases and the weakest of others.
    bare = 0 if word in _EFFORT else len(release.variants) - 1
    suffix = "" if strength == bare else f"-{word.lower()}"
    is_open = release.licence in _OPEN
    return {
        "id": str(uuid.uuid5(_NAMESPACE, f"{release.model_id}/{word}")),
        "name": f"{release.name} ({word})" if word else release.name,
        "slug": slug + suffix,
        "release_date": release.released,
        "model_creator": {
            "id": str(uuid.uuid5(_NAMESPACE, lab.creator)),
            "name": lab.creator,
        },
        "evaluations": {
            "artificial_analysis_intelligence_index": _index(ability, 8, 56, dice),
            "artificial_analysis_coding_index": (
                _index(ability, 6, 70, dice) if has_coding else None
            ),
            "artificial_analysis_agentic_index": (
                _index(ability, 2, 50, dice) if has_coding else None
            ),
        },
        "artificial_analysis_intelligence_index_cost": (
            {
                "total_cost": round(price_output * dice.uniform(20, 80), 2),
                "cost_per_task": {"total_cost": round(price_output * dice.uniform(0.01, 0.05), 4)},
            }
            if has_price
            else None
        ),
        "pricing": {
            "price_1m_input_tokens": price_input if has_price else None,
            "price_1m_output_tokens": price_output if has_price else None,
            "price_1m_cache_hit_tokens": round(price_input / 10, 4) if has_price else None,
            "price_1m_cache_write_tokens": None,
        },
        "performance": {
            "median_output_tokens_per_second": speed if has_speed else None,
            "median_time_to_first_token_seconds": first_token if has_speed else None,
            "median_time_to_first_answer_token_seconds": first_token if has_speed else None,
            "median_end_to_end_response_time_seconds": (
                round(first_token + 500 / speed, 2) if has_speed else None
            ),
        },
        "context_window_tokens": release.context,
        "reasoning_model": word not in ("", "Non-reasoning"),
        "parameters": None,
        "modalities": {"input": ["text", "image"], "output": ["text"]},
        "licensing": {"is_open_weights": is_open},
        "openrouter_api_id": f"{lab.host}/{release.model_id.lower()}",
        "huggingface_url": None,
    }


def _index(ability: float, low: float, span: float, dice: random.Random) -> float:
    return round(max(0.5, low + span * ability + dice.gauss(0, 1.2)), 1)


def _legacy_row(number: int, release: _Release, word: str, seed: int) -> Row:
    """The older shape: speed at top level, more evaluations, missing price and speed as 0."""
    row = _aa_row(number, release, word, seed)
    ability = _ability(release, release.variants.index(word), seed)
    dice = _dice(seed, "legacy", release.model_id, word)
    price_input = row["pricing"]["price_1m_input_tokens"] or 0
    price_output = row["pricing"]["price_1m_output_tokens"] or 0
    speed = row["performance"]
    return {
        **{name: row[name] for name in ("id", "name", "slug", "release_date")},
        "model_creator": {**row["model_creator"], "slug": _LABS[release.lab].organization},
        "evaluations": {
            **{
                f"artificial_analysis_{index}_index": row["evaluations"][
                    f"artificial_analysis_{index}_index"
                ]
                for index in ("intelligence", "coding")
            },
            "artificial_analysis_math_index": (
                _index(ability, 10, 85, dice) if number % 5 != 4 else None
            ),
            "mmlu_pro": round(0.4 + 0.5 * ability, 3),
            "gpqa": round(min(0.98, 0.2 + 0.7 * ability), 3),
            "hle": round(0.4 * ability, 3),
            "livecodebench": None,
            "scicode": round(0.1 + 0.4 * ability, 3),
            "aime_25": None,
        },
        "pricing": {
            "price_1m_blended_3_to_1": round((3 * price_input + price_output) / 4, 3),
            "price_1m_input_tokens": price_input,
            "price_1m_output_tokens": price_output,
        },
        "median_output_tokens_per_second": speed["median_output_tokens_per_second"] or 0,
        "median_time_to_first_token_seconds": speed["median_time_to_first_token_seconds"] or 0,
        "median_time_to_first_answer_token": speed["median_time_to_first_token_seconds"] or 0,
    }


def _catalogue(releases: list[_Release], seed: int) -> Row:
    catalogue: Row = {}
    for release in releases:
        lab = _LABS[release.lab]
        provider = catalogue.setdefault(
            lab.host,
            {"id": lab.host, "name": lab.creator, "env": [lab.key_variable], "models": {}},
        )
        provider["models"][release.model_id] = _offering(release, release.model_id, seed, 1.0)
    resold = [release for release in releases if release.model_id in _RESOLD]
    if resold:
        models = {}
        for release in resold:
            resold_id = f"{_LABS[release.lab].host}/{_reseller_spelling(release.model_id)}"
            models[resold_id] = _offering(release, resold_id, seed, 0.8)
        catalogue[_RESELLER] = {
            "id": _RESELLER,
            "name": "OpenRouter",
            "env": ["OPENROUTER_API_KEY"],
            "models": models,
        }
    return catalogue


def _reseller_spelling(model_id: str) -> str:
    """`claude-opus-4-5` is `claude-opus-4.5` there."""
    head, _, last = model_id.rpartition("-")
    return f"{head}.{last}" if last.isdigit() and head[-1:].isdigit() else model_id


def _offering(release: _Release, model_id: str, seed: int, discount: float) -> Row:
    price_input, price_output = (round(price * discount, 4) for price in _prices(release, seed))
    return {
        "id": model_id,
        "name": release.name,
        "family": release.model_id.split("-")[0].lower(),
        "release_date": release.released,
        "last_updated": release.released,
        "attachment": True,
        "reasoning": release.variants != _ONE,
        "temperature": True,
        "tool_call": True,
        "open_weights": release.licence in _OPEN,
        "cost": {
            "input": price_input,
            "output": price_output,
            "cache_read": round(price_input / 10, 4),
        },
        "limit": {"context": release.context, "output": release.max_output},
        "modalities": {"input": ["text", "image"], "output": ["text"]},
    }


def _arena_rows(releases: list[_Release], seed: int) -> list[Row]:
    rows: list[Row] = []
    for category in ARENA_CATEGORIES:
        rated = [
            _rating(release, strength, name, category, seed)
            for release in releases
            for strength, name in enumerate(release.arena)
        ]
        rated.sort(key=lambda row: (-row["rating"], row["model_name"]))
        rows.extend({**row, "rank": rank} for rank, row in enumerate(rated, start=1))
    return rows


def _rating(release: _Release, strength: int, name: str, category: str, seed: int) -> Row:
    dice = _dice(seed, LMARENA, name, category)
    rating = round(1190 + 310 * _ability(release, strength, seed) + dice.gauss(0, 9), 3)
    margin = round(dice.uniform(3, 18), 3)
    return {
        "category": category,
        "rank": 0,
        "model_name": name,
        "organization": _LABS[release.lab].organization,
        "license": release.licence,
        "rating": rating,
        "rating_lower": round(rating - margin, 3),
        "rating_upper": round(rating + margin, 3),
        "variance": round((margin / 1.96) ** 2, 3),
        "vote_count": float(dice.randint(400, 60_000)),
        "leaderboard_publish_date": "2026-08-19",
    }
