"""How a registry gives out tokens. Source: distribution docs/spec/auth/token."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from registry_proxy.protocols.http1 import ResponseHead
from registry_proxy.protocols.oci.challenge import parse_bearer
from registry_proxy.protocols.signing_in import Challenge

MAX_TOKEN_CHARS = 16 * 1024
_LONGEST_S = 3600.0
_UNSAID_S = 60


class DistributionTokens:
    """Asked with the registry's user name and password, or with none at an open registry."""

    ping = b"/v2/"

    def challenge_in(self, head: ResponseHead) -> Challenge | None:
        """The first Bearer challenge."""
        challenges = (parse_bearer(value) for name, value in head.headers if name == b"www-authenticate")
        return next((item for item in challenges if item is not None), None)

    def target_for(self, path: str, challenge: Challenge, scopes: tuple[str, ...]) -> bytes:
        """Behind what the realm's own address has."""
        pairs = [("service", challenge.service)] if challenge.service else []
        query = urlencode([*pairs, *(("scope", scope) for scope in scopes)])
        return f"{path}{'&' if '?' in path else '?'}{query}".encode("ascii")

    def token_in(self, body: bytes) -> tuple[str, float]:
        """Raises ValueError, also for a token that could not stand in a field."""
        try:
            document = json.loads(body)
            token = document.get("token") or document.get("access_token")
            lasts_s = float(document.get("expires_in") or _UNSAID_S)
        except (TypeError, AttributeError, RecursionError) as exc:
            raise ValueError("not a token answer") from exc
        is_text = isinstance(token, str) and 0 < len(token) <= MAX_TOKEN_CHARS
        if not is_text or not token.isascii() or not token.isprintable() or " " in token:
            raise ValueError("no token")
        return token, min(lasts_s, _LONGEST_S)
