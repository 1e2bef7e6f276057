"""Identity: the key grammar, the rules over names as publishers write them, and their laws."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from llmrec_pipeline.domain.identity import (
    Identity,
    IdentityConfig,
    IdentityRules,
    ModelKey,
    SourceName,
    Unresolved,
)

TABLES: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[2] / "config" / "identity.yaml").read_text(encoding="utf-8")
)
RULES = IdentityRules(IdentityConfig.model_validate(TABLES))
UUID = "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0"


def aa(name: str, creator: str, released: str | None = None) -> SourceName:
    day = None if released is None else date.fromisoformat(released)
    return SourceName("artificial_analysis", UUID, name, creator, None, day)


def arena(name: str, organisation: str = "") -> SourceName:
    return SourceName("lmarena", name, name, organisation)


def host(model_id: str, released: str | None = None) -> SourceName:
    day = None if released is None else date.fromisoformat(released)
    return SourceName("models_dev", model_id, None, None, model_id.partition("/")[0], day)


def other(source: str, model_id: str, released: str | None = None) -> SourceName:
    """A name of a source that has no row in the sources table."""
    day = None if released is None else date.fromisoformat(released)
    return SourceName(source, model_id, None, None, None, day)


def resolved(name: SourceName) -> Identity:
    outcome = RULES.resolve(name)
    assert isinstance(outcome, Identity), outcome
    return outcome


# Names of one release, written by hand from what their creators published: every two names of a
# row mean the same base model.
SAME: list[list[SourceName]] = [
    [
        aa("Claude Opus 4.5 (Reasoning)", "Anthropic", "2025-11-24"),
        arena("claude-opus-4-5-20251101-high-32k", "anthropic"),
        host("anthropic/claude-opus-4-5-20251101", "2025-11-01"),
        other("openrouter", "anthropic/claude-4.5-opus-20251124"),
        other("litellm", "us.anthropic.claude-opus-4-5-20251101-v1:0"),
        other("litellm", "vertex_ai/claude-opus-4-5@20251101"),
        other("epoch", "claude-opus-4-5-20251101_32K"),
    ],
    [
        aa("Claude 4.5 Sonnet (Reasoning)", "Anthropic"),
        arena("claude-sonnet-4-5-20250929", "anthropic"),
        host("openrouter/anthropic/claude-sonnet-4.5"),
    ],
    [
        aa("Claude 3.5 Sonnet (Oct '24)", "Anthropic", "2024-10-22"),
        arena("claude-3-5-sonnet-20241022", "anthropic"),
        other("litellm", "anthropic.claude-3-5-sonnet-20241022-v2:0"),
        host("amazon-bedrock/anthropic.claude-3-5-sonnet-20241022-v2:0"),
    ],
    [
        aa("Claude 3.5 Sonnet (June '24)", "Anthropic", "2024-06-20"),
        host("anthropic/claude-3-5-sonnet-20240620", "2024-06-20"),
    ],
    [
        aa("Claude 4 Opus (Reasoning)", "Anthropic"),
        host("anthropic/claude-opus-4-0", "2025-05-22"),
        arena("claude-opus-4-20250514-thinking-16k", "anthropic"),
    ],
    [aa("Claude 3 Haiku", "Anthropic"), arena("claude-3-haiku-20240307", "anthropic")],
    [
        aa("GPT-4o (Aug '24)", "OpenAI", "2024-08-06"),
        arena("gpt-4o-2024-08-06", "openai"),
        host("openai/gpt-4o-2024-08-06", "2024-08-06"),
        host("openai/gpt-4o", "2024-08-06"),
    ],
    [
        aa("GPT-4o (May '24)", "OpenAI", "2024-05-13"),
        host("azure/gpt-4o-2024-05-13", "2024-05-13"),
    ],
    [
        aa("GPT-4o (March 2025, chatgpt-4o-latest)", "OpenAI", "2025-03-27"),
        arena("chatgpt-4o-latest-20250326", "openai"),
        other("epoch", "chatgpt-4o-03-27-2025"),
    ],
    [aa("GPT-4.5 (Preview)", "OpenAI"), arena("gpt-4.5-preview-2025-02-27", "openai")],
    [aa("GPT-4.1 nano", "OpenAI"), host("openai/gpt-4.1-nano", "2025-04-14")],
    [
        aa("GPT-5 nano (minimal)", "OpenAI", "2025-08-07"),
        arena("gpt-5-nano-high", "openai"),
        other("epoch", "gpt-5-nano-2025-08-07_low"),
    ],
    [
        aa("GPT-5.1 Codex (high)", "OpenAI", "2025-11-13"),
        host("openai/gpt-5.1-codex", "2025-11-13"),
    ],
    [aa("GPT-5.4 (xhigh)", "OpenAI"), arena("gpt-5.4-high", "openai"), host("openai/gpt-5.4")],
    [aa("GPT-5.1 (ChatGPT)", "OpenAI"), host("openai/gpt-5.1-chat-latest", "2025-11-13")],
    [arena("gpt-4-1106-preview", "openai"), other("openrouter", "openai/gpt-4-turbo-2023-11-06")],
    [aa("o3-mini (high)", "OpenAI"), arena("o3-mini", "openai"), host("openai/o3-mini")],
    [aa("o1", "OpenAI"), arena("o1-2024-12-17", "openai"), other("epoch", "o1-2024-12-17_high")],
    [
        aa("gpt-oss-120B (high)", "OpenAI"),
        host("groq/openai/gpt-oss-120b"),
        host("cerebras/gpt-oss-120b"),
    ],
    [
        aa("Gemini 2.5 Flash Preview (Sep '25) (Reasoning)", "Google", "2025-09-25"),
        arena("gemini-2.5-flash-preview-09-2025", "google"),
    ],
    [
        aa("Gemini 2.5 Pro Preview (May' 25)", "Google", "2025-05-06"),
        host("google/gemini-2.5-pro-preview-05-06", "2025-05-06"),
    ],
    [
        aa("Gemini 2.5 Flash-Lite (Non-reasoning)", "Google"),
        host("google/gemini-2.5-flash-lite", "2025-06-17"),
    ],
    [
        aa("Gemini 3 Flash Preview (Reasoning)", "Google"),
        arena("gemini-3-flash (thinking-minimal)", "google"),
        host("google/gemini-3-flash-preview", "2025-12-17"),
    ],
    [
        aa("Gemini 1.5 Pro (Sep '24)", "Google", "2024-09-24"),
        arena("gemini-1.5-pro-002", "google"),
    ],
    [
        aa("Gemini 2.0 Flash Thinking Experimental (Jan '25)", "Google"),
        other("epoch", "gemini-2.0-flash-thinking-exp-01-21"),
    ],
    [
        aa("Gemma 3 27B Instruct", "Google"),
        arena("gemma-3-27b-it", "google"),
        host("deepinfra/google/gemma-3-27b-it"),
    ],
    [arena("gemma-4-31b", "google"), host("google/gemma-4-31b-it", "2026-04-02")],
    [
        aa("Llama 3.1 Instruct 405B", "Meta"),
        arena("llama-3.1-405b-instruct-bf16", "meta"),
        arena("llama-3.1-405b-instruct-fp8", "meta"),
        host("fireworks-ai/accounts/fireworks/models/llama-v3p1-405b-instruct"),
        host("amazon-bedrock/us.meta.llama3-1-405b-instruct-v1:0"),
    ],
    [
        aa("Llama 4 Maverick", "Meta"),
        arena("llama-4-maverick-17b-128e-instruct", "meta"),
        host("groq/meta-llama/llama-4-maverick-17b-128e-instruct"),
    ],
    [aa("Llama 3.3 Instruct 70B", "Meta"), host("cerebras/llama-3.3-70b")],
    [aa("Llama 2 Chat 70B", "Meta"), arena("llama-2-70b-chat", "meta")],
    [
        aa("DeepSeek R1 (Jan '25)", "DeepSeek", "2025-01-20"),
        arena("deepseek-r1", "deepseek"),
        other("openrouter", "deepseek/deepseek-r1"),
    ],
    [
        aa("DeepSeek R1 0528 (May '25)", "DeepSeek", "2025-05-28"),
        arena("deepseek-r1-0528", "deepseek"),
        host("chutes/deepseek-ai/DeepSeek-R1-0528"),
    ],
    [
        aa("DeepSeek V3 0324", "DeepSeek", "2025-03-25"),
        arena("deepseek-v3-0324", "deepseek"),
        other("openrouter", "deepseek/deepseek-chat-v3-0324"),
    ],
    [
        aa("DeepSeek V3.2 (Reasoning)", "DeepSeek", "2025-12-01"),
        arena("deepseek-v3.2-thinking", "deepseek"),
        host("deepseek/deepseek-reasoner", "2025-12-01"),
        host("fireworks-ai/accounts/fireworks/models/deepseek-v3p2"),
    ],
    [
        aa("DeepSeek V4 Flash (Reasoning, Max Effort)", "DeepSeek", "2026-04-24"),
        arena("deepseek-v4-flash", "deepseek"),
        arena("deepseek-v4-flash-high-preview", "deepseek"),
        host("deepseek/deepseek-v4-flash", "2026-04-24"),
    ],
    [
        arena("deepseek-v4-pro-high-20260813", "deepseek"),
        host("baseten/deepseek-ai/DeepSeek-V4-Pro-0813"),
    ],
    [
        aa("Mistral Large 2 (Nov '24)", "Mistral", "2024-11-18"),
        arena("mistral-large-2411", "mistral"),
        host("mistral/mistral-large-2411", "2024-11-19"),
    ],
    [aa("Mistral Large 3", "Mistral", "2025-12-02"), host("mistral/mistral-large-2512")],
    [
        aa("Mistral Medium 3.1", "Mistral"),
        arena("mistral-medium-2508", "mistral"),
        host("openrouter/mistralai/mistral-medium-3.1"),
    ],
    [
        aa("Mistral Small 3.2", "Mistral"),
        arena("mistral-small-2506", "mistral"),
        other("openrouter", "mistralai/mistral-small-3.2-24b-instruct-2506"),
    ],
    [aa("Magistral Small 1.2", "Mistral", "2025-09-17"), host("mistral/magistral-small-2509")],
    [
        aa("Devstral 2", "Mistral"),
        host("mistral/devstral-2512"),
        other("hf", "mistralai/Devstral-2-123B-Instruct-2512"),
    ],
    [aa("Mixtral 8x7B Instruct", "Mistral"), arena("mixtral-8x7b-instruct-v0.1", "mistral")],
    [
        aa("Qwen3 235B A22B 2507 (Reasoning)", "Alibaba", "2025-07-25"),
        arena("qwen3-235b-a22b-thinking-2507", "alibaba"),
        host("togetherai/Qwen/Qwen3-235B-A22B-Thinking-2507"),
    ],
    [
        aa("Qwen3 235B A22B 2507 Instruct", "Alibaba", "2025-07-21"),
        arena("qwen3-235b-a22b-instruct-2507", "alibaba"),
    ],
    [
        aa("Qwen3 235B A22B (Reasoning)", "Alibaba", "2025-04-28"),
        arena("qwen3-235b-a22b-no-thinking", "alibaba"),
        other("openrouter", "qwen/qwen3-235b-a22b-04-28"),
    ],
    [
        aa("Qwen3 Next 80B A3B (Reasoning)", "Alibaba"),
        arena("qwen3-next-80b-a3b-thinking", "alibaba"),
    ],
    [
        aa("Qwen2.5 Coder Instruct 32B", "Alibaba"),
        arena("qwen2.5-coder-32b-instruct", "alibaba"),
        other("openrouter", "qwen/qwen-2.5-coder-32b-instruct"),
        host("fireworks-ai/accounts/fireworks/models/qwen2p5-coder-32b-instruct"),
    ],
    [aa("Qwen3 Max", "Alibaba", "2025-09-24"), arena("qwen3-max-2025-09-23", "alibaba")],
    [
        aa("Kimi K2 0905", "Kimi", "2025-09-05"),
        arena("kimi-k2-0905-preview", "moonshot"),
        host("moonshotai/kimi-k2-0905-preview"),
        host("groq/moonshotai/kimi-k2-instruct-0905"),
    ],
    [aa("Kimi K2.5 (Reasoning)", "Kimi"), arena("kimi-k2.5-instant", "moonshot")],
    [aa("Kimi K2 Thinking", "Kimi"), host("moonshotai/kimi-k2-thinking")],
    [
        aa("GLM-4.5 (Reasoning)", "Z AI"),
        arena("glm-4.5", "zai"),
        host("chutes/zai-org/GLM-4.5-FP8"),
        host("fireworks-ai/accounts/fireworks/models/glm-4p5"),
    ],
    [
        aa("Grok 4.1 Fast (Non-reasoning)", "SpaceXAI"),
        arena("grok-4-1-fast-reasoning", "xai"),
        host("xai/grok-4-1-fast-non-reasoning"),
    ],
    [
        aa("Grok 4.20 0309 (Reasoning)", "xAI", "2026-03-10"),
        arena("grok-4.20-beta-0309-reasoning", "xai"),
        host("openrouter/x-ai/grok-4.20"),
    ],
    [aa("Grok 4", "xAI"), arena("grok-4-0709", "xai")],
    [
        aa("Llama 3.3 Nemotron Super 49B v1 (Reasoning)", "NVIDIA"),
        arena("llama-3.3-nemotron-49b-super-v1", "nvidia"),
    ],
    [
        aa("NVIDIA Nemotron Nano 12B v2 VL (Non-reasoning)", "NVIDIA"),
        other("openrouter", "nvidia/nemotron-nano-12b-v2-vl:free"),
    ],
    [
        aa("Command A", "Cohere"),
        arena("command-a-03-2025", "cohere"),
        other("epoch", "c4ai-command-a-03-2025"),
    ],
    [aa("Command-R+ (Aug '24)", "Cohere"), arena("command-r-plus-08-2024", "cohere")],
    [aa("Jamba 1.5 Large", "AI21 Labs"), other("litellm", "ai21.jamba-1-5-large-v1:0")],
    [
        aa("Nova Lite", "Amazon"),
        arena("amazon-nova-lite-v1.0", "amazon"),
        host("amazon-bedrock/amazon.nova-lite-v1:0"),
    ],
    [aa("Nova 2.0 Lite (Non-reasoning)", "Amazon"), arena("nova-2-lite", "amazon")],
    [
        aa("MiniMax-M2.5", "MiniMax"),
        arena("minimax-m2.5", "minimax"),
        host("minimax/MiniMax-M2.5"),
    ],
    [aa("Phi-4", "Microsoft Azure"), arena("phi-4", "microsoft")],
    [aa("DBRX Instruct", "Databricks"), arena("dbrx-instruct-preview")],
    [aa("Ling-flash-2.0", "InclusionAI"), arena("ling-flash-2.0", "ant-group")],
    [aa("Step 3.5 Flash", "StepFun", "2026-02-02"), arena("step-3.5-flash", "stepfun")],
]

# Names that look alike and are different base models.
DIFFERENT: list[tuple[SourceName, SourceName]] = [
    (arena("gpt-4o-2024-05-13", "openai"), arena("gpt-4o-2024-08-06", "openai")),
    (aa("GPT-4o (Nov '24)", "OpenAI"), aa("GPT-4o (Aug '24)", "OpenAI")),
    (arena("gpt-4o-mini-2024-07-18", "openai"), arena("gpt-4o-2024-08-06", "openai")),
    (aa("GPT-4o (Aug '24)", "OpenAI"), arena("chatgpt-4o-latest-20250326", "openai")),
    (arena("gpt-4-0314", "openai"), arena("gpt-4-0613", "openai")),
    (arena("gpt-4-1106-preview", "openai"), arena("gpt-4-0125-preview", "openai")),
    (arena("gpt-5-mini-high", "openai"), arena("gpt-5-nano-high", "openai")),
    (arena("gpt-5-high", "openai"), arena("gpt-5-mini-high", "openai")),
    (host("openai/gpt-5-pro"), host("openai/gpt-5")),
    (host("openai/gpt-5-codex"), host("openai/gpt-5")),
    (host("openai/gpt-5.1-codex-max"), host("openai/gpt-5.1-codex")),
    (host("openai/gpt-5.1-codex-mini"), host("openai/gpt-5.1-codex")),
    (host("openai/gpt-5.1-chat-latest"), host("openai/gpt-5.1")),
    (arena("gpt-5.5-instant", "openai"), arena("gpt-5.5", "openai")),
    (arena("gpt-5.6-luna-xhigh", "openai"), arena("gpt-5.6-sol-xhigh", "openai")),
    (aa("o1-preview", "OpenAI"), aa("o1", "OpenAI")),
    (arena("o1-mini", "openai"), aa("o1", "OpenAI")),
    (host("openai/o3-deep-research"), host("openai/o3")),
    (host("openai/o3-pro"), host("openai/o3")),
    (arena("claude-3-5-sonnet-20240620"), arena("claude-3-5-sonnet-20241022")),
    (aa("Claude 3.5 Sonnet (Oct '24)", "Anthropic"), aa("Claude 3.5 Haiku", "Anthropic")),
    (arena("claude-opus-4-20250514"), arena("claude-opus-4-1-20250805")),
    (arena("claude-opus-4-5-20251101"), arena("claude-sonnet-4-5-20250929")),
    (host("openrouter/anthropic/claude-opus-4.7-fast"), host("anthropic/claude-opus-4-7")),
    (aa("Claude 2.1", "Anthropic"), aa("Claude 2.0", "Anthropic")),
    (arena("deepseek-r1", "deepseek"), arena("deepseek-r1-0528", "deepseek")),
    (
        host("chutes/deepseek-ai/DeepSeek-R1-0528-Qwen3-8B"),
        arena("deepseek-r1-0528", "deepseek"),
    ),
    (aa("DeepSeek R1 Distill Llama 8B", "DeepSeek"), arena("deepseek-r1", "deepseek")),
    (aa("DeepSeek R1 Distill Llama 8B", "DeepSeek"), arena("llama-3.1-8b-instruct", "meta")),
    (arena("deepseek-v3", "deepseek"), arena("deepseek-v3-0324", "deepseek")),
    (other("epoch", "DeepSeek-V3-Base"), arena("deepseek-v3", "deepseek")),
    (arena("deepseek-v3.1", "deepseek"), arena("deepseek-v3.1-terminus", "deepseek")),
    (arena("deepseek-v3.2", "deepseek"), arena("deepseek-v3.2-exp", "deepseek")),
    (aa("DeepSeek V3.2 Speciale", "DeepSeek"), arena("deepseek-v3.2", "deepseek")),
    (arena("deepseek-v4-pro", "deepseek"), arena("deepseek-v4-pro-high-20260813", "deepseek")),
    (arena("deepseek-v4-pro", "deepseek"), arena("deepseek-v4-flash", "deepseek")),
    (arena("mistral-large-2407", "mistral"), arena("mistral-large-2411", "mistral")),
    (aa("Mistral Large 3", "Mistral"), arena("mistral-large-2411", "mistral")),
    (arena("mistral-medium-2505", "mistral"), arena("mistral-medium-2508", "mistral")),
    (arena("mistral-medium-2508", "mistral"), arena("mistral-medium-3.5", "mistral")),
    (aa("Devstral Small (May '25)", "Mistral"), aa("Devstral 2", "Mistral")),
    (aa("Magistral Small 1", "Mistral"), aa("Magistral Small 1.2", "Mistral")),
    (arena("magistral-medium-2506", "mistral"), host("mistral/magistral-small-2506")),
    (arena("ministral-8b-2410", "mistral"), host("mistral/ministral-8b-2512")),
    (other("epoch", "Mixtral-8x7B-v0.1"), arena("mixtral-8x7b-instruct-v0.1", "mistral")),
    (arena("mistral-7b-instruct-v0.2", "mistral"), arena("mistral-7b-instruct", "mistral")),
    (aa("Pixtral Large", "Mistral"), arena("mistral-large-2411", "mistral")),
    (arena("kimi-k2-0711-preview", "moonshot"), arena("kimi-k2-0905-preview", "moonshot")),
    (arena("kimi-k2-thinking-turbo", "moonshot"), arena("kimi-k2-0905-preview", "moonshot")),
    (aa("Kimi K2 Thinking", "Kimi"), aa("Kimi K2", "Kimi")),
    (arena("kimi-k2.5-thinking", "moonshot"), aa("Kimi K2 Thinking", "Kimi")),
    (arena("qwen3-235b-a22b", "alibaba"), arena("qwen3-235b-a22b-instruct-2507", "alibaba")),
    (arena("qwen3-235b-a22b-thinking-2507"), arena("qwen3-235b-a22b-instruct-2507")),
    (arena("qwen3-vl-235b-a22b-instruct"), arena("qwen3-235b-a22b-instruct-2507")),
    (arena("qwen3-next-80b-a3b-instruct"), arena("qwen3-next-80b-a3b-thinking")),
    (arena("qwen3-30b-a3b", "alibaba"), arena("qwen3-30b-a3b-instruct-2507", "alibaba")),
    (arena("qwen3-max-preview", "alibaba"), arena("qwen3-max-2025-09-23", "alibaba")),
    (aa("Qwen3 Max Thinking", "Alibaba"), arena("qwen3-max-2025-09-23", "alibaba")),
    (aa("Qwen3 0.6B (Non-reasoning)", "Alibaba"), aa("Qwen3 1.7B (Non-reasoning)", "Alibaba")),
    (arena("qwen-14b-chat", "alibaba"), arena("qwen1.5-14b-chat", "alibaba")),
    (other("epoch", "Qwen2.5-72B"), arena("qwen2.5-72b-instruct", "alibaba")),
    (arena("qwq-32b", "alibaba"), arena("qwq-32b-preview", "alibaba")),
    (
        other("openrouter", "qwen/qwen3.5-plus-20260420"),
        other("openrouter", "qwen/qwen3.5-plus-02-15"),
    ),
    (arena("qwen2.5-max", "alibaba"), arena("qwen-max-0919", "alibaba")),
    (aa("Gemini 1.5 Pro (May '24)", "Google"), arena("gemini-1.5-pro-002", "google")),
    (host("google/gemini-2.5-flash"), host("google/gemini-2.5-flash-lite")),
    (host("google/gemini-2.5-flash"), host("google/gemini-2.5-flash-image")),
    (arena("gemini-2.5-flash-preview-09-2025"), host("google/gemini-2.5-flash")),
    (arena("gemini-3.1-flash-lite-preview"), host("google/gemini-3.1-flash-lite")),
    (arena("gemini-2.5-pro"), aa("Gemini 2.5 Pro Preview (May' 25)", "Google")),
    (arena("gemma-2-9b-it", "google"), arena("gemma-2-9b-it-simpo")),
    (other("epoch", "gemma-2-9b"), arena("gemma-2-9b-it", "google")),
    (arena("gemma-2b-it", "google"), arena("gemma-2-2b-it", "google")),
    (arena("llama-3-70b-instruct", "meta"), arena("llama-3.1-70b-instruct", "meta")),
    (other("epoch", "Llama-3.1-405B"), arena("llama-3.1-405b-instruct-bf16", "meta")),
    (arena("llama-3.1-tulu-3-70b", "allenai"), arena("llama-3.1-70b-instruct", "meta")),
    (arena("llama-3.1-nemotron-70b-instruct", "nvidia"), arena("llama-3.1-70b-instruct", "meta")),
    (arena("phi-3-mini-4k-instruct"), arena("phi-3-mini-4k-instruct-june-2024")),
    (arena("phi-3-mini-4k-instruct"), arena("phi-3-mini-128k-instruct")),
    (aa("Phi-4 Multimodal Instruct", "Microsoft"), aa("Phi-4", "Microsoft")),
    (other("openrouter", "microsoft/phi-4-reasoning"), aa("Phi-4", "Microsoft")),
    (aa("Step 3.5 Flash 2603", "StepFun", "2026-04-02"), arena("step-3.5-flash", "stepfun")),
    (aa("Sonar", "Perplexity"), aa("Sonar Reasoning", "Perplexity")),
    (arena("grok-4-fast-reasoning", "xai"), arena("grok-4-1-fast-reasoning", "xai")),
    (arena("grok-4-0709", "xai"), arena("grok-4-fast-reasoning", "xai")),
    (arena("grok-3-mini-high", "xai"), aa("Grok 3", "xAI")),
    (arena("grok-4.20-beta1", "xai"), aa("Grok 4.20 0309 (Reasoning)", "xAI")),
    (arena("grok-2-2024-08-13", "xai"), arena("grok-2-mini-2024-08-13", "xai")),
    (arena("command-r", "cohere"), arena("command-r-08-2024", "cohere")),
    (arena("command-r-08-2024", "cohere"), arena("command-r-plus-08-2024", "cohere")),
    (arena("glm-4.5", "zai"), arena("glm-4.5-air", "zai")),
    (arena("glm-4.5", "zai"), aa("GLM-4.5V (Non-reasoning)", "Z AI")),
    (aa("GLM-5-Turbo", "Z AI"), arena("glm-5v-turbo", "zai")),
    (arena("glm-4-plus", "zai"), arena("glm-4-plus-0111", "zai")),
    (aa("MiMo-V2-Flash (Feb 2026)", "Xiaomi"), aa("MiMo-V2-Flash", "Xiaomi", "2025-12-16")),
    (aa("MiMo-V2.5-Pro", "Xiaomi"), arena("mimo-v2.5", "xiaomi")),
    (arena("openchat-3.5"), arena("openchat-3.5-0106")),
    (aa("Nova 2.0 Lite (Non-reasoning)", "Amazon"), arena("amazon-nova-lite-v1.0", "amazon")),
    (arena("hunyuan-turbos-20250226"), arena("hunyuan-turbos-20250416")),
    (arena("jamba-1.5-large"), arena("jamba-1.5-mini")),
]

POSITIVE = [pair for row in SAME for pair in itertools.combinations(row, 2)]


def joined(pair: tuple[SourceName, SourceName]) -> bool:
    first, second = (RULES.resolve(name) for name in pair)
    return (
        isinstance(first, Identity)
        and isinstance(second, Identity)
        and first.base_model == second.base_model
    )


def test_labelled_pairs() -> None:
    across = [
        (row[0], other_row[0]) for row, other_row in itertools.combinations(SAME, 2)
    ]  # rows are different models, so their names never join
    found = sum(joined(pair) for pair in POSITIVE)
    false = [pair for pair in (*DIFFERENT, *across) if joined(pair)]
    missed = [pair for pair in POSITIVE if not joined(pair)]
    # The hard negatives alone decide precision; the easy ones must not join at all.
    hard = [pair for pair in false if pair in DIFFERENT]
    assert len(POSITIVE) + len(DIFFERENT) >= 200
    assert not [pair for pair in false if pair not in DIFFERENT]
    assert found / (found + len(hard)) >= 0.99, hard
    assert found / len(POSITIVE) >= 0.95, missed


@pytest.mark.parametrize(
    ("name", "key"),
    [
        (aa("Claude Opus 4.5 (Reasoning)", "Anthropic"), "anthropic/claude-opus-4-5:thinking"),
        (aa("Claude Opus 4.5 (Non-reasoning)", "Anthropic"), "anthropic/claude-opus-4-5"),
        (
            aa("Claude Opus 4.6 (Adaptive Reasoning, Max Effort)", "Anthropic"),
            "anthropic/claude-opus-4-6:thinking-max",
        ),
        (
            arena("claude-3-7-sonnet-20250219-thinking-32k", "anthropic"),
            "anthropic/claude-sonnet-3-7:thinking-32k",
        ),
        (
            arena("claude-opus-4-5-20251101-high-32k", "anthropic"),
            "anthropic/claude-opus-4-5:high-32k",
        ),
        (other("epoch", "claude-opus-4-5-20251101_16K"), "anthropic/claude-opus-4-5:thinking-16k"),
        (arena("claude-opus-5-max", "anthropic"), "anthropic/claude-opus-5:max"),
        (other("x", "claude-opus-6-20261201"), "anthropic/claude-opus-6"),
        (aa("GPT-5.2 Codex (xhigh)", "OpenAI"), "openai/gpt-5-2-codex:xhigh"),
        (other("epoch", "gpt-5.1-codex-max_high"), "openai/gpt-5-1-codex-max:high"),
        (aa("GPT-5 (medium)", "OpenAI"), "openai/gpt-5"),
        (aa("GPT-5.1 (Non-reasoning)", "OpenAI"), "openai/gpt-5-1"),
        (aa("GPT-6 Sol (Low)", "OpenAI"), "openai/gpt-6-sol:low"),
        (arena("claude-3-5-sonnet-20240620"), "anthropic/claude-sonnet-3-5@2024-06-20"),
        (arena("gpt-4o-2024-05-13", "openai"), "openai/gpt-4o@2024-05-13"),
        (arena("command-r-08-2024", "cohere"), "cohere/command-r@2024-08"),
        (arena("grok-4-fast-reasoning", "xai"), "xai/grok-4-fast:thinking"),
        (arena("kimi-k2-thinking-turbo", "moonshot"), "moonshot/kimi-k2-thinking-turbo"),
        (aa("Kimi K2 (Reasoning)", "Kimi"), "moonshot/kimi-k2-thinking"),
        (arena("trinity-large-thinking"), "arcee/trinity-large-thinking"),
        (arena("qwen3.8-max", "alibaba"), "alibaba/qwen3-8-max"),
        (arena("phi-3-medium-4k-instruct", "microsoft"), "microsoft/phi-3-medium-4k-instruct"),
        (arena("llama-3.1-405b-instruct-fp8", "meta"), "meta/llama-3-1-405b-instruct:fp8"),
        (arena("step-2-16k-exp-202412", "stepfun"), "stepfun/step-2-16k-exp@2024-12"),
        (arena("ernie-5.0-0110", "baidu"), "baidu/ernie-5-0-0110"),
        (other("openrouter", "z-ai/glm-4.5-air:free"), "zai/glm-4-5-air"),
        (other("openrouter", "qwen/qwen-plus-2025-07-28:thinking"), "alibaba/qwen-plus@2025-07-28:thinking"),
        (other("litellm", "anthropic.claude-v2:1"), "anthropic/claude-2-1"),
        (host("databricks/databricks-claude-opus-4-1"), "anthropic/claude-opus-4-1"),
        (aa("Novelty 3 Pro", "Novelty Labs"), "novelty-labs/novelty-3-pro"),
    ],
)  # fmt: skip
def test_key(name: SourceName, key: str) -> None:
    assert resolved(name).canonical_model_key == key


def test_offering_is_host_and_the_hosts_own_id() -> None:
    first_party = resolved(host("anthropic/claude-opus-4-5"))
    assert first_party.offering_key == "anthropic|claude-opus-4-5"
    on_azure = resolved(host("azure/gpt-4o-2024-08-06"))
    assert (on_azure.creator, on_azure.host) == ("openai", "azure")
    nested = resolved(host("openrouter/anthropic/claude-opus-4.5"))
    assert nested.offering_key == "openrouter|anthropic/claude-opus-4.5"
    assert nested.base_model == first_party.base_model
    assert resolved(aa("Claude Opus 4.5", "Anthropic")).offering_key is None
    unlisted = resolved(host("some-new-host/claude-opus-4-5"))
    assert unlisted.offering_key == "some-new-host|claude-opus-4-5"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        # A name that moves keeps its first date: the price beside it is a later release's.
        (host("openai/gpt-4o", "2024-05-13"), "several releases"),
        (host("openai/gpt-4o"), "several releases"),
        (aa("GPT-4o", "OpenAI"), "several releases"),
        (host("openai/gpt-4-turbo", "2023-11-06"), "several releases"),
        (arena("mistral-medium", "mistral"), "several releases"),
        (host("mistral/mistral-large-latest"), "several releases"),
        (host("google/gemini-flash-latest", "2025-09-25"), "moving name"),
        (host("deepseek/deepseek-chat"), "moving name"),
        (host("deepseek/deepseek-chat", "2030-01-01"), "moving name"),
        (arena("owl-alpha"), "creator unknown"),
        (other("litellm", "novita/some-tuner/deepseek-v3.1-x1"), "in no table"),
        (aa("Llama 3.1 8B Lexi", "Some Tuner"), "in no table"),
        (aa("Claude Opus 4.5", "OpenAI"), "belongs to anthropic"),
        (arena("claude-3-5-sonnet-20240620-20241022"), "disagree"),
        (arena(""), "no model name"),
        (arena("()"), "no model name"),
        (aa("x" * 301, "OpenAI"), "longer"),
    ],
)
def test_abstains(name: SourceName, reason: str) -> None:
    outcome = RULES.resolve(name)
    assert isinstance(outcome, Unresolved)
    assert reason in outcome.reason


def test_abstention_proposes_the_nearest_release() -> None:
    outcome = RULES.resolve(aa("GPT-4o", "OpenAI", "2024-08-20"))
    assert isinstance(outcome, Identity)  # one release in that month
    assert outcome.method == "publisher"
    outcome = RULES.resolve(aa("GPT-4o", "OpenAI", "2024-10-30"))
    assert outcome == Unresolved(
        "openai/gpt-4o has several releases (2024-05-13, 2024-08-06, 2024-11-20) and the name "
        "says none",
        "openai/gpt-4o@2024-11-20",
    )
    outcome = RULES.resolve(other("x", "unknown-lab/llama-3.1-8b-instruct"))
    assert isinstance(outcome, Unresolved)
    assert outcome.proposal == "meta/llama-3-1-8b-instruct"


def test_a_dated_alias_holds_within_its_dates() -> None:
    keys = [
        resolved(host("deepseek/deepseek-reasoner", day)).canonical_model_key
        for day in ("2025-01-20", "2025-05-28", "2025-11-30", "2025-12-01")
    ]
    assert keys == [
        "deepseek/deepseek-r1@2025-01-20",
        "deepseek/deepseek-r1@2025-05-28",
        "deepseek/deepseek-v3-2-exp:thinking",
        "deepseek/deepseek-v3-2:thinking",
    ]
    assert resolved(host("deepseek/deepseek-reasoner", "2025-12-01")).method == "alias"


def test_a_date_in_no_table_keeps_releases_apart() -> None:
    keys = {
        resolved(other("x", model_id)).base_model
        for model_id in ("gpt-4o-2024-05-13", "gpt-4o-2026-01-01", "hunyuan-t2-20260101", "hunyuan-t2")
    }  # fmt: skip
    assert len(keys) == 4
    assert "openai/gpt-4o@2026-01-01" in keys


@pytest.mark.parametrize(
    ("text", "creator"),
    [
        ("OpenAI", "openai"),
        ("open ai", "openai"),
        ("claude", "anthropic"),
        ("GPT", "openai"),
        ("Google DeepMind,Google", "google"),
        ("Z.ai (Zhipu AI),Tsinghua University", "zai"),
        ("SpaceXAI", "xai"),
        ("Kimi", "moonshot"),
        ("meta-llama", "meta"),
        ("ant-group", "inclusionai"),
        ("no such lab", None),
        ("", None),
    ],
)
def test_creator_id(text: str, creator: str | None) -> None:
    assert RULES.creator_id(text) == creator


def test_hosts() -> None:
    assert RULES.host_id("Amazon Bedrock") == "amazon-bedrock"
    assert RULES.host_id("together ai") == "togetherai"
    assert RULES.host_id("no such host") is None
    assert RULES.own_host("anthropic") == "anthropic"
    assert RULES.own_host("google") == "google"
    assert RULES.own_host("moonshot") == "moonshotai"
    assert RULES.own_host("stanford") is None


# the tables ---------------------------------------------------------------------------------------


def _with(path: str, row: dict[str, Any]) -> dict[str, Any]:
    return {**TABLES, path: [*TABLES[path], row]}


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (_with("creators", {"id": "anthropic"}), "stands twice"),
        (_with("creators", {"id": "new", "names": ["claude"]}), "stands twice"),
        (_with("hosts", {"id": "new", "first_party_of": "nobody"}), "in no row"),
        (_with("own_words", {"creator": "nobody", "names": ["x"], "reason": "r"}), "in no row"),
        (_with("rewrites", {"find": "a", "put": "b"}), "reason"),
        (_with("releases", {"base": "meta/a", "reason": "r", "releases": []}), "at least 1"),
        (
            _with(
                "releases",
                {
                    "base": "meta/a",
                    "reason": "r",
                    "undated": "2025-01",
                    "releases": [{"date": "2024-01"}],
                },
            ),
            "is none of",
        ),
        ({**TABLES, "extra": 1}, "Extra inputs"),
    ],
)
def test_wrong_tables_are_refused(tables: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        IdentityConfig.model_validate(tables)


def test_contradicting_tables_are_refused() -> None:
    twice = _with("hosts", {"id": "new", "aliases": ["bedrock"]})
    with pytest.raises(ValueError, match="stands for both"):
        IdentityRules(IdentityConfig.model_validate(twice))
    bad_key = _with("aliases", {"name": "a", "key": "no key", "reason": "r"})
    with pytest.raises(ValueError, match="is not creator/base"):
        IdentityRules(IdentityConfig.model_validate(bad_key))


def test_counter_examples_differ_from_their_rows() -> None:
    """What a release family must not touch is not resolved to that family."""
    for family in TABLES["releases"]:
        creator = family["base"].partition("/")[0]
        outcome = RULES.resolve(SourceName("x", str(family["not"]), None, creator))
        if isinstance(outcome, Identity):
            assert outcome.base_model.partition("@")[0] != family["base"], family["base"]


# laws ---------------------------------------------------------------------------------------------

slugs = st.from_regex(r"[a-z0-9]{1,6}(-[a-z0-9]{1,6}){0,3}", fullmatch=True)
releases = st.dates(date(2020, 1, 1), date(2039, 12, 31)).map(str) | st.from_regex(
    r"20[23][0-9]-(0[1-9]|1[0-2])", fullmatch=True
)
WORDS = [
    *("claude", "gpt", "gemini", "llama", "qwen3", "deepseek", "mistral", "kimi", "grok", "phi"),
    *("nova", "glm", "opus", "sonnet", "large", "mini", "flash", "pro", "r1", "v3", "4o", "k2"),
    *("4", "4.5", "3.1", "2", "5", "05", "06", "70b", "8b", "235b", "a22b", "next", "instruct"),
    *("it", "chat", "thinking", "reasoning", "no", "non", "high", "xhigh", "max", "medium"),
    *("latest", "preview", "0528", "2407", "2507", "20241022", "2025-08-07", "08-2024", "fp8"),
    *("(Aug '24)", "(Reasoning)", "(May' 25)", "(high)", "(Non-reasoning)", "(Preview)", "bf16"),
    *("32k", "16k", ":free", ":thinking", "@2024-08", "-v1:0", "beta", "exp", "codex", "002"),
]
model_names = st.lists(st.sampled_from(WORDS), min_size=1, max_size=7).flatmap(
    lambda words: st.sampled_from(["-", " ", "_", "/"]).map(lambda mark: mark.join(words))
)
source_names = st.builds(
    SourceName,
    source=st.sampled_from(["artificial_analysis", "models_dev", "lmarena", "elsewhere", ""]),
    source_model_id=model_names | st.text(),
    model_name=st.none() | model_names | st.text(),
    creator=st.none() | st.sampled_from(["openai", "Anthropic", "", "Meta", "New"]) | st.text(),
    host=st.none() | st.sampled_from(["openai", "azure", "", "groq"]) | st.text(),
    release_date=st.none() | st.dates(),
)


@given(slugs, slugs, st.none() | releases, st.none() | slugs)
def test_keys_round_trip(creator: str, base: str, release: str | None, variant: str | None) -> None:
    key = RULES.format_key(creator, base, release, variant)
    assert RULES.parse_key(key) == ModelKey(creator, base, release, variant)


@given(st.text())
def test_parse_key_refuses_or_reads_back(text: str) -> None:
    try:
        key = RULES.parse_key(text)
    except ValueError:
        return
    assert RULES.format_key(key.creator, key.base, key.release, key.variant) == text


@pytest.mark.parametrize("key", ["a", "a/b/c", "A/b", "a/b.c", "a/b@2024", "a/b:", "a/", "a/b\n"])
def test_parse_key_refuses(key: str) -> None:
    with pytest.raises(ValueError, match="is not creator/base"):
        RULES.parse_key(key)


@given(source_names)
def test_resolve_is_total_and_deterministic(name: SourceName) -> None:
    outcome = RULES.resolve(name)
    assert outcome == RULES.resolve(name)
    if isinstance(outcome, Identity):
        key = RULES.parse_key(outcome.canonical_model_key)
        assert outcome.base_model == RULES.format_key(key.creator, key.base, key.release)
        assert (outcome.creator, outcome.variant) == (key.creator, key.variant)
        assert 0 < outcome.confidence <= 1
    elif outcome.proposal is not None:
        RULES.parse_key(outcome.proposal)


def again(identity: Identity) -> Identity | Unresolved:
    return RULES.resolve(SourceName("x", identity.canonical_model_key, None, identity.creator))


@given(source_names)
def test_a_canonical_key_resolves_to_itself(name: SourceName) -> None:
    outcome = RULES.resolve(name)
    if isinstance(outcome, Identity):
        repeated = again(outcome)
        assert isinstance(repeated, Identity), (outcome, repeated)
        assert repeated.canonical_model_key == outcome.canonical_model_key


def _labelled() -> Iterable[SourceName]:
    yield from itertools.chain.from_iterable((*SAME, *DIFFERENT))


def test_labelled_keys_resolve_to_themselves() -> None:
    for name in _labelled():
        outcome = RULES.resolve(name)
        if isinstance(outcome, Identity):
            repeated = again(outcome)
            assert isinstance(repeated, Identity), outcome
            assert repeated.canonical_model_key == outcome.canonical_model_key


def test_order_does_not_matter() -> None:
    names = list(_labelled())
    forward = [RULES.resolve(name) for name in names]
    backward = [IdentityRules(IdentityConfig.model_validate(TABLES)).resolve(n) for n in names[:1]]
    assert backward[0] == forward[0]
    assert [RULES.resolve(name) for name in reversed(names)] == forward[::-1]


def test_ten_thousand_names_take_seconds() -> None:
    names = list(itertools.islice(itertools.cycle(_labelled()), 10_000))
    started = time.perf_counter()
    for name in names:
        RULES.resolve(name)
    assert time.perf_counter() - started < 8


# ids that a publisher gives -----------------------------------------------------------------


def _given(model_id: str, *same_as: str) -> SourceName:
    return SourceName("openrouter", model_id, same_as=same_as)


@pytest.mark.parametrize(
    ("name", "key", "method"),
    [
        # The name leaves the release open, the given id decides it.
        (
            _given("openai/gpt-5-chat", "openrouter:openai/gpt-5-chat-2025-08-07"),
            "openai/gpt-5-chat@2025-08-07",
            "given",
        ),
        (
            _given("deepseek/deepseek-chat", "huggingface:deepseek-ai/DeepSeek-V3"),
            "deepseek/deepseek-v3@2024-12-26",
            "given",
        ),
        # The variant is what the name says.
        (
            _given(
                "mistralai/devstral-small:thinking", "huggingface:mistralai/Devstral-Small-2507"
            ),
            "mistral/devstral-small@2025-07-10:thinking",
            "given",
        ),
        (_given("acme/aura:free", "huggingface:Acme-AI/Aura-7B"), "acme-ai/aura-7b", "given"),
        # Both agree; a date in an aggregator's id only says when the model was listed.
        (
            _given("inclusionai/ling-9-flash", "openrouter:inclusionai/ling-9-flash-20260421"),
            "inclusionai/ling-9-flash",
            "rule",
        ),
        (
            _given("z-ai/glm-4.6v", "openrouter:z-ai/glm-4.6", "huggingface:zai-org/GLM-4.6V"),
            "zai/glm-4-6v",
            "table",
        ),
        # Ids that say nothing change nothing.
        (
            _given("openai/gpt-5", "openrouter:openai/gpt-latest", "odd:x", "y"),
            "openai/gpt-5",
            "table",
        ),
    ],
)
def test_given_ids(name: SourceName, key: str, method: str) -> None:
    identity = resolved(name)
    assert (identity.canonical_model_key, identity.method) == (key, method)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            _given("google/gemini-2.5-pro-preview-05-06", "openrouter:google/gemini-2.5-pro"),
            "the id that its publisher gives google/gemini-2-5-pro",
        ),
        (
            _given("openai/gpt-4o", "openrouter:openai/gpt-4.1", "models_dev:openai/gpt-5"),
            "the ids that its publisher gives say openai/gpt-4-1 and openai/gpt-5",
        ),
    ],
)
def test_what_given_ids_contradict_is_left_open(name: SourceName, reason: str) -> None:
    outcome = RULES.resolve(name)
    assert isinstance(outcome, Unresolved)
    assert reason in outcome.reason


def test_an_organisation_in_no_table_is_a_creator_where_paths_name_creators() -> None:
    tuned = resolved(SourceName("openrouter", "some-tuner/llama-3.1-70b-novel"))
    assert (tuned.creator, tuned.confidence) == ("some-tuner", 0.85)
    assert isinstance(
        RULES.resolve(SourceName("litellm", "somewhere/some-tuner/llama-3.1-70b-novel")), Unresolved
    )


@pytest.mark.parametrize(
    ("model_id", "key"),
    [
        ("somewhere/nvidia/Qwen3-32B-FP4", "alibaba/qwen3-32b:fp4"),
        ("somewhere/nvidia/Llama3-ChatQA-70B", "nvidia/llama-3-chatqa-70b"),
        ("somewhere/unsloth/gemma-3-27b-it", "google/gemma-3-27b"),
        ("somewhere/hf:deepseek-ai/DeepSeek-V3.2", "deepseek/deepseek-v3-2"),
        ("us-gov.anthropic.claude-opus-5", "anthropic/claude-opus-5"),
        ("regional.moonshotai.kimi-k3", "moonshot/kimi-k3"),
        ("fireworks_ai/accounts/fireworks/routers/kimi-k3-spot", "moonshot/kimi-k3"),
        ("azure_ai/FW-GLM-5.2", "zai/glm-5-2"),
    ],
)
def test_paths_prefixes_and_copies(model_id: str, key: str) -> None:
    assert resolved(SourceName("litellm", model_id)).canonical_model_key == key


# explanations -------------------------------------------------------------------------------


@given(source_names)
def test_an_explanation_tells_what_resolve_says(name: SourceName) -> None:
    assert RULES.explain(name).outcome == RULES.resolve(name)


def test_an_explanation_names_the_rows_that_decided() -> None:
    explained = RULES.explain(SourceName("litellm", "azure/gpt-4o-2024-08-06"))
    steps = {step.step: step for step in explained.steps}
    assert steps["taken apart"].text == "host azure; words gpt 4o; dates 2024-08-06"
    assert steps["creator"].text == "openai"
    assert (
        steps["release"].reason == "the API name moves from release to release, at different prices"
    )
