"""At which identity providers I am somebody. Linking needs a browser; unlinking does not."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from jit_access.api.authentication import ProvedSessionAuthentication
from jit_access.mfa.assurance import signed_in_user
from jit_access.single_sign_on.selectors import identities_of
from jit_access.single_sign_on.services import unlink


class IdentitySerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    provider = serializers.CharField()
    linked_at = serializers.DateTimeField()
    used_at = serializers.DateTimeField(allow_null=True)


class IdentitiesSerializer(serializers.Serializer[Any]):
    identities = IdentitySerializer(many=True)


class IdentitiesView(APIView):
    authentication_classes = (ProvedSessionAuthentication,)

    @extend_schema(responses=IdentitiesSerializer, operation_id="my_identities")
    def get(self, request: Request) -> Response:
        """Your linked accounts."""
        rows = [
            {
                "id": one.public_id,
                "provider": one.provider.name,
                "linked_at": one.linked_at.isoformat(),
                "used_at": one.used_at.isoformat() if one.used_at is not None else None,
            }
            for one in identities_of(signed_in_user(request))
        ]
        return Response({"identities": rows}, headers={"Cache-Control": "no-store"})


class IdentityView(APIView):
    authentication_classes = (ProvedSessionAuthentication,)

    @extend_schema(responses={204: OpenApiResponse(description="Unlinked.")}, operation_id="my_identity_unlink")
    def delete(self, request: Request, public_id: str) -> Response:
        """Unlink one. Asks for a fresh second factor."""
        unlink(request._request, public_id=public_id)
        return Response(status=status.HTTP_204_NO_CONTENT)
