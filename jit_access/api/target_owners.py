"""Owners of targets over the API: whom rules ask that say `target-owner`."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.access_requests.services.owning import MAX_OWNERS, name_owners, owner_names
from jit_access.api.endpoint import Endpoint
from jit_access.api.requests_inputs import CodeInput, parse, prove_by
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, require_fresh, signed_in_user
from jit_access.targets import access
from jit_access.targets.models import Target


class OwnersInput(CodeInput):
    group = serializers.CharField(max_length=150, allow_blank=True, help_text="Everybody in it; empty for none.")
    people = serializers.ListField(
        child=serializers.CharField(max_length=150), max_length=MAX_OWNERS, help_text="User names."
    )


class OwnersOutput(serializers.Serializer[Any]):
    group = serializers.CharField()
    people = serializers.ListField(child=serializers.CharField())


class OwnersView(Endpoint):
    @extend_schema(responses=OwnersOutput, operation_id="target_owners")
    def get(self, request: Request, slug: str) -> Response:
        """Whom rules ask that say `target-owner`. For operators."""
        return Response(_describe(access.get_managed_target(signed_in_user(request), slug)))

    @extend_schema(request=OwnersInput, responses=OwnersOutput, operation_id="target_owners_name")
    def put(self, request: Request, slug: str) -> Response:
        """Give a registry to a group and to people. Both replace what was there. For operators."""
        actor = signed_in_user(request)
        target = access.get_managed_target(actor, slug)
        given = parse(OwnersInput, request)
        require_fresh_by(request, given["code"])
        held = name_owners(actor=actor, target=target, group=given["group"], people=given["people"])
        return Response(_describe(held))


def require_fresh_by(request: Request, code: str) -> None:
    """A code in the body proves the factor for this call; without one, the session's must be fresh."""
    if code:
        prove_by(request, code)
    else:
        require_fresh(request, STEP_UP_MAX_AGE_S)


def _describe(target: Target) -> dict[str, object]:
    return {"group": target.owner_group, "people": list(owner_names(target))}
