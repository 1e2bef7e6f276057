"""Editions as their readers see them. Standard library only: `recommend` starts here.

    published/<edition>/edition.json, ranking.json, *.parquet, history/*.parquet
    published/current -> <edition>

A reader resolves `current` once and stays with that folder; an edition never changes. The manifest
carries the SHA-256 of each file and of itself, and what differs from it is refused: a damaged disk
never answers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmrec_pipeline.domain.gone_models import with_gone
from llmrec_pipeline.domain.outside_text import read_json
from llmrec_pipeline.storage.files import sha256_of

CURRENT = "current"
MANIFEST = "edition.json"
RANKING = "ranking.json"
_SEAL = "manifest_sha256"
# What every reader of a manifest may rely on.
_REQUIRED = ("inputs_hash", "content_digest", "sources", "tables", "months", "files", _SEAL)


class EditionError(Exception):
    """There is no such edition, or it is damaged. One line that says what to do."""


def sealed(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest with the SHA-256 of its own content."""
    content = {name: value for name, value in manifest.items() if name != _SEAL}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return {**content, _SEAL: hashlib.sha256(text.encode()).hexdigest()}


def file_entry(path: Path) -> dict[str, Any]:
    """What a manifest says of a file: its size in bytes and its SHA-256."""
    return {"bytes": path.stat().st_size, "sha256": sha256_of(path)}


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
        if sealed(manifest) != manifest:
            raise self._damaged(MANIFEST)
        return manifest

    def ranking(self) -> dict[str, Any]:
        """What a ranking needs, models and tasks included; raises EditionError."""
        told = self.manifest()["files"].get(RANKING, {})
        payload = self._json(RANKING, told.get("sha256"))
        # One that was published before gone models were told apart has them among the others.
        payload["models"] = with_gone(payload["models"], payload.pop("gone", ()))
        return payload

    def table(self, name: str) -> Path:
        """The Parquet file of a table, once it is known to be undamaged; raises EditionError."""
        file = f"{name}.parquet"
        self.verify([file])
        return self.folder / file

    def verify(self, names: Iterable[str] | None = None) -> None:
        """That these files, or all, are as they were published; raises EditionError naming the
        first that is not. Reads them whole, some 600 MB a second."""
        files = self.manifest()["files"]
        for name in files if names is None else names:
            try:
                is_sound = file_entry(self.folder / name) == files.get(name)
            except OSError as error:
                raise self._unreadable(name, error) from None
            if not is_sound:
                raise self._damaged(name)

    def _json(self, name: str, sha256: str | None = None) -> dict[str, Any]:
        """An object from a file; raises EditionError, also where it has not that digest."""
        try:
            body = (self.folder / name).read_bytes()
            if sha256 is not None and hashlib.sha256(body).hexdigest() != sha256:
                raise self._damaged(name)
            content: Any = read_json(body)
            if not isinstance(content, dict):
                raise ValueError(f"holds a {type(content).__name__}, not an object")
        except (OSError, ValueError) as error:
            raise self._unreadable(name, error) from None
        return content

    def _unreadable(self, name: str, error: Exception) -> EditionError:
        return EditionError(f"{self.folder / name}: cannot be read: {error}; run `llmrec refresh`")

    def _damaged(self, name: str) -> EditionError:
        return EditionError(
            f"{self.folder / name}: damaged: the content differs from its sha256; "
            f"run `llmrec rebuild`"
        )


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
    bare = Path(str(name)).name
    folder = published / bare
    # A path would be answered from what has that name here.
    if bare != name or bare in ("", "..") or not (folder / MANIFEST).is_file():
        raise EditionError(f"no edition named {name!r}; see `llmrec editions`")
    return Edition(bare, folder)


def list_editions(published: Path) -> list[Edition]:
    """All editions, newest first."""
    if not published.is_dir():
        return []
    return [
        Edition(path.name, path)
        for path in sorted(published.iterdir(), reverse=True)
        if not path.name.startswith(".") and path.name != CURRENT and path.is_dir()
    ]


@dataclass(frozen=True, slots=True)
class Published:
    """The edition in force after publishing, and whether it is a new one."""

    edition: Edition
    manifest: Mapping[str, Any]
    is_new: bool
