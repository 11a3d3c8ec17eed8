"""Plain HTTP pages of our own processes, asked often while they start."""

from __future__ import annotations

import ssl

import httpx

# Empty on purpose: nobody is asked over TLS, and loading the machine's authorities costs 40 ms of CPU each time.
_TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def get(url: str, *, timeout_s: float = 10.0) -> httpx.Response:
    """On a connection of its own."""
    return httpx.get(url, trust_env=False, timeout=timeout_s, verify=_TRUSTS_NOBODY)
