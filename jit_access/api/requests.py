"""Asking and answering over the API. Parse, call one service, describe."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.access_requests import access, selectors, services
from jit_access.access_requests.inside import outside_of
from jit_access.access_requests.knowing import known_to
from jit_access.access_requests.models import AccessRequest
from jit_access.accounts.models import User
from jit_access.api.endpoint import Endpoint
from jit_access.api.offers import offer_of
from jit_access.api.pagination import InOrder, NewestFirst
from jit_access.api.requests_inputs import (
    AnswerInput,
    ApproveInput,
    PreviewInput,
    RequestInput,
    StrictSerializer,
    idempotency_key,
    parse,
    prove_by,
)
from jit_access.api.requests_outputs import (
    PreviewOutput,
    RequestDetailOutput,
    RequestOutput,
    WaitingOutput,
    describe_detail,
    describe_preview,
    describe_reason,
    describe_request,
)
from jit_access.core import clock
from jit_access.domain.errors import CallerError
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import Scope, parse_scope
from jit_access.mfa.assurance import assurance_of, signed_in_user
from jit_access.targets.models import Target

STATE = OpenApiParameter("state", OpenApiTypes.STR, enum=[str(state) for state in RequestState])
VISIBLE = OpenApiParameter("visible", OpenApiTypes.BOOL, description="Everything you may see, not only your own.")


class PreviewView(Endpoint):
    @extend_schema(request=PreviewInput, responses=PreviewOutput, operation_id="request_preview")
    def post(self, request: Request) -> Response:
        """Who would have to agree, how long at most, or why it cannot be asked. Changes nothing."""
        actor = signed_in_user(request)
        given = parse(PreviewInput, request)
        target, scope = wanted(actor, given)
        preview = services.preview_request(
            actor=actor, target=target, scope=scope, lasts_s=given["lasts_s"], assurance=assurance_of(request)
        )
        return Response(describe_preview(preview))


class RequestsView(Endpoint):
    pagination_class = NewestFirst
    is_key_known_below = True

    @extend_schema(
        request=RequestInput,
        responses={201: RequestDetailOutput, 202: RequestDetailOutput},
        operation_id="request_submit",
    )
    def post(self, request: Request) -> Response:
        """Ask. When nobody's approval is needed, `grant` is there at once.

        So it is inside an envelope of an agent. Outside of it the answer is 202, people decide, and `outside` says
        which limit was exceeded; poll this request until it is decided.
        """
        actor = signed_in_user(request)
        given = parse(RequestInput, request)
        target, scope = wanted(actor, given)
        draft = services.make_draft(
            target=target,
            scope=scope,
            lasts_s=given["lasts_s"],
            purpose=given["purpose"],
            ticket=given["ticket"],
            idempotency_key=idempotency_key(request),
        )
        draft = services.starting_later(draft, given["not_before"])
        submitted = services.submit_request(actor=actor, draft=draft, assurance=assurance_of(request))
        is_left_to_people = bool(outside_of(submitted)) and submitted.state == RequestState.PENDING
        made = status.HTTP_202_ACCEPTED if is_left_to_people else status.HTTP_201_CREATED
        return Response(_detail(actor, submitted.public_id), status=made)

    @extend_schema(responses=RequestOutput(many=True), parameters=[STATE, VISIBLE], operation_id="request_list")
    def get(self, request: Request) -> Response:
        """What you asked, and your service accounts; newest first."""
        actor = signed_in_user(request)
        is_wide = request.query_params.get("visible") == "true"
        rows = access.visible_requests(actor=actor) if is_wide else selectors.requests_of(actor=actor)
        if (state := request.query_params.get("state")) is not None:
            if state not in set(RequestState):
                raise CallerError(Reason.INVALID_INPUT, "There is no such state.")
            rows = rows.filter(state=state)
        return self.page(request, rows, describe_request)


class RequestView(Endpoint):
    @extend_schema(responses=RequestDetailOutput, operation_id="request_show")
    def get(self, request: Request, public_id: str) -> Response:
        """One request: what is signed, who agreed, who still may answer."""
        return Response(_detail(signed_in_user(request), public_id))


class WithdrawView(Endpoint):
    @extend_schema(request=StrictSerializer, responses=RequestDetailOutput, operation_id="request_withdraw")
    def post(self, request: Request, public_id: str) -> Response:
        """Take it back while nobody has decided."""
        actor = signed_in_user(request)
        parse(StrictSerializer, request)
        services.withdraw_request(actor=actor, request=access.get_request(actor=actor, public_id=public_id))
        return Response(_detail(actor, public_id))


class _AnswerView(Endpoint):
    is_approval = False

    def answer(self, request: Request, public_id: str) -> Response:
        actor = signed_in_user(request)
        given = parse(ApproveInput if self.is_approval else AnswerInput, request)
        found = access.get_request(actor=actor, public_id=public_id)
        answer = services.make_answer(
            is_approval=self.is_approval,
            note=given["note"],
            payload_hash=given["payload_hash"],
            assurance=prove_by(request, given["code"]),
        )
        offer = offer_of(given["offer"]) if given.get("offer") else None
        services.give(actor=actor, request=found, answer=answer, offer=offer)
        return Response(_detail(actor, public_id))


class ApproveView(_AnswerView):
    is_approval = True

    @extend_schema(request=ApproveInput, responses=RequestDetailOutput, operation_id="request_approve")
    def post(self, request: Request, public_id: str) -> Response:
        """Agree to exactly what `payload_hash` stands for; with `offer` to less than was asked."""
        return self.answer(request, public_id)


class DenyView(_AnswerView):
    @extend_schema(request=AnswerInput, responses=RequestDetailOutput, operation_id="request_deny")
    def post(self, request: Request, public_id: str) -> Response:
        """Refuse it. One denial is enough."""
        return self.answer(request, public_id)


class ApprovalsView(Endpoint):
    pagination_class = InOrder

    @extend_schema(responses=WaitingOutput(many=True), operation_id="approval_list")
    def get(self, request: Request) -> Response:
        """What waits for an answer of your groups, soonest deadline first; your own requests say why you may not."""
        actor = signed_in_user(request)
        return self.page(request, selectors.approvals_queue(actor=actor, now=clock.now()), _waiting)


def _waiting(item: selectors.QueueItem) -> dict[str, object]:
    return describe_request(item.request) | {"may_answer": item.may_answer, "why_not": describe_reason(item.why_not)}


def wanted(actor: User, given: dict[str, Any]) -> tuple[Target, Scope]:
    """What it is about. Names that the actor may not know are not found, as those that do not exist."""
    scope = parse_scope([dict(item) for item in given["resources"]])
    names = [part.repository for part in scope.resources]
    return known_to(actor).get_target_for(given["target"], names), scope


def _detail(actor: User, public_id: str) -> dict[str, object]:
    found: AccessRequest = access.get_request(actor=actor, public_id=public_id)
    return describe_detail(selectors.describe_request(actor=actor, request=found, now=clock.now()))
