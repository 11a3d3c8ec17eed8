"""Location and Link, rewritten to the gateway: a client that followed the registry's own would pass us by.

Only path and query are taken, and only when they stay inside the repository that was asked for.
"""

from __future__ import annotations

import re

from registry_proxy.protocols.origins import Origin, parse_reference
from registry_proxy.protocols.wanted import Classified

# RFC 6761: nobody can own a name under .invalid, so it can only come from the reference being relative.
_NO_HOST = "registry.invalid"
# The characters that our own edge takes in a path: a Location that the client could not come back to is no help.
_PATH = re.compile(r"[A-Za-z0-9._~:@=+,!$&'()*/-]*")
_LINK = re.compile(r'<([^<>]{1,4096})>\s*;\s*rel="?next"?')


class LeavesGateway(Exception):
    """The registry pointed somewhere that we do not serve."""


def rewrite_location(value: bytes, classified: Classified, *, upstream: Origin, ours: bytes) -> bytes:
    """A Location inside the same repository, under our origin.

    Raises: LeavesGateway when the host is neither the registry's nor ours, or the path leaves the repository.
    """
    host = ours.partition(b"://")[2].rpartition(b":")[0] or ours.partition(b"://")[2]
    path = _inner_path(value, classified, {upstream.host, host.decode("ascii").lower().strip("[]")})
    return ours + path


def rewrite_link(value: bytes, classified: Classified, *, upstream: Origin, ours: bytes) -> bytes | None:
    """The next page under our origin, or None when the field is not a next page of this very list."""
    found = _LINK.search(value.decode("ascii"))
    if not found:
        return None
    try:
        return b"<" + rewrite_location(found[1].encode(), classified, upstream=upstream, ours=ours) + b'>; rel="next"'
    except LeavesGateway:
        return None


def _inner_path(value: bytes, classified: Classified, hosts: set[str]) -> bytes:
    asked = classified.upstream_target.decode("ascii").partition("?")[0]
    try:
        origin, target = parse_reference(f"http://{_NO_HOST}{asked}", value)
    except ValueError as exc:
        raise LeavesGateway from exc
    if origin.host not in hosts | {_NO_HOST}:
        raise LeavesGateway
    prefix = f"/v2/{classified.repository}/"
    path = target.partition("?")[0]
    if not path.startswith(prefix) or "/../" in path or "/./" in path or "//" in path or not _PATH.fullmatch(path):
        raise LeavesGateway
    return f"/v2/{classified.target}/{target.removeprefix('/v2/')}".encode("ascii")
