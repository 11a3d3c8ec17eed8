"""The credential of a registry, and the scheme in which it wants it.

It goes to the registry's own origin, and to token services that an operator named: a realm anywhere else gets nothing
(CVE-2026-33540, CVE-2026-48978).
"""

from __future__ import annotations

import base64
import json
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import Enum, auto
from urllib.parse import urlencode

from jit_access.domain.reasons import Reason
from registry_proxy.control_client import TargetFacts
from registry_proxy.protocols.http1 import ResponseHead
from registry_proxy.protocols.oci.challenge import BearerChallenge, parse_bearer
from registry_proxy.upstream.failure import UpstreamError, broken
from registry_proxy.upstream.places import Places, places_of

MAX_TOKENS = 1024
MAX_TARGETS = 256
# A token is dropped this long before its end, so that it does not run out on its way.
EARLY_S = 10.0
_TOKEN_KINDS = frozenset({"hf"})
_MAX_TOKEN_CHARS = 16 * 1024


class Scheme(Enum):
    """How a registry wants to be asked."""

    UNKNOWN = auto()
    BASIC = auto()
    BEARER = auto()
    FIXED = auto()  # the credential is a token by itself: nothing is learned, and no challenge is answered


@dataclass(slots=True)
class CredentialState:
    """What was learned about one registry. It dies with the facts it was learned from."""

    places: Places
    scheme: Scheme = Scheme.UNKNOWN
    challenge: BearerChallenge | None = None
    tokens: OrderedDict[tuple[str, ...], tuple[str, float]] = field(default_factory=OrderedDict)

    def token_for(self, scopes: tuple[str, ...]) -> str | None:
        """A token that still lives."""
        token, until = self.tokens.get(scopes, ("", 0.0))
        return token if time.monotonic() < until else None

    def keep(self, scopes: tuple[str, ...], token: str, lasts_s: float) -> None:
        """Remember a token, dropping the oldest over the bound."""
        self.tokens[scopes] = (token, time.monotonic() + max(0.0, lasts_s - EARLY_S))
        while len(self.tokens) > MAX_TOKENS:
            self.tokens.popitem(last=False)


class CredentialBook:
    """States per registry. A changed credential starts from nothing."""

    def __init__(self) -> None:
        self._states: OrderedDict[TargetFacts, CredentialState] = OrderedDict()

    def state(self, target: TargetFacts) -> CredentialState:
        """The state that belongs to exactly these facts. Raises UpstreamError when its address cannot be read."""
        state = self._states.get(target)
        if state is None:
            state = self._states[target] = CredentialState(
                places_of(target), Scheme.FIXED if target.kind in _TOKEN_KINDS else Scheme.UNKNOWN
            )
        self._states.move_to_end(target)
        while len(self._states) > MAX_TARGETS:
            self._states.popitem(last=False)
        return state


def bearer_authorization(target: TargetFacts) -> bytes | None:
    """The Bearer field of a registry whose credential is a token, or None for an open one."""
    password = target.password.reveal()
    return b"Bearer " + password.encode() if password else None


def basic_authorization(target: TargetFacts) -> bytes | None:
    """The Basic field, or None for an open registry."""
    if not target.username:
        return None
    pair = f"{target.username}:{target.password.reveal()}".encode()
    return b"Basic " + base64.b64encode(pair)


def learn(state: CredentialState, head: ResponseHead) -> None:
    """Remember from a 401 how this registry wants to be asked.

    Raises: UpstreamError when the registry refuses the credential, or wants it taken to a place that nobody named.
    """
    challenges = (parse_bearer(value) for name, value in head.headers if name == b"www-authenticate")
    challenge = next((item for item in challenges if item is not None), None)
    if challenge is None:
        raise UpstreamError(Reason.UPSTREAM_REFUSED_CREDENTIAL)
    state.places.token_place(challenge)
    state.scheme, state.challenge = Scheme.BEARER, challenge
    state.tokens.clear()


def token_target(path: str, challenge: BearerChallenge, scopes: tuple[str, ...]) -> bytes:
    """Path and query of a token request."""
    pairs = [("service", challenge.service)] if challenge.service else []
    query = urlencode([*pairs, *(("scope", scope) for scope in scopes)])
    return f"{path}{'&' if '?' in path else '?'}{query}".encode("ascii")


def read_token(body: bytes) -> tuple[str, float]:
    """Token and its life in seconds, from a token answer. Raises UpstreamError."""
    try:
        document = json.loads(body)
        token = document.get("token") or document.get("access_token")
        lasts_s = float(document.get("expires_in") or 60)
    except (ValueError, TypeError, AttributeError, RecursionError) as exc:
        raise broken() from exc
    is_text = isinstance(token, str) and 0 < len(token) <= _MAX_TOKEN_CHARS
    if not is_text or not token.isascii() or not token.isprintable() or " " in token:
        raise broken()
    return token, min(lasts_s, 3600.0)
