"""Which models compete: one offering a model, and the constraints it must pass.

The ranked unit is a model at one offering, so that price, context, limits and speed belong
together: the creator's own host's, or the asked host's; never the best of several.

In: an edition's ranking payload and a profile (USD per 1M input tokens, tokens). Out: the candidates
by key, and how many models failed for which reason. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from llmrec_pipeline.domain.records import CAPABILITIES
from llmrec_pipeline.domain.task_profile import TaskProfile, unknown_name

NOT_LISTED = "not_listed"
DEPRECATED = "deprecated"
ALLOWLIST = "provider_allowlist"
DENYLIST = "provider_denylist"
HOST = "host"
MAX_PRICE = "max_price_per_1m"
PRICE_UNKNOWN = "price_unknown"
MIN_CONTEXT = "min_context"
CONTEXT_UNKNOWN = "context_unknown"
CAPABILITY = "capabilities"
CAPABILITY_UNKNOWN = "capability_unknown"

REASONS = (
    NOT_LISTED,
    DEPRECATED,
    ALLOWLIST,
    DENYLIST,
    HOST,
    MAX_PRICE,
    PRICE_UNKNOWN,
    MIN_CONTEXT,
    CONTEXT_UNKNOWN,
    CAPABILITY,
    CAPABILITY_UNKNOWN,
)
"""Reasons for exclusion, in the order in which they are tried; a model counts under the first."""

CONSTRAINT_OF = {
    **{
        reason: reason for reason in (ALLOWLIST, DENYLIST, HOST, MAX_PRICE, MIN_CONTEXT, CAPABILITY)
    },
    PRICE_UNKNOWN: MAX_PRICE,
    CONTEXT_UNKNOWN: MIN_CONTEXT,
    CAPABILITY_UNKNOWN: CAPABILITY,
}
"""The constraint behind each reason that is one the user stated."""

_NO_OFFERING: Mapping[str, Any] = {}


class Candidate(NamedTuple):
    """A model of the ranking payload at one of its offerings; the offering is empty if unknown."""

    key: str
    model: Mapping[str, Any]
    offering: Mapping[str, Any]

    def source_of(self, column: str) -> str | None:
        """The source of an offering's column: the column's own where it differs."""
        source = self.offering.get(f"{column}_source") or self.offering.get("source")
        return None if self.offering.get(column) is None or source is None else str(source)


class Selection(NamedTuple):
    """The models that pass, by canonical key, and how many failed for each reason."""

    candidates: list[Candidate]
    excluded: dict[str, int]


def own_offering(model: Mapping[str, Any]) -> Mapping[str, Any]:
    """A model's offering at its creator's own host, which stands for its price; empty where there
    is none. An edition holds one offering a host."""
    return next((o for o in model["offerings"] if o["is_creator_host"]), _NO_OFFERING)


def resolve_host(payload: Mapping[str, Any], host: str) -> str:
    """The host id of a name; RequestError for a name that neither config nor an offering has."""
    ids = {alias.casefold(): host_id for alias, host_id in payload["host_aliases"].items()}
    known = {*ids.values(), *(o["host"] for m in payload["models"] for o in m["offerings"])}
    ids |= {host_id.casefold(): host_id for host_id in known}
    folded = host.strip().casefold()
    if folded not in ids:
        raise unknown_name("host", host, ids)
    return str(ids[folded])


def require_capabilities(names: Iterable[str]) -> tuple[str, ...]:
    """The names as they stand in `records.CAPABILITIES`; RequestError for another."""
    asked = tuple(dict.fromkeys(name.strip().lower().replace(" ", "_") for name in names))
    for name in asked:
        if name not in CAPABILITIES:
            raise unknown_name("capability", name, CAPABILITIES)
    return asked


def select(
    payload: Mapping[str, Any],
    profile: TaskProfile,
    host: str | None = None,
    capabilities: Sequence[str] = (),
) -> Selection:
    """The candidates of a ranking payload under a profile whose provider names are creator ids.

    `host` is a host id; `capabilities` are names of `records.CAPABILITIES`, each of which the model
    must be known to have. A model without an offering at its creator's host competes with unknown
    price, context and speed; without one at an asked host it is excluded. An offering that is
    itself deprecated is ranked by nobody.
    """
    counts = dict.fromkeys(REASONS, 0)
    candidates = []
    source_order = {source: i for i, source in enumerate(payload["publisher_order"])}
    for model in payload["models"]:
        offering = _offering(model, host, source_order)
        reason = next(_failures(model, offering, profile, host, capabilities), None)
        if reason is None:
            key = str(model["canonical_model_key"])
            candidates.append(Candidate(key, model, offering or _NO_OFFERING))
        else:
            counts[reason] += 1
    # Sorted, so that nothing downstream depends on the order of the payload.
    candidates.sort(key=lambda candidate: candidate.key)
    return Selection(candidates, {reason: n for reason, n in counts.items() if n})


def why_not(payload: Mapping[str, Any], key: str, profile: TaskProfile) -> str | None:
    """Why a model of the payload is not among the candidates of a profile, None where it is."""
    source_order = {source: i for i, source in enumerate(payload["publisher_order"])}
    model = next(m for m in payload["models"] if m["canonical_model_key"] == key)
    offering = _offering(model, None, source_order)
    return next(_failures(model, offering, profile, None, ()), None)


def _offering(
    model: Mapping[str, Any], host: str | None, source_order: Mapping[str, int]
) -> Mapping[str, Any] | None:
    def rank(offering: Mapping[str, Any]) -> tuple[bool, int, str, int, str]:
        key, source = str(offering["offering_key"]), str(offering.get("source") or "")
        order = source_order.get(source, len(source_order))
        return bool(offering.get("is_deprecated")), len(key), key, order, source

    found: list[Mapping[str, Any]] = [
        offering
        for offering in model["offerings"]
        if (offering["is_creator_host"] if host is None else offering["host"] == host)
    ]
    if len(found) > 1:
        return min(found, key=rank)
    return found[0] if found else None


def _failures(
    model: Mapping[str, Any],
    offering: Mapping[str, Any] | None,
    profile: TaskProfile,
    host: str | None,
    capabilities: Sequence[str],
) -> Iterator[str]:
    """Reasons why a model does not compete, in the order of `REASONS`."""
    offered = offering or _NO_OFFERING
    if not model["listed"]:
        yield NOT_LISTED
    if model.get("is_deprecated") or offered.get("is_deprecated"):
        yield DEPRECATED
    if profile.provider_allowlist and model["provider"] not in profile.provider_allowlist:
        yield ALLOWLIST
    if model["provider"] in profile.provider_denylist:
        yield DENYLIST
    if host is not None and offering is None:
        yield HOST
    if profile.max_price_per_1m is not None:
        price = offered.get("price_input_per_1m")
        if price is None:
            yield PRICE_UNKNOWN
        elif price > profile.max_price_per_1m:
            yield MAX_PRICE
    if profile.min_context is not None:
        context = offered.get("context_window")
        if context is None:
            yield CONTEXT_UNKNOWN
        elif context < profile.min_context:
            yield MIN_CONTEXT
    known = _capabilities(model, offered)
    if any(known.get(name) is False for name in capabilities):
        yield CAPABILITY
    if any(known.get(name) is None for name in capabilities):
        yield CAPABILITY_UNKNOWN


def _capabilities(model: Mapping[str, Any], offering: Mapping[str, Any]) -> dict[str, bool]:
    """What the model can do as offered. Whether its weights are open is a fact of the model, which
    a source may know that lists no offering of it."""
    known = dict(offering.get("capabilities") or {})
    if (is_open := model.get("is_open_weights")) is not None:
        known["open_weights"] = is_open
    return known
