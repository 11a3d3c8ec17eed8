"""Where clients reach what is guarded: the address that pages show in their commands, for programs."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.api.endpoint import Endpoint


class GatewayOutput(serializers.Serializer[Any]):
    url = serializers.CharField(help_text="Origin of the gateway, as clients shall use it.")
    tls_url = serializers.CharField(help_text="The same over TLS where that is another one; empty when there is none.")


class GatewayView(Endpoint):
    @extend_schema(responses=GatewayOutput, operation_id="gateway")
    def get(self, request: Request) -> Response:  # noqa: ARG002  # DRF's signature
        """The data plane's addresses. What a client appends to them goes by the kind of its target."""
        return Response({"url": settings.GATEWAY_URL, "tls_url": settings.GATEWAY_TLS_URL})
