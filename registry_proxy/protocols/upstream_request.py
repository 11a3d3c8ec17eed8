"""One request to a registry, before its credential: what the exchange asks for and `upstream` sends."""

from __future__ import annotations

from dataclasses import dataclass

from registry_proxy.protocols.http1 import Headers


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """`target` goes out byte for byte. `scopes` is what a token of a Bearer registry has to cover."""

    method: str
    target: bytes
    headers: Headers
    length: int  # of the body, or CHUNKED
    scopes: tuple[str, ...]
    follows_redirects: bool
    origin: bytes  # of the gateway, as the client wrote it: scheme://host
    request_id: str
    upgrade: bytes = b""  # the protocol to change into; at the registry itself only
