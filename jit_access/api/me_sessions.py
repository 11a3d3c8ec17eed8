"""Where I am signed in, and in which devices."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.api.authentication import ProvedSessionAuthentication
from jit_access.api.endpoint import Endpoint
from jit_access.api.me import LEVELS
from jit_access.api.pagination import InOrder
from jit_access.mfa import services as mfa
from jit_access.mfa.assurance import signed_in_user
from jit_access.mfa.models import Device
from jit_access.mfa.open_sessions import OpenSession

_NO_STORE = {"Cache-Control": "no-store"}


class OpenSessionSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    browser = serializers.CharField(help_text="What the client said of itself, in words.")
    network = serializers.CharField()
    device = serializers.CharField(help_text="Its name; empty before a second factor was shown in it.")
    level = serializers.ChoiceField(choices=LEVELS)
    came_by = serializers.CharField(help_text="The identity provider that vouched, or empty for a password.")
    started_at = serializers.DateTimeField()
    seen_at = serializers.DateTimeField()
    is_here = serializers.BooleanField(help_text="True for the session that asks.")


class DeviceSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    first_seen_at = serializers.DateTimeField()
    seen_at = serializers.DateTimeField()
    is_here = serializers.BooleanField()


class DeviceNameSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=60)


class SessionsView(Endpoint):
    pagination_class = InOrder
    authentication_classes = (ProvedSessionAuthentication,)

    @extend_schema(responses=OpenSessionSerializer(many=True), operation_id="my_sessions")
    def get(self, request: Request) -> Response:
        """Every open session of yours. Only a session may ask: a token is not signed in anywhere."""
        return self.page(request, mfa.open_sessions(request._request), _describe_session)


class OneSessionView(Endpoint):
    authentication_classes = (ProvedSessionAuthentication,)

    @extend_schema(responses={204: OpenApiResponse(description="Ended.")}, operation_id="my_session_end")
    def delete(self, request: Request, public_id: str) -> Response:
        """End one of your sessions, at once."""
        mfa.end_one_session(request._request, public_id=public_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class DevicesView(Endpoint):
    pagination_class = InOrder
    authentication_classes = (ProvedSessionAuthentication,)

    @extend_schema(responses=DeviceSerializer(many=True), operation_id="my_devices")
    def get(self, request: Request) -> Response:
        """The devices in which you have shown a second factor."""
        devices = list(mfa.devices_of(signed_in_user(request)))
        return self.page(request, devices, lambda one: _describe(request, one))


class OneDeviceView(Endpoint):
    authentication_classes = (ProvedSessionAuthentication,)

    @extend_schema(request=DeviceNameSerializer, responses=DeviceSerializer, operation_id="my_device_rename")
    def patch(self, request: Request, public_id: str) -> Response:
        """Give a device a name that you know it by."""
        given = DeviceNameSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        device = mfa.get_device(actor=signed_in_user(request), public_id=public_id)
        mfa.rename_device(request._request, device=device, name=given.validated_data["name"])
        return Response(_describe(request, device), headers=_NO_STORE)

    @extend_schema(responses={204: OpenApiResponse(description="Removed.")}, operation_id="my_device_remove")
    def delete(self, request: Request, public_id: str) -> Response:
        """Remove a device: its sessions end. Asks for a fresh second factor."""
        device = mfa.get_device(actor=signed_in_user(request), public_id=public_id)
        mfa.remove_device(request._request, device=device)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _describe_session(one: OpenSession) -> dict[str, object]:
    return {
        "id": one.public_id,
        "browser": one.browser,
        "network": one.network,
        "device": one.device,
        "level": LEVELS[one.level],
        "came_by": one.came_by,
        "started_at": one.started_at.isoformat(),
        "seen_at": one.seen_at.isoformat(),
        "is_here": one.is_here,
    }


def _describe(request: Request, device: Device) -> dict[str, object]:
    return {
        "id": device.public_id,
        "name": device.name,
        "first_seen_at": device.first_seen_at.isoformat(),
        "seen_at": device.seen_at.isoformat(),
        "is_here": mfa.is_this_device(request._request, device),
    }
