"""How a registry is shown the gateway's own credential: each protocol says it, `upstream` carries it out.

Values and roles only. Whom the credential may be shown to is no matter of a protocol: `upstream` asks its places.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from registry_proxy.protocols.http1 import ResponseHead


class Shown(Enum):
    """What stands in the Authorization field."""

    PASSWORD = auto()  # user name and password (Basic)
    TOKEN = auto()  # the password is a token by itself (Bearer); no challenge is answered
    EITHER = auto()  # with a user name a password, without one a token
    NOTHING = auto()  # requests are signed with it, and it never travels


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a registry asks for: a token from `realm` for `service`."""

    realm: str
    service: str


class TokenService(Protocol):
    """Of a protocol whose registries may want a token that is fetched first, and say in a 401 where.

    `ping`: a path that needs the credential and nothing else. A body cannot be sent twice, so the challenge is had
    there before the first one goes out.
    """

    ping: bytes

    def challenge_in(self, head: ResponseHead) -> Challenge | None:
        """What a 401 asks for; None when it only says no."""

    def target_for(self, path: str, challenge: Challenge, scopes: tuple[str, ...]) -> bytes:
        """Path and query of the request for a token. `path` is the realm's."""

    def token_in(self, body: bytes) -> tuple[str, float]:
        """The token in an answer, and its life in seconds. Raises ValueError."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """One protocol's way."""

    shown: Shown
    tokens: TokenService | None = None


BY_PASSWORD = SignIn(Shown.PASSWORD)
BY_TOKEN = SignIn(Shown.TOKEN)
BY_EITHER = SignIn(Shown.EITHER)
BY_SIGNATURE = SignIn(Shown.NOTHING)
