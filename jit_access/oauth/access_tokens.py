"""Access tokens: made here, looked up here, ended here. Nothing else writes them.

A token never lasts longer than what it stands on: at most the configured hours, and at most so long after the proof
that authorized it. Whether it still counts is compared at each use, by the database's clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import QuerySet

from jit_access.accounts.models import User
from jit_access.accounts.standing import why_stopped
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.core.ids import new_token_id, new_token_secret
from jit_access.core.secret import Secret
from jit_access.domain.actors import ActorRef
from jit_access.domain.errors import CallerError, NotFound, PolicyRefusal
from jit_access.domain.networks import network_of
from jit_access.domain.reasons import Reason
from jit_access.domain.tokens import TokenKind, format_token, hash_token
from jit_access.locks.selectors import ground_of_account, locks_on, refuse_locked
from jit_access.mfa.assurance import NO_ASSURANCE, Assurance
from jit_access.oauth.models import AccessToken

SHORTEST: Final = timedelta(seconds=1)
_NOTE_USE_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a new token is to say. `lasts` is the most that the grant allows; the token may get less."""

    lasts: timedelta
    scope: str
    client: str = ""
    assurance: Assurance = NO_ASSURANCE
    address: str = ""
    code_hash: str = ""
    jkt: str = ""
    act: Mapping[str, object] = field(default_factory=dict)
    trust_id: str = ""
    not_after: datetime | None = None  # what the token stands on ends then


@dataclass(frozen=True, slots=True)
class IssuedAccessToken:
    """A new token and its text, which exists only here."""

    token: AccessToken
    text: Secret
    expires_in_s: int


def issue_access_token(*, actor: ActorRef, user: User, terms: Terms) -> IssuedAccessToken:
    """Make a token for an account. Callers have checked who asks and what for.

    Raises: PolicyRefusal (account-locked, locked) when the account, its owner, the session or the device is locked;
    CallerError when nothing is left of its time.
    """
    text = format_token(TokenKind.ACCESS, new_token_id(), new_token_secret())
    with audited(actor=actor) as audit:
        locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if (stopped := why_stopped(locked)) is not None:
            raise PolicyRefusal(stopped)
        held, now = terms.assurance, clock.now()
        ground = replace(
            ground_of_account(locked),
            sessions=frozenset({held.session} - {""}),
            devices=frozenset({held.device} - {""}),
        )
        refuse_locked(ground)
        expires_at = _end_of(terms, now)
        token = AccessToken.objects.create(
            user=locked,
            client=terms.client,
            token_id=text.split("_")[2],
            token_hash=hash_token(text),
            scope=terms.scope,
            expires_at=expires_at,
            network=network_of(terms.address) if terms.address else "",
            epoch=locked.session_epoch,
            level=int(held.level) if held.is_proved else 0,
            proved_at=held.proved_at if held.is_proved else None,
            session=held.session,
            device=held.device,
            code_hash=terms.code_hash,
            jkt=terms.jkt,
            act=dict(terms.act),
            trust_id=terms.trust_id,
        )
        audit.record("access-token.issued", decision="allow", address=terms.address, detail=_facts_of(token))
    return IssuedAccessToken(token, Secret(text), int((expires_at - now).total_seconds()))


def find_access_token(text: str) -> AccessToken | None:
    """The token with this text, whatever its state."""
    rows = AccessToken.objects.select_related("user__owner")
    return rows.filter(token_hash=hash_token(text)).first()


def fault_of(token: AccessToken, *, now: datetime) -> Reason | None:
    """Why a token counts no more, or None. Two queries at most: the locks, and theirs."""
    user = token.user
    if token.revoked_at is not None:
        return Reason.TOKEN_REVOKED
    if now >= token.expires_at:
        return Reason.TOKEN_EXPIRED
    if (stopped := why_stopped(user)) is not None:
        return stopped
    if token.epoch != user.session_epoch:
        return Reason.TOKEN_REVOKED
    ground = replace(
        ground_of_account(user),
        sessions=frozenset({token.session} - {""}),
        devices=frozenset({token.device} - {""}),
        credentials=frozenset({token.public_id, token.trust_id} - {""}),
    )
    return Reason.LOCKED if locks_on(ground) else None


def note_use(token: AccessToken, *, now: datetime) -> None:
    """Remember roughly when a token was last used. Not an event."""
    if token.last_used_at is None or now - token.last_used_at >= _NOTE_USE_EVERY:
        AccessToken.objects.filter(pk=token.pk).update(last_used_at=now)
        token.last_used_at = now


def revoke_access_token(*, actor: ActorRef, token: AccessToken, because: str = "revoked") -> None:
    """The token is refused from now on. A repeat does nothing."""
    revoke_all(actor=actor, tokens=AccessToken.objects.filter(pk=token.pk), because=because)


def revoke_all(*, actor: ActorRef, tokens: QuerySet[AccessToken], because: str) -> int:
    """End each of these that has not ended, with a record for each. Returns how many did."""
    with audited(actor=actor) as audit:
        now = clock.now()
        live = tokens.filter(revoked_at=None, expires_at__gt=now).select_related("user").order_by("pk")
        ended = 0
        for token in live:
            if AccessToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now) != 1:
                continue
            ended += 1
            audit.record(
                "access-token.revoked",
                reason=Reason.TOKEN_REVOKED,
                detail={**_facts_of(token), "because": because},
            )
    return ended


def live_access_tokens_of(user: User) -> QuerySet[AccessToken]:
    """The tokens of one account that still open something, newest first."""
    rows = AccessToken.objects.filter(user=user, revoked_at=None, expires_at__gt=clock.now(), epoch=user.session_epoch)
    return rows.select_related("user").order_by("-pk")


def get_access_token(actor: User, public_id: str) -> AccessToken:
    """A live token of one's own, or of a service account that one answers for. Raises: NotFound."""
    token = AccessToken.objects.select_related("user").filter(public_id=public_id, revoked_at=None).first()
    if token is None or actor.pk not in {token.user_id, token.user.owner_id}:
        raise NotFound
    return token


def _end_of(terms: Terms, now: datetime) -> datetime:
    ends = [now + terms.lasts, now + timedelta(seconds=settings.ACCESS_TOKEN_LONGEST_S)]
    if terms.assurance.proved_at is not None:
        ends.append(terms.assurance.proved_at + timedelta(seconds=settings.SESSION_ABSOLUTE_S))
    if terms.not_after is not None:
        ends.append(terms.not_after)
    if min(ends) - now < SHORTEST:
        raise CallerError(Reason.INVALID_INPUT, "Nothing is left of the time that this token could last.")
    return min(ends)


def _facts_of(token: AccessToken) -> dict[str, str | int | bool]:
    facts: dict[str, str | int | bool] = {
        "account": token.user.public_id,
        "token": token.public_id,
        "client": token.client,
        "scope": token.scope,
        "expires_at": clock.format_instant(token.expires_at),
    }
    more = {"session": token.session, "trust": token.trust_id, "jkt": token.jkt}
    return facts | {name: value for name, value in more.items() if value}
