"""The policy that counts, for everybody to read: rules that people may not see they cannot follow.

Only where the rules name single targets or repositories, their text is for those who may know all of these.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.access_requests.knowing import known_to
from jit_access.api.endpoint import Endpoint
from jit_access.domain.errors import NotFound
from jit_access.mfa.assurance import signed_in_user
from jit_access.policies import selectors


class PolicyOutput(serializers.Serializer[Any]):
    version = serializers.IntegerField()
    digest = serializers.CharField(help_text="SHA-256 over names and texts of all files.")
    loaded_at = serializers.DateTimeField()
    loaded_by = serializers.CharField()
    schema_text = serializers.CharField()
    files = serializers.DictField(
        child=serializers.CharField(),
        help_text="File name to Cedar text. Empty when rules name targets or repositories and you may not know all.",
    )


class ActivePolicyView(Endpoint):
    @extend_schema(responses=PolicyOutput, operation_id="policy_active")
    def get(self, request: Request) -> Response:
        """The active policy version, word for word. Without one nothing is open, and this is a 404."""
        known = known_to(signed_in_user(request))
        version = selectors.active_version()
        if version is None:
            raise NotFound("No policy is loaded, so nothing is open.")
        return Response(
            {
                "version": version.number,
                "digest": version.digest,
                "loaded_at": version.loaded_at,
                "loaded_by": version.loaded_by,
                "schema_text": version.schema_text,
                "files": version.files if known.may_read_rules else {},
            }
        )
