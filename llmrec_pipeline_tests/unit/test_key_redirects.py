"""Old keys: what they are called now, told from the names that meant them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmrec_pipeline.domain.key_redirects import KeyRedirect, PublishedKey, key_redirects


def _said(edition: str, name: str, key: str, told: str = "") -> PublishedKey:
    return PublishedKey(edition, "board", name, told, key)


def _now(**keys: str) -> dict[tuple[str, str, str], str]:
    return {("board", name, ""): key for name, key in keys.items()}


def test_a_key_of_today_is_no_old_key() -> None:
    assert key_redirects([_said("e1", "a", "x/a:high")], _now(a="x/a:high")) == []


def test_an_old_key_and_its_base_lead_to_what_its_names_mean() -> None:
    said = [_said("e2", "a", "x/a-it:high"), _said("e1", "b", "x/a-it:high")]
    assert key_redirects(said, _now(a="x/a:high", b="x/a:high")) == [
        KeyRedirect("x/a-it", "x/a", "e1", 2, 2),
        KeyRedirect("x/a-it:high", "x/a:high", "e1", 2, 2),
    ]


def test_names_that_split_lead_to_where_most_of_them_are() -> None:
    said = [_said("e1", name, "x/old") for name in "abc"]
    assert key_redirects(said, _now(a="x/two", b="x/one", c="x/two")) == [
        KeyRedirect("x/old", "x/two", "e1", 3, 2)
    ]


def test_a_name_that_its_publisher_moved_takes_no_key_along() -> None:
    said = [_said("e1", "a", "x/a@2024-05-13", told="2024-05-13")]
    assert key_redirects(said, {("board", "a", "2024-08-06"): "x/a@2024-08-06"}) == [
        KeyRedirect("x/a@2024-05-13", None, "e1", 1, 0)
    ]


_KEYS = st.sampled_from(["x/a", "x/b", "x/b:high", "y/c@2025-01"])


@given(
    st.lists(st.builds(_said, st.sampled_from(["e1", "e2"]), st.sampled_from("abc"), _KEYS)),
    st.dictionaries(st.sampled_from("abc"), _KEYS),
)
def test_every_published_key_is_known_today_or_redirects(
    said: list[PublishedKey], meant: dict[str, str]
) -> None:
    now = _now(**meant)
    redirects = key_redirects(said, now)
    assert redirects == key_redirects(reversed(said), now)
    known = {part for key in meant.values() for part in (key, key.partition(":")[0])}
    assert {entry.key for entry in said} <= known | {redirect.old_key for redirect in redirects}
    assert known.isdisjoint(redirect.old_key for redirect in redirects)
    assert known >= {r.canonical_model_key for r in redirects if r.canonical_model_key is not None}
