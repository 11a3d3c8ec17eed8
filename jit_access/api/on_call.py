"""On-call schedules over the API: the whole of one at once, as a tool sends it. Rules may approve by them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.access_requests.models import OnCallShift
from jit_access.access_requests.services.on_call import Shift, coming_shifts, replace_schedule
from jit_access.api.endpoint import Endpoint
from jit_access.api.pagination import InOrder
from jit_access.api.requests_inputs import CodeInput, StrictSerializer, describe_name, parse
from jit_access.api.requests_outputs import NameOutput
from jit_access.api.target_owners import require_fresh_by
from jit_access.mfa.assurance import signed_in_user
from jit_access.targets.access import require_operator


class ShiftInput(StrictSerializer):
    person = serializers.CharField(max_length=150, help_text="User name.")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(help_text="At most 31 days later.")


class ScheduleInput(CodeInput):
    shifts = ShiftInput(many=True)


class ShiftOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    person = NameOutput()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class ShiftsOutput(serializers.Serializer[Any]):
    shifts = ShiftOutput(many=True)


class OnCallView(Endpoint):
    pagination_class = InOrder

    @extend_schema(responses=ShiftOutput(many=True), operation_id="on_call_list")
    def get(self, request: Request, schedule: str) -> Response:
        """The shifts that are not over. For operators."""
        require_operator(signed_in_user(request))
        return self.page(request, coming_shifts(schedule), _describe)

    @extend_schema(request=ScheduleInput, responses=ShiftsOutput, operation_id="on_call_replace")
    def put(self, request: Request, schedule: str) -> Response:
        """Replace every shift that is not over. Operators do not put themselves on call. For operators."""
        actor = signed_in_user(request)
        require_operator(actor)
        given = parse(ScheduleInput, request)
        require_fresh_by(request, given["code"])
        shifts = [Shift(one["person"], one["starts_at"], one["ends_at"]) for one in given["shifts"]]
        rows = replace_schedule(actor=actor, schedule=schedule, shifts=shifts)
        return Response({"shifts": [_describe(row) for row in rows]})


def _describe(row: OnCallShift) -> dict[str, object]:
    return {
        "id": row.public_id,
        "person": describe_name(row.person),
        "starts_at": row.starts_at,
        "ends_at": row.ends_at,
    }
