"""`llmrec serve`: the HTTP API."""

from __future__ import annotations

from llmrec_pipeline.locations import SettingsError
from llmrec_pipeline.serving.cli import OK


def serve(host: str, port: int) -> int:
    """Serve until asked to stop; raises SettingsError where the extra is not installed."""
    try:
        from llmrec_pipeline.serving.api import server
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("llmrec_pipeline"):
            raise
        raise SettingsError(
            f"llmrec serve: {error.name} is not installed; pip install 'llmrec-pipeline[api]'"
        ) from None
    server.serve(host, port)
    return OK
