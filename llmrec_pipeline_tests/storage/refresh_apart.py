"""`python -m llmrec_pipeline_tests.storage.refresh_apart DATA NOW`: a refresh in a process of its own.

Prints one line of JSON: the content digest of the edition, the digest of each of its tables and
months, and under what it was made. Settings come from the environment, as the command's do.
"""

from __future__ import annotations

import json
import locale
import os
import sys
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl

from llmrec_pipeline.settings import load_settings
from llmrec_pipeline_tests.storage.pulled import DataFolder


def main(data: str, now: str) -> None:
    """Refresh and print."""
    # As a program does that wants its user's manners; a locale that is not there changes nothing.
    with suppress(locale.Error):
        locale.setlocale(locale.LC_ALL, "")
    settings = load_settings(os.environ)
    manifest = DataFolder(Path(data), settings).refresh(datetime.fromisoformat(now)).manifest
    tables = {**manifest["tables"], **manifest["months"]}
    told = {
        "content_digest": manifest["content_digest"],
        "tables": {name: entry["digest"] for name, entry in tables.items()},
        "rows": {name: entry["rows"] for name, entry in tables.items()},
        "duckdb": duckdb.__version__,
        "threads": settings.pipeline.warehouse.threads,
        "polars_threads": pl.thread_pool_size(),
        "locale": locale.setlocale(locale.LC_ALL),
        "utc_offset_s": time.localtime(0).tm_gmtoff,
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
