"""How often one may ask, and what every answer says about it. Counted per process in memory: a brake for accidents,
not a guard.

The guards against guessing (codes, passwords) count in the database; what strangers may ask is counted here and where
they are refused. Source of the header's form: draft-ietf-httpapi-ratelimit-headers-10.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Final

from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from jit_access.accounts.models import User
from jit_access.domain.networks import network_of
from jit_access.domain.tally import WINDOW_S, Tally
from jit_access.mfa.services import client_address

if TYPE_CHECKING:
    from rest_framework.views import APIView  # it imports the default throttles, so us


@dataclass(frozen=True, slots=True)
class Policy:
    """So many requests in each window, for one partition of whoever asks."""

    name: str
    quota: int


ACCOUNT: Final = Policy("account", 1200)
TOKEN: Final = Policy("token", 600)
STRANGER: Final = Policy("stranger", 300)  # from one network, without an account
POLICIES: Final = (ACCOUNT, TOKEN, STRANGER)

_tally, _lock = Tally(), Lock()


@dataclass(frozen=True, slots=True)
class Count:
    """How far one partition is in this window."""

    policy: Policy
    used: int
    reset_s: int

    @property
    def left(self) -> int:
        return max(0, self.policy.quota - self.used)

    @property
    def is_over(self) -> bool:
        return self.used > self.policy.quota


def count_one(policy: Policy, whose: str) -> Count:
    """Count one more request of theirs."""
    now = time.monotonic()
    with _lock:
        used = _tally.add(f"{policy.name}:{whose}", now=now)
    return Count(policy, used, max(1, math.ceil(WINDOW_S - now % WINDOW_S)))


def count_stranger(request: Request) -> Count:
    """Count a request that nobody stands behind, by the network it came from."""
    return count_one(STRANGER, network_of(client_address(request._request)))


def forget() -> None:
    """Begin anew; for tests."""
    _tally.forget()


class PerCaller(BaseThrottle):
    """Every endpoint, per account and, under it, per token: one script that runs wild leaves its owner the rest."""

    def __init__(self) -> None:
        self.counts: tuple[Count, ...] = ()

    def allow_request(self, request: Request, view: APIView) -> bool:  # noqa: ARG002  # DRF's signature
        self.counts = _counts_of(request)
        request._request.rate_counts = self.counts  # type: ignore[attr-defined]  # what the headers are made of
        return not any(count.is_over for count in self.counts)

    def wait(self) -> float | None:
        return float(max(count.reset_s for count in self.counts if count.is_over))


def headers_of(counts: tuple[Count, ...]) -> dict[str, str]:
    """What every answer says: the policies that count for this caller, and how much of each is left."""
    told = counts or ()
    policies = tuple(count.policy for count in told) or (STRANGER,)
    found = {"RateLimit-Policy": ", ".join(f'"{one.name}";q={one.quota};w={int(WINDOW_S)}' for one in policies)}
    if told:
        found["RateLimit"] = ", ".join(f'"{one.policy.name}";r={one.left};t={one.reset_s}' for one in told)
    return found


def _counts_of(request: Request) -> tuple[Count, ...]:
    user = request.user
    if not isinstance(user, User):
        return (count_stranger(request),)
    own = count_one(ACCOUNT, str(user.pk))
    token = getattr(request.auth, "public_id", "") or getattr(request.auth, "pk", "")
    return (own, count_one(TOKEN, str(token))) if token else (own,)


def too_many(count: Count) -> Throttled:
    """The refusal for a count that is over."""
    return Throttled(wait=count.reset_s)
