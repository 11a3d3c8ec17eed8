"""Whether a request may ask for a change of protocol at all. What the listener's protocols never change into is refused
before anything is classified (CVE-2022-41721: h2c past the authorisation)."""

from __future__ import annotations

from registry_proxy.edge.refusal import malformed
from registry_proxy.protocols.http1 import Headers


def read_upgrade(headers: Headers, connection: frozenset[bytes], allowed: frozenset[bytes]) -> bytes:
    """The one protocol that is asked for, lower case, or b"". Raises EdgeRefusal."""
    asked = [value.lower() for name, value in headers if name == b"upgrade"]
    is_said = b"upgrade" in connection
    if not asked and not is_said:
        return b""
    if len(asked) != 1 or not is_said or asked[0] not in allowed:
        raise malformed("the gateway does not change protocols")
    return asked[0]
