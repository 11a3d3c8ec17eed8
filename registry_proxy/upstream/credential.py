"""The credential of a registry, and the scheme in which it wants it.

It goes to the registry's own origin, and to token services that an operator named: a realm anywhere else gets nothing
(CVE-2026-33540, CVE-2026-48978).
"""

from __future__ import annotations

import base64
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from jit_access.domain.reasons import Reason
from registry_proxy.control_client import TargetFacts
from registry_proxy.protocols.http1 import ResponseHead
from registry_proxy.protocols.signing_in import BY_SIGNATURE, Challenge, Shown, SignIn, TokenService
from registry_proxy.upstream.failure import UpstreamError
from registry_proxy.upstream.places import Places, places_of

MAX_TOKENS = 1024
MAX_TARGETS = 256
# A token is dropped this long before its end, so that it does not run out on its way.
EARLY_S = 10.0


class Scheme(Enum):
    """What is known by now of how a registry with a token service wants to be asked."""

    UNKNOWN = auto()
    BASIC = auto()
    BEARER = auto()


@dataclass(slots=True)
class CredentialState:
    """What was learned about one registry. It dies with the facts it was learned from."""

    places: Places
    sign_in: SignIn
    own: bytes | None = field(default=None, repr=False)  # the field that shows the credential itself
    scheme: Scheme = Scheme.UNKNOWN
    challenge: Challenge | None = None
    tokens: OrderedDict[tuple[str, ...], tuple[str, float]] = field(default_factory=OrderedDict)

    @property
    def token_service(self) -> TokenService | None:
        """Where this kind of registry may send us for a token; None where no challenge is answered."""
        return self.sign_in.tokens

    @property
    def has_to_learn(self) -> bool:
        """True while only its challenge can tell how it wants to be asked."""
        return self.token_service is not None and self.scheme is Scheme.UNKNOWN

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
    """States per registry. A changed credential starts from nothing.

    `sign_ins`: by kind of target, as the protocols say. What none of them knows is shown no credential.
    """

    def __init__(self, sign_ins: Mapping[str, SignIn]) -> None:
        self._sign_ins = sign_ins
        self._states: OrderedDict[TargetFacts, CredentialState] = OrderedDict()
        self._latest: dict[str, tuple[TargetFacts, CredentialState]] = {}  # by slug: comparing facts costs a request

    def state(self, target: TargetFacts) -> CredentialState:
        """The state that belongs to exactly these facts. Raises UpstreamError when its address cannot be read."""
        facts, state = self._latest.get(target.slug, (None, None))
        if state is None or facts is not target:
            state = self._find(target)
            if len(self._latest) >= MAX_TARGETS:
                self._latest.clear()
            self._latest[target.slug] = target, state
        return state

    def _find(self, target: TargetFacts) -> CredentialState:
        state = self._states.get(target)
        if state is None:
            sign_in = self._sign_ins.get(target.kind, BY_SIGNATURE)
            own = own_authorization(target, sign_in.shown)
            state = self._states[target] = CredentialState(places_of(target), sign_in, own)
        self._states.move_to_end(target)
        while len(self._states) > MAX_TARGETS:
            self._states.popitem(last=False)
        return state


def own_authorization(target: TargetFacts, shown: Shown) -> bytes | None:
    """The field that shows the credential itself, or None for an open registry and for one that is never shown it."""
    password = target.password.reveal()
    match shown:
        case Shown.PASSWORD | Shown.EITHER if target.username:
            return b"Basic " + base64.b64encode(f"{target.username}:{password}".encode())
        case Shown.TOKEN | Shown.EITHER if password:
            return b"Bearer " + password.encode()
        case _:
            return None


def learn(state: CredentialState, head: ResponseHead) -> None:
    """Remember from a 401 how this registry wants to be asked.

    Raises: UpstreamError when the registry refuses the credential, or wants it taken to a place that nobody named.
    """
    service = state.token_service
    challenge = service.challenge_in(head) if service is not None else None
    if challenge is None:
        raise UpstreamError(Reason.UPSTREAM_REFUSED_CREDENTIAL)
    state.places.token_place(challenge)
    state.scheme, state.challenge = Scheme.BEARER, challenge
    state.tokens.clear()
