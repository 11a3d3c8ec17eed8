"""Why or why not, over the API: for oneself, and for security and auditors for anybody."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.access_requests.drafts import MAX_LASTS_S, MIN_LASTS_S
from jit_access.access_requests.why import Explained, Wondering, explain_to
from jit_access.api.endpoint import Endpoint
from jit_access.api.requests_inputs import StrictSerializer
from jit_access.domain.operations import Operation
from jit_access.domain.reasons import explain
from jit_access.mfa.assurance import assurance_of, signed_in_user
from jit_access.policies.questions import Assurance, Proof

_LASTS_S = 3600


class WhyInput(StrictSerializer):
    person = serializers.CharField(max_length=150, required=False, default="", help_text="Username; you, when empty.")
    target = serializers.CharField(max_length=63, help_text="Slug or id of the target.")
    repository = serializers.CharField(max_length=200)
    operation = serializers.ChoiceField(choices=[str(one) for one in Operation])
    lasts_s = serializers.IntegerField(min_value=MIN_LASTS_S, max_value=MAX_LASTS_S, required=False, default=_LASTS_S)


class WhyConditionOutput(serializers.Serializer[Any]):
    text = serializers.CharField()
    is_met = serializers.BooleanField()


class NearRuleOutput(serializers.Serializer[Any]):
    rule = serializers.CharField()
    effect = serializers.ChoiceField(choices=["permit", "forbid"])
    because = serializers.CharField()
    conditions = WhyConditionOutput(many=True)


class WhyApprovalOutput(serializers.Serializer[Any]):
    group = serializers.CharField()
    needed = serializers.IntegerField()
    people = serializers.ListField(child=serializers.CharField(), help_text="Who could approve now.")


class WhyOutput(serializers.Serializer[Any]):
    person = serializers.CharField()
    is_allowed = serializers.BooleanField()
    code = serializers.CharField()
    sentence = serializers.CharField()
    lasts_at_most_s = serializers.IntegerField()
    rules = NearRuleOutput(many=True, help_text="Forbids that match, and permits about this, the nearest first.")
    would_be_allowed_if = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField()),
        help_text="Ways to an allow, each with everything it needs. Each was asked of policy as a whole.",
    )
    approvals = WhyApprovalOutput(many=True)


class WhyView(Endpoint):
    @extend_schema(parameters=[WhyInput], responses=WhyOutput, operation_id="policy_why")
    def get(self, request: Request) -> Response:
        """Why policy says yes or no, what is missing, and who could approve. Nothing is asked for by asking."""
        actor = signed_in_user(request)
        serializer = WhyInput(data=request.query_params.dict())
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        wondering = Wondering(
            given["person"], given["target"], given["repository"], Operation(given["operation"]), given["lasts_s"]
        )
        return Response(_describe(explain_to(actor, wondering, proof=_proof(request))))


def _proof(request: Request) -> Proof | None:
    """What this session proved. A token proves nothing about a person, so the best proof is assumed."""
    held = assurance_of(request)
    return Proof(Assurance(held.level), held.age_s) if held.is_proved else None


def _describe(found: Explained) -> dict[str, Any]:
    answer = found.why.answer
    return {
        "person": found.person.username,
        "is_allowed": answer.is_allowed,
        "code": str(answer.reason),
        "sentence": explain(answer.reason),
        "lasts_at_most_s": answer.lasts_at_most_s,
        "rules": [
            {
                "rule": rule.rule,
                "effect": "permit" if rule.is_permit else "forbid",
                "because": rule.because,
                "conditions": [{"text": one.text, "is_met": one.is_met} for one in rule.conditions],
            }
            for rule in found.why.rules
        ],
        "would_be_allowed_if": [list(way.changes) for way in found.why.would_be],
        "approvals": [
            {
                "group": one.group,
                "needed": one.needed,
                "people": [person.display_name for person in found.people.get(one.group, ())],
            }
            for one in found.why.approvals_wanted
        ],
    }
