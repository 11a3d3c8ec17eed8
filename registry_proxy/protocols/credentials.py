"""Where a client's token stands: Basic password or Bearer on any route, a form field at /token."""

from __future__ import annotations

import base64
import binascii

from registry_proxy.protocols.query import QueryError, parse_pairs

MAX_TOKEN_CHARS = 256
MAX_FORM_BYTES = 16 * 1024


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


def read_form_token(body: bytes) -> tuple[str | None, bool]:
    """Token and "wants a refresh token" from an OAuth2 form (distribution spec/auth/oauth). Raises QueryError."""
    form = dict(parse_pairs(body))
    grant_type = form.get("grant_type", "")
    if grant_type not in ("password", "refresh_token"):
        raise QueryError("grant_type is not password or refresh_token")
    token = form.get("password" if grant_type == "password" else "refresh_token")
    return (token or None), form.get("access_type") == "offline"


def form_scope(body: bytes) -> str:
    """The scope a form asks for, for the audit record only. Raises QueryError."""
    return dict(parse_pairs(body)).get("scope", "")
