"""Where a client's token stands: a Basic password or Bearer, on any route of any protocol."""

from __future__ import annotations

import base64
import binascii

MAX_TOKEN_CHARS = 256


def read_token(authorization: bytes | None) -> str | None:
    """The token in an Authorization field; None when there is no credential at all.

    Text that cannot be a token is given back as it is: the gate says `token-malformed`, with one voice.
    """
    if not authorization:
        return None
    scheme, _, value = authorization.decode("ascii").partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return value[:MAX_TOKEN_CHARS]
    if scheme.lower() == "basic":
        return _basic_password(value)[:MAX_TOKEN_CHARS]
    return authorization.decode("ascii")[:MAX_TOKEN_CHARS]


def _basic_password(value: str) -> str:
    try:
        text = base64.b64decode(value, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return "?"
    return text.partition(":")[2] or "?"
