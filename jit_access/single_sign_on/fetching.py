"""HTTP to an identity provider, bounded: no redirects, no proxies of the environment, so many bytes and seconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from jit_access.domain.errors import CallerError, PeerError
from jit_access.domain.reasons import Reason

MAX_BODY_BYTES: Final = 512 * 1024
_TIMEOUT = httpx.Timeout(5.0, connect=3.0)
_LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


class BoundedTransport(httpx.BaseTransport):
    """Reads an answer to its end or to the limit, so that nobody above can be handed an endless one."""

    def __init__(self) -> None:
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["Accept-Encoding"] = "identity"
        answer = self._inner.handle_request(request)
        try:
            body = bytearray()
            for chunk in answer.iter_raw():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise httpx.ReadError("the answer is larger than any of its kind")
        finally:
            answer.close()
        kept = {name: answer.headers[name] for name in ("content-type",) if name in answer.headers}
        return httpx.Response(answer.status_code, headers=kept, content=bytes(body), request=request)

    def close(self) -> None:
        self._inner.close()


@contextmanager
def talking_to(name: str) -> Iterator[None]:
    """Every failure of a conversation with this provider as one of ours. Raises: PeerError (provider-away)."""
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as exc:
        raise PeerError(Reason.PROVIDER_AWAY, f"{name} does not answer as it should.", retryable=True) from exc


def fetch_json(url: str, *, name: str) -> dict[str, Any]:
    """GET a JSON object. Raises: PeerError (provider-away)."""
    with talking_to(name), httpx.Client(transport=BoundedTransport(), timeout=_TIMEOUT, trust_env=False) as client:
        answer = client.get(url, headers={"Accept": "application/json"})
        if answer.status_code != 200:
            raise ValueError("not a 200")
        found = answer.json()
        if not isinstance(found, dict):
            raise ValueError("not an object")
    return found


def client_options() -> dict[str, Any]:
    """For the OAuth client that speaks to the token endpoint."""
    return {"transport": BoundedTransport(), "timeout": _TIMEOUT, "trust_env": False, "follow_redirects": False}


def check_address(url: object, what: str) -> str:
    """An address as it may stand in a provider's metadata. Raises: CallerError for anything that is not https.

    Outside production an issuer on this very machine may speak plain HTTP.
    """
    text = url if isinstance(url, str) and len(url) <= 500 else ""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    is_local = settings.ENVIRONMENT != "production" and host in _LOCAL_HOSTS
    if not host or parts.scheme not in ({"https", "http"} if is_local else {"https"}) or "@" in parts.netloc:
        raise CallerError(Reason.INVALID_INPUT, f"{what} must be an https address.")
    if parts.fragment or any(ord(char) <= 0x20 or ord(char) == 0x7F for char in text):
        raise CallerError(Reason.INVALID_INPUT, f"{what} must be a plain address.")
    return text
