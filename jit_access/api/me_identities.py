"""At which identity providers I am somebody. Linking needs a browser; unlinking does not."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.api.authentication import ProvedSessionAuthentication
from jit_access.api.endpoint import Endpoint
from jit_access.api.pagination import InOrder
from jit_access.mfa.assurance import signed_in_user
from jit_access.single_sign_on.models import Identity
from jit_access.single_sign_on.selectors import identities_of
from jit_access.single_sign_on.services import unlink


class IdentitySerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    provider = serializers.CharField()
    linked_at = serializers.DateTimeField()
    used_at = serializers.DateTimeField(allow_null=True)


class IdentitiesView(Endpoint):
    pagination_class = InOrder
    authentication_classes = (ProvedSessionAuthentication,)

    @extend_schema(responses=IdentitySerializer(many=True), operation_id="my_identities")
    def get(self, request: Request) -> Response:
        """Your linked accounts."""
        return self.page(request, list(identities_of(signed_in_user(request))), _describe)


class IdentityView(Endpoint):
    authentication_classes = (ProvedSessionAuthentication,)

    @extend_schema(responses={204: OpenApiResponse(description="Unlinked.")}, operation_id="my_identity_unlink")
    def delete(self, request: Request, public_id: str) -> Response:
        """Unlink one. Asks for a fresh second factor."""
        unlink(request._request, public_id=public_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _describe(one: Identity) -> dict[str, object]:
    return {
        "id": one.public_id,
        "provider": one.provider.name,
        "linked_at": one.linked_at.isoformat(),
        "used_at": one.used_at.isoformat() if one.used_at is not None else None,
    }
