"""A source searched for texts on a model: asked politely, its answer kept raw, its hits as entries.

raw/<source>/<observed_at>/       the pages, as every other source's
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from llmrec_pipeline.domain.sentiment_config import SearchConfig, SentimentConfig
from llmrec_pipeline.domain.sentiment_reading import Entry
from llmrec_pipeline.domain.task_profile import RequestError
from llmrec_pipeline.settings import Quota, Settings, SourceSettings
from llmrec_pipeline.sources.hacker_news import Searched, SearchLimits, hits_of, search
from llmrec_pipeline.sources.http import PublisherClient
from llmrec_pipeline.sources.pull import InvalidStructure
from llmrec_pipeline.storage.lake import Lake
from llmrec_pipeline.storage.landing import Clock
from llmrec_pipeline.storage.source_usage import SourceUsage


@dataclass(frozen=True, slots=True)
class Found:
    """The texts that a search found, and what stopped it early, if anything did."""

    entries: tuple[Entry, ...]
    requests: int
    stopped: str | None


class SearchFailed(Exception):
    """A search that gave nothing at all. One line."""


def search_config(config: SentimentConfig, source: str) -> SearchConfig:
    """How the source is searched; raises RequestError where it cannot be."""
    if source not in config.search:
        raise RequestError(
            f"--limit: {source} cannot be searched, only {', '.join(config.search)}; give --url, "
            f"--snippet and --sentiment, or --from-file"
        )
    return config.search[source]


def search_source(
    source: str,
    phrases: Sequence[str],
    limit: int,
    config: SearchConfig,
    settings: Settings,
    clock: Clock,
    sleep: Callable[[float], None] = time.sleep,
) -> Found:
    """Up to `limit` texts that say one of the phrases, newest first. Raises SearchFailed."""
    if settings.locations.offline:
        raise SearchFailed(f"{source}: LLMREC_OFFLINE is set, so nothing is searched")
    observed_at = clock()
    usage = SourceUsage(settings.locations.data)
    limits = SearchLimits(
        limit, observed_at - timedelta(days=config.days), config.page_size, config.max_requests
    )
    with PublisherClient(
        source,
        _as_source(config),
        settings.pipeline.http,
        before_request=lambda url: usage.note(source, clock(), url),
        now=clock,
        sleep=sleep,
    ) as http:
        done = search(http, phrases[: config.max_names], limits)
    if not done.pages:
        raise SearchFailed(f"{source}: {done.stopped}")
    lake = Lake(settings.locations.data)
    with lake.lock(source):
        lake.land_raw(source, observed_at, done.pages)
    return Found(_entries(source, done, limit), http.requests, done.stopped)


def _as_source(config: SearchConfig) -> SourceSettings:
    """As a publisher's conversation takes it: one request in every pause."""
    return SourceSettings(
        title=config.title,
        base_url=config.base_url,
        path=config.path,
        quota=Quota(requests=1, window_hours=config.pause_s / 3600),
        licence=config.licence,
        attribution=config.attribution,
    )


def _entries(source: str, done: Searched, limit: int) -> tuple[Entry, ...]:
    hits = {}
    for page in done.pages:
        try:
            hits.update({hit.item_id: hit for hit in hits_of(page)})
        except InvalidStructure:
            continue  # the page at which the search stopped, and said so
    return tuple(
        Entry(source, hit.url, hit.text, hit.title, is_reply=hit.is_comment)
        for hit in list(hits.values())[:limit]
    )
