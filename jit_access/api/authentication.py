"""Who asks: a token in the Authorization header, or a browser session that has proved its second factor.

A header that is there decides alone. Falling back to a session because a token was bad would let a stale script act
as whoever happens to be signed in.
"""

from __future__ import annotations

from typing import TypeAlias

from django.http import HttpRequest, HttpResponse
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.request import Request

from jit_access.accounts.models import ApiToken, User
from jit_access.accounts.services.token_use import fault_of as api_fault_of
from jit_access.accounts.services.token_use import find_api_token, take, use_at
from jit_access.accounts.standing import STOPPED
from jit_access.api.challenges import REALM
from jit_access.audit.outside import record_outside_refusal
from jit_access.core import clock
from jit_access.domain.actors import NOBODY
from jit_access.domain.errors import CallerError, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.domain.tokens import TokenKind, TokenParts, parse_token
from jit_access.locks.selectors import ground_of_account, locks_on
from jit_access.mfa.assurance import assurance_of
from jit_access.mfa.services import client_address
from jit_access.oauth.access_tokens import fault_of, find_access_token, note_use
from jit_access.oauth.bound_tokens import SCHEME, require_key
from jit_access.oauth.models import AccessToken
from jit_access.oauth.scopes import covers_method

Token: TypeAlias = ApiToken | AccessToken
_BAD_TOKENS_A_MINUTE = 60  # from one network; good tokens beside them are served


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer jita_api_…` or `jita_access_…`. Looked up by its hash on every request."""

    def authenticate(self, request: Request) -> tuple[User, Token] | None:
        header = request.headers.get("Authorization")
        if header is None:
            return None
        scheme, _, text = header.partition(" ")
        if scheme.lower() not in {"bearer", SCHEME}:
            raise _refusal(request, Reason.TOKEN_MALFORMED)
        text = text.strip()
        parts = parse_token(text)
        if parts is not None and parts.kind is TokenKind.ACCESS:
            return _by_access_token(request, text, parts)
        token = _find(request, text)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002  # DRF's signature
        return REALM


class SignedInSessionAuthentication(BaseAuthentication):
    """A session of any strength, for the endpoints that make it stronger or end it."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        user = request._request.user
        if not isinstance(user, User) or not user.is_active:
            return None
        _enforce_csrf(request)
        return user, None

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002  # DRF's signature
        return REALM


class ProvedSessionAuthentication(SignedInSessionAuthentication):
    """A session whose second factor was shown."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        found = super().authenticate(request)
        if found is not None and not assurance_of(request._request).is_proved:
            raise PolicyRefusal(Reason.SECOND_FACTOR_MISSING)
        return found


def _by_access_token(request: Request, text: str, parts: TokenParts) -> tuple[User, AccessToken]:
    token, now = find_access_token(text), clock.now()
    if token is None:
        raise _refusal(request, Reason.TOKEN_UNKNOWN, token_id=parts.token_id)
    reason = fault_of(token, now=now)
    if reason is not None:
        raise _refusal(request, reason, token=token)
    require_key(request._request, text=text, jkt=token.jkt, actor=token.user.ref, token_id=token.public_id)
    if not covers_method(token.scope, request.method or ""):
        raise _refusal(request, Reason.SCOPE_TOO_NARROW, token=token)
    note_use(token, now=now)
    return token.user, token


def _find(request: Request, text: str) -> ApiToken:
    parts = parse_token(text)
    if parts is None or parts.kind is not TokenKind.API:
        raise _refusal(request, Reason.TOKEN_MALFORMED)
    token = find_api_token(text)
    if token is None:
        raise _refusal(request, Reason.TOKEN_UNKNOWN, token_id=parts.token_id)
    use = use_at(client_address(request._request))
    reason = api_fault_of(token, use)
    if reason is None and locks_on(ground_of_account(token.user)):
        reason = Reason.LOCKED
    if reason is not None:
        raise _refusal(request, reason, token=token)
    # Before it is taken: whoever lacks the key spends no use and takes up no generation.
    require_key(request._request, text=text, jkt=token.jkt, actor=token.user.ref, token_id=token.public_id)
    if (too_late := take(token, use)) is not None:
        raise _refusal(request, too_late, token=token)
    return token


def _refusal(
    request: Request, reason: Reason, *, token: Token | None = None, token_id: str = ""
) -> CallerError | PolicyRefusal:
    detail = {"token": token.public_id} if token is not None else {"token_id": token_id} if token_id else {}
    count = record_outside_refusal(
        actor=token.user.ref if token is not None else NOBODY,
        kind="api.refused",
        reason=reason,
        address=client_address(request._request),
        detail=detail,
    )
    if count > _BAD_TOKENS_A_MINUTE:
        return CallerError(Reason.RATE_LIMITED)
    if reason in {*STOPPED, Reason.LOCKED, Reason.SCOPE_TOO_NARROW, Reason.TOKEN_ELSEWHERE}:
        return PolicyRefusal(reason)
    sentences = _ACCESS_SENTENCES if isinstance(token, AccessToken) else _SENTENCES
    return CallerError(reason, sentences.get(reason, ""))


# The general sentences speak of grants; a token for the API is renewed elsewhere.
_ACCESS_SENTENCES = {
    Reason.TOKEN_EXPIRED: "This sign-in has run out. Sign in again with `jit login`.",
    Reason.TOKEN_REVOKED: "This sign-in was ended. Sign in again with `jit login`.",
}
_SENTENCES = {
    Reason.TOKEN_MALFORMED: "That is not one of our API tokens. Send `Authorization: Bearer jita_api_…`.",
    Reason.TOKEN_UNKNOWN: "This API token is not known here.",
    Reason.TOKEN_EXPIRED: "This API token has run out. Make a new one in Settings.",
    Reason.TOKEN_REVOKED: "This API token was revoked. Make a new one in Settings.",
}


def _enforce_csrf(request: Request) -> None:
    """DRF switches Django's check off for its views; sessions need it back."""

    check = CSRFCheck(_no_view)
    check.process_request(request._request)
    if check.process_view(request._request, _no_view, (), {}):
        user = request._request.user
        record_outside_refusal(
            actor=user.ref if isinstance(user, User) else NOBODY,
            kind="api.refused",
            reason=Reason.CSRF_FAILED,
            address=client_address(request._request),
        )
        raise PolicyRefusal(Reason.CSRF_FAILED)


def _no_view(_request: HttpRequest) -> HttpResponse:
    return HttpResponse()
