"""Public ids: a kind prefix and 100 random bits, in letters that survive being read aloud."""

from __future__ import annotations

import base64
import secrets
import uuid

from jit_access.domain.tokens import ALPHABET, ID_CHARS, SECRET_CHARS


def new_id(prefix: str) -> str:
    """`new_id("grt")` gives `grt_` and 20 lower-case base32 characters."""
    return f"{prefix}_{base64.b32encode(secrets.token_bytes(13)).decode().lower()[:20]}"


def new_record_id() -> str:
    """The id of one audit record: `rec_` and 32 hex digits."""
    return f"rec_{uuid.uuid4().hex}"


def new_token_id() -> str:
    """The public half of a token: 16 base62 characters."""
    return _base62(ID_CHARS)


def new_token_secret() -> str:
    """The secret half of a token: 43 base62 characters, 256 bits."""
    return _base62(SECRET_CHARS)


def _base62(count: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(count))
