"""The way to the control plane's internal addresses."""

from __future__ import annotations

import ssl

import httpx

from registry_proxy.settings import Settings

CONNECT_S = 2.0
READ_S = 5.0


def open_channel(settings: Settings) -> httpx.Client:
    """Our bearer goes to the address that operators wrote down, nowhere else: no redirect, no proxy from outside."""
    return httpx.Client(
        base_url=settings.control_url,
        headers={"Authorization": f"Bearer {settings.proxy_secret.reveal()}", "Accept": "application/json"},
        timeout=httpx.Timeout(READ_S, connect=CONNECT_S),
        verify=ssl.create_default_context(cafile=settings.control_ca),
        follow_redirects=False,
        trust_env=False,
    )
