"""Which model a name in our own calls means, and who served it.

The team's own names (models.yaml) come first, then the identity rules, which read the name as the
host in `gen_ai.provider.name` writes it. A call whose host nobody names is the creator's own host's.
"""

from __future__ import annotations

from collections.abc import Collection

from llmrec_pipeline.domain.identity import Identity, IdentityRules, SourceName
from llmrec_pipeline.domain.model_key import base_model_of, parse_key
from llmrec_pipeline.domain.team_models import ModelsConfig
from llmrec_pipeline.domain.usage_prices import ServedName

_SOURCE = "usage_events"
UNKNOWN = "unknown"


class UsageNames:
    """Resolves names; the same name always means the same. `published` are the base models that
    sources tell of, where that is known."""

    def __init__(
        self,
        rules: IdentityRules,
        team: ModelsConfig | None = None,
        published: Collection[str] = (),
    ) -> None:
        self._rules = rules
        self._team = team
        self._published = published

    def served(self, provider_name: str, model_name: str) -> ServedName:
        """What calls under these two texts mean; either may be empty."""
        host = self._rules.host_id(provider_name) or provider_name
        key = self._own_name(model_name)
        if key is None:
            found = self._rules.resolve(SourceName(_SOURCE, model_name, host=provider_name or None))
            if not isinstance(found, Identity):
                told = (host or UNKNOWN, model_name or UNKNOWN)
                return ServedName(provider_name, model_name, *told, is_known=False)
            key, host = found.canonical_model_key, found.host or ""
        provider = host or self.own_host(key)
        return ServedName(provider_name, model_name, provider, key, is_known=True)

    def doubt(self, served: ServedName) -> str | None:
        """Why nobody knows the model of these calls; None where somebody does. A rule may make a key
        of a name that no source tells of."""
        if not served.model_name:
            return "the log names no model"
        if not served.is_known:
            return "no rule says which model; see llmrec identity resolve --explain"
        if self._published and base_model_of(served.model) not in self._published:
            return f"{served.model}: no source tells of it"
        return None

    def own_host(self, key: str) -> str:
        """The host by which the model's creator sells it."""
        creator = parse_key(key).creator
        return self._rules.own_host(creator) or creator

    def _own_name(self, model_name: str) -> str | None:
        # What has a slash is a path of a host, and no name of the team's.
        if self._team is None or "/" in model_name:
            return None
        return self._team.model_id(model_name)
