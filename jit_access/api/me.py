"""Who am I here, and how sure is the gateway of that?"""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.accounts.models import AccountKind, User
from jit_access.accounts.selectors import groups_of
from jit_access.api.endpoint import Endpoint
from jit_access.mfa.assurance import Assurance, assurance_of, signed_in_user

LEVELS = ("none", "password", "second-factor", "phishing-resistant")


class PersonSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    display_name = serializers.CharField()
    kind = serializers.ChoiceField(choices=AccountKind.choices)
    groups = serializers.ListField(child=serializers.CharField())


class AssuranceSerializer(serializers.Serializer[Any]):
    level = serializers.ChoiceField(choices=LEVELS)
    proved_at = serializers.DateTimeField(allow_null=True)
    age_s = serializers.IntegerField(allow_null=True)


class MeSerializer(serializers.Serializer[Any]):
    person = PersonSerializer()
    assurance = AssuranceSerializer()


def describe_person(user: User) -> dict[str, object]:
    return {
        "id": user.public_id,
        "name": user.username,
        "display_name": user.display_name,
        "kind": str(user.kind),
        "groups": sorted(groups_of(user)),
    }


def describe_assurance(assurance: Assurance) -> dict[str, object]:
    proved_at = assurance.proved_at.isoformat() if assurance.proved_at is not None else None
    return {"level": LEVELS[assurance.level], "proved_at": proved_at, "age_s": assurance.age_s}


class MeView(Endpoint):
    @extend_schema(responses=MeSerializer, operation_id="me")
    def get(self, request: Request) -> Response:
        """The account behind this token or session, its groups, and how old its second factor is."""
        user = signed_in_user(request)
        body = {"person": describe_person(user), "assurance": describe_assurance(assurance_of(request))}
        return Response(body, headers={"Cache-Control": "no-store"})
