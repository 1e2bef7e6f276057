"""Which code decides what the warehouse and an edition hold: `domain`, `sources` and `storage`, whose
files are hashed."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from llmrec_pipeline import __version__

_DERIVING = ("domain", "sources", "storage")


@functools.cache
def code_version() -> str:
    """Release and hash of the code that decides an edition's content."""
    digest = hashlib.sha256()
    root = Path(__file__).resolve().parent.parent
    for part in _DERIVING:
        for path in sorted((root / part).rglob("*")):
            if path.suffix in (".py", ".sql"):
                digest.update(path.relative_to(root).as_posix().encode())
                digest.update(path.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:12]}"
