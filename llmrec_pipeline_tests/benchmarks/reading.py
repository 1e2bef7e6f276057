"""Reading what comes in words: requests as long as any is read, and the names of publishers.

The longest request, one piece again and again, stands beside sentences of the same length: a
grammar that reads some text in more than linear time shows here.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable
from functools import partial

from llmrec_pipeline.domain.identity import IdentityRules
from llmrec_pipeline.domain.identity_config import ids_by_alias
from llmrec_pipeline.domain.request_reader import RequestReader
from llmrec_pipeline.domain.task_model import WORDS_ONLY
from llmrec_pipeline.domain.task_profile import RequestError, Tasks
from llmrec_pipeline.serving.understanding import request_reader
from llmrec_pipeline.settings import load_settings
from llmrec_pipeline_tests.benchmarks.figure import Figure
from llmrec_pipeline_tests.full_requests import REPEATED, full_request
from llmrec_pipeline_tests.identity_quality import labels

_SENTENCE = "Review the patches of our backend and explain what each of them changes, in order. "
_REPEAT = 9
_NAMES = 10_000


def figures() -> list[Figure]:
    """The slowest of the longest requests, ordinary sentences, and names resolved."""
    settings = load_settings({})
    reader = request_reader(
        Tasks.from_mapping(settings.tasks), ids_by_alias(settings.identity.creators), WORDS_ONLY
    )
    slowest = max(_fastest_ms(partial(_read, reader, full_request(each))) for each in REPEATED)
    plain = _fastest_ms(partial(_read, reader, full_request(_SENTENCE)))
    rules = IdentityRules(settings.identity)
    labelled = list(itertools.chain.from_iterable((*labels().same, *labels().different)))
    names = list(itertools.islice(itertools.cycle(labelled), _NAMES))

    def resolve() -> None:
        for name in names:
            rules.resolve(name)

    return [
        Figure(
            f"longest request, the slowest of {len(REPEATED)} repeated pieces",
            *(slowest, "ms", "sentences of that length", plain),
        ),
        Figure(f"names of publishers, {_NAMES:,} resolved", _fastest_ms(resolve), "ms"),
    ]


def _read(reader: RequestReader, text: str) -> None:
    with contextlib.suppress(RequestError):
        reader.read(text)


def _fastest_ms(work: Callable[[], None]) -> float:
    taken = []
    for _ in range(_REPEAT):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return min(taken) * 1000
