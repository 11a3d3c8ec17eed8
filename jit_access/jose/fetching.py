"""HTTP to an issuer of tokens, bounded: no redirects, no proxies of the environment, so many bytes and seconds.

Where it may connect is decided after the name is resolved, as for targets: never the metadata service or a link-local
address, and places inside the company only where an operator said so.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

import httpcore
import httpx
from django.conf import settings

from jit_access.connectors.wire import AddressRefused, Deadline, GuardedBackend
from jit_access.core.secret import Secret
from jit_access.domain.errors import CallerError, PeerError
from jit_access.domain.reasons import Reason

MAX_BODY_BYTES: Final = 512 * 1024
LASTS_AT_MOST_S: Final = 10.0  # a whole conversation: a byte every few seconds must not hold a worker
_TIMEOUT = httpx.Timeout(5.0, connect=3.0)
_LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a conversation may lead, and whose word counts for a certificate (PEM; empty: the public authorities)."""

    allows_private: bool = True
    ca_pem: str = ""


@dataclass(frozen=True, slots=True)
class Peer:
    """Whom we speak with, as far as failures tell of it."""

    name: str
    reach: Reach = Reach()
    away: Reason = Reason.PROVIDER_AWAY


class BoundedTransport(httpx.BaseTransport):
    """Reads an answer to its end or to the limit, so that nobody above can be handed an endless one."""

    def __init__(self, reach: Reach = Reach()) -> None:  # frozen
        self._reach = reach

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["Accept-Encoding"] = "identity"
        try:
            return self._converse(request)
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as exc:
            raise httpx.NetworkError("no conversation", request=request) from exc
        except (httpcore.UnsupportedProtocol, AddressRefused, OSError) as exc:
            raise httpx.NetworkError("no way there", request=request) from exc

    def _converse(self, request: httpx.Request) -> httpx.Response:
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        backend = GuardedBackend(self._reach.allows_private, Deadline(LASTS_AT_MOST_S))
        context = _context(self._reach.ca_pem)
        with httpcore.ConnectionPool(ssl_context=context, max_connections=1, network_backend=backend) as pool:
            asked = pool.stream(
                request.method,
                url,
                headers=request.headers.raw,
                content=request.read(),
                extensions={"timeout": request.extensions.get("timeout", {})},
            )
            with asked as answer:
                body = bytearray()
                for chunk in answer.iter_stream():
                    body += chunk
                    if len(body) > MAX_BODY_BYTES:
                        raise httpx.ReadError("the answer is larger than any of its kind", request=request)
        kept = [(name, value) for name, value in answer.headers if name.lower() == b"content-type"]
        return httpx.Response(answer.status, headers=kept[:1], content=bytes(body), request=request)


@contextmanager
def talking_to(peer: Peer | str) -> Iterator[None]:
    """Every failure of a conversation with this peer as one of ours. Raises: PeerError (provider-away, issuer-away)."""
    known = Peer(peer) if isinstance(peer, str) else peer
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, RecursionError) as exc:
        raise PeerError(known.away, f"{known.name} does not answer as it should.", retryable=True) from exc


def fetch_json(url: str, *, peer: Peer) -> dict[str, Any]:
    """GET a JSON object. Raises: PeerError."""
    with talking_to(peer), httpx.Client(**client_options(peer.reach)) as client:
        return _object(client.get(url, headers={"Accept": "application/json"}), {_OK})


def post_json(url: str, body: Mapping[str, object], *, bearer: Secret, peer: Peer) -> dict[str, Any]:
    """POST a JSON object to who knows us by a token. Raises: PeerError."""
    headers = {"Accept": "application/json", "Authorization": f"Bearer {bearer.reveal()}"}
    with talking_to(peer), httpx.Client(**client_options(peer.reach)) as client:
        return _object(client.post(url, json=body, headers=headers), {_OK, 201})


def client_options(reach: Reach = Reach()) -> dict[str, Any]:  # frozen
    """For any client that speaks to an issuer."""
    transport = BoundedTransport(reach)
    return {"transport": transport, "timeout": _TIMEOUT, "trust_env": False, "follow_redirects": False}


def check_ca(pem: str) -> str:
    """Certificates of authorities as PEM. Raises: CallerError when they cannot be read."""
    text = pem.strip()
    if not text:
        return ""
    try:
        if len(text) > 64 * 1024 or not _context(text).get_ca_certs():
            raise ValueError("no certificate")
    except (ssl.SSLError, ValueError) as exc:
        raise CallerError(Reason.INVALID_INPUT, "The certificate must be PEM, of an authority.", field="ca") from exc
    return text


def check_address(url: object, what: str) -> str:
    """An address as it may stand in an issuer's metadata. Raises: CallerError for anything that is not https.

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


def _object(answer: httpx.Response, wanted: set[int]) -> dict[str, Any]:
    if answer.status_code not in wanted:
        raise ValueError("not the status that was asked for")
    found = answer.json()
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


@lru_cache(maxsize=64)
def _context(ca_pem: str) -> ssl.SSLContext:
    if ca_pem:
        return ssl.create_default_context(cadata=ca_pem)
    return httpx.create_ssl_context(trust_env=False)
