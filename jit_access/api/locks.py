"""The kill switch over the API: what is locked, place, preview, lift. Parse, call one service, describe."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.accounts.models import User
from jit_access.api.endpoint import Endpoint
from jit_access.api.pagination import NewestFirst
from jit_access.api.requests_inputs import CodeInput, StrictSerializer, parse, prove_by
from jit_access.core import clock
from jit_access.domain.errors import CallerError, NotFound
from jit_access.domain.lifecycle import GrantState
from jit_access.domain.locks import LockAxis
from jit_access.domain.reasons import Reason
from jit_access.grants import services
from jit_access.grants.lockable import MAX_NAME_CHARS, find_lockable
from jit_access.locks.access import get_lock, may_see_locks, require_security
from jit_access.locks.models import Lock
from jit_access.locks.selectors import list_over, list_standing
from jit_access.locks.services import DEFAULT_S, LONGEST_S, REASON_CHARS, SHORTEST_S, LockOrder
from jit_access.mfa.assurance import signed_in_user

AXES = [str(axis) for axis in LockAxis]
STATE = OpenApiParameter("state", OpenApiTypes.STR, enum=["standing", "over"], description="standing when not said")


class WhatInput(StrictSerializer):
    axis = serializers.ChoiceField(choices=AXES)
    name = serializers.CharField(
        max_length=MAX_NAME_CHARS,
        help_text="A public id, or what people call it: a user name, a slug, target/repository, a tier.",
    )


class LockInput(WhatInput, CodeInput):
    reason = serializers.CharField(min_length=REASON_CHARS[0], max_length=REASON_CHARS[1])
    lasts_s = serializers.IntegerField(
        min_value=SHORTEST_S,
        max_value=LONGEST_S,
        required=False,
        allow_null=True,
        default=DEFAULT_S,
        help_text="null: until somebody lifts it.",
    )


class LiftInput(CodeInput):
    note = serializers.CharField(max_length=REASON_CHARS[1], required=False, allow_blank=True, default="")


class LockOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    axis = serializers.ChoiceField(choices=AXES)
    key = serializers.CharField(help_text="Public id of what is locked, or the name of a tier.")
    repository = serializers.CharField(help_text="Only where a repository is locked.")
    label = serializers.CharField()  # type: ignore[assignment]  # the stubs know only the label every field has
    reason = serializers.CharField()
    placed_at = serializers.DateTimeField()
    placed_by = serializers.CharField()
    until = serializers.DateTimeField(allow_null=True, help_text="null: until somebody lifts it.")
    stands = serializers.BooleanField()
    lifted_at = serializers.DateTimeField(allow_null=True)
    lifted_by = serializers.CharField()
    lift_note = serializers.CharField()
    version = serializers.IntegerField(help_text="Another one once it is lifted; the ETag begins with it.")
    grants = serializers.ListField(child=serializers.CharField(), help_text="What it stopped.")


class HitOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    subject = serializers.CharField()
    target = serializers.CharField()
    state = serializers.ChoiceField(choices=[str(state) for state in GrantState])


class LockPreviewOutput(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]  # the stubs know only the label every field has
    grants = HitOutput(many=True)


class LocksView(Endpoint):
    pagination_class = NewestFirst

    @extend_schema(responses=LockOutput(many=True), parameters=[STATE], operation_id="lock_list")
    def get(self, request: Request) -> Response:
        """What is locked, or was; newest first. For security and auditors."""
        if not may_see_locks(signed_in_user(request)):
            raise NotFound
        state = request.query_params.get("state", "standing")
        if state not in {"standing", "over"}:
            raise CallerError(Reason.INVALID_INPUT, "There is no such state.")
        now = clock.now()
        rows = list_standing() if state == "standing" else list_over()
        return self.page(request, rows.prefetch_related("hits"), lambda row: describe_lock(row, now))

    @extend_schema(request=LockInput, responses={201: LockOutput}, operation_id="lock_place")
    def post(self, request: Request) -> Response:
        """Stop something now. Security only, with a fresh second factor."""
        actor = _security(request)
        given = parse(LockInput, request)
        found = find_lockable(LockAxis(given["axis"]), given["name"])
        order = LockOrder(found.facts, found.label, given["reason"], given["lasts_s"])
        lock = services.place_lock(actor=actor, order=order, assurance=prove_by(request, given["code"]))
        return Response(describe_lock(lock, clock.now()), status=status.HTTP_201_CREATED)


class LockPreviewView(Endpoint):
    @extend_schema(request=WhatInput, responses=LockPreviewOutput, operation_id="lock_preview")
    def post(self, request: Request) -> Response:
        """What a lock would stop. Changes nothing."""
        _security(request)
        given = parse(WhatInput, request)
        found = find_lockable(LockAxis(given["axis"]), given["name"])
        hit = [
            {"id": one.public_id, "subject": one.subject.display_name, "target": one.target.slug, "state": one.state}
            for one in services.grants_under(found.facts)
        ]
        return Response({"label": found.label, "grants": hit})


class LockView(Endpoint):
    @extend_schema(responses=LockOutput, operation_id="lock_show")
    def get(self, request: Request, public_id: str) -> Response:
        """One lock and what it stopped."""
        return Response(describe_lock(get_lock(actor=signed_in_user(request), public_id=public_id), clock.now()))


class LiftView(Endpoint):
    @extend_schema(request=LiftInput, responses=LockOutput, operation_id="lock_lift")
    def post(self, request: Request, public_id: str) -> Response:
        """Undo a lock. What no other lock stops goes on. A repeat changes nothing."""
        actor = _security(request)
        given = parse(LiftInput, request)
        lock = get_lock(actor=actor, public_id=public_id)
        proof = prove_by(request, given["code"])
        lifted = services.lift_lock(actor=actor, lock=lock, assurance=proof, note=given["note"])
        return Response(describe_lock(lifted, clock.now()))


def describe_lock(lock: Lock, now: datetime) -> dict[str, object]:
    return {
        "id": lock.public_id,
        "axis": lock.axis,
        "key": lock.key,
        "repository": lock.resource if lock.axis == LockAxis.RESOURCE else "",
        "label": lock.label,
        "reason": lock.reason,
        "placed_at": lock.placed_at,
        "placed_by": lock.placed_by_name,
        "until": lock.until,
        "stands": lock.stands_at(now),
        "lifted_at": lock.lifted_at,
        "lifted_by": lock.lifted_by_name,
        "lift_note": lock.lift_note,
        "version": lock.version,
        "grants": [hit.grant_id for hit in lock.hits.all()],
    }


def _security(request: Request) -> User:
    """Before anything is parsed or looked up: strangers learn nothing of what there is."""
    actor = signed_in_user(request)
    require_security(actor)
    return actor
