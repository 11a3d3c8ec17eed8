"""One sign-in at a provider, from leaving to coming back.

Authorization code with PKCE (S256). State, nonce and verifier live in the server's side of the one session that began
it, so an answer that was got in another browser fits nowhere, and each is used once whatever comes of it. Each
provider answers at an address of its own, and names itself where it can (RFC 9207), so two cannot be mixed up.
Source: OpenID Connect Core 1.0, 3.1; RFC 9700 (OAuth 2.0 Security Best Current Practice), 2.1 and 4.4.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, NoReturn

from django.http import HttpRequest

from jit_access.accounts.models import User
from jit_access.audit.outside import record_outside_refusal
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.domain.actors import NOBODY
from jit_access.domain.errors import GatewayError, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.jose.errors import TokenFault
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, Level, require_fresh, signed_in_user
from jit_access.mfa.presence import lock_refusal
from jit_access.mfa.services import client_address, is_known_device, mark_proved, start_session, vouch
from jit_access.mfa.session_keys import SIGN_ON
from jit_access.single_sign_on import oauth, people
from jit_access.single_sign_on.models import Provider
from jit_access.single_sign_on.strength import asked_acr_values, is_strength_mapped, strength_of
from jit_access.single_sign_on.tokens import SignOn, read_id_token

LASTS: Final = timedelta(minutes=10)
_FIELD_CHARS_MAX = 4096


class Purpose(StrEnum):
    SIGN_IN = "sign-in"
    LINK = "link"
    STEP_UP = "step-up"


@dataclass(frozen=True, slots=True)
class Pending:
    """What a session remembers of a sign-in that it began."""

    provider: str
    purpose: str
    state: str
    nonce: str
    verifier: str
    next: str
    begun_at: float
    user: str = ""  # who was signed in when it began: to link or to step up


@dataclass(frozen=True, slots=True)
class Return:
    """Where somebody who came back goes on, and whether they still have to prove a second factor."""

    user: User
    purpose: Purpose
    next: str


def begin_sign_on(request: HttpRequest, provider: Provider, *, purpose: Purpose, next_path: str) -> str:
    """The address at the provider to go to. Raises: PolicyRefusal when linking without a fresh second factor."""
    user = "" if purpose is Purpose.SIGN_IN else signed_in_user(request).public_id
    if purpose is Purpose.LINK:
        require_fresh(request, max_age_s=STEP_UP_MAX_AGE_S)
    if purpose is Purpose.STEP_UP and not is_strength_mapped(provider):
        raise PolicyRefusal(Reason.SIGN_ON_REFUSED)
    pending = Pending(
        provider=provider.public_id,
        purpose=purpose,
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(48),
        next=next_path[:2000],
        begun_at=clock.now().timestamp(),
        user=user,
    )
    request.session[SIGN_ON] = asdict(pending)
    more: dict[str, str] = {"nonce": pending.nonce}
    if purpose is Purpose.STEP_UP:
        more |= {"prompt": "login", "max_age": str(STEP_UP_MAX_AGE_S)}
    if purpose is not Purpose.LINK and (wanted := asked_acr_values(provider)):
        more["acr_values"] = wanted
    return oauth.authorization_address(provider, pending.state, pending.verifier, more)


def finish_sign_on(request: HttpRequest, provider: Provider, answer: Mapping[str, str]) -> Return:
    """Believe the answer, or not. On success a sign-in has begun a new session, whose id is new.

    Raises: PolicyRefusal (sign-on-refused, identity-unknown, identity-taken, account-locked), PeerError
    (provider-away); each is recorded, with which check it was that failed.
    """
    try:
        pending = _take_pending(request, provider, answer)
        told = _exchange(provider, pending, answer.get("code", ""))
        return _conclude(request, provider, pending, told)
    except TokenFault as fault:
        _refuse(request, provider, PolicyRefusal(Reason.SIGN_ON_REFUSED), fault.code, fault)
    except GatewayError as error:
        _refuse(request, provider, error, "", error)


def _take_pending(request: HttpRequest, provider: Provider, answer: Mapping[str, str]) -> Pending:
    kept = request.session.pop(SIGN_ON, None)
    if not isinstance(kept, dict):
        raise TokenFault("not-begun-here")
    pending = Pending(**kept)
    state = answer.get("state", "")
    if not hmac.compare_digest(state.encode(), pending.state.encode()):
        raise TokenFault("state")
    if pending.provider != provider.public_id:
        raise TokenFault("mixed-up")
    if clock.now() - datetime.fromtimestamp(pending.begun_at, tz=UTC) > LASTS:
        raise TokenFault("too-late")
    named = answer.get("iss")
    if named is None and provider.names_itself:
        raise TokenFault("issuer-missing")
    if named is not None and named != provider.issuer:
        raise TokenFault("mixed-up")
    if "error" in answer or not answer.get("code"):
        raise TokenFault("no-code")
    if any(len(value) > _FIELD_CHARS_MAX for value in answer.values()):
        raise TokenFault("shape")
    return pending


def _exchange(provider: Provider, pending: Pending, code: str) -> SignOn:
    answer = oauth.exchange_code(provider, code, pending.verifier)
    return read_id_token(provider, answer.get("id_token"), nonce=pending.nonce, now=clock.now())


def _conclude(request: HttpRequest, provider: Provider, pending: Pending, told: SignOn) -> Return:
    purpose = Purpose(pending.purpose)
    if purpose is Purpose.SIGN_IN:
        user = people.find_or_make(provider, told)
        _begin_session(request, provider, user, told)
    else:
        user = signed_in_user(request)
        if user.public_id != pending.user:
            raise TokenFault("somebody-else")
        if purpose is Purpose.LINK:
            require_fresh(request, max_age_s=STEP_UP_MAX_AGE_S)
            people.link(provider, user, told)
        else:
            _step_up(request, provider, user, pending, told)
    return Return(user, purpose, pending.next)


def _begin_session(request: HttpRequest, provider: Provider, user: User, told: SignOn) -> None:
    if (refusal := lock_refusal(request, user)) is not None:
        raise refusal
    level, is_known = strength_of(provider, told), is_known_device(request, user)
    with audited(actor=user.ref) as audit:
        people.keep_groups(provider, user, told.groups)
        audit.record(
            "sign-on.accepted",
            decision="allow",
            address=client_address(request),
            detail={"provider": provider.slug, "level": int(level), "is_known_device": is_known},
        )
    start_session(request, user)
    vouch(request, provider=provider.slug, session=told.session)
    # A new device shows our own second factor, whatever the provider saw: its word is only as good as its session.
    if level >= Level.SECOND_FACTOR and told.proved_at is not None and is_known:
        mark_proved(request, level, at=told.proved_at)


def _step_up(request: HttpRequest, provider: Provider, user: User, pending: Pending, told: SignOn) -> None:
    if people.find(provider, told) != user:
        raise TokenFault("somebody-else")
    level = strength_of(provider, told)
    begun = datetime.fromtimestamp(pending.begun_at, tz=UTC)
    if level < Level.SECOND_FACTOR:
        raise TokenFault("too-weak")
    if told.proved_at is None or told.proved_at < begun - timedelta(seconds=5):
        raise TokenFault("not-asked-again")
    if not is_known_device(request, user):
        raise TokenFault("new-device")
    with audited(actor=user.ref) as audit:
        audit.record("second-factor.proved", decision="allow", detail={"method": "provider", "provider": provider.slug})
    mark_proved(request, level, at=told.proved_at)


def _refuse(request: HttpRequest, provider: Provider, error: GatewayError, code: str, cause: Exception) -> NoReturn:
    user = request.user
    record_outside_refusal(
        actor=user.ref if isinstance(user, User) else NOBODY,
        kind="sign-on.refused",
        reason=error.reason,
        address=client_address(request),
        detail={"provider": provider.slug, "check": code},
    )
    raise error from cause
