"""A provider says that somebody is signed out: their sessions end at once, and with them what was started in them.

Source: OpenID Connect Back-Channel Logout 1.0, 2.5 to 2.8.
"""

from __future__ import annotations

import hashlib

from django.db import IntegrityError, transaction

from jit_access.accounts.models import User
from jit_access.accounts.services import end_sessions
from jit_access.audit.outside import record_outside_refusal
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.domain.actors import NOBODY
from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.jose.errors import TokenFault
from jit_access.mfa.services import end_vouched_sessions
from jit_access.mfa.session_news import announce_end
from jit_access.single_sign_on.models import Identity, LogoutEnds, Provider, UsedLogoutToken
from jit_access.single_sign_on.tokens import Logout, read_logout_token


def receive_logout(provider: Provider, text: str, *, address: str) -> int:
    """Act on a logout token, once. Returns how many sessions ended.

    Raises: PolicyRefusal (sign-on-refused), recorded; PeerError when the provider's keys cannot be had.
    """
    try:
        told = read_logout_token(provider, text, now=clock.now())
        return _act(provider, told)
    except TokenFault as fault:
        record_outside_refusal(
            actor=NOBODY,
            kind="sign-on.logout-refused",
            reason=Reason.SIGN_ON_REFUSED,
            address=address,
            detail={"provider": provider.slug, "check": fault.code},
        )
        raise PolicyRefusal(Reason.SIGN_ON_REFUSED) from fault


def _act(provider: Provider, told: Logout) -> int:
    with audited(actor=provider.ref) as audit:
        _use_once(provider, told)
        ended = _end(provider, told)
        audit.record(
            "sign-on.logout",
            reason=Reason.SIGNED_OUT_EVERYWHERE,
            detail={"provider": provider.slug, "sessions_ended": ended, "has_session": bool(told.session)},
        )
    return ended


def _end(provider: Provider, told: Logout) -> int:
    user: User | None = None
    if told.subject:
        known = Identity.objects.select_related("user").filter(provider=provider, subject=told.subject).first()
        if known is None:
            return 0  # about somebody who is nobody here: whatever session it names as well is not theirs
        user = known.user
    ended = end_vouched_sessions(provider=provider.slug, session=told.session, user=user)
    people = {one.user for one in ended if one.user is not None}
    if user is not None:
        people.add(user)
    for person in people:
        theirs = frozenset(one.public_id for one in ended if one.user == person)
        if provider.logout_ends == LogoutEnds.PERSON:
            _end_all(provider, person)
        elif theirs:
            announce_end(person, theirs)
    return len(ended)


def _end_all(provider: Provider, person: User) -> None:
    end_sessions(actor=provider.ref, user=person)
    announce_end(person, None)


def _use_once(provider: Provider, told: Logout) -> None:
    now = clock.now()
    UsedLogoutToken.objects.filter(until__lt=now).delete()
    digest = hashlib.sha256(told.token_id.encode()).hexdigest()
    try:
        with transaction.atomic():
            UsedLogoutToken.objects.create(provider=provider, jti_hash=digest, until=told.until)
    except IntegrityError as exc:
        raise TokenFault("used-before") from exc
