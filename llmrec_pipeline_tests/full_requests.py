"""Requests as long as they are read whole, of one piece again and again: the worst of a grammar."""

from __future__ import annotations

from llmrec_pipeline.domain.request_text import READ_AT_END, READ_AT_START

REPEATED = (
    *("000 ", "a ", "a,", "$1", "|", "每", "no more than ", "essay why ", "2 books ", "$1 / "),
    *("1", "1,", "$1-", "no openai ", "under ", "1m ", "openai, ", "推"),
)


def full_request(piece: str) -> str:
    """The piece, until nothing more would be read."""
    length = READ_AT_START + READ_AT_END
    return (piece * length)[:length]
