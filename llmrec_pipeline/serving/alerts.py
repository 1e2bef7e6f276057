"""Telling somebody outside. A failure to tell is logged and never fails what it is about."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

_log = logging.getLogger(__name__)


def post_alert(url: SecretStr | None, timeout_s: float, alert: Mapping[str, Any]) -> bool:
    """Post one JSON object; whether it was delivered. Without a URL nobody is told."""
    if url is None:
        return False
    problem = post(url, timeout_s, alert)
    if problem is not None:
        _log.warning("the alert could not be delivered: %s", problem)
    return problem is None


def post(url: SecretStr, timeout_s: float, content: Mapping[str, Any]) -> str | None:
    """Post one JSON object; why it was not taken, None where it was."""
    import httpx

    try:
        response = httpx.post(url.get_secret_value(), json=dict(content), timeout=timeout_s)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        # The error's own words hold the URL, which may hold a token.
        return type(error).__name__
    return None if response.is_success else f"answered {response.status_code}"


def shown(url: SecretStr) -> str:
    """Where an address leads, without what makes it a secret."""
    try:
        parts = urlsplit(url.get_secret_value())
        return f"{parts.scheme}://{parts.hostname}/…" if parts.hostname else "no address"
    except ValueError:
        return "no address"
