"""The grammar of canonical model keys: `creator/base[@release][:variant]`.

In: the text of a key, or its parts. Out: the parts, the key, its base model. What is no key is
refused; which key a name means is told elsewhere (`identity`). Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SLUG = r"[a-z0-9]+(?:-[a-z0-9]+)*"
"""Pattern of a creator, a base name and a variant."""
_KEY = re.compile(
    rf"(?P<creator>{SLUG})/(?P<base>{SLUG})"
    rf"(?:@(?P<release>\d{{4}}-\d{{2}}(?:-\d{{2}})?))?(?::(?P<variant>{SLUG}))?"
)


@dataclass(frozen=True, slots=True)
class ModelKey:
    """The parts of `creator/base[@release][:variant]`."""

    creator: str
    base: str
    release: str | None = None
    variant: str | None = None


def parse_key(key: str) -> ModelKey:
    """The parts of a canonical key. Raises ValueError for anything else."""
    match = _KEY.fullmatch(key)
    if match is None:
        raise ValueError(f"{key!r} is not creator/base[@release][:variant]")
    return ModelKey(match["creator"], match["base"], match["release"], match["variant"])


def format_key(
    creator: str, base: str, release: str | None = None, variant: str | None = None
) -> str:
    """The canonical key of its parts. Raises ValueError where they do not fit the grammar."""
    key = f"{creator}/{base}"
    key += "" if release is None else f"@{release}"
    key += "" if variant is None else f":{variant}"
    if parse_key(key) != ModelKey(creator, base, release, variant):
        raise ValueError(f"{key!r} does not read back as its parts")
    return key


def base_model_of(key: str) -> str:
    """The key without its variant; any other text up to its first colon."""
    return key.partition(":")[0]
