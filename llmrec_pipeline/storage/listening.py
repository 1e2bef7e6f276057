"""What people write of models: searched for, read, and entered into the evidence store."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session

from llmrec_pipeline.domain.identity import IdentityRules
from llmrec_pipeline.domain.sentiment_reading import Entry, SentimentReader
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.evidence_store.opening import EvidenceStore
from llmrec_pipeline.storage.evidence_store.sentiment import (
    Entered,
    enter_texts,
    names_in_catalogue,
    phrases_of,
    release_days,
    require_models,
)
from llmrec_pipeline.storage.landing import Clock
from llmrec_pipeline.storage.sentiment_search import Found, search_config, search_source
from llmrec_pipeline.team_settings import load_mentions, load_sentiment, load_team_settings


class Listener:
    """The configuration by which texts are read. Raises SettingsError."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._rules = IdentityRules(settings.identity)
        self._prose = load_mentions(settings.locations).words()
        self.team = load_team_settings(settings.locations).models
        self.config = load_sentiment(settings.locations)

    def enter(self, session: Session, entries: Iterable[Entry], only: str | None = None) -> Entered:
        """Enter texts. `only`: those of which nobody told the model, just where they may speak of
        this one. Raises RequestError for a model that is not in the catalogue."""
        if only is not None:
            require_models(session, [only])
        names = names_in_catalogue(session, self._rules, self.team.names, self._prose)
        reader = SentimentReader(self.config, names, self._clock(), release_days(session))
        return enter_texts(session, entries, reader, only)

    def search(self, store: EvidenceStore, source: str, model_id: str, limit: int) -> Found:
        """Texts that a source has on a model of the catalogue. Raises RequestError for a source
        that cannot be searched, SearchFailed for one that does not answer."""
        config = search_config(self.config, source)
        with store.reading() as session:
            phrases = phrases_of(session, model_id, self.team.names)
        return search_source(source, phrases, limit, config, self._settings, self._clock)
