"""The content digest: SHA-256 of sorted rows with floats rounded to 12 significant digits, so that it
is the same for the same content whatever the order, the thread count or the file format's footers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import polars.selectors as cs

SIGNIFICANT_DIGITS = 12


def frame_digest(frame: pl.DataFrame) -> str:
    """SHA-256 of a table's content, whatever the order of its rows and columns."""
    content = rounded(frame).select(sorted(frame.columns))
    return digest_of(content.sort(pl.all(), nulls_last=True))


def rounded(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with its floats at the digits that count."""
    return frame.with_columns(cs.float().round_sig_figs(SIGNIFICANT_DIGITS))


def digest_of(ordered: pl.DataFrame) -> str:
    """SHA-256 over each column of ordered, rounded rows: its name, where it has values, and
    these."""
    digest = hashlib.sha256()
    for column in sorted(ordered.get_columns(), key=lambda column: column.name):
        digest.update(f"\n{column.name}\n{column.len()}\n".encode())
        digest.update(np.packbits(column.is_null().to_numpy()).tobytes())
        digest.update(_plain(column))
    return digest.hexdigest()


def _plain(column: pl.Series) -> bytes:
    """The values as bytes, the same on every machine; where there is none, a zero or nothing."""
    if column.dtype == pl.String:
        sizes = column.str.len_bytes().fill_null(0).to_numpy().astype("<i8").tobytes()
        return sizes + str(column.drop_nulls().str.join("").item()).encode()
    if column.dtype == pl.Boolean:
        return np.packbits(column.fill_null(False).to_numpy()).tobytes()
    values = column.to_physical().fill_null(0)
    if column.dtype.is_float():
        # 0.0 and -0.0 are one value.
        return (values.to_numpy() + 0.0).astype("<f8").tobytes()
    return values.to_numpy().astype("<i8").tobytes()


def payload_digest(payload: Mapping[str, Any]) -> str:
    """SHA-256 of a ranking payload. When something was last seen again is no content: an unchanged
    pull moves nothing."""
    origins = {
        source: {name: value for name, value in origin.items() if name != "verified_at"}
        for source, origin in payload["origins"].items()
    }
    payload = {**payload, "origins": origins}
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()


def edition_digest(tables: Mapping[str, Any], months: Mapping[str, Any]) -> str:
    """SHA-256 of an edition, by the digests of its tables and months."""
    lines = [f"{name} {entry['digest']}" for name, entry in sorted(tables.items())]
    lines += [f"{month} {entry['digest']}" for month, entry in sorted(months.items())]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
