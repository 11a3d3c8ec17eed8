"""Where I am signed in at a command line, and ending that."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.api.endpoint import Endpoint
from jit_access.api.me import LEVELS
from jit_access.api.pagination import NewestFirst
from jit_access.mfa.assurance import signed_in_user
from jit_access.oauth import access_tokens
from jit_access.oauth.models import AccessToken


class AccessTokenSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    client = serializers.CharField(help_text="Its client_id.")
    scope = serializers.CharField()
    level = serializers.ChoiceField(choices=LEVELS)
    session = serializers.CharField(help_text="The browser session that authorized it; empty for an agent's.")
    network = serializers.CharField(help_text="Where the client was when it got the token.")
    is_bound = serializers.BooleanField(help_text="True when each use must prove a key (RFC 9449).")
    is_here = serializers.BooleanField(help_text="True for the token that asks.")
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField()


class AccessTokensView(Endpoint):
    pagination_class = NewestFirst

    @extend_schema(responses=AccessTokenSerializer(many=True), operation_id="my_access_tokens")
    def get(self, request: Request) -> Response:
        """Your access tokens that still open something, newest first."""
        rows = access_tokens.live_access_tokens_of(signed_in_user(request))
        here = request.auth.pk if isinstance(request.auth, AccessToken) else None
        return self.page(request, rows, lambda row: _describe(row, here))


class OneAccessTokenView(Endpoint):
    @extend_schema(responses={204: OpenApiResponse(description="Ended.")}, operation_id="my_access_token_end")
    def delete(self, request: Request, public_id: str) -> Response:
        """End one of your access tokens, or one of a service account of yours, at once."""
        user = signed_in_user(request)
        token = access_tokens.get_access_token(user, public_id)
        access_tokens.revoke_access_token(actor=user.ref, token=token)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _describe(token: AccessToken, here: int | None) -> dict[str, object]:
    used = token.last_used_at
    return {
        "id": token.public_id,
        "client": token.client,
        "scope": token.scope,
        "level": LEVELS[token.level],
        "session": token.session,
        "network": token.network,
        "is_bound": bool(token.jkt),
        "is_here": token.pk == here,
        "created_at": token.created_at.isoformat(),
        "last_used_at": used.isoformat() if used is not None else None,
        "expires_at": token.expires_at.isoformat(),
    }
