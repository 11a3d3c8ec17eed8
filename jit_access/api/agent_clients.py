"""The OAuth clients of one's own service accounts. A secret is in one answer and nowhere else."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.accounts.access import get_agent
from jit_access.accounts.models import User
from jit_access.api.endpoint import Endpoint
from jit_access.api.pagination import NewestFirst
from jit_access.api.requests_inputs import CodeInput, parse
from jit_access.api.target_owners import require_fresh_by
from jit_access.mfa.assurance import signed_in_user
from jit_access.oauth import registration
from jit_access.oauth.models import Client
from jit_access.oauth.scopes import parse_scope

_NO_STORE = {"Cache-Control": "no-store"}


class ClientInput(CodeInput):
    name = serializers.CharField(max_length=80)
    scope = serializers.CharField(max_length=200, default="read act", help_text="`read`, or `read act`.")


class ClientSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="The client_id.")
    name = serializers.CharField()
    scope = serializers.CharField()
    may_introspect = serializers.BooleanField(help_text="Given at the gateway's own terminal only.")
    secret_made_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)


class NewClientSerializer(ClientSerializer):
    client_secret = serializers.CharField(help_text="Shown once.")


class ClientsView(Endpoint):
    pagination_class = NewestFirst

    @extend_schema(responses=ClientSerializer(many=True), operation_id="agent_clients")
    def get(self, request: Request, public_id: str) -> Response:
        """The clients of a service account of yours."""
        return self.page(request, registration.clients_of(_agent(request, public_id)), _describe)

    @extend_schema(request=ClientInput, responses={201: NewClientSerializer}, operation_id="agent_client_make")
    def post(self, request: Request, public_id: str) -> Response:
        """Make a client that acts as this service account (client credentials). Asks for a fresh second factor."""
        account, given = _agent(request, public_id), parse(ClientInput, request)
        require_fresh_by(request, given["code"])
        made = registration.register_client(
            actor=signed_in_user(request).ref, account=account, name=given["name"], scopes=parse_scope(given["scope"])
        )
        return _answer(made, status.HTTP_201_CREATED)


class OneClientView(Endpoint):
    @extend_schema(responses={204: OpenApiResponse(description="Removed.")}, operation_id="agent_client_remove")
    def delete(self, request: Request, public_id: str, client_id: str) -> Response:
        """Remove a client: it gets no more tokens, and those that it got are over."""
        client = registration.get_client(_agent(request, public_id), client_id)
        registration.remove_client(actor=signed_in_user(request).ref, client=client)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ClientSecretView(Endpoint):
    @extend_schema(request=CodeInput, responses=NewClientSerializer, operation_id="agent_client_renew")
    def post(self, request: Request, public_id: str, client_id: str) -> Response:
        """A new secret. The old one, and what it got, is over. Asks for a fresh second factor."""
        client, given = registration.get_client(_agent(request, public_id), client_id), parse(CodeInput, request)
        require_fresh_by(request, given["code"])
        return _answer(registration.renew_secret(actor=signed_in_user(request).ref, client=client), status.HTTP_200_OK)


def _agent(request: Request, public_id: str) -> User:
    return get_agent(signed_in_user(request), public_id)


def _answer(made: registration.NewClient, code: int) -> Response:
    body = {**_describe(made.client), "client_secret": made.secret.reveal()}
    return Response(body, status=code, headers=_NO_STORE)


def _describe(client: Client) -> dict[str, object]:
    used = client.last_used_at
    return {
        "id": client.public_id,
        "name": client.name,
        "scope": client.scope,
        "may_introspect": client.may_introspect,
        "secret_made_at": client.secret_made_at.isoformat(),
        "last_used_at": used.isoformat() if used is not None else None,
    }
