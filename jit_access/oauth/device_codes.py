"""Signing in where there is no browser (RFC 8628): off unless operators switch it on.

Its weakness is its point: the browser that decides is not where the client runs, so somebody can begin a sign-in and
talk another person into finishing it. So the address to type the code at never carries the code, the page says from
where the client asks, the token is always the typist's own, and the proof must be fresh.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from authlib.oauth2.rfc8628 import (  # type: ignore[import-untyped]  # ships no types
    AuthorizationPendingError,
    ExpiredTokenError,
    SlowDownError,
)
from django.conf import settings
from django.db import transaction
from django.utils.crypto import salted_hmac

from jit_access.accounts.models import User
from jit_access.audit.outside import record_outside_refusal
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.domain.actors import NOBODY
from jit_access.domain.errors import CallerError, NotFound, PolicyRefusal
from jit_access.domain.networks import network_of
from jit_access.domain.reasons import Reason
from jit_access.domain.tokens import hash_token
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, Assurance, check_fresh
from jit_access.notifications.services import tell
from jit_access.oauth.access_tokens import IssuedAccessToken, Terms, issue_access_token, revoke_all
from jit_access.oauth.codes import hold_session
from jit_access.oauth.errors import Refused
from jit_access.oauth.models import AccessToken, DeviceCode, DeviceCodeGuess

LASTS: Final = timedelta(minutes=10)
INTERVAL_S: Final = 5
_SLOWER_S: Final = 5  # RFC 8628, 3.5
_OPEN_TOGETHER: Final = 1000
_OPEN_PER_NETWORK: Final = 30
GUESSES: Final = 10
GUESS_WINDOW: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in as its client began it."""

    device_code: str
    user_code: str
    client: str
    scope: str
    address: str


def check_switched_on(refuse: Callable[[], Exception] = lambda: PolicyRefusal(Reason.DEVICE_GRANT_OFF)) -> None:
    """Raises: what `refuse` gives, when operators have not switched it on."""
    if not settings.OAUTH_DEVICE_GRANT:
        raise refuse()


def begin(begun: Begun) -> None:
    """Remember a sign-in. Raises: Refused when too many are open."""
    now = clock.now()
    standing = DeviceCode.objects.filter(expires_at__gt=now, decided_at=None)
    theirs = standing.filter(address=network_of(begun.address))
    if theirs.count() >= _OPEN_PER_NETWORK or standing.count() >= _OPEN_TOGETHER:
        raise Refused("slow_down", Reason.RATE_LIMITED, status_code=429, check="too-many-open")
    with audited(actor=NOBODY) as audit:
        DeviceCode.objects.create(
            code_hash=hash_token(begun.device_code),
            user_code_hash=_hash_of(begun.user_code),
            client=begun.client,
            scope=begun.scope,
            address=network_of(begun.address),
            begun_at=now,
            expires_at=now + LASTS,
            interval_s=INTERVAL_S,
        )
        audit.record("oauth.device-begun", address=begun.address, detail={"client": begun.client, "scope": begun.scope})


def find_by_user_code(user: User, text: str, *, address: str) -> DeviceCode:
    """The sign-in that shows this code, if nobody has decided it. Must not run inside a transaction.

    Raises: PolicyRefusal (device-grant-off); CallerError (code-refused) for one that nobody shows, (rate-limited) after
    too many of those. Each is recorded.
    """
    try:
        check_switched_on()
        _check_guesses(user)
        rows = DeviceCode.objects.filter(user_code_hash=_hash_of(text), expires_at__gt=clock.now(), decided_at=None)
        found = rows.first()
        if found is None:
            DeviceCodeGuess.objects.create(user=user, at=clock.now())
            raise CallerError(Reason.CODE_REFUSED, "No sign-in waits for that code. It lasts 10 min.")
    except (CallerError, PolicyRefusal) as refusal:
        record_outside_refusal(actor=user.ref, kind="oauth.refused", reason=refusal.reason, address=address)
        raise
    return found


def decide(*, user: User, code: DeviceCode, held: Assurance, is_allowed: bool, address: str) -> None:
    """The person in front of the browser said yes or no, for themselves.

    Raises: PolicyRefusal without a fresh proof; NotFound when it was decided or ran out meanwhile.
    """
    if is_allowed:
        check_fresh(held, max_age_s=STEP_UP_MAX_AGE_S)
    with audited(actor=user.ref) as audit:
        now = clock.now()
        proof = (
            {"level": int(held.level), "proved_at": held.proved_at, "session": held.session, "device": held.device}
            if is_allowed
            else {}
        )
        rows = DeviceCode.objects.filter(pk=code.pk, decided_at=None, expires_at__gt=now)
        if rows.update(user=user, decided_at=now, is_allowed=is_allowed, **proof) != 1:
            raise NotFound
        audit.record(
            "oauth.consented" if is_allowed else "oauth.refused",
            decision="allow" if is_allowed else "deny",
            reason="" if is_allowed else Reason.CONSENT_DENIED,
            address=address,
            detail={"client": code.client, "scope": code.scope, "asked_from": code.address},
        )


def poll(code: DeviceCode) -> User:
    """What the client learns: whose it is, when somebody said yes. Raises: OAuth2Error of RFC 8628, 3.5."""
    now = clock.now()
    with transaction.atomic():
        locked = DeviceCode.objects.select_for_update().select_related(None).get(pk=code.pk)
        is_early = locked.polled_at is not None and now - locked.polled_at < timedelta(seconds=locked.interval_s)
        DeviceCode.objects.filter(pk=code.pk).update(
            polled_at=now, interval_s=locked.interval_s + (_SLOWER_S if is_early else 0)
        )
    if now >= locked.expires_at:
        raise ExpiredTokenError
    if locked.decided_at is None:
        raise SlowDownError if is_early else AuthorizationPendingError
    if not locked.is_allowed or locked.user is None:
        raise Refused("access_denied", Reason.CONSENT_DENIED, "The person said no.")
    return locked.user


def redeem(code: DeviceCode, user: User, *, address: str, jkt: str) -> IssuedAccessToken:
    """The token, once; a second use ends it. Raises: Refused; as `issue_access_token`."""
    with audited(actor=user.ref):
        now = clock.now()
        if DeviceCode.objects.filter(pk=code.pk, used_at=None, is_allowed=True).update(used_at=now) == 1:
            code.refresh_from_db()
            hold_session(user, code.session)
            terms = Terms(
                lasts=timedelta(seconds=settings.ACCESS_TOKEN_LONGEST_S),
                scope=code.scope,
                client=code.client,
                assurance=code.assurance_at(now),
                address=address,
                code_hash=code.code_hash,
                jkt=jkt,
            )
            issued = issue_access_token(actor=user.ref, user=user, terms=terms)
            _tell(user, code, issued)
            return issued
        revoke_all(
            actor=user.ref, tokens=AccessToken.objects.filter(code_hash=code.code_hash), because="code-sent-twice"
        )
    raise Refused("invalid_grant", Reason.CODE_REFUSED, check="used-before")


def _tell(user: User, code: DeviceCode, issued: IssuedAccessToken) -> None:
    """Whoever was talked into it learns where the other one sits."""
    tell(
        user,
        kind="oauth.device-signed-in",
        subject="A device was signed in as you, by a code that you typed",
        text=f"It asked from {code.address or 'an unknown network'}.\n"
        "If you did not begin this yourself, end it in Security settings and tell the security team.",
        path="/settings",
        dedupe_key=f"device-signed-in:{issued.token.public_id}",
    )


def fold_user_code(text: str) -> str:
    """The one spelling of what people type: letters only, in capitals."""
    return "".join(char for char in text.upper() if char.isalnum())[:32]


def _check_guesses(user: User) -> None:
    recent = DeviceCodeGuess.objects.filter(user=user, at__gt=clock.now() - GUESS_WINDOW).count()
    if recent >= GUESSES:
        raise CallerError(Reason.RATE_LIMITED, "Too many codes were tried. Wait 15 minutes, then begin again.")


def _hash_of(user_code: str) -> str:
    """Keyed: the codes are short, and their plain hashes would be a list of them."""
    return salted_hmac("oauth.device-user-code", fold_user_code(user_code), algorithm=hashlib.sha256().name).hexdigest()
