"""Authorization codes: for 60 seconds, for one use, for the session that said yes.

A code is used up by whoever sends it, before anything else about the message is looked at: one that comes with the
wrong verifier was in wrong hands. Sent twice, it ends what the first time gave (RFC 6749, 4.1.2).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.core.secret import Secret
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.domain.tokens import hash_token
from jit_access.mfa.assurance import Assurance
from jit_access.mfa.open_sessions import sessions_of
from jit_access.oauth.access_tokens import IssuedAccessToken, Terms, issue_access_token, revoke_all
from jit_access.oauth.errors import Refused
from jit_access.oauth.models import AccessToken, AuthorizationCode

LASTS: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person said yes to."""

    user: User
    client: str
    client_name: str
    scope: str
    redirect_uri: str
    code_challenge: str
    assurance: Assurance
    address: str


def make_code(consent: Consent) -> Secret:
    """Remember a yes. The code goes back through the browser, once. Raises: PolicyRefusal without a proof."""
    text, held = secrets.token_urlsafe(32), consent.assurance
    if held.proved_at is None:
        raise PolicyRefusal(Reason.SECOND_FACTOR_MISSING)
    with audited(actor=consent.user.ref) as audit:
        AuthorizationCode.objects.create(
            code_hash=hash_token(text),
            client=consent.client,
            user=consent.user,
            scope=consent.scope,
            redirect_uri=consent.redirect_uri,
            code_challenge=consent.code_challenge,
            level=int(held.level),
            proved_at=held.proved_at,
            session=held.session,
            device=held.device,
            expires_at=clock.now() + LASTS,
        )
        audit.record(
            "oauth.consented",
            decision="allow",
            address=consent.address,
            detail={"client": consent.client, "scope": consent.scope, "session": held.session},
        )
    return Secret(text)


def take_code(text: str) -> AuthorizationCode | None:
    """Use a code up. None when there is no such code, or its time is over.

    Raises: Refused (code-refused) for one that was used before; the tokens it gave are over then.
    """
    code_hash = hash_token(text)
    with audited(actor=GATEWAY):
        now = clock.now()
        rows = AuthorizationCode.objects.filter(code_hash=code_hash)
        if rows.filter(used_at=None).update(used_at=now) == 1:
            code = rows.select_related("user").get()
            return code if now < code.expires_at else None
        if not rows.update(replayed_at=now):
            return None
        revoke_all(actor=GATEWAY, tokens=AccessToken.objects.filter(code_hash=code_hash), because="code-sent-twice")
    raise Refused("invalid_grant", Reason.CODE_REFUSED, check="used-before")


def redeem(code: AuthorizationCode, *, address: str, lasts: timedelta, jkt: str = "") -> IssuedAccessToken:
    """The token for a code that was taken and fits. Raises: Refused when its session ended meanwhile; as
    `issue_access_token`."""
    with audited(actor=code.user.ref):
        locked = AuthorizationCode.objects.select_for_update().get(pk=code.pk)
        if locked.replayed_at is not None:
            raise Refused("invalid_grant", Reason.CODE_REFUSED, check="used-before")
        hold_session(code.user, code.session)
        terms = Terms(
            lasts=lasts,
            scope=code.scope,
            client=code.client,
            assurance=code.assurance_at(clock.now()),
            address=address,
            code_hash=code.code_hash,
            jkt=jkt,
        )
        return issue_access_token(actor=code.user.ref, user=code.user, terms=terms)


def hold_session(user: User, session: str) -> None:
    """Keep the session from ending until this transaction has; whoever ends it then finds the token.

    Raises: Refused (signed-out) when it ended already.
    """
    found = sessions_of(user).filter(public_id=session).select_for_update().values_list("pk", flat=True)
    if not list(found):
        raise Refused("invalid_grant", Reason.SIGNED_OUT, check="session")
