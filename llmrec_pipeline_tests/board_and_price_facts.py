"""What the test server tells of LLM-Stats, Epoch, OpenRouter and LiteLLM: invented, in their shapes.

The same base models as elsewhere in `publisher_facts`, spelled as these four spell them, with
scores from the same hidden ability and prices from the same price.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from llmrec_pipeline_tests.publisher_facts import (
    _EFFORT,
    _LABS,
    _OPEN,
    _THINKS,
    Row,
    _ability,
    _dice,
    _prices,
    _Release,
    _reseller_spelling,
)

ECI, GPQA, AIME = (
    "epoch_capabilities_index.csv",
    "gpqa_diamond.csv",
    "otis_mock_aime_2024_2025.csv",
)
AIDER, TERMINAL = "aider_polyglot_external.csv", "terminalbench_external.csv"
UNKNOWN_RUN, UNKNOWN_BOARD = "invented_puzzles.csv", "invented_board_external.csv"
NEUTRAL, VENDOR = "Terminus 2", "Vendor Agent"
# The neutral scaffold as people also write it.
_PADDED = f" {NEUTRAL}     "
SCORES = (
    ("gpqa", "GPQA", "reasoning", 1.0),
    ("swe-bench-verified", "SWE-bench Verified", "code", 1.0),
    ("aime-2025", "AIME 2025", "math", 1.0),
    ("codeforces", "Codeforces", "code", 3000.0),
)
_OPENROUTER_AUTHORS = {
    "xai": "x-ai",
    "mistral": "mistralai",
    "zai": "z-ai",
    "alibaba": "qwen",
    "kimi": "moonshotai",
}
_LITELLM_PROVIDERS = {"google": "gemini", "alibaba": "dashscope", "kimi": "moonshot"}
_BARE_KEYS = ("anthropic", "openai")
_RETIRED = "2024-06-01"


def llm_stats_scores(releases: Iterable[_Release], seed: int) -> tuple[Row, ...]:
    """Score rows: self-reported but for one in ten, once for each category of a benchmark."""
    rows = []
    for release in releases:
        model_id = release.model_id.lower()
        for benchmark_id, name, category, maximum in SCORES:
            dice = _dice(seed, "llm_stats", model_id, benchmark_id)
            share = round(min(0.99, _ability(release, 0, seed) + dice.uniform(-0.05, 0.05)), 3)
            verified = dice.random() < 0.1
            row = {
                "model_id": model_id,
                "model_name": release.name,
                "organization": _LABS[release.lab].creator,
                "benchmark_id": benchmark_id,
                "benchmark_name": name,
                "category": category,
                "score": round(share * maximum, 3),
                "normalized_score": share,
                "max_score": maximum,
                "is_self_reported": not verified,
                "verified": verified,
                "scored_at": f"{release.released}T12:00:00Z",
            }
            rows.append(row)
            if benchmark_id == "gpqa":
                rows.append({**row, "category": "general"})
    return tuple(rows)


def epoch_files(releases: Iterable[_Release], seed: int) -> dict[str, tuple[Row, ...]]:
    """The archive's files by name, cells as text: two of Epoch's own runs and its index, a board in
    percent, a board in scaffolds, and a run and a board that no rule describes."""
    files: dict[str, list[Row]] = {
        name: [] for name in (ECI, GPQA, AIME, AIDER, TERMINAL, UNKNOWN_RUN, UNKNOWN_BOARD)
    }
    for release in releases:
        for strength, name in enumerate(_epoch_names(release)):
            ability = _ability(release, strength, seed)
            about = {
                "Model version": name,
                "Release date": release.released,
                "Organization": _LABS[release.lab].creator,
            }
            is_open = release.licence in _OPEN
            index = {
                "ECI Score": f"{90 + 60 * ability:.3f}",
                "Model accessibility": "Open weights (unrestricted)" if is_open else "API access",
                "Display name": release.name if strength else "",
            }
            files[ECI].append({**about, **index})
            for file in (GPQA, AIME, UNKNOWN_RUN):
                files[file].append({**about, **_own_run(ability, seed, file, name)})
            files[AIDER].append({**about, "Percent correct": f"{100 * ability:.1f}"})
            files[UNKNOWN_BOARD].append({**about, "Points": f"{1000 * ability:.0f}"})
            for scaffold, gain in ((_PADDED if strength else NEUTRAL, 0.0), (VENDOR, 0.08)):
                score = {"Accuracy mean": f"{ability + gain:.3f}", "Accuracy SE": "0.02"}
                files[TERMINAL].append({**about, "Agent": scaffold, **score})
    nobody = dict.fromkeys(("Model version", "Release date", "Organization"), "")
    files[AIDER].append({**nobody, "Percent correct": "51.5"})
    return {name: tuple(rows) for name, rows in files.items()}


def _epoch_names(release: _Release) -> tuple[str, ...]:
    """Strongest first: the suffix is an effort or a budget."""
    if release.variants == _EFFORT:
        return f"{release.model_id}_high", f"{release.model_id}_low"
    if release.variants == _THINKS and release.lab == "anthropic":
        return f"{release.model_id}_32K", release.model_id
    return (release.model_id,)


def _own_run(ability: float, seed: int, file: str, name: str) -> Row:
    score = min(0.99, max(0.01, ability + _dice(seed, file, name).uniform(-0.05, 0.05)))
    return {
        "mean_score": repr(score),
        "Best score (across scorers)": repr(score),
        "stderr": f"{(score * (1 - score) / 200) ** 0.5:.5f}",
    }


def epoch_zip(files: Mapping[str, Sequence[Row]]) -> bytes:
    """The files as the archive that is served; equal files, equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_entry("README.md"), "Invented; CC BY 4.0 like what it imitates.\n")
        for name, rows in files.items():
            archive.writestr(_entry(name), _csv(rows))
    return buffer.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(f"benchmark_data/{name}", (2026, 4, 17, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _csv(rows: Sequence[Row]) -> str:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def openrouter_models(releases: Iterable[_Release], seed: int) -> tuple[Row, ...]:
    """Records of its list: prices as text per token, one model also free, and a router whose price
    varies."""
    rows = []
    for release in releases:
        author = _OPENROUTER_AUTHORS.get(release.lab, _LABS[release.lab].host)
        model_id = f"{author}/{_reseller_spelling(release.model_id.lower())}"
        prices = [f"{price / 1e6:.12f}".rstrip("0") for price in _prices(release, seed)]
        rows.append(_openrouter(model_id, release, prices))
        if release.model_id == "gemma-4-31b-it":
            rows.append(_openrouter(f"{model_id}:free", release, ["0", "0"]))
    router = _openrouter("openrouter/auto", None, ["-1", "-1"])
    return (*rows, router)


def _openrouter(model_id: str, release: _Release | None, prices: Sequence[str]) -> Row:
    day = release.released if release else "2024-01-01"
    limits = (release.context, release.max_output) if release else (2_000_000, None)
    return {
        "id": model_id,
        "canonical_slug": f"{model_id.partition(':')[0]}-{day.replace('-', '')}",
        "hugging_face_id": None,
        "name": release.name if release else "Auto Router",
        "created": int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()),
        "context_length": limits[0],
        "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
        "pricing": {"prompt": prices[0], "completion": prices[1]},
        "top_provider": {"context_length": limits[0], "max_completion_tokens": limits[1]},
        "supported_parameters": ["max_tokens", "tools"],
        "expiration_date": None,
    }


def litellm_map(releases: Iterable[_Release], seed: int) -> Row:
    """Its map: the explanation, one model that is over, each model at its creator's host, some at
    a cloud, and an embedding model."""
    entries: Row = {
        "sample_spec": {
            "litellm_provider": "one of the providers",
            "mode": "one of: chat, embedding, completion",
            "input_cost_per_token": 0.0,
            "output_cost_per_token": 0.0,
            "max_input_tokens": "max input tokens, if the provider specifies it",
        },
        "gpt-3.5-turbo-0301": {
            "litellm_provider": "openai",
            "mode": "chat",
            "input_cost_per_token": 1.5e-06,
            "output_cost_per_token": 2e-06,
            "max_input_tokens": 4096,
            "max_output_tokens": 4096,
            "deprecation_date": _RETIRED,
        },
    }
    for release in releases:
        provider = _LITELLM_PROVIDERS.get(release.lab, _LABS[release.lab].host)
        bare = release.lab in _BARE_KEYS
        key = release.model_id if bare else f"{provider}/{release.model_id}"
        entries[key] = _litellm(release, provider, seed)
        if release.lab == "openai":
            entries[f"azure/{release.model_id}"] = _litellm(release, "azure", seed)
    entries["text-embedding-3-small"] = {
        "litellm_provider": "openai",
        "mode": "embedding",
        "input_cost_per_token": 2e-08,
        "output_cost_per_token": 0.0,
        "max_input_tokens": 8191,
    }
    return entries


def _litellm(release: _Release, provider: str, seed: int) -> Row:
    price_input, price_output = _prices(release, seed)
    return {
        "litellm_provider": provider,
        "mode": "chat",
        "input_cost_per_token": price_input / 1e6,
        "input_cost_per_token_above_200k_tokens": 2 * price_input / 1e6,
        "output_cost_per_token": price_output / 1e6,
        "cache_read_input_token_cost": price_input / 1e7,
        "max_input_tokens": release.context,
        "max_output_tokens": release.max_output,
        "supports_function_calling": True,
    }
