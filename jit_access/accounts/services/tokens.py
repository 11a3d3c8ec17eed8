"""API tokens: shown once, stored as a hash, always with an end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from jit_access.accounts.models import ApiToken, User
from jit_access.accounts.selectors import live_tokens_of
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.core.ids import new_token_id, new_token_secret
from jit_access.core.secret import Secret
from jit_access.domain.actors import ActorRef
from jit_access.domain.audit_record import clean_text
from jit_access.domain.errors import CallerError, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.domain.tokens import TokenKind, format_token, hash_token

LONGEST_TOKEN = timedelta(days=90)
_NOTE_USE_EVERY = timedelta(minutes=1)  # one write a minute tells enough; one per request would cost a lock each


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token and its text. The text exists only here: reveal it once, to the person who asked."""

    token: ApiToken
    text: Secret


def issue_api_token(
    *, actor: ActorRef, user: User, name: str, lasts: timedelta, is_name_new: bool = False
) -> IssuedToken:
    """Make a token for an account. Callers ask for a fresh second factor first.

    `is_name_new`: refuse a name that a live token has: a form that is sent twice, or two that nobody could tell apart.
    Raises: CallerError for a bad name or length of life; PolicyRefusal when the account is locked.
    """
    label = clean_text(name.strip())
    if not 1 <= len(label) <= 80:
        raise CallerError(Reason.INVALID_INPUT, "Give the token a name of 1 to 80 characters.", field="name")
    if not timedelta(minutes=1) <= lasts <= LONGEST_TOKEN:
        raise CallerError(Reason.INVALID_INPUT, "A token lasts 1 minute to 90 days.", field="lasts")
    text = format_token(TokenKind.API, new_token_id(), new_token_secret())
    with audited(actor=actor) as audit:
        locked = User.objects.select_for_update().get(pk=user.pk)
        if not locked.is_active:
            raise PolicyRefusal(Reason.ACCOUNT_LOCKED)
        if is_name_new and live_tokens_of(locked, now=clock.now()).filter(name=label).exists():
            sentence = "A token of this name works already; it was shown once. Take another name, or revoke that one."
            raise CallerError(Reason.INVALID_INPUT, sentence, field="name")
        token = ApiToken.objects.create(
            user=locked,
            name=label,
            token_id=text.split("_")[2],
            token_hash=hash_token(text),
            expires_at=clock.now() + lasts,
        )
        audit.record(
            "api-token.issued",
            detail={
                "account": locked.public_id,
                "token": token.public_id,
                "name": label,
                "expires_at": clock.format_instant(token.expires_at),
            },
        )
    return IssuedToken(token, Secret(text))


def revoke_api_token(*, actor: ActorRef, token: ApiToken) -> None:
    """The token is refused from now on. A repeat does nothing."""
    with audited(actor=actor) as audit:
        now = clock.now()
        if ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=now) != 1:
            return
        token.revoked_at = now
        audit.record(
            "api-token.revoked",
            reason=Reason.TOKEN_REVOKED,
            detail={"account": token.user.public_id, "token": token.public_id},
        )


def note_token_use(*, token: ApiToken) -> None:
    """Remember roughly when a token was last used, so that people find those they can drop. Not an event."""
    now = clock.now()
    if token.last_used_at is None or now - token.last_used_at >= _NOTE_USE_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
        token.last_used_at = now
