"""A change of protocol, as CVE-2018-1002105 teaches: nothing is raw before both sides said the same thing.

There a proxy took any answer to an Upgrade for a yes, and the client's next bytes ran with the proxy's own identity.
"""

from __future__ import annotations

from dataclasses import replace

from registry_proxy.protocols.http1 import RequestHead, ResponseHead, list_tokens
from registry_proxy.protocols.upstream_request import UpstreamRequest
from registry_proxy.protocols.wanted import Classified

SWITCHING = 101


def may_ask(head: RequestHead, classified: Classified) -> bool:
    """True when the request asks for no change, or for one that its route names."""
    return not head.upgrade or (classified.upgrade is not None and head.upgrade in classified.upgrade.protocols)


def is_agreed(head: ResponseHead, asked: bytes) -> bool:
    """True for a 101 that names exactly what was asked for, once, and whose Connection says so (RFC 9110 7.8)."""
    named = [value.lower() for name, value in head.headers if name == b"upgrade"]
    is_said = b"upgrade" in list_tokens(head.headers, b"connection")
    return head.status == SWITCHING and bool(asked) and named == [asked] and is_said


def with_handshake(request: UpstreamRequest, head: RequestHead, classified: Classified) -> UpstreamRequest:
    """The request for the registry with the change that its route allows; any other request as it is."""
    if not head.upgrade or classified.upgrade is None:
        return request
    named = classified.upgrade.request_fields - list_tokens(head.headers, b"connection")
    fields = tuple((name, value) for name, value in head.headers if name in named)
    return replace(request, headers=request.headers + fields, upgrade=head.upgrade, follows_redirects=False)
