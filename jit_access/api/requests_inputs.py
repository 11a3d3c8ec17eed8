"""What clients may send about requests and grants: each field named here, anything else refused.

TEAM let clients write state through a generic update (PR #605). Nothing here maps to a column by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from jit_access.access_requests.drafts import MAX_LASTS_S, MIN_LASTS_S
from jit_access.accounts.models import User
from jit_access.core import clock
from jit_access.domain.operations import Operation
from jit_access.mfa.assurance import Assurance, Level, assurance_of, signed_in_user
from jit_access.mfa.services import client_address, prove_code

KEY_HEADER = "Idempotency-Key"


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields it does not know, so that a misspelt or smuggled one is never passed over in silence."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := set(data) - set(self.fields)):
            raise serializers.ValidationError(dict.fromkeys(sorted(map(str, unknown)), "This field is not known here."))
        return super().to_internal_value(data)


class ResourceInput(StrictSerializer):
    repository = serializers.CharField(max_length=200)
    operations = serializers.ListField(child=serializers.ChoiceField(choices=[str(item) for item in Operation]))
    tags = serializers.ListField(child=serializers.CharField(max_length=128), required=False, default=list)
    digests = serializers.ListField(child=serializers.CharField(max_length=136), required=False, default=list)
    files = serializers.ListField(
        child=serializers.CharField(max_length=200),
        required=False,
        default=list,
        help_text="Patterns such as *.safetensors or onnx/: only at hubs, whose repositories have files.",
    )


class PreviewInput(StrictSerializer):
    target = serializers.CharField(max_length=63, help_text="Slug or id of the target.")
    resources = ResourceInput(many=True)
    lasts_s = serializers.IntegerField(min_value=MIN_LASTS_S, max_value=MAX_LASTS_S)


class RequestInput(PreviewInput):
    purpose = serializers.CharField(max_length=1000)
    not_before = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="The grant cannot start before this; 14 days at most."
    )
    ticket = serializers.CharField(max_length=60, required=False, allow_blank=True, default="")


class CodeInput(StrictSerializer):
    code = serializers.CharField(
        max_length=40,
        required=False,
        allow_blank=True,
        default="",
        write_only=True,
        help_text="A current code of the second factor. It proves the factor for this call.",
    )


class AnswerInput(CodeInput):
    payload_hash = serializers.CharField(max_length=64, help_text="Hash of the payload that was read.")
    note = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class OfferInput(StrictSerializer):
    lasts_s = serializers.IntegerField(min_value=MIN_LASTS_S, max_value=MAX_LASTS_S)
    resources = ResourceInput(many=True, help_text="All that would be given; never more than was asked.")


class ApproveInput(AnswerInput):
    offer = OfferInput(required=False, help_text="Approve less than was asked, as shown by /offer.")


class RevokeInput(StrictSerializer):
    note = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")


class ExtendInput(CodeInput):
    by_s = serializers.IntegerField(min_value=1)
    purpose = serializers.CharField(max_length=1000)


class TokenInput(StrictSerializer):
    label = serializers.CharField(  # type: ignore[assignment]  # the stubs know only the label every field has
        max_length=80, required=False, allow_blank=True, default=""
    )


def parse(serializer: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """The checked body of a request. Raises: ValidationError, shown field by field."""
    given = serializer(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)


def prove_by(request: Request, code: str) -> Assurance:
    """The session's assurance; with a code, a proof given just now, for this call alone.

    Raises: PolicyRefusal (second-factor-wrong, -reused, -locked, -missing), recorded.
    """
    if not code:
        return assurance_of(request)
    user = signed_in_user(request)
    prove_code(user=user, code=code, address=client_address(request._request))
    # Where it was shown stays known, so that a lock on the session or device finds what was started by it.
    return replace(assurance_of(request), level=Level.SECOND_FACTOR, proved_at=clock.now(), age_s=0)


def idempotency_key(request: Request) -> str:
    """What the client calls this attempt, or nothing."""
    return request.headers.get(KEY_HEADER, "")


def describe_name(user: User) -> dict[str, str]:
    """An account as others see it: never the mail address."""
    return {"id": user.public_id, "name": user.display_name, "kind": str(user.kind)}
