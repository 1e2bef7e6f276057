"""What the document shows of each answer. Models, publishers and values are invented; none is null,
which FastAPI leaves out of a document."""

from __future__ import annotations

from typing import Any

_EDITION = "20300101T060000Z-0a1b2c3d"
_AT = "2030-01-01T06:00:00Z"
_MODEL = "example-lab/swift-2"
_OFFERING = "example-lab|swift-2"
_ANSWER_ID = "4f1c2d3e4b5a69788796a5b4c3d2e1f0"
_ATTRIBUTION = {"example_board": "Example Board (https://board.example), CC BY 4.0"}
_PAGE = {"total": 2, "limit": 1, "offset": 0, "next_offset": 1, "edition": _EDITION}

_WITHOUT_ID: dict[str, Any] = {
    "task_profile": {
        "task_type": "coding",
        "weight_quality": 0.6,
        "weight_speed": 0.2,
        "weight_cost": 0.2,
        "max_price_per_1m": 5.0,
        "min_context": 64000,
        "provider_allowlist": [],
        "provider_denylist": [],
    },
    "edition": _EDITION,
    "snapshot_ts": _AT,
    "origins": {"example_board": {"origin": "live", "observed_at": _AT}},
    "scorer": "anchored_v1",
    "basis": {"kind": "consensus"},
    "recommendations": [
        {
            "model_name": "Swift 2",
            "provider": "example-lab",
            "canonical_model_key": _MODEL,
            "offering_key": _OFFERING,
            "score": 0.71,
            "metrics": {"quality": 61.5, "price_input_per_1m": 1.25},
            "normalized": {"quality": 0.8, "speed": 0.5, "cost": 0.65},
            "justification": "quality 0.80, speed 0.50, cost 0.65",
        }
    ],
    "not_measured": [],
    "excluded": {"max_price_per_1m": 12},
    "attribution": _ATTRIBUTION,
}
ANSWER: dict[str, Any] = {"answer_id": _ANSWER_ID, **_WITHOUT_ID}
USER_ANSWER: dict[str, Any] = {
    **ANSWER,
    "user_id": "team-search",
    "matches": {
        "embedding": "hashed_words",
        "models": [{"id": _MODEL, "similarity": 0.31}],
        "use_cases": [{"id": "coding", "similarity": 0.44}],
        "past_requests": [],
    },
}
USER: dict[str, Any] = {
    "user_id": "team-search",
    "profile_text": "We debug search services.",
    "constraints": {"min_context": 64000},
    "available_providers": ["example-lab"],
    "created_at": _AT,
    "updated_at": _AT,
}
FEEDBACK: dict[str, Any] = {
    "id": 7,
    "given_at": _AT,
    "use_case": "coding",
    "model": _MODEL,
    "source": "rating",
    "score": 0.75,
}
HISTORY: dict[str, Any] = {
    **_PAGE,
    "items": [
        {
            "answer_id": _ANSWER_ID,
            "served_at": _AT,
            "channel": "api",
            "user_id": "team-search",
            "question": {"text": "debug python, at most $5"},
            "way": {"topk": 1},
            "edition": _EDITION,
            "scorer": "anchored_v1",
            "config_hash": "9f8e7d6c5b4a",
            "answer": _WITHOUT_ID,
        }
    ],
}
REPLAY: dict[str, Any] = {
    "answer_id": _ANSWER_ID,
    "edition": _EDITION,
    "same": True,
    "answer": _WITHOUT_ID,
    "replayed": _WITHOUT_ID,
}
MODELS: dict[str, Any] = {
    **_PAGE,
    "items": [
        {
            "canonical_model_key": _MODEL,
            "model_name": "Swift 2",
            "provider": "example-lab",
            "listed": True,
            "offerings": [{"offering_key": _OFFERING, "price_input_per_1m": 1.25}],
            "measures": {"coding_index": {"example_board": {"value": 61.5, "index_version": "2"}}},
        }
    ],
    "attribution": _ATTRIBUTION,
}
_RANKED: dict[str, Any] = {
    "category": "coding",
    "rank": 1,
    "provider": "example-lab",
    "model_name": "Swift 2",
    "canonical_model_key": _MODEL,
    "score": 61.5,
    "sources": {"publishers": [{"publisher": "example_board", "score": 61.5}]},
    "metadata": {"speed": 90.0, "context_window": 200000},
    "last_updated": _AT,
}
RANKINGS: dict[str, Any] = {**_PAGE, "items": [_RANKED], "attribution": _ATTRIBUTION}
CATEGORY_TOP: dict[str, Any] = {
    "category": "coding",
    "edition": _EDITION,
    "rankings": [_RANKED],
    "attribution": _ATTRIBUTION,
}
WELCOME: dict[str, Any] = {
    "name": "llmrec: which LLM to use for a job, and the evidence",
    "edition": _EDITION,
    "routes": ["/healthz", "/api/v1/recommend"],
    "documentation": "/docs",
}
HEALTH: dict[str, Any] = {"status": "ok", "edition": _EDITION}
SOURCE: dict[str, Any] = {
    "source": "example_board",
    "enabled": True,
    "origin": "live",
    "quota": "4 of 1000 a day",
    "last_error": "timeout",
    "licence": "CC BY 4.0",
    "attribution": _ATTRIBUTION["example_board"],
}
