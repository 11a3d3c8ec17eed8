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
    length: int  # of the body that the client still sends, or CHUNKED
    scopes: tuple[str, ...]
    follows_redirects: bool
    origin: bytes  # of the gateway, as the client wrote it: scheme://host
    request_id: str
    traceparent: bytes = b""
    body: bytes = b""  # of a request whose body was read already; `length` is 0 then
    upgrade: bytes = b""  # the protocol to change into; at the registry itself only
