"""One request to a registry, before its credential: what the exchange asks for and `upstream` sends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.body_checks import BodyCheck
from registry_proxy.protocols.http1 import Headers
from registry_proxy.protocols.values import value


class Signer(Protocol):
    """Of a protocol whose requests are signed with the registry's credential, instead of showing it."""

    def fields(self, request: UpstreamRequest, host: bytes, key_id: str, secret: str) -> Headers:
        """What goes with the request beside its own fields."""


@dataclass(frozen=True, slots=True)
class Redirects:
    """What redirects of a registry mean to a protocol that needs its credential, or its head, beyond the first hop.

    `inside`: beginnings of paths at the registry itself to which a redirect may lead; the credential goes along there.
    `kept`: fields of the registry's own heads that stay true for what a store answers. A HEAD ends before the store.
    """

    inside: tuple[str, ...]
    kept: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class LastQuestion:
    """Asked of the registry when all of a body is here, before the end of it goes on: a body may take hours, and what
    was so when it began need not be any more. The request that asks has a `check` that holds the end back.
    """

    request: UpstreamRequest
    limit: int  # bytes of the answer
    refuses: Callable[[int, bytes], Reason | None]  # by status and body


@value
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
    redirects: Redirects | None = None  # None: followed without any credential, and what comes last is the answer
    signer: Signer | None = None  # None: the credential is shown, in the scheme that the registry wants
    check: BodyCheck | None = None  # looks at the client's body on its way, and may frame it anew
    elsewhere: str = ""  # an address that the registry named for this: a named place, and nothing of ours goes along
    upgrade: bytes = b""  # the protocol to change into; at the registry itself only
    last: LastQuestion | None = None
