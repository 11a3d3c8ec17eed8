"""Reviews of access over the API: start, read, decide, take the evidence."""

from __future__ import annotations

import json
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.access_reviews import access, services
from jit_access.access_reviews.evidence import as_json, describe_item
from jit_access.access_reviews.models import Decision, ReviewCampaign, Undecided
from jit_access.api.endpoint import Endpoint
from jit_access.api.pagination import InOrder
from jit_access.api.requests_inputs import CodeInput, parse, prove_by
from jit_access.domain.errors import NotFound
from jit_access.domain.lifecycle import CampaignState
from jit_access.mfa.assurance import signed_in_user


class AccessReviewInput(CodeInput):
    title = serializers.CharField(max_length=160)
    groups = serializers.ListField(child=serializers.CharField(max_length=150), max_length=services.MAX_GROUPS)
    reviewers = serializers.CharField(
        max_length=160, required=False, default="security", help_text="A group, or manager."
    )
    undecided = serializers.ChoiceField(
        choices=Undecided.values, required=False, default=Undecided.PROPOSE.value, help_text="What becomes of the rest."
    )
    deadline = serializers.DateTimeField()


class AccessReviewDecisionInput(CodeInput):
    keeps = serializers.BooleanField()
    note = serializers.CharField(max_length=500, help_text="Why.")


class AccessReviewItemOutput(serializers.Serializer[Any]):
    item = serializers.CharField()
    account = serializers.CharField()
    name = serializers.CharField()
    group = serializers.CharField()
    may_ask = serializers.ListField(child=serializers.CharField(), help_text="Rules that ask for this group.")
    approves = serializers.ListField(child=serializers.CharField(), help_text="Rules that have this group approve.")
    role = serializers.CharField()
    decision = serializers.ChoiceField(choices=Decision.values)
    decided_by = serializers.CharField()
    decided_at = serializers.CharField()
    note = serializers.CharField()
    record = serializers.CharField()


class AccessReviewOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    title = serializers.CharField()
    groups = serializers.ListField(child=serializers.CharField())
    reviewers = serializers.CharField()
    undecided = serializers.ChoiceField(choices=Undecided.values)
    state = serializers.ChoiceField(choices=[one.value for one in CampaignState])
    deadline = serializers.DateTimeField()
    started_by = serializers.CharField()
    version = serializers.IntegerField(help_text="Grows with each move; the ETag begins with it.")


class AccessReviewDetailOutput(AccessReviewOutput):
    items = AccessReviewItemOutput(
        many=True, help_text="Those that you are asked about; all for security and auditors."
    )


class ReviewsView(Endpoint):
    pagination_class = InOrder

    @extend_schema(responses=AccessReviewOutput(many=True), operation_id="review_list")
    def get(self, request: Request) -> Response:
        """The newest hundred reviews that you may see."""
        return self.page(request, access.visible_campaigns(signed_in_user(request)), _describe)

    @extend_schema(request=AccessReviewInput, responses={201: AccessReviewDetailOutput}, operation_id="review_start")
    def post(self, request: Request) -> Response:
        """Ask whether the members of some groups still need to be in them. For security."""
        actor = signed_in_user(request)
        if not access.may_start(actor):
            raise NotFound
        given = parse(AccessReviewInput, request)
        draft = services.CampaignDraft(
            given["title"], tuple(given["groups"]), given["deadline"], given["reviewers"], given["undecided"]
        )
        row = services.start_campaign(actor=actor, draft=draft, assurance=prove_by(request, given["code"]))
        return Response(_detail(request, row), status.HTTP_201_CREATED)


class ReviewView(Endpoint):
    @extend_schema(responses=AccessReviewDetailOutput, operation_id="review_show")
    def get(self, request: Request, public_id: str) -> Response:
        """One review with its items."""
        return Response(_detail(request, access.get_campaign(signed_in_user(request), public_id)))


class DecideView(Endpoint):
    @extend_schema(request=AccessReviewDecisionInput, responses=AccessReviewItemOutput, operation_id="review_decide")
    def post(self, request: Request, public_id: str) -> Response:
        """Keep a membership or take it away. Grants that rest on it end at once."""
        actor = signed_in_user(request)
        item = access.get_item(actor, public_id)
        given = parse(AccessReviewDecisionInput, request)
        row = services.decide(
            actor=actor,
            item=item,
            keeps=given["keeps"],
            note=given["note"],
            assurance=prove_by(request, given["code"]),
        )
        return Response(describe_item(row))


class EvidenceView(Endpoint):
    @extend_schema(responses=OpenApiTypes.OBJECT, operation_id="review_evidence")
    def get(self, request: Request, public_id: str) -> Response:
        """Every decision with proofs that its record stands in the signed log. For security and auditors."""
        actor = signed_in_user(request)
        row = access.get_campaign(actor, public_id)
        if not access.sees_all(actor):
            raise NotFound
        return Response(json.loads(as_json(row, access.visible_items(actor, row))))


def _describe(row: ReviewCampaign) -> dict[str, Any]:
    return {
        "id": row.public_id,
        "title": row.title,
        "groups": row.groups,
        "reviewers": row.reviewers,
        "undecided": row.undecided,
        "state": row.state,
        "deadline": row.deadline,
        "started_by": row.started_by.display_name,
        "version": row.version,
    }


def _detail(request: Request, row: ReviewCampaign) -> dict[str, Any]:
    items = access.visible_items(signed_in_user(request), row)
    return {**_describe(row), "items": [describe_item(item) for item in items]}
