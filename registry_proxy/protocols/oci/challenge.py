"""WWW-Authenticate: the challenge that we send, and the one that a registry sends us.

Source: distribution docs/spec/auth/token. Our realm is the listener's own scheme and the request's checked Host.
"""

from __future__ import annotations

import re

from jit_access.domain.operations import Operation
from registry_proxy.protocols.oci.names import split_name
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.protocols.signing_in import Challenge
from registry_proxy.protocols.wanted import Wanted

_PARAMETER = re.compile(r'\s*([A-Za-z_]+)=(?:"([^"\\]*)"|([^\s",]+))\s*(?:,|\Z)')
_WORDS = {Operation.PULL: "pull", Operation.PUSH: "pull,push", Operation.DELETE: "delete"}


def our_challenge(origin: bytes, wanted: tuple[Wanted, ...], error: str) -> bytes:
    """The Bearer challenge for these questions. Names go out as the client wrote them, with the target first."""
    host = origin.partition(b"://")[2]
    parts = [b'Bearer realm="' + origin + b'/token"', b'service="' + host + b'"']
    if wanted:
        scopes = (f"repository:{item.target}/{item.repository}:{scope_words(item.operation)}" for item in wanted)
        parts.append(b'scope="' + " ".join(dict.fromkeys(scopes)).encode("ascii") + b'"')
    if error:
        parts.append(b'error="' + error.encode("ascii") + b'"')
    return b",".join(parts)


def read_scope(text: str) -> tuple[Wanted, ...]:
    """What `repository:<target>/<name>:<actions>` speaks of, or nothing where it is no scope of ours.

    For words to people only: what may be done is asked of the gate, request by request.
    """
    kind, _, rest = text.partition(":")
    name, _, actions = rest.rpartition(":")
    if kind != "repository":
        return ()
    try:
        target, repository = split_name(name)
    except Unclassified:
        return ()
    named = frozenset(actions.split(","))
    operation = next((item for item in (Operation.PUSH, Operation.DELETE) if item.value in named), Operation.PULL)
    return (Wanted(target, repository, operation),)


def scope_words(operation: Operation) -> str:
    """The actions of a scope, as clients expand them: who pushes also pulls."""
    return _WORDS[operation]


def parse_bearer(value: bytes) -> Challenge | None:
    """A Bearer challenge, or None for any other scheme or a shape that has no single reading."""
    text = value.decode("ascii", "replace")
    scheme, _, rest = text.partition(" ")
    if scheme.lower() != "bearer":
        return None
    found: dict[str, str] = {}
    position = 0
    # A second challenge in the same field ends the first one: its realm is not ours to mix in.
    while part := _PARAMETER.match(rest, position):
        position = part.end()
        word = part[3] if part[2] is None else part[2]
        if found.setdefault(part[1].lower(), word) != word:
            return None
    realm = found.get("realm", "")
    return Challenge(realm, found.get("service", "")) if realm else None
