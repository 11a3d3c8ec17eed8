"""Standard Webhooks: `v1,` and an HMAC-SHA256 over id, time and body.

Source: standard-webhooks.md, "Signature scheme".
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Sequence
from typing import Final

from jit_access.core.secret import Secret

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32


def new_secret() -> Secret:
    """As its receiver types it: the prefix, then base64."""
    return Secret(PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode())


def sign(*, message_id: str, at: int, body: str, keys: Sequence[Secret]) -> str:
    """The `webhook-signature`: one signature for each secret that counts now, apart by spaces."""
    signed = f"{message_id}.{at}.{body}".encode()
    return " ".join(f"v1,{_signature(key, signed)}" for key in keys)


def _signature(key: Secret, signed: bytes) -> str:
    raw = base64.b64decode(key.reveal().removeprefix(PREFIX))
    return base64.b64encode(hmac.digest(raw, signed, "sha256")).decode()
