"""What answers come from: one edition in memory, with what was learned, and the store behind it.

`Desk.served` is one reference to all that a request needs of an edition. The next edition is loaded
aside and the reference is swapped: a request ends with the edition that it began with.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any

from llmrec_pipeline.domain.learning_config import LearningConfig
from llmrec_pipeline.domain.matching import HashedWords, Remembered, TextIndex
from llmrec_pipeline.domain.model_cards import model_cards
from llmrec_pipeline.domain.provider_choice import top_models
from llmrec_pipeline.domain.task_profile import Tasks, resolve_providers
from llmrec_pipeline.serving.answering import (
    Prepared,
    Question,
    Ranking,
    new_answer_id,
    prepared,
    ranking_of,
    served_record,
)
from llmrec_pipeline.serving.api.config import ApiConfig, MemoSizes
from llmrec_pipeline.serving.category_tables import CategoryTables, edition_tables, row_as_json
from llmrec_pipeline.serving.edition_models import found_models, key_of_today
from llmrec_pipeline.serving.learned import OutcomeBook, answer_with_learned
from llmrec_pipeline.settings import Settings
from llmrec_pipeline.storage.editions import Edition, EditionError, current_edition, find_edition
from llmrec_pipeline.storage.evidence_store.answers import (
    drain_spool,
    find_user,
    outcomes,
    outcomes_mark,
)
from llmrec_pipeline.storage.evidence_store.opening import EvidenceStore
from llmrec_pipeline.storage.spool import AnswerSpool

_log = logging.getLogger(__name__)

_WORDS = HashedWords()
_CARDS_AT_ONCE = 50

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class ServedEdition:
    """One edition as the API serves it, with what was learned by then."""

    edition: Edition
    payload: Mapping[str, Any]
    config_hash: str
    tasks: Tasks
    book: OutcomeBook
    outcomes_mark: Hashable
    memo: MemoSizes
    _memo: OrderedDict[Question, Prepared] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def etag(self) -> str:
        """Of what the edition alone decides."""
        return f'"{self.edition.name}"'

    @cached_property
    def categories(self) -> CategoryTables:
        """The category rankings of the edition."""
        return edition_tables(self.edition)

    @cached_property
    def cards(self) -> dict[str, str]:
        """The text card of every listed model."""
        return model_cards(self.payload)

    @cached_property
    def _rank(self) -> Ranking:
        """Many texts ask for the same: a profile is ranked once."""
        return lru_cache(self.memo.rankings)(ranking_of(self.payload))

    def known(self, question: Question) -> Prepared | None:
        """The answer where it was given before."""
        with self._lock:
            found = self._memo.get(question)
            if found is not None:
                self._memo.move_to_end(question)
            return found

    def prepare(self, question: Question) -> Prepared:
        """Work an answer out and keep it; raises RequestError."""
        found, learned = answer_with_learned(
            self.payload, question, self.book.learned, self.tasks, self._rank
        )
        ready = prepared(question, found, learned)
        with self._lock:
            self._memo[question] = ready
            while len(self._memo) > self.memo.answers:
                self._memo.popitem(last=False)
        return ready

    def answer(self, question: Question) -> Prepared:
        """As it was given before, or worked out; raises RequestError."""
        return self.known(question) or self.prepare(question)

    def top(self, category: str, providers: Sequence[str] | None, top_n: int) -> dict[str, Any]:
        """The best models of a category; raises RequestError for an unknown provider."""
        aliases = self.payload["provider_aliases"]
        allowed = None if providers is None else resolve_providers(providers, aliases)
        rows = [dict(row) for row in top_models(self.categories.rows, category, allowed, top_n)]
        return {
            "category": category,
            "edition": self.edition.name,
            "rankings": [row_as_json(row) for row in rows],
            "attribution": self.categories.attribution(rows),
        }

    def rankings(self, category: str | None, provider: str | None) -> list[dict[str, Any]]:
        """Rows of `category_rankings`, by category and rank; raises RequestError likewise."""
        creator = provider and resolve_providers([provider], self.payload["provider_aliases"])[0]
        rows = [
            row
            for row in self.categories.rows
            if category in (None, row["category"]) and creator in (None, row["provider"])
        ]
        return [row_as_json(row) for row in sorted(rows, key=lambda r: (r["category"], r["rank"]))]

    def models(self, search: str | None, *, listed_only: bool) -> list[dict[str, Any]]:
        """The edition's models whose key or name has the text."""
        return found_models(self.payload, search, listed_only=listed_only)

    def attribution(self, models: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """The attribution of each source of some models' measures, prices and speeds."""
        used = {source for model in models for source in _sources_of(model)}
        origins = self.payload["origins"]
        return {name: origins[name]["attribution"] for name in sorted(used) if name in origins}

    def model_id(self, name: str) -> str | None:
        """The key of today, of a model of this edition."""
        return key_of_today(self.payload, name)

    @cached_property
    def keys(self) -> frozenset[str]:
        """The models of the edition."""
        return frozenset(str(model["canonical_model_key"]) for model in self.payload["models"])


def _sources_of(model: Mapping[str, Any]) -> Iterator[str]:
    for by_source in model["measures"].values():
        yield from by_source
    for offering in model["offerings"]:
        named = (value for column, value in offering.items() if column.endswith("source"))
        yield from filter(None, named)


@dataclass
class Desk:
    """Serves from the current edition, records what it served, and keeps both up to date."""

    settings: Settings
    config: ApiConfig
    learning: LearningConfig
    store: EvidenceStore
    embedder: Remembered
    clock: Clock = lambda: datetime.now(UTC)
    _served: ServedEdition | None = None
    _embedded: tuple[str | None, TextIndex | None] = (None, None)
    _cards_done: int = 0
    _known_users: set[str] = field(default_factory=set)

    @cached_property
    def spool(self) -> AnswerSpool:
        """Where served answers go first."""
        return AnswerSpool(self.settings.locations.data)

    @property
    def served(self) -> ServedEdition:
        """The edition in force; raises EditionError before the first."""
        if self._served is None:
            find_edition(self.settings.locations.published, None)  # says what to do
            raise EditionError("the first edition is being loaded; try again")
        return self._served

    @property
    def edition_name(self) -> str | None:
        """Of the edition that is served."""
        return self._served.edition.name if self._served else None

    def look_for_edition(self) -> bool:
        """Take up another current edition; whether there was one. One that cannot be read leaves
        the present one in force, and is tried again."""
        edition = current_edition(self.settings.locations.published)
        if edition is None or edition.name == self.edition_name:
            return False
        try:
            self._served = self._load(edition)
            self._cards_done = 0
        except EditionError as error:
            _log.warning("edition not taken up: %s", error)
            return False
        _log.info("edition taken up", extra={"edition": edition.name})
        return True

    def look_for_outcomes(self) -> None:
        """Take up what people reported since; answers made before do not know it."""
        served = self._served
        if served is None:
            return
        with self.store.reading() as session:
            if outcomes_mark(session) == served.outcomes_mark:
                return
        self._served = self._with(served.edition, served.payload, served.config_hash)

    def knows_user(self, user_id: str | None) -> bool:
        """Whether a user was found in the store before; nobody named is nobody unknown."""
        return user_id is None or user_id in self._known_users

    def require_user(self, user_id: str | None) -> None:
        """Raises UnknownId for a user who is not stored. Users are never removed, so that the store
        is asked once for each."""
        if user_id is None or self.knows_user(user_id):
            return
        with self.store.reading() as session:
            find_user(session, user_id)
        self._known_users.add(user_id)

    def record(self, served: ServedEdition, ready: Prepared, user_id: str | None) -> str:
        """Spool a served answer; its id. Raises OSError."""
        answer_id = new_answer_id()
        record = served_record(ready, answer_id, self.clock(), "api", user_id, served.config_hash)
        self.spool.append(record, sync=False)
        return answer_id

    def drain(self) -> int:
        """Everything spooled into the store; how many answers. Raises EvidenceStoreError."""
        return drain_spool(self.spool, self.store, self.clock())

    def embed_cards(self) -> None:
        """Embed some more cards of the edition in force, until all are. Hundreds take seconds: it is
        done aside, and bit by bit, so that a server that is to stop need not wait."""
        served = self._served
        if served is None or self._embedded[0] == served.edition.name:
            return
        texts = list(served.cards.values())
        for text in texts[self._cards_done : self._cards_done + _CARDS_AT_ONCE]:
            self.embedder(text)
        self._cards_done += _CARDS_AT_ONCE
        if self._cards_done >= len(texts):
            self._embedded = served.edition.name, TextIndex(self.embedder, served.cards)

    def cards_index(self, served: ServedEdition) -> TextIndex:
        """The cards of an edition; until they are embedded their words are compared."""
        edition, index = self._embedded
        if index is not None and edition == served.edition.name:
            return index
        return TextIndex(_WORDS, served.cards)

    def _load(self, edition: Edition) -> ServedEdition:
        return self._with(edition, edition.ranking(), edition.manifest()["config_hash"])

    def _with(
        self, edition: Edition, payload: Mapping[str, Any], config_hash: str
    ) -> ServedEdition:
        """The edition with the outcomes of now."""
        with self.store.reading() as session:
            mark, found = outcomes_mark(session), outcomes(session)
        served = ServedEdition(
            edition=edition,
            payload=payload,
            config_hash=config_hash,
            tasks=Tasks.from_mapping(payload["tasks"]),
            book=OutcomeBook(payload, found, self.learning, self.settings.advice.task_type),
            outcomes_mark=mark,
            memo=self.config.memo,
        )
        _ = served.categories  # read now, not within the first request
        return served


def with_id(answer_id: str, text: str) -> bytes:
    """The JSON of an answer, with its id before everything else."""
    return f'{{"answer_id":{json.dumps(answer_id)},{text[1:]}'.encode()
