"""Connections: TLS, proxies of the environment, what their failures mean. The client's slow imports are here."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import ssl
import threading
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from jit_access.cli.settings import Site
from jit_access.cli.troubles import Exit, Trouble


def connect(site: Site, timeout_s: float) -> http.client.HTTPConnection:
    """A connection that is opened when something is sent. Raises: Trouble for authorities that cannot be read."""
    parts = urlsplit(site.address)
    host, port = parts.hostname or "", parts.port
    proxy = _proxy_for(site)
    end = (proxy.hostname or "", proxy.port or 80) if proxy is not None else (host, port)
    if not site.is_tls:
        return http.client.HTTPConnection(*end, timeout=timeout_s)
    connection = http.client.HTTPSConnection(*end, timeout=timeout_s, context=_context(site))
    if proxy is not None:
        connection.set_tunnel(host, port or 443)
    return connection


class Deadline:
    """Ends a connection that trickles: a time-out of the socket begins anew with every byte."""

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def begin(self, connection: http.client.HTTPConnection) -> None:
        self._socket = connection.sock
        self._timer.start()

    def cancel(self) -> None:
        self._timer.cancel()

    def _end(self) -> None:
        self.is_over = True
        with contextlib.suppress(OSError):
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)


def open_connection(connection: http.client.HTTPConnection, site: Site) -> None:
    """Raises: Trouble when nobody is there, or cannot prove who it is."""
    try:
        connection.connect()
    except ssl.SSLCertVerificationError as exc:
        advice = "JIT_CA_FILE names a file with the authority that signed it"
        raise Trouble(
            f"{site.address} cannot prove who it is: {exc.verify_message}.", Exit.AWAY, code="untrusted", advice=advice
        ) from exc
    except (OSError, http.client.HTTPException) as exc:
        why = exc.strerror if isinstance(exc, OSError) and exc.strerror else type(exc).__name__
        raise Trouble(f"{site.address} cannot be reached: {why}.", Exit.AWAY, code="not-reached") from exc


def exchange(
    connection: http.client.HTTPConnection,
    site: Site,
    method: str,
    path: str,
    raw: bytes | None,
    headers: Mapping[str, str],
) -> http.client.HTTPResponse:
    """Send on an open connection, and read the head of the answer. Raises: Trouble."""
    try:
        connection.request(method, path, body=raw, headers=dict(headers))
        return connection.getresponse()
    except TimeoutError as exc:
        raise Trouble(f"{site.address} does not answer.", Exit.AWAY, code="no-answer") from exc
    except (OSError, ValueError, http.client.HTTPException) as exc:
        raise Trouble(f"{site.address} broke off before it answered.", Exit.AWAY, code="no-answer") from exc


def _context(site: Site) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=site.ca_file or None)
    except OSError as exc:
        raise Trouble(f"The authorities in {site.ca_file} cannot be read.", Exit.USAGE) from exc


def _proxy_for(site: Site) -> SplitResult | None:
    """HTTPS_PROXY and NO_PROXY, as other programs read them. What is plain never leaves by one."""
    if not site.is_tls or not any(name.lower() == "https_proxy" for name in os.environ):
        return None
    from urllib.request import getproxies_environment, proxy_bypass  # noqa: PLC0415  # slow, and rarely needed

    found = getproxies_environment().get("https", "")
    if not found or proxy_bypass(site.host):
        return None
    return urlsplit(found if "://" in found else f"http://{found}")
