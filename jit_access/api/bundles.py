"""Several things asked together, over the API."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.access_requests import access, services
from jit_access.access_requests.knowing import known_to
from jit_access.access_requests.models import Bundle
from jit_access.accounts.models import User
from jit_access.api.endpoint import Endpoint
from jit_access.api.requests_inputs import PreviewInput, StrictSerializer, idempotency_key, parse
from jit_access.api.requests_outputs import RequestOutput, describe_request
from jit_access.domain.errors import NotFound
from jit_access.domain.scopes import parse_scope
from jit_access.mfa.assurance import assurance_of, signed_in_user

RULES = ("all-or-nothing", "per-item")
OUTCOMES = ("waiting", "granted", "partly", "ended")


class BundleInput(StrictSerializer):
    rule = serializers.ChoiceField(choices=RULES, help_text="all-or-nothing: no grant before all are agreed on.")
    items = PreviewInput(many=True)
    purpose = serializers.CharField(max_length=1000)
    ticket = serializers.CharField(max_length=60, required=False, allow_blank=True, default="")
    not_before = serializers.DateTimeField(required=False, allow_null=True, default=None)


class BundleOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    rule = serializers.ChoiceField(choices=RULES)
    outcome = serializers.ChoiceField(choices=OUTCOMES)
    size = serializers.IntegerField()
    requests = RequestOutput(many=True, help_text="Those that you may see.")


class BundlesView(Endpoint):
    is_key_known_below = True

    @extend_schema(request=BundleInput, responses={201: BundleOutput}, operation_id="bundle_submit")
    def post(self, request: Request) -> Response:
        """Ask for several things at once, each at its target. If one could not be asked, nothing is sent."""
        actor = signed_in_user(request)
        given = parse(BundleInput, request)
        bundle = services.submit_bundle(
            actor=actor,
            drafts=_drafts(actor, given),
            is_all_or_nothing=given["rule"] == RULES[0],
            assurance=assurance_of(request),
            idempotency_key=idempotency_key(request),
        )
        return Response(_describe(actor, bundle), status=status.HTTP_201_CREATED)


class BundleView(Endpoint):
    @extend_schema(responses=BundleOutput, operation_id="bundle_show")
    def get(self, request: Request, public_id: str) -> Response:
        """What became of all that was asked together."""
        actor = signed_in_user(request)
        mine = Q(requester=actor) | Q(requester__owner=actor)
        seen = access.visible_requests(actor=actor).values("bundle")
        bundle = Bundle.objects.filter(mine | Q(pk__in=seen), public_id=public_id).first()
        if bundle is None:
            raise NotFound
        return Response(_describe(actor, bundle))


def _drafts(actor: User, given: dict[str, Any]) -> list[services.RequestDraft]:
    known = known_to(actor)
    drafts = []
    for item in given["items"]:
        scope = parse_scope([dict(part) for part in item["resources"]])
        target = known.get_target_for(item["target"], [part.repository for part in scope.resources])
        draft = services.make_draft(
            target=target,
            scope=scope,
            lasts_s=item["lasts_s"],
            purpose=given["purpose"],
            ticket=given["ticket"],
        )
        drafts.append(services.starting_later(draft, given["not_before"]))
    return drafts


def _describe(actor: User, bundle: Bundle) -> dict[str, object]:
    seen = access.visible_requests(actor=actor).filter(bundle=bundle).order_by("pk")
    return {
        "id": bundle.public_id,
        "rule": RULES[0] if bundle.is_all_or_nothing else RULES[1],
        "outcome": services.outcome_of(services.parts_of(bundle)),
        "size": bundle.size,
        "requests": [describe_request(row) for row in seen],
    }
