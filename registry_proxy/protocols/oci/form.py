"""The form of `POST /token`: a token in a field of its own."""

from __future__ import annotations

from registry_proxy.protocols.query import QueryError, parse_pairs

MAX_FORM_BYTES = 16 * 1024


def read_form_token(body: bytes) -> tuple[str | None, bool]:
    """Token and "wants a refresh token" from an OAuth2 form (distribution spec/auth/oauth). Raises QueryError."""
    form = dict(parse_pairs(body))
    grant_type = form.get("grant_type", "")
    if grant_type not in ("password", "refresh_token"):
        raise QueryError("grant_type is not password or refresh_token")
    token = form.get("password" if grant_type == "password" else "refresh_token")
    return (token or None), form.get("access_type") == "offline"
