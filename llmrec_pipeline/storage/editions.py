"""Editions as their readers see them. Standard library only: `recommend` starts here.

    published/<edition>/edition.json, ranking.json, *.parquet, history/*.parquet
    published/current -> <edition>

A reader resolves `current` once and stays with that folder; an edition never changes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CURRENT = "current"
MANIFEST = "edition.json"
RANKING = "ranking.json"
# What every reader of a manifest may rely on.
_REQUIRED = ("inputs_hash", "content_digest", "sources", "tables", "months")


class EditionError(Exception):
    """There is no such edition, or it is damaged. One line that says what to do."""


@dataclass(frozen=True, slots=True)
class Edition:
    """One published, immutable set of results."""

    name: str
    folder: Path

    def manifest(self) -> dict[str, Any]:
        """What the edition rests on and consists of; raises EditionError."""
        manifest = self._json(MANIFEST)
        missing = [name for name in _REQUIRED if name not in manifest]
        if missing:
            raise EditionError(
                f"{self.folder / MANIFEST}: lacks {', '.join(missing)}; run `llmrec refresh`"
            )
        return manifest

    def ranking(self) -> dict[str, Any]:
        """What a ranking needs, models and tasks included; raises EditionError."""
        return self._json(RANKING)

    def _json(self, name: str) -> dict[str, Any]:
        try:
            content: Any = json.loads((self.folder / name).read_bytes())
            if not isinstance(content, dict):
                raise ValueError(f"holds a {type(content).__name__}, not an object")
        except (OSError, ValueError) as error:
            raise EditionError(
                f"{self.folder / name}: cannot be read: {error}; run `llmrec refresh`"
            ) from None
        return content


def current_edition(published: Path) -> Edition | None:
    """The edition in force, None before the first."""
    try:
        name = (published / CURRENT).readlink().name
    except OSError:
        return None
    return Edition(name, published / name)


def find_edition(published: Path, name: str | None) -> Edition:
    """The named edition, or the current one (None or `current`); raises EditionError."""
    if name in (None, CURRENT):
        edition = current_edition(published)
        if edition is None:
            raise EditionError(f"{published}: no edition yet; run `llmrec run`")
        return edition
    folder = published / Path(str(name)).name
    if name in ("", ".", "..") or not (folder / MANIFEST).is_file():
        raise EditionError(f"no edition named {name!r}; see `llmrec editions`")
    return Edition(folder.name, folder)


def list_editions(published: Path) -> list[Edition]:
    """All editions, newest first."""
    if not published.is_dir():
        return []
    return [
        Edition(path.name, path)
        for path in sorted(published.iterdir(), reverse=True)
        if not path.name.startswith(".") and path.name != CURRENT and path.is_dir()
    ]
