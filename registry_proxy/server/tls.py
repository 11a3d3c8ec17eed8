"""The TLS side of the listener: HTTP/1.1 only, nothing below TLS 1.2."""

from __future__ import annotations

import ssl
from pathlib import Path


def make_server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """A context for clients. ALPN offers http/1.1 only, so that no client starts HTTP/2 at us."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(certificate, key)
    return context
