"""What a ticket system tells the gateway: a ticket was closed, or opened again."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.access_requests import services
from jit_access.api.endpoint import Endpoint
from jit_access.api.requests_inputs import StrictSerializer, parse
from jit_access.mfa.assurance import signed_in_user


class ClosedOutput(serializers.Serializer[Any]):
    ticket = serializers.CharField()
    requests = serializers.IntegerField(help_text="How many waiting requests ended with it, this time.")
    grants = serializers.IntegerField(help_text="How many grants ended with it, this time.")


class TicketClosedView(Endpoint):
    @extend_schema(request=StrictSerializer, responses=ClosedOutput, operation_id="ticket_closed")
    def post(self, request: Request, ticket: str) -> Response:
        """End what stands on this ticket, now. For service accounts of the group ticket-systems; repeat it freely."""
        parse(StrictSerializer, request)
        closed = services.close_ticket(actor=signed_in_user(request), ticket=ticket)
        return Response({"ticket": closed.ticket, "requests": closed.requests, "grants": closed.grants})


class TicketOpenedView(Endpoint):
    @extend_schema(request=StrictSerializer, responses={204: None}, operation_id="ticket_opened")
    def post(self, request: Request, ticket: str) -> Response:
        """It can be asked for again. What ended stays ended."""
        parse(StrictSerializer, request)
        services.reopen_ticket(actor=signed_in_user(request), ticket=ticket)
        return Response(status=status.HTTP_204_NO_CONTENT)
