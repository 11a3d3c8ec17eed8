"""The way to the control plane's internal addresses."""

from __future__ import annotations

import ssl
from typing import Any

import httpx

from registry_proxy.settings import Settings

CONNECT_S = 2.0
READ_S = 5.0
WAITING_CONNECTIONS = 8


def open_channel(settings: Settings) -> httpx.Client:
    """For a thread of its own."""
    return httpx.Client(**_options(settings))


def open_waiting_channel(settings: Settings) -> httpx.AsyncClient:
    """For what a request on the event loop waits for."""
    return httpx.AsyncClient(**_options(settings), limits=httpx.Limits(max_connections=WAITING_CONNECTIONS))


def _options(settings: Settings) -> dict[str, Any]:
    """Our bearer goes to the address that operators wrote down, nowhere else: no redirect, no proxy from outside."""
    return {
        "base_url": settings.control_url,
        "headers": {"Authorization": f"Bearer {settings.proxy_secret.reveal()}", "Accept": "application/json"},
        "timeout": httpx.Timeout(READ_S, connect=CONNECT_S),
        "verify": ssl.create_default_context(cafile=settings.control_ca),
        "follow_redirects": False,
        "trust_env": False,
    }
