"""How sure we are who is there, and since when. Services take the value; it is made from a session only here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest

from jit_access.accounts.models import User
from jit_access.audit.services import record_refusal
from jit_access.core import clock
from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.mfa.presence import device_hash, session_id
from jit_access.mfa.session_keys import LEVEL, PROVED_AT

if TYPE_CHECKING:
    from rest_framework.request import Request

    AnyRequest: TypeAlias = HttpRequest | Request


class Level(IntEnum):
    """The numbers rise with the demands of NIST SP 800-63B-4; policy rules compare with them."""

    NONE = 0  # nobody signed in, or an API token: a token proves possession, never a person
    PASSWORD = 1
    SECOND_FACTOR = 2
    PHISHING_RESISTANT = 3  # a passkey: the browser itself told the key which site asks


PROVED_LEVELS = frozenset({Level.SECOND_FACTOR, Level.PHISHING_RESISTANT})


@dataclass(frozen=True, slots=True)
class Assurance:
    """The strength of a session's latest proof. `age_s` is since then, by the database's clock; None without one."""

    level: Level = Level.NONE
    proved_at: datetime | None = None
    age_s: int | None = None
    session: str = ""  # where it was shown, so that a lock on the session finds what was started in it
    device: str = ""  # the hash that names it
    workload: str = ""  # public id of the workload trust that an agent's token was exchanged under

    @property
    def is_proved(self) -> bool:
        return self.level >= Level.SECOND_FACTOR and self.proved_at is not None


@runtime_checkable
class HoldsAssurance(Protocol):
    """A token that was made in a session which had proved something, and says itself what that was."""

    def assurance_at(self, now: datetime) -> Assurance: ...


NO_ASSURANCE = Assurance()
STEP_UP_MAX_AGE_S = 300  # to change a factor, a password or a token: prove it again unless that was just now


def check_fresh(assurance: Assurance, *, max_age_s: int) -> None:
    """Raises PolicyRefusal unless a second factor was shown at most `max_age_s` ago.

    The refusal carries `max_age_s`, so that a page or a client can ask for exactly what is missing.
    """
    if not assurance.is_proved or assurance.age_s is None:
        raise PolicyRefusal(Reason.SECOND_FACTOR_MISSING, max_age_s=max_age_s)
    if not 0 <= assurance.age_s <= max_age_s:  # a proof from the future is no proof
        raise PolicyRefusal(Reason.SECOND_FACTOR_STALE, max_age_s=max_age_s, age_s=assurance.age_s)


def check_strength(assurance: Assurance, *, level: int) -> None:
    """Raises PolicyRefusal (passkey-needed) when the latest proof was by something weaker than asked for."""
    if assurance.level < level:
        raise PolicyRefusal(Reason.PASSKEY_NEEDED)


def signed_in_user(request: AnyRequest) -> User:
    """The account behind a request. Raises: PolicyRefusal (signed-out) when there is none."""
    user = request.user
    if not isinstance(user, User) or not user.is_active:
        raise PolicyRefusal(Reason.SIGNED_OUT)
    return user


def assurance_of(request: AnyRequest) -> Assurance:
    """What this request's session has proved. With a token no session counts: it says itself what stands behind it,
    and one that says nothing (an API token) has proved nothing about a person."""
    user, token = request.user, getattr(request, "auth", None)
    if not isinstance(user, User):
        return NO_ASSURANCE
    if token is not None:
        return token.assurance_at(clock.now()) if isinstance(token, HoldsAssurance) else NO_ASSURANCE
    if request.session.get(SESSION_KEY) != str(user.pk):
        return NO_ASSURANCE
    level, proved = request.session.get(LEVEL), request.session.get(PROVED_AT)
    if level not in PROVED_LEVELS or not isinstance(proved, float):
        return Assurance(Level.PASSWORD)
    now = clock.now()
    return Assurance(
        Level(level),
        datetime.fromtimestamp(proved, tz=now.tzinfo),
        math.floor(now.timestamp() - proved),
        session_id(request),
        device_hash(request),
    )


def require_fresh(request: AnyRequest, max_age_s: int) -> Assurance:
    """The session's assurance, when its second factor was shown at most `max_age_s` ago.

    Raises: PolicyRefusal (second-factor-missing, second-factor-stale), recorded.
    """
    assurance = assurance_of(request)
    try:
        check_fresh(assurance, max_age_s=max_age_s)
    except PolicyRefusal as refusal:
        user = signed_in_user(request)
        record_refusal(actor=user.ref, kind="step-up.asked", reason=refusal.reason, detail={"max_age_s": max_age_s})
        raise
    return assurance
