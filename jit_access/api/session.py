"""Signing in and out for clients that are not pages: both factors in one request, the cookie in the answer."""

from __future__ import annotations

from typing import Any

from django.middleware.csrf import get_token
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.accounts.models import User
from jit_access.api.authentication import SignedInSessionAuthentication
from jit_access.api.endpoint import Endpoint
from jit_access.api.me import AssuranceSerializer, PersonSerializer, describe_assurance, describe_person
from jit_access.mfa.assurance import assurance_of, signed_in_user
from jit_access.mfa.services import (
    client_address,
    mark_proved,
    prove_code,
    remember_device,
    sign_in,
    sign_out,
    start_session,
)


class SignInSerializer(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=320, trim_whitespace=False)
    password = serializers.CharField(max_length=1024, trim_whitespace=False, write_only=True)
    code = serializers.CharField(max_length=40, write_only=True)


class ProofSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=40, write_only=True)


class SessionSerializer(serializers.Serializer[Any]):
    person = PersonSerializer()
    csrf_token = serializers.CharField(help_text="Send it as X-CSRFToken with every change.")
    assurance = AssuranceSerializer()


class SessionView(Endpoint):
    def get_authenticators(self) -> list[BaseAuthentication]:
        """Nobody is anybody yet while signing in."""
        if self.request is not None and self.request.method == "POST":
            return []
        return [SignedInSessionAuthentication()]

    def get_permissions(self) -> list[BasePermission]:
        return [AllowAny() if self.request.method == "POST" else IsAuthenticated()]

    @extend_schema(request=SignInSerializer, responses={201: SessionSerializer}, operation_id="session_start", auth=[])
    def post(self, request: Request) -> Response:
        """Sign in with password and second factor. The cookie and `csrf_token` make up the session."""
        given = _parse(SignInSerializer(data=request.data))
        user = sign_in(request._request, username=given["username"], password=given["password"])
        prove_code(user=user, code=given["code"], address=client_address(request._request))
        start_session(request._request, user)
        mark_proved(request._request)
        return _answer(request, user, status.HTTP_201_CREATED)

    @extend_schema(responses={204: OpenApiResponse(description="Signed out.")}, operation_id="session_end")
    def delete(self, request: Request) -> Response:
        """Sign out."""
        sign_out(request._request)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ProofView(Endpoint):
    authentication_classes = (SignedInSessionAuthentication,)

    @extend_schema(request=ProofSerializer, responses=SessionSerializer, operation_id="session_prove")
    def post(self, request: Request) -> Response:
        """Show the second factor again (step-up). The session gets a new id and a new `csrf_token`."""
        user = signed_in_user(request)
        given = _parse(ProofSerializer(data=request.data))
        prove_code(user=user, code=given["code"], address=client_address(request._request))
        mark_proved(request._request)
        return _answer(request, user, status.HTTP_200_OK)


def _parse(serializer: serializers.Serializer[Any]) -> dict[str, str]:
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _answer(request: Request, user: User, status_code: int) -> Response:
    response = Response(_describe(request, user), status=status_code, headers={"Cache-Control": "no-store"})
    remember_device(request._request, response)
    return response


def _describe(request: Request, user: User) -> dict[str, object]:
    return {
        "person": describe_person(user),
        "csrf_token": get_token(request._request),
        "assurance": describe_assurance(assurance_of(request._request)),
    }
