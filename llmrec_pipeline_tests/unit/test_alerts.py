"""What deserves attention, and that each is told once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec_pipeline.domain import alert_ledger
from llmrec_pipeline.domain.alert_ledger import Entry
from llmrec_pipeline.domain.alerts import KINDS, Alert, Facts, ModelInUse, find_alerts
from llmrec_pipeline.domain.alerts_config import AlertsConfig
from llmrec_pipeline.domain.market import market_changes
from llmrec_pipeline.serving.alert_channels import Digest, as_slack_text
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline_tests.unit.test_market import able, told
from llmrec_pipeline_tests.unit.test_ranking import model, offering

CONFIG = load_settings({}).alerts
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
COOLDOWN = CONFIG.cooldown
LIVE = {"origin": "live", "enabled": True, "doubt": None, "verified_at": "2026-03-01T11:00:00Z"}


def facts(
    after: dict[str, Any],
    before: dict[str, Any] | None = None,
    conflicts: Sequence[Mapping[str, Any]] = (),
    leaders: Sequence[str] = (),
    sources: Mapping[str, Mapping[str, Any]] | None = None,
    **use_cases: str,
) -> Facts:
    """An edition after another; use cases of coding, by name and model in use."""
    changes = market_changes(before, after) if before else []
    return Facts(
        payload=after,
        changes=[change._asdict() for change in changes],
        conflicts=conflicts,
        leaders=frozenset(leaders),
        sources=sources or {},
        use_cases={name: ModelInUse("coding", key) for name, key in use_cases.items()},
    )


def found(given_facts: Facts, config: AlertsConfig = CONFIG) -> list[tuple[str, str, str]]:
    return [alert.key for alert in find_alerts(given_facts, config, 3.0, NOW)]


def of(kind: str, given_facts: Facts, **rule: Any) -> list[Alert]:
    """Alerts of one kind, under a rule that differs from the configured one."""
    changed = getattr(CONFIG.rules, kind).model_copy(update=rule)
    rules = CONFIG.rules.model_copy(update={kind: changed})
    config = CONFIG.model_copy(update={"rules": rules})
    return [alert for alert in find_alerts(given_facts, config, 3.0, NOW) if alert.kind == kind]


def test_every_kind_has_a_rule_that_can_be_switched_off() -> None:
    assert tuple(type(CONFIG.rules).model_fields) == KINDS
    before, after = told(able("a", 50.0), able("b", 40.0)), told(able("a", 50.0), able("b", 60.0))
    assert ("top_pick", "coding", "acme/a → acme/b") in found(facts(after, before))
    assert of("top_pick", facts(after, before), enabled=False) == []


def test_a_price_drop_from_its_share_on_of_the_models_that_are_watched() -> None:
    before = told(able("a", 50.0, 10.0), able("b", 40.0, 10.0), able("c", 30.0, 10.0))
    after = told(able("a", 50.0, 8.0), able("b", 40.0, 8.01), able("c", 30.0, 5.0))
    used = facts(after, before, leaders=["acme/b"], work="acme/a")
    (drop,) = of("price_drop", used)
    assert (drop.subject, drop.change) == ("acme|a", "input $10 → $8 (-20%)")
    assert [alert.subject for alert in of("price_drop", used, models="all")] == ["acme|a", "acme|c"]
    assert [alert.subject for alert in of("price_drop", used, share=0.19)] == ["acme|a", "acme|b"]
    assert of("price_drop", facts(before, after, work="acme/a"), share=0.01) == []


def test_a_model_that_retires_is_told_where_the_same_sources_speak() -> None:
    retired = {**able("a", 50.0), "is_deprecated": True}
    before, after = told(able("a", 50.0), able("b", 40.0)), told(retired, able("b", 40.0))
    assert ("deprecated", "acme/a", "deprecated") in found(facts(after, before, work="acme/a"))
    assert of("deprecated", facts(after, after, work="acme/a")) == []
    assert of("deprecated", facts(after, before)) == []
    silent = told(able("a", 50.0), able("b", 40.0), price_list={"origin": "none"})
    assert of("deprecated", facts(after, silent, work="acme/a")) == []


def test_a_use_case_whose_model_is_dominated() -> None:
    # Interval widths follow from the evidence: with one measure each they overlap.
    dear = told(able("a", 40.0, 10.0), able("b", 50.0, 9.0), able("c", 60.0, 11.0))
    use = facts(dear, work="acme/a")
    (alert,) = of("dominated", use, firm=False)
    assert alert.key == ("dominated", "work", "acme/a")
    assert "acme/b is better at coding and costs no more" in alert.text
    assert of("dominated", facts(dear, work="acme/c"), firm=False) == []
    wide = {"acme/a": (0.0, 0.5), "acme/b": (0.4, 0.9)}
    assert of("dominated", _with_intervals(use, wide)) == []
    clear = {"acme/a": (0.0, 0.5), "acme/b": (0.6, 0.9)}
    assert len(of("dominated", _with_intervals(use, clear))) == 1


@pytest.mark.parametrize(
    "rival",
    [
        {"is_deprecated": True},
        {"listed": False},
        {"variant": "thinking", "canonical_model_key": "acme/b:thinking"},
        {"offerings": [offering("b")]},
    ],
)
def test_who_dominates_nobody(rival: dict[str, Any]) -> None:
    content = told(able("a", 40.0, 10.0), {**able("b", 50.0, 9.0), **rival})
    assert of("dominated", facts(content, work="acme/a"), firm=False) == []


def _with_intervals(given_facts: Facts, intervals: dict[str, tuple[float, float]]) -> Facts:
    consensus = given_facts.payload["consensus"]
    coding = {
        key: [standing[0], *intervals.get(key, standing[1:3]), *standing[3:]]
        for key, standing in consensus["task_types"]["coding"].items()
    }
    changed = {**consensus, "task_types": {**consensus["task_types"], "coding": coding}}
    return given_facts._replace(payload={**given_facts.payload, "consensus": changed})


def test_a_use_case_follows_its_model_to_another_key() -> None:
    content = told(able("a", 40.0, 10.0), able("b", 50.0, 9.0))
    content["key_redirects"] = {"acme/old-a": "acme/a"}
    (alert,) = of("dominated", facts(content, work="acme/old-a"), firm=False)
    assert alert.change == "acme/a"
    assert of("dominated", facts(content, work="acme/unknown"), firm=False) == []


def test_sources_that_are_stale_or_not_believed() -> None:
    sources = {
        "aged": {**LIVE, "origin": "cached", "verified_at": "2026-02-28T12:00:00Z"},
        "bundled": {**LIVE, "origin": "fixture", "verified_at": None},
        "doubted": {**LIVE, "doubt": "lost 60% of its models"},
        "fine": LIVE,
        "off": {**LIVE, "origin": "none", "enabled": False},
        "silent": {**LIVE, "origin": "none", "verified_at": None},
    }
    alerts = find_alerts(facts(told(), sources=sources), CONFIG, 3.0, NOW)
    assert [(alert.kind, alert.subject, alert.text.partition(": ")[2]) for alert in alerts] == [
        ("source_stale", "aged", "last seen 2026-02-28 12:00 UTC, 24 h ago"),
        ("source_stale", "bundled", "bundled facts serve"),
        ("source_stale", "silent", "nothing serves"),
        ("source_quarantined", "doubted", "lost 60% of its models"),
    ]


def test_a_price_conflict_of_a_model_in_use() -> None:
    def conflict(name: str, difference: float) -> dict[str, Any]:
        return {
            "base_model": f"acme/{name}",
            "offering_key": f"acme|{name}",
            "price_column": "price_input_per_1m",
            "used_source": "one",
            "used_price": 1.0,
            "source": "two",
            "price": 1.0 + difference,
            "difference": difference,
        }

    rows = [conflict("a", 0.5), conflict("b", 0.49), conflict("c", 3.0)]
    content = told(able("a", 50.0), able("b", 40.0), able("c", 30.0))
    given_facts = facts(content, None, rows, work="acme/a", other="acme/b")
    assert [alert.key for alert in of("price_conflict", given_facts)] == [
        ("price_conflict", "acme|a", "price_input_per_1m of two")
    ]


def look(
    past: Sequence[Entry], hours: float, *names: str, channels: Sequence[str] = ("one", "two")
) -> tuple[list[Entry], dict[str, list[str]], list[Entry]]:
    """The ledger after a look at `hours`, what each channel is still to be told, what is given up."""
    alerts = [Alert("top_pick", name, "", name) for name in names]
    at = NOW + timedelta(hours=hours)
    entries, lost = alert_ledger.update(past, alerts, channels, at, COOLDOWN)
    due = {name: [a.subject for a in alert_ledger.pending(entries, name)] for name in channels}
    return entries, due, lost


def tell(entries: list[Entry], *channels: str) -> list[Entry]:
    for channel in channels:
        entries = alert_ledger.told(entries, channel)
    return entries


def test_an_alert_is_told_once_on_each_channel_while_it_stands() -> None:
    entries, due, _ = look((), 0, "a")
    assert due == {"one": ["a"], "two": ["a"]}
    entries, due, _ = look(tell(entries, "one"), 6, "a", "b")
    assert due == {"one": ["b"], "two": ["a", "b"]}
    # However long it stands.
    entries, due, _ = look(tell(entries, "one", "two"), 1000, "a", "b")
    assert due == {"one": [], "two": []}


def test_what_comes_back_is_told_again_after_the_cooldown_only() -> None:
    entries, _, _ = look((), 0, "a")
    gone, _, _ = look(tell(entries, "one", "two"), 6)
    assert [entry.stands for entry in gone] == [False]
    back, due, _ = look(gone, 12, "a")
    assert due == {"one": [], "two": []}
    assert [entry.stands for entry in back] == [True]
    hours = COOLDOWN / timedelta(hours=1)
    gone, _, _ = look(back, 18)
    _, due, _ = look(gone, 17 + hours, "a")
    assert due == {"one": [], "two": []}
    _, due, _ = look(gone, 18 + hours, "a")
    assert due == {"one": ["a"], "two": ["a"]}


def test_what_stood_for_long_and_flaps_is_told_once() -> None:
    entries, _, _ = look((), 0, "a")
    entries, _, _ = look(tell(entries, "one", "two"), 72, "a")
    entries, _, _ = look(entries, 78)
    _, due, _ = look(entries, 84, "a")
    assert due == {"one": [], "two": []}


def test_what_is_over_and_was_not_delivered_is_tried_on_and_then_given_up() -> None:
    entries, _, _ = look((), 0, "a")
    entries, due, lost = look(tell(entries, "one"), 6)
    assert (due, lost) == ({"one": [], "two": ["a"]}, [])
    entries, due, lost = look(entries, 24)
    assert (due["two"], lost) == (["a"], [])
    entries, _, lost = look(entries, 30)
    assert (entries, [entry.alert.subject for entry in lost]) == ([], ["a"])


@given(st.lists(st.tuples(st.sets(st.sampled_from("abc")), st.booleans()), max_size=12))
def test_nothing_is_told_twice_within_the_cooldown_and_nothing_is_lost(
    looks: list[tuple[set[str], bool]],
) -> None:
    """`looks` are what stands, and whether the channel takes it, six hours apart."""
    entries: list[Entry] = []
    raised: dict[str, set[datetime]] = {}
    told_times: Counter[str] = Counter()
    owed: set[str] = set()
    for number, (names, takes) in enumerate(looks):
        entries, due, lost = look(entries, 6 * number, *sorted(names), channels=("one",))
        assert names == {entry.alert.subject for entry in entries if entry.stands}
        assert owed <= set(due["one"]) | {entry.alert.subject for entry in lost}
        for entry in entries:
            raised.setdefault(entry.alert.subject, set()).add(entry.raised_at)
        owed = set(due["one"])
        if takes:
            told_times.update(owed)
            entries, owed = tell(entries, "one"), set()
        assert [Entry.from_mapping(entry.to_mapping()) for entry in entries] == entries
    for name, moments in raised.items():
        assert all(then - first >= COOLDOWN for first, then in pairwise(sorted(moments)))
        assert told_times[name] <= len(moments)


def test_a_name_mentions_nobody_and_links_nowhere() -> None:
    text = "New first: <!channel> <https://example.org|x> @here & *more*\n• another line"
    digest = Digest([Alert("top_pick", str(n), "", text) for n in range(3)], NOW, "e<1>")
    said = as_slack_text(digest, 2)
    assert "<" not in said
    assert "@here" not in said
    assert said.splitlines() == [
        "llmrec, edition e&lt;1&gt;",
        *[
            "• New first: &lt;!channel&gt; &lt;https://example.org|x&gt; @\u2060here &amp; *more* "
            "• another line"
        ]
        * 2,
        "… and 1 more: llmrec alerts list",
    ]


def test_models_without_a_price_take_no_part() -> None:
    content = told(able("a", 50.0), model("b", {"coding_index": 60.0}, []))
    assert of("dominated", facts(content, work="acme/a", other="acme/b"), firm=False) == []
