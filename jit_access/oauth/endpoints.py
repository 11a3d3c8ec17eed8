"""Ending a token and asking about one (RFC 7009, RFC 7662), as authlib checks them."""

from __future__ import annotations

from typing import Any, Final

from authlib.oauth2.rfc7009 import RevocationEndpoint  # type: ignore[import-untyped]  # ships no types
from authlib.oauth2.rfc7662 import IntrospectionEndpoint  # type: ignore[import-untyped]  # ships no types
from django.conf import settings

from jit_access.core import clock
from jit_access.domain.reasons import Reason
from jit_access.domain.tokens import TokenKind, parse_token
from jit_access.oauth.access_tokens import fault_of, find_access_token, revoke_access_token
from jit_access.oauth.clients import KnownClient
from jit_access.oauth.errors import Refused
from jit_access.oauth.models import AccessToken
from jit_access.oauth.strength import ACR
from jit_access.oauth.wire import Message

REVOCATION: Final = RevocationEndpoint.ENDPOINT_NAME
INTROSPECTION: Final = IntrospectionEndpoint.ENDPOINT_NAME


class Revocation(RevocationEndpoint):  # type: ignore[misc]  # ships no types
    """Whoever holds a token may end it. The answer says nothing about what was there (RFC 7009, 2.2)."""

    CLIENT_AUTH_METHODS: Final = ["client_secret_basic", "client_secret_post", "none"]

    def authenticate_token(self, request: Message, client: KnownClient) -> AccessToken | None:
        """The token, if it is one of this client's: another's is as unknown to it as none."""
        token = _find(request)
        return token if token is not None and token.client == client.client_id else None

    def revoke_token(self, token: AccessToken, request: Message) -> None:  # noqa: ARG002  # authlib's signature
        revoke_access_token(actor=token.user.ref, token=token, because="client")


class Introspection(IntrospectionEndpoint):  # type: ignore[misc]  # ships no types
    """What a token is, for a client that an operator gave this right."""

    CLIENT_AUTH_METHODS: Final = ["client_secret_basic", "client_secret_post"]

    def authenticate_endpoint_client(self, request: Message) -> KnownClient:
        client: KnownClient = super().authenticate_endpoint_client(request)
        if not client.may_introspect:
            raise Refused("unauthorized_client", Reason.CLIENT_NOT_ALLOWED, check="introspection", status_code=403)
        return client

    def authenticate_token(self, request: Message, client: KnownClient) -> AccessToken | None:  # noqa: ARG002
        """The token, if it counts now. All that does not looks alike."""
        token = _find(request)
        return token if token is not None and fault_of(token, now=clock.now()) is None else None

    def create_introspection_payload(self, token: AccessToken | None) -> dict[str, Any]:
        if token is None:
            return {"active": False}
        held = token.assurance_at(clock.now())
        claims = {
            "active": True,
            "iss": settings.PUBLIC_URL,
            "aud": settings.PUBLIC_URL,
            "sub": token.user.public_id,
            "username": token.user.username,
            "client_id": token.client,
            "scope": token.scope,
            "token_type": "DPoP" if token.jkt else "Bearer",
            "iat": int(token.created_at.timestamp()),
            "exp": int(token.expires_at.timestamp()),
            "jti": token.public_id,
        }
        if held.proved_at is not None:
            claims |= {"acr": ACR[held.level], "auth_time": int(held.proved_at.timestamp())}
        if token.jkt:
            claims["cnf"] = {"jkt": token.jkt}
        return claims | ({"act": token.act} if token.act else {})


def _find(request: Message) -> AccessToken | None:
    text = request.form.get("token", "")
    if not text:
        raise Refused("invalid_request", Reason.INVALID_INPUT, "Send the token.")
    parts = parse_token(text)
    return find_access_token(text) if parts is not None and parts.kind is TokenKind.ACCESS else None
