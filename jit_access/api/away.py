"""Stand-ins and absences over the API: one's own, and what others gave."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.access_requests.away import coming_absences, coming_delegations
from jit_access.access_requests.models import Absence, Delegation
from jit_access.access_requests.services import standing_in
from jit_access.api.endpoint import Endpoint
from jit_access.api.pagination import InOrder
from jit_access.api.requests_inputs import CodeInput, StrictSerializer, describe_name, parse
from jit_access.api.requests_outputs import NameOutput
from jit_access.api.target_owners import require_fresh_by
from jit_access.core import clock
from jit_access.mfa.assurance import signed_in_user


class AbsenceInput(StrictSerializer):
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(help_text="At most ninety days later.")


class DelegationInput(CodeInput):
    to = serializers.CharField(max_length=150, help_text="User name of the person who answers for you.")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(help_text="At most ninety days later.")


class AbsenceOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class DelegationOutput(AbsenceOutput):
    delegator = NameOutput()
    delegate = NameOutput()


class DelegationsView(Endpoint):
    pagination_class = InOrder

    @extend_schema(responses=DelegationOutput(many=True), operation_id="delegation_list")
    def get(self, request: Request) -> Response:
        """Who answers for you, and for whom you answer, now or later."""
        actor = signed_in_user(request)
        return self.page(request, list(coming_delegations(actor, clock.now())), _delegation)

    @extend_schema(request=DelegationInput, responses={201: DelegationOutput}, operation_id="delegation_give")
    def post(self, request: Request) -> Response:
        """Let another person answer for you. You count as one; they cannot hand it on."""
        actor = signed_in_user(request)
        given = parse(DelegationInput, request)
        require_fresh_by(request, given["code"])
        row = standing_in.delegate_answers(
            actor=actor, to=given["to"], starts_at=given["starts_at"], ends_at=given["ends_at"]
        )
        return Response(_delegation(row), status=status.HTTP_201_CREATED)


class DelegationView(Endpoint):
    @extend_schema(
        request=StrictSerializer, responses={204: OpenApiResponse(description="Ended.")}, operation_id="delegation_end"
    )
    def delete(self, request: Request, public_id: str) -> Response:
        """Take it back, or give it back."""
        standing_in.end_delegation(actor=signed_in_user(request), public_id=public_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class AbsencesView(Endpoint):
    pagination_class = InOrder

    @extend_schema(responses=AbsenceOutput(many=True), operation_id="absence_list")
    def get(self, request: Request) -> Response:
        """When you are away, now or later."""
        return self.page(request, list(coming_absences(signed_in_user(request), clock.now())), _absence)

    @extend_schema(request=AbsenceInput, responses={201: AbsenceOutput}, operation_id="absence_note")
    def post(self, request: Request) -> Response:
        """Be away. You may still answer, and are not told where others are."""
        actor = signed_in_user(request)
        given = parse(AbsenceInput, request)
        row = standing_in.note_absence(actor=actor, starts_at=given["starts_at"], ends_at=given["ends_at"])
        return Response(_absence(row), status=status.HTTP_201_CREATED)


class AbsenceView(Endpoint):
    @extend_schema(
        request=StrictSerializer, responses={204: OpenApiResponse(description="Ended.")}, operation_id="absence_end"
    )
    def delete(self, request: Request, public_id: str) -> Response:
        """Be back."""
        standing_in.end_absence(actor=signed_in_user(request), public_id=public_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _absence(row: Absence | Delegation) -> dict[str, object]:
    return {"id": row.public_id, "starts_at": row.starts_at, "ends_at": row.ends_at}


def _delegation(row: Delegation) -> dict[str, object]:
    return _absence(row) | {"delegator": describe_name(row.delegator), "delegate": describe_name(row.delegate)}
