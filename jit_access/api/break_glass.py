"""Break-glass over the API: what it would open, opening it, the reviews. Parse, call one service, describe."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.access_requests import services
from jit_access.access_requests.denied_before import denials_before
from jit_access.access_requests.models import BreakGlassReview
from jit_access.access_requests.services import break_glass, reviewing
from jit_access.access_requests.services.break_glass import EmergencyCall
from jit_access.api.endpoint import Endpoint
from jit_access.api.grants_outputs import GrantOutput, describe_grant
from jit_access.api.pagination import NewestFirst
from jit_access.api.requests import wanted
from jit_access.api.requests_inputs import CodeInput, ResourceInput, StrictSerializer, describe_name, parse, prove_by
from jit_access.api.requests_outputs import NameOutput, ReasonOutput, describe_reason
from jit_access.core import clock
from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.grants import access as grant_access
from jit_access.mfa.assurance import signed_in_user

_ASKED_S = 3600  # the rule says how long it is; what is asked for counts for nothing


class GlassPreviewInput(StrictSerializer):
    target = serializers.CharField(max_length=63, help_text="Slug or id of the target.")
    resources = ResourceInput(many=True)


class GlassInput(GlassPreviewInput):
    purpose = serializers.CharField(
        min_length=break_glass.LEAST_REASON_CHARS, max_length=1000, help_text="What harm waiting does."
    )
    confirm = serializers.CharField(
        max_length=200, help_text="The name of the repository; the slug of the target where there are several."
    )
    code = serializers.CharField(
        max_length=40,
        write_only=True,
        help_text="A current code of the second factor. The session's proof is not enough.",
    )


class GlassPreviewOutput(serializers.Serializer[Any]):
    is_open = serializers.BooleanField()
    reason = ReasonOutput(allow_null=True)
    lasts_s = serializers.IntegerField()
    confirm = serializers.CharField(help_text="What has to be sent as `confirm`.")
    skipped = NameOutput(many=True)


class ReviewOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    grant = serializers.CharField()
    request = serializers.CharField()
    target = serializers.CharField()
    opened_by = NameOutput()
    opened_at = serializers.DateTimeField()
    purpose = serializers.CharField()
    skipped = serializers.ListField(child=serializers.CharField(), help_text="Who would have been asked, by name.")
    denied_before = serializers.ListField(
        child=serializers.CharField(), help_text="Requests for the same that a person denied in the day before, by id."
    )
    due_at = serializers.DateTimeField()
    is_overdue = serializers.BooleanField()
    closed_at = serializers.DateTimeField(allow_null=True)
    reviewer = NameOutput(allow_null=True)
    is_justified = serializers.BooleanField(allow_null=True)
    note = serializers.CharField()
    version = serializers.IntegerField(help_text="Another one once it is closed; the ETag begins with it.")


class CloseInput(CodeInput):
    is_justified = serializers.BooleanField()
    note = serializers.CharField(min_length=reviewing.NOTE_CHARS[0], max_length=reviewing.NOTE_CHARS[1])


class GlassPreviewView(Endpoint):
    @extend_schema(request=GlassPreviewInput, responses=GlassPreviewOutput, operation_id="break_glass_preview")
    def post(self, request: Request) -> Response:
        """What would be open, for how long, and who would be skipped. Changes nothing."""
        actor = signed_in_user(request)
        given = parse(GlassPreviewInput, request)
        target, scope = wanted(actor, given)
        draft = services.make_draft(target=target, scope=scope, lasts_s=_ASKED_S, purpose="Preview")
        offer = break_glass.find_offer(actor=actor, draft=draft)
        return Response(
            {
                "is_open": offer.is_open,
                "reason": describe_reason("" if offer.why_not is None else str(offer.why_not)),
                "lasts_s": offer.lasts_s,
                "confirm": offer.word,
                "skipped": [describe_name(person) for person in offer.skipped],
            }
        )


class GlassView(Endpoint):
    pagination_class = NewestFirst

    @extend_schema(request=GlassInput, responses={201: GrantOutput}, operation_id="break_glass_open")
    def post(self, request: Request) -> Response:
        """Open it now, without approval. Everybody who is skipped is told, and Security reviews it."""
        actor = signed_in_user(request)
        if not actor.is_person:
            raise PolicyRefusal(Reason.NOT_FOR_AGENTS)
        given = parse(GlassInput, request)
        target, scope = wanted(actor, given)
        draft = services.make_draft(target=target, scope=scope, lasts_s=_ASKED_S, purpose=given["purpose"])
        call = EmergencyCall(draft, given["confirm"])
        break_glass.check_call(call)
        opened = break_glass.open_at_once(actor=actor, call=call, assurance=prove_by(request, given["code"]))
        shown = grant_access.get_grant(actor=actor, public_id=opened.public_id)
        return Response(describe_grant(shown, now=clock.now()), status=status.HTTP_201_CREATED)

    @extend_schema(responses=ReviewOutput(many=True), operation_id="break_glass_list")
    def get(self, request: Request) -> Response:
        """Reviews, newest first: all of them for security and auditors, your own otherwise."""
        return self.page(request, reviewing.visible_reviews(actor=signed_in_user(request)), describe_review)


class ReviewView(Endpoint):
    @extend_schema(responses=ReviewOutput, operation_id="break_glass_show")
    def get(self, request: Request, public_id: str) -> Response:
        """One review."""
        return Response(describe_review(reviewing.get_review(actor=signed_in_user(request), public_id=public_id)))


class CloseView(Endpoint):
    @extend_schema(request=CloseInput, responses=ReviewOutput, operation_id="break_glass_close")
    def post(self, request: Request, public_id: str) -> Response:
        """Say what was found. Once, by another person in security, after it is over."""
        actor = signed_in_user(request)
        review = reviewing.get_review(actor=actor, public_id=public_id)
        given = parse(CloseInput, request)
        reviewing.close_review(
            actor=actor,
            review=review,
            is_justified=given["is_justified"],
            note=given["note"],
            assurance=prove_by(request, given["code"]),
        )
        return Response(describe_review(reviewing.get_review(actor=actor, public_id=public_id)))


def describe_review(review: BreakGlassReview) -> dict[str, object]:
    return {
        "id": review.public_id,
        "grant": review.grant.public_id,
        "request": review.grant.request.public_id,
        "target": review.grant.target.slug,
        "opened_by": describe_name(review.opened_by),
        "opened_at": review.opened_at,
        "purpose": review.grant.request.purpose,
        "skipped": review.skipped,
        "denied_before": [one.request.public_id for one in denials_before(review.grant.request)],
        "due_at": review.due_at,
        "is_overdue": review.closed_at is None and review.due_at <= clock.now(),
        "closed_at": review.closed_at,
        "reviewer": None if review.reviewer is None else describe_name(review.reviewer),
        "is_justified": review.is_justified,
        "note": review.note,
        "version": review.version,
    }
