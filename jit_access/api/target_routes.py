"""Who hears of requests at a target, over the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.api.endpoint import Endpoint
from jit_access.api.requests_inputs import CodeInput, StrictSerializer, parse
from jit_access.api.target_owners import require_fresh_by
from jit_access.mfa.assurance import signed_in_user
from jit_access.notifications.routes import MAX_ROUTES, Route, Routes, TypedRoute, routes_of, set_routes
from jit_access.targets import access


class RouteInput(StrictSerializer):
    channels = serializers.ListField(
        child=serializers.CharField(max_length=20), max_length=MAX_ROUTES, help_text="Slack ids such as C024BE91L."
    )
    people = serializers.ListField(
        child=serializers.CharField(max_length=150), max_length=MAX_ROUTES, help_text="User names."
    )


class RoutesInput(CodeInput):
    first = RouteInput(help_text="Who hears at once. Empty: whoever may answer.")
    escalation = RouteInput(help_text="Who hears when nobody answers for an hour.")


class RouteOutput(serializers.Serializer[Any]):
    channels = serializers.ListField(child=serializers.CharField())
    people = serializers.ListField(child=serializers.CharField())


class RoutesOutput(serializers.Serializer[Any]):
    first = RouteOutput()
    escalation = RouteOutput()


class RoutesView(Endpoint):
    @extend_schema(responses=RoutesOutput, operation_id="target_routes")
    def get(self, request: Request, slug: str) -> Response:
        """Who hears of requests at a registry. Hearing of one gives no right to answer it. For operators."""
        return Response(_describe(routes_of(access.get_managed_target(signed_in_user(request), slug))))

    @extend_schema(request=RoutesInput, responses=RoutesOutput, operation_id="target_routes_set")
    def put(self, request: Request, slug: str) -> Response:
        """Replace both lists. For operators."""
        actor = signed_in_user(request)
        target = access.get_managed_target(actor, slug)
        given = parse(RoutesInput, request)
        require_fresh_by(request, given["code"])
        first, escalation = (
            TypedRoute(tuple(given[name]["channels"]), tuple(given[name]["people"])) for name in ("first", "escalation")
        )
        return Response(_describe(set_routes(actor=actor, target=target, first=first, escalation=escalation)))


def _describe(routes: Routes) -> dict[str, object]:
    return {"first": _one(routes.first), "escalation": _one(routes.escalation)}


def _one(route: Route) -> dict[str, object]:
    return {"channels": list(route.channels), "people": [person.username for person in route.people]}
