"""Less than was asked, over the API: what would be signed then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.access_requests import access, services
from jit_access.access_requests.less import what_is_less
from jit_access.access_requests.models import AccessRequest
from jit_access.api.endpoint import Endpoint
from jit_access.api.requests_inputs import OfferInput, parse
from jit_access.api.requests_outputs import RiskOutput
from jit_access.domain.scopes import parse_scope
from jit_access.mfa.assurance import signed_in_user


class OfferedOutput(serializers.Serializer[Any]):
    payload_hash = serializers.CharField(help_text="Send it back with the approval, and the same offer.")
    payload = serializers.JSONField()
    less = serializers.ListField(child=serializers.CharField(), help_text="What it takes away, in words.")
    rules = serializers.ListField(child=serializers.CharField())
    policy_version = serializers.IntegerField()
    risk = RiskOutput()


class OfferView(Endpoint):
    @extend_schema(request=OfferInput, responses=OfferedOutput, operation_id="request_offer")
    def post(self, request: Request, public_id: str) -> Response:
        """What you would sign for less than was asked. Changes nothing."""
        actor = signed_in_user(request)
        offer = offer_of(parse(OfferInput, request))
        found = access.get_request(actor=actor, public_id=public_id)
        return Response(_describe(found, services.preview_offer(actor=actor, request=found, offer=offer), offer))


def offer_of(given: Mapping[str, Any]) -> services.Offer:
    """Raises: CallerError for a scope that cannot be read."""
    return services.Offer(parse_scope([dict(item) for item in given["resources"]]), given["lasts_s"])


def _describe(asked: AccessRequest, wanted: AccessRequest, offer: services.Offer) -> dict[str, object]:
    return {
        "payload_hash": wanted.payload_hash,
        "payload": wanted.payload,
        "less": list(what_is_less(services.Offer(parse_scope(asked.scope), asked.lasts_s), offer)),
        "rules": wanted.rules,
        "policy_version": wanted.policy_version.number,
        "risk": {"score": wanted.risk, "reasons": wanted.risk_reasons},
    }
