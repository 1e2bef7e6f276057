"""What flags hold, read in one way by every command. Standard library only."""

from __future__ import annotations

from datetime import date

from llmrec_pipeline.domain.task_profile import RequestError


def names_of(text: str) -> tuple[str, ...]:
    """The names of a list by commas, without blanks; empty where it names nobody."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def day_of(flag: str, text: str | None) -> date | None:
    """The day that a flag states, None where it states none; raises RequestError for what is no
    day."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise RequestError(f"{flag} {text!r} is no day; write YYYY-MM-DD") from None
