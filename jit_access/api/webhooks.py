"""Where an agent's server is told of changes, over the API: for the person who answers for the agent."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.accounts import access
from jit_access.accounts.models import User
from jit_access.api.endpoint import Endpoint
from jit_access.api.pagination import NewestFirst
from jit_access.api.requests_inputs import CodeInput, StrictSerializer, parse, prove_by
from jit_access.domain.errors import NotFound
from jit_access.mfa.assurance import signed_in_user
from jit_access.webhooks import selectors, services
from jit_access.webhooks.addresses import MAX_URL_CHARS
from jit_access.webhooks.models import Delivery, Webhook
from jit_access.webhooks.services import Registered

_UNCACHED = {"Cache-Control": "no-store"}


class WebhookInput(CodeInput):
    url = serializers.CharField(max_length=MAX_URL_CHARS, help_text="An https address, without a user name.")


class WebhookOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    agent = serializers.CharField()
    url = serializers.CharField()
    created_at = serializers.DateTimeField()
    old_secret_until = serializers.DateTimeField(allow_null=True, help_text="Until then two secrets sign.")
    failing_since = serializers.DateTimeField(allow_null=True)
    disabled_at = serializers.DateTimeField(allow_null=True)
    disabled_because = serializers.CharField(help_text="A reason code; empty while it is on.")


class WebhookSecretOutput(WebhookOutput):
    secret = serializers.CharField(help_text="whsec_…: verify with it. Shown this once.")


class DeliveryOutput(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="As webhook-id says it.")
    type = serializers.CharField()
    created_at = serializers.DateTimeField()
    attempts = serializers.IntegerField()
    outcome = serializers.CharField(help_text="Of the last attempt: a status, or why there was none.")
    sent_at = serializers.DateTimeField(allow_null=True)
    given_up_at = serializers.DateTimeField(allow_null=True)


class WebhookView(Endpoint):
    @extend_schema(responses=WebhookOutput, operation_id="webhook_show")
    def get(self, request: Request, public_id: str) -> Response:
        """Where this agent of yours is told."""
        return Response(_describe(_webhook(_agent(request, public_id))))

    @extend_schema(request=WebhookInput, responses={201: WebhookSecretOutput}, operation_id="webhook_register")
    def post(self, request: Request, public_id: str) -> Response:
        """Tell changes of this agent's requests and grants there. Needs a fresh second factor."""
        actor, agent = signed_in_user(request), _agent(request, public_id)
        given = parse(WebhookInput, request)
        proof = prove_by(request, given["code"])
        made = services.register_webhook(actor=actor, agent=agent, url=given["url"], assurance=proof)
        return _with_secret(made, status.HTTP_201_CREATED)

    @extend_schema(request=WebhookInput, responses=WebhookOutput, operation_id="webhook_change")
    def put(self, request: Request, public_id: str) -> Response:
        """Another address; it is on again where it was off. Needs a fresh second factor."""
        actor, agent = signed_in_user(request), _agent(request, public_id)
        given = parse(WebhookInput, request)
        proof = prove_by(request, given["code"])
        return Response(_describe(services.change_webhook(actor=actor, agent=agent, url=given["url"], assurance=proof)))

    @extend_schema(
        request=CodeInput, responses={204: OpenApiResponse(description="Removed.")}, operation_id="webhook_remove"
    )
    def delete(self, request: Request, public_id: str) -> Response:
        """Tell nobody any more. Needs a fresh second factor."""
        actor, agent = signed_in_user(request), _agent(request, public_id)
        proof = prove_by(request, parse(CodeInput, request)["code"])
        services.remove_webhook(actor=actor, agent=agent, assurance=proof)
        return Response(status=status.HTTP_204_NO_CONTENT)


class RotateView(Endpoint):
    @extend_schema(request=CodeInput, responses=WebhookSecretOutput, operation_id="webhook_rotate")
    def post(self, request: Request, public_id: str) -> Response:
        """A new secret; the old one signs beside it for a day. Needs a fresh second factor."""
        actor, agent = signed_in_user(request), _agent(request, public_id)
        proof = prove_by(request, parse(CodeInput, request)["code"])
        return _with_secret(services.rotate_secret(actor=actor, agent=agent, assurance=proof), status.HTTP_200_OK)


class TryView(Endpoint):
    @extend_schema(request=StrictSerializer, responses={201: DeliveryOutput}, operation_id="webhook_try")
    def post(self, request: Request, public_id: str) -> Response:
        """Send `webhook.test`, which says nothing."""
        actor, agent = signed_in_user(request), _agent(request, public_id)
        parse(StrictSerializer, request)
        row = services.try_webhook(actor=actor, agent=agent)
        return Response(_describe_delivery(row), status=status.HTTP_201_CREATED)


class DeliveriesView(Endpoint):
    pagination_class = NewestFirst

    @extend_schema(responses=DeliveryOutput(many=True), operation_id="webhook_deliveries")
    def get(self, request: Request, public_id: str) -> Response:
        """What was sent there in the last thirty days, newest first, with its outcome."""
        return self.page(request, selectors.deliveries_of(_agent(request, public_id)), _describe_delivery)


def _agent(request: Request, public_id: str) -> User:
    """One's own; whatever else there is looks like nothing."""
    return access.get_agent(signed_in_user(request), public_id)


def _webhook(agent: User) -> Webhook:
    webhook = selectors.webhook_of(agent)
    if webhook is None:
        raise NotFound
    return webhook


def _with_secret(made: Registered, code: int) -> Response:
    shown = _describe(made.webhook) | {"secret": made.secret.reveal()}
    return Response(shown, status=code, headers=_UNCACHED)


def _describe(webhook: Webhook) -> dict[str, object]:
    return {
        "id": webhook.public_id,
        "agent": webhook.agent.public_id,
        "url": webhook.url,
        "created_at": webhook.created_at,
        "old_secret_until": webhook.old_until,
        "failing_since": webhook.failing_since,
        "disabled_at": webhook.disabled_at,
        "disabled_because": webhook.disabled_because,
    }


def _describe_delivery(row: Delivery) -> dict[str, object]:
    return {
        "id": row.public_id,
        "type": row.kind,
        "created_at": row.created_at,
        "attempts": row.attempts,
        "outcome": row.outcome,
        "sent_at": row.sent_at,
        "given_up_at": row.given_up_at,
    }
