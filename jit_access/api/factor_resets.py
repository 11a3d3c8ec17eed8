"""Resets of a second factor: asked by one of security, confirmed by another. Sessions only: no token does this."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.api.authentication import ProvedSessionAuthentication
from jit_access.api.endpoint import Endpoint
from jit_access.api.pagination import NewestFirst
from jit_access.mfa import services as mfa
from jit_access.mfa.assurance import signed_in_user
from jit_access.mfa.models import FactorReset

_NO_STORE = {"Cache-Control": "no-store"}


class ResetSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    person = serializers.CharField(help_text="The user name of whom it is about.")
    asked_by = serializers.CharField()
    reason = serializers.CharField()
    asked_at = serializers.DateTimeField()
    not_before = serializers.DateTimeField(help_text="From then on somebody else can confirm it.")
    confirmed_by = serializers.CharField(help_text="Empty while nobody has.")
    outcome = serializers.CharField(help_text="Empty while open; done, withdrawn, expired or replaced.")


class AskSerializer(serializers.Serializer[Any]):
    person = serializers.CharField(max_length=320)
    reason = serializers.CharField(max_length=1000)


class CodeSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Shown once. Hand it to the person, not in writing; it lasts an hour.")


class ResetsView(Endpoint):
    pagination_class = NewestFirst
    authentication_classes = (ProvedSessionAuthentication,)

    @extend_schema(responses=ResetSerializer(many=True), operation_id="factor_resets")
    def get(self, request: Request) -> Response:
        """Resets, newest first. For security."""
        return self.page(request, mfa.resets_for(signed_in_user(request)), _describe)

    @extend_schema(request=AskSerializer, responses={201: ResetSerializer}, operation_id="factor_reset_ask")
    def post(self, request: Request) -> Response:
        """Ask to reset somebody's second factor. Needs a fresh one of your own."""
        given = AskSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        facts = given.validated_data
        reset = mfa.ask_reset(request._request, username=facts["person"], reason=facts["reason"])
        return Response(_describe(reset), status=status.HTTP_201_CREATED, headers=_NO_STORE)


class ConfirmView(Endpoint):
    authentication_classes = (ProvedSessionAuthentication,)

    @extend_schema(request=None, responses=CodeSerializer, operation_id="factor_reset_confirm")
    def post(self, request: Request, public_id: str) -> Response:
        """Confirm what somebody else asked: factors, devices and sessions of the person are gone."""
        reset = mfa.get_reset(actor=signed_in_user(request), public_id=public_id)
        code = mfa.confirm_reset(request._request, reset=reset)
        return Response({"code": code.reveal()}, headers=_NO_STORE)


class WithdrawView(Endpoint):
    authentication_classes = (ProvedSessionAuthentication,)

    @extend_schema(
        request=None, responses={204: OpenApiResponse(description="Stopped.")}, operation_id="factor_reset_withdraw"
    )
    def post(self, request: Request, public_id: str) -> Response:
        """Stop one before it is confirmed: for security, and for the person whom it is about."""
        reset = mfa.get_reset(actor=signed_in_user(request), public_id=public_id)
        mfa.withdraw_reset(request._request, reset=reset)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _describe(reset: FactorReset) -> dict[str, object]:
    return {
        "id": reset.public_id,
        "person": reset.user.username,
        "asked_by": reset.asked_by.username,
        "reason": reset.reason,
        "asked_at": reset.asked_at.isoformat(),
        "not_before": reset.not_before.isoformat(),
        "confirmed_by": reset.confirmed_by.username if reset.confirmed_by is not None else "",
        "outcome": reset.outcome,
    }
