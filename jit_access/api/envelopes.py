"""Envelopes over the API: propose, read, sign, suspend, revoke. Agents read theirs and change nothing."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.accounts.access import get_account
from jit_access.accounts.models import User
from jit_access.api.endpoint import Endpoint
from jit_access.api.envelopes_outputs import (
    EnvelopeDetailOutput,
    EnvelopeOutput,
    EnvelopePreviewOutput,
    describe_asked,
    describe_envelope,
    describe_envelope_detail,
)
from jit_access.api.pagination import InOrder
from jit_access.api.requests import wanted
from jit_access.api.requests_inputs import (
    AnswerInput,
    CodeInput,
    ResourceInput,
    RevokeInput,
    StrictSerializer,
    idempotency_key,
    parse,
    prove_by,
)
from jit_access.core import clock
from jit_access.domain.errors import CallerError
from jit_access.domain.reasons import Reason
from jit_access.envelopes import access, services
from jit_access.envelopes.drafts import MAX_BYTES, MAX_GRANTS, MAX_LASTS_S, MAX_WORKLOADS, EnvelopeDraft
from jit_access.envelopes.hours import ALWAYS, Hours, check_hours, parse_clock
from jit_access.envelopes.services import Word
from jit_access.mfa.assurance import signed_in_user

AGENT = OpenApiParameter("agent", OpenApiTypes.STR, description="Id of one service account.")


class HoursInput(StrictSerializer):
    days = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=6), min_length=1, max_length=7, help_text="0 is Monday."
    )
    begins = serializers.CharField(max_length=5, help_text="Such as 08:00.")
    ends = serializers.CharField(max_length=5, help_text="Such as 18:00, or 24:00; before `begins`: the next day.")
    time_zone = serializers.CharField(max_length=64, help_text="Such as Europe/Berlin.")


class EnvelopeInput(CodeInput):
    agent = serializers.CharField(max_length=40, help_text="Id of a service account that you answer for.")
    target = serializers.CharField(max_length=63, help_text="Slug or id of the target.")
    resources = ResourceInput(many=True)
    name = serializers.CharField(max_length=80)
    because = serializers.CharField(max_length=500, help_text="What it is for, in your words. It is signed.")
    lasts_at_most_s = serializers.IntegerField(min_value=60, max_value=MAX_LASTS_S)
    bytes_per_day = serializers.IntegerField(min_value=1, max_value=MAX_BYTES)
    bytes_per_grant = serializers.IntegerField(min_value=1, max_value=MAX_BYTES)
    grants_per_day = serializers.IntegerField(min_value=1, max_value=MAX_GRANTS)
    expires_at = serializers.DateTimeField(help_text="At most 90 days from now.")
    review_every_s = serializers.IntegerField(min_value=3600, max_value=90 * 24 * 3600)
    hours = HoursInput(required=False, allow_null=True, default=None, help_text="Left out: at any time.")
    workloads = serializers.ListField(
        child=serializers.CharField(max_length=40),
        max_length=MAX_WORKLOADS,
        required=False,
        default=list,
        help_text="Ids of workload identities of the agent; left out: any token of it.",
    )


class EnvelopesView(Endpoint):
    pagination_class = InOrder
    is_key_known_below = True

    @extend_schema(responses=EnvelopeOutput(many=True), parameters=[AGENT], operation_id="envelope_list")
    def get(self, request: Request) -> Response:
        """Those of your agents, those that you are asked about, and an agent's own; open ones first."""
        actor, now = signed_in_user(request), clock.now()
        agent = request.query_params.get("agent")
        rows = access.visible_envelopes(actor)
        if agent is not None:
            rows = [row for row in rows if row.agent.public_id == agent]
        return self.page(request, rows, lambda row: describe_envelope(row, now))

    @extend_schema(request=EnvelopeInput, responses={201: EnvelopeDetailOutput}, operation_id="envelope_propose")
    def post(self, request: Request) -> Response:
        """Ask the people whom policy would ask to agree beforehand. For the agent's owner, with a fresh factor."""
        actor = signed_in_user(request)
        given = parse(EnvelopeInput, request)
        draft = _draft(actor, given, idempotency_key(request))
        row = services.propose_envelope(actor=actor, draft=draft, assurance=prove_by(request, given["code"]))
        return Response(_detail(actor, row.public_id), status=status.HTTP_201_CREATED)


class EnvelopePreviewView(Endpoint):
    @extend_schema(request=EnvelopeInput, responses=EnvelopePreviewOutput, operation_id="envelope_preview")
    def post(self, request: Request) -> Response:
        """Who would have to sign it. Changes nothing."""
        actor = signed_in_user(request)
        asked = services.preview_envelope(actor=actor, draft=_draft(actor, parse(EnvelopeInput, request), ""))
        return Response({"steps": [describe_asked(one) for one in asked]})


class EnvelopeView(Endpoint):
    @extend_schema(responses=EnvelopeDetailOutput, operation_id="envelope_show")
    def get(self, request: Request, public_id: str) -> Response:
        """One envelope: what is signed, by whom, and what of its day is taken."""
        return Response(_detail(signed_in_user(request), public_id))


class _SignView(Endpoint):
    is_approval = False

    def sign(self, request: Request, public_id: str) -> Response:
        actor = signed_in_user(request)
        given = parse(AnswerInput, request)
        services.sign_envelope(
            actor=actor,
            envelope=access.get_envelope(actor, public_id),
            word=Word(self.is_approval, given["payload_hash"], given["note"]),
            assurance=prove_by(request, given["code"]),
        )
        return Response(_detail(actor, public_id))


class ApproveEnvelopeView(_SignView):
    is_approval = True

    @extend_schema(request=AnswerInput, responses=EnvelopeDetailOutput, operation_id="envelope_approve")
    def post(self, request: Request, public_id: str) -> Response:
        """Sign exactly what `payload_hash` stands for: the approval, or a review."""
        return self.sign(request, public_id)


class DenyEnvelopeView(_SignView):
    @extend_schema(request=AnswerInput, responses=EnvelopeDetailOutput, operation_id="envelope_deny")
    def post(self, request: Request, public_id: str) -> Response:
        """Refuse it. One denial is enough; of a review it is the end."""
        return self.sign(request, public_id)


class SuspendEnvelopeView(Endpoint):
    @extend_schema(request=RevokeInput, responses=EnvelopeDetailOutput, operation_id="envelope_suspend")
    def post(self, request: Request, public_id: str) -> Response:
        """Stop it at once; what it opened ends. It goes on when its review is signed."""
        actor = signed_in_user(request)
        note = parse(RevokeInput, request)["note"]
        services.suspend_envelope(actor=actor, envelope=access.get_envelope(actor, public_id), note=note)
        return Response(_detail(actor, public_id))


class RevokeEnvelopeView(Endpoint):
    @extend_schema(request=RevokeInput, responses=EnvelopeDetailOutput, operation_id="envelope_revoke")
    def post(self, request: Request, public_id: str) -> Response:
        """End it for good, or take a proposal back; what it opened ends."""
        actor = signed_in_user(request)
        note = parse(RevokeInput, request)["note"]
        services.revoke_envelope(actor=actor, envelope=access.get_envelope(actor, public_id), note=note)
        return Response(_detail(actor, public_id))


def _draft(actor: User, given: dict[str, Any], key: str) -> EnvelopeDraft:
    agent = get_account(actor, given["agent"])
    target, scope = wanted(actor, given)
    limits = ("lasts_at_most_s", "bytes_per_day", "bytes_per_grant", "grants_per_day", "expires_at", "review_every_s")
    return EnvelopeDraft(
        agent=agent,
        target=target,
        scope=scope,
        name=given["name"],
        because=given["because"],
        hours=_hours(given["hours"]),
        workloads=tuple(given["workloads"]),
        idempotency_key=key,
        **{name: given[name] for name in limits},
    )


def _hours(given: dict[str, Any] | None) -> Hours:
    if given is None:
        return ALWAYS
    try:
        begins, ends = parse_clock(given["begins"]), parse_clock(given["ends"])
        return check_hours(given["days"], begins, ends, given["time_zone"])
    except ValueError as exc:
        raise CallerError(Reason.INVALID_INPUT, str(exc), field="hours") from exc


def _detail(actor: User, public_id: str) -> dict[str, object]:
    return describe_envelope_detail(access.get_envelope(actor, public_id), actor, clock.now())
