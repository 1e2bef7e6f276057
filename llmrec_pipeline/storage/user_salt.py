"""Users' ids as hashes that mean nothing elsewhere: HMAC-SHA256 with a salt of this installation.

The salt is 32 random bytes in the folder of states, readable by its owner alone. Whoever has it can
tell whether a known id is behind a hash, so it is never copied with the events.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from llmrec_pipeline.locations import SettingsError

_BYTES = 32


def user_hasher(states: Path) -> Callable[[str], str]:
    """What is stored for a user's id; the salt is made where there is none. Only under the lock of
    imports; raises SettingsError for a damaged salt."""
    path = states / "user_salt"
    if not path.exists():
        _make(path)
    salt = path.read_bytes()
    if len(salt) != _BYTES:
        raise SettingsError(
            f"{path}: holds {len(salt)} bytes instead of {_BYTES}; restore it, or remove it, and "
            "users count as new ones from then on"
        )
    return lambda user: hmac.digest(salt, user.encode(), "sha256").hex()


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(secrets.token_bytes(_BYTES))
        handle.flush()
        os.fsync(handle.fileno())
    aside.replace(path)
