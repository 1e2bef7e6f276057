"""Gone models are told in short, and read back as they were."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from llmrec_pipeline.domain.gone_models import with_gone, without_gone

_SLUGS = st.from_regex(r"[a-z0-9]{1,3}(-[a-z0-9]{1,3})?", fullmatch=True)
_KEYS = st.builds(
    lambda creator, base, variant: f"{creator}/{base}{variant and ':'}{variant}",
    *(_SLUGS, _SLUGS, st.one_of(st.just(""), _SLUGS)),
)
_RARELY = st.sampled_from([None, None, None, True, False])


def _model(key: str, **told: Any) -> dict[str, Any]:
    base_model, _, variant = key.partition(":")
    return {
        "canonical_model_key": key,
        "base_model": base_model,
        "variant": variant or None,
        "model_name": key.upper(),
        "provider": key.partition("/")[0],
        "listed": False,
        "last_seen": "2026-05-01T00:00:00Z",
        "is_deprecated": None,
        "is_open_weights": None,
        "offerings": [],
        "measures": {},
        **told,
    }


_MODELS = st.builds(
    _model,
    _KEYS,
    listed=st.booleans(),
    last_seen=st.sampled_from([None, "2026-05-01T00:00:00Z"]),
    is_deprecated=_RARELY,
    is_open_weights=_RARELY,
    provider=st.sampled_from(["other", "laboratory"]),
    offerings=st.sampled_from([[], [], [{"host": "invented"}]]),
) | st.builds(_model, _KEYS)


@given(st.lists(_MODELS, unique_by=lambda model: str(model["canonical_model_key"])))
def test_whatever_the_models_are_they_read_back_as_they_were(models: list[dict[str, Any]]) -> None:
    whole, gone = json.loads(json.dumps(without_gone(models)))
    assert len(whole) + len(gone) == len(models)
    back = with_gone(whole, gone)
    assert back == sorted(models, key=lambda model: str(model["canonical_model_key"]))


def test_of_a_gone_model_its_key_name_and_last_day_are_kept() -> None:
    gone = _model("laboratory/invented@2025-01:high")
    deprecated = _model("laboratory/other", is_deprecated=True)
    listed = _model("laboratory/listed", listed=True, last_seen=None)
    assert without_gone([gone, deprecated, listed]) == (
        [deprecated, listed],
        [("laboratory/invented@2025-01:high", gone["model_name"], "2026-05-01T00:00:00Z")],
    )
