"""Telling somebody outside that an answer had to step down. A failure to tell is logged and never
fails what it is about."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

_log = logging.getLogger(__name__)


def post_alert(url: SecretStr | None, timeout_s: float, alert: Mapping[str, Any]) -> bool:
    """Post one JSON object; whether it was delivered. Without a URL nobody is told."""
    if url is None:
        return False
    import httpx

    try:
        response = httpx.post(url.get_secret_value(), json=dict(alert), timeout=timeout_s)
        response.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        # The error's own words hold the URL, which may hold a token.
        _log.warning("the alert could not be delivered: %s", type(error).__name__)
        return False
    return True
