"""Proposals: what is near, how near, and that nothing is joined by them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmrec_pipeline.domain.proposals import Proposals, proposed

KNOWN = ("acme/aura-2-large", "acme/aura-2-small", "beta/aura-2-large@2025-06-01")


def test_the_nearest_model_with_its_evidence() -> None:
    found = Proposals(KNOWN, 0.6).nearest("somewhere/Aura-Large-2-it")
    assert found is not None
    assert found.key == "acme/aura-2-large"
    assert found.score == 0.8889
    assert found.evidence == "both say 2 aura large; only the name says it"


def test_nothing_is_proposed_for_what_is_unlike() -> None:
    assert Proposals(KNOWN, 0.6).nearest("zzz") is None
    assert Proposals((), 0.6).nearest("aura") is None


@given(st.permutations(KNOWN), st.text(max_size=30))
def test_the_order_of_models_does_not_matter(known: list[str], name: str) -> None:
    assert Proposals(known, 0.3).nearest(name) == Proposals(KNOWN, 0.3).nearest(name)


@given(st.text(max_size=40), st.sampled_from(KNOWN))
def test_scores_are_shares(name: str, key: str) -> None:
    assert 0 <= proposed(name, key).score <= 1
    assert proposed(key, key.partition("@")[0]).key == key.partition("@")[0]
