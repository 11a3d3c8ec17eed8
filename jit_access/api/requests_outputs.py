"""Requests as the API shows them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from jit_access.access_requests.inside import envelope_of, outside_of
from jit_access.access_requests.models import AccessRequest, Verdict
from jit_access.access_requests.people import StepState
from jit_access.access_requests.selectors import RequestDetail
from jit_access.access_requests.services import Preview
from jit_access.accounts.models import User
from jit_access.api.requests_inputs import describe_name
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.reasons import Reason, explain


class NameOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.CharField()


class ResourceOutput(serializers.Serializer[Any]):
    repository = serializers.CharField()
    operations = serializers.ListField(child=serializers.CharField())
    tags = serializers.ListField(child=serializers.CharField())
    digests = serializers.ListField(child=serializers.CharField())
    files = serializers.ListField(child=serializers.CharField(), required=False)


class ReasonOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    sentence = serializers.CharField()


class RiskReasonOutput(serializers.Serializer[Any]):
    points = serializers.IntegerField(help_text="What it adds to the score.")
    code = serializers.CharField()
    sentence = serializers.CharField()


class RiskOutput(serializers.Serializer[Any]):
    score = serializers.IntegerField()
    reasons = RiskReasonOutput(many=True)


ASKED_HELP = "A group, or `manager`, or `target-owner`; `group:manager` is a group of that name."
STAGE_HELP = "Stages are asked one after the other, from 1."


class InsideOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    signed_by = serializers.ListField(child=serializers.CharField(), help_text="Who signed it last.")
    signed_at = serializers.CharField()


class OutsideOutput(serializers.Serializer[Any]):
    envelope = serializers.CharField()
    name = serializers.CharField()
    field = serializers.CharField(
        help_text="Which limit: lasts_s, resources, operations, workload, hours, bytes_per_day, grants_per_day, …"
    )
    sentence = serializers.CharField()


class PreviewStepOutput(serializers.Serializer[Any]):
    stage = serializers.IntegerField(help_text=STAGE_HELP)
    group = serializers.CharField(help_text=ASKED_HELP)
    needed = serializers.IntegerField()
    people = NameOutput(many=True)


class ConditionOutput(serializers.Serializer[Any]):
    sentence = serializers.CharField()
    is_met = serializers.BooleanField()


class AutoFindingOutput(serializers.Serializer[Any]):
    rule = serializers.CharField()
    way = serializers.CharField(help_text="As the rule says it.")
    is_met = serializers.BooleanField()
    conditions = ConditionOutput(many=True)


class AutoApprovalOutput(serializers.Serializer[Any]):
    rule = serializers.CharField()
    way = serializers.CharField(help_text="As the rule says it.")
    conditions = serializers.ListField(child=serializers.CharField(), help_text="What held then, in sentences.")


class PreviewOutput(serializers.Serializer[Any]):
    is_allowed = serializers.BooleanField()
    why_not = ReasonOutput(allow_null=True)
    rules = serializers.ListField(child=serializers.CharField())
    policy_version = serializers.IntegerField()
    lasts_at_most_s = serializers.IntegerField()
    steps = PreviewStepOutput(many=True)
    factor_max_age_s = serializers.IntegerField()
    is_factor_fresh = serializers.BooleanField()
    staleness = serializers.CharField()
    byte_budget = serializers.IntegerField(help_text="0: none.")
    request_budget = serializers.IntegerField(help_text="How many requests the grant may make; 0: as many as it likes.")
    refused_files = serializers.ListField(
        child=serializers.CharField(), help_text="Kinds of files that are refused: classes such as pickle, or patterns."
    )
    risk = RiskOutput()
    is_auto = serializers.BooleanField(help_text="Rules would approve this by themselves, and nobody is asked.")
    auto_approval = AutoFindingOutput(many=True, help_text="Rules that could, with what holds and what does not.")
    envelope = InsideOutput(allow_null=True, help_text="An agent's envelope that would stand in for the people.")
    outside = OutsideOutput(many=True, help_text="Which limits of the agent's nearest envelope it exceeds; else empty.")


class RequestOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    state = serializers.ChoiceField(choices=[str(state) for state in RequestState])
    reason = ReasonOutput(allow_null=True)
    requester = NameOutput()
    target = serializers.CharField()
    resources = ResourceOutput(many=True)
    purpose = serializers.CharField()
    ticket = serializers.CharField()
    lasts_s = serializers.IntegerField()
    answer_by = serializers.DateTimeField()
    start_by = serializers.DateTimeField()
    not_before = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    version = serializers.IntegerField(help_text="Grows with each move; the ETag begins with it.")
    decided_at = serializers.DateTimeField(allow_null=True)
    extends = serializers.CharField(allow_null=True)
    bundle = serializers.CharField(allow_null=True, help_text="What it was asked together with.")
    is_break_glass = serializers.BooleanField(help_text="Opened at once, without approval.")
    is_held = serializers.BooleanField(help_text="Agreed on; granted when everything asked with it is.")
    grant = serializers.CharField(allow_null=True)
    rules = serializers.ListField(child=serializers.CharField())
    policy_version = serializers.IntegerField()
    auto_approval = AutoApprovalOutput(many=True, help_text="The rules that approved it by themselves; else empty.")
    envelope = InsideOutput(allow_null=True, help_text="Inside which it was granted at once.")
    outside = OutsideOutput(many=True, help_text="Which limits of the agent's nearest envelope it exceeds; else empty.")
    risk = RiskOutput()
    payload_hash = serializers.CharField()


class VerdictOutput(serializers.Serializer[Any]):
    approver = NameOutput()
    on_behalf_of = NameOutput(allow_null=True, help_text="For whom a stand-in answered: they count.")
    is_approval = serializers.BooleanField()
    note = serializers.CharField()
    group = serializers.CharField()
    at = serializers.DateTimeField()


class StandingOutput(serializers.Serializer[Any]):
    person = NameOutput()
    away_until = serializers.DateTimeField(allow_null=True)
    stand_in = NameOutput(allow_null=True)


class StepOutput(serializers.Serializer[Any]):
    stage = serializers.IntegerField(help_text=STAGE_HELP)
    is_now = serializers.BooleanField(help_text="Whether its stage is the one that is asked now.")
    group = serializers.CharField(help_text=ASKED_HELP)
    needed = serializers.IntegerField()
    given = serializers.IntegerField()
    people = NameOutput(many=True)
    away = StandingOutput(many=True, help_text="Which of them are away or have a stand-in now.")


class RequestDetailOutput(RequestOutput):
    payload = serializers.JSONField()
    steps = StepOutput(many=True)
    verdicts = VerdictOutput(many=True)
    may_answer = serializers.BooleanField()
    why_not = ReasonOutput(allow_null=True)
    factor_max_age_s = serializers.IntegerField()


class WaitingOutput(RequestOutput):
    may_answer = serializers.BooleanField()
    why_not = ReasonOutput(allow_null=True)


def describe_reason(reason: Reason | str | None, sentence: str = "") -> dict[str, str] | None:
    """A code with its sentence, or None."""
    return {"code": str(reason), "sentence": sentence or explain(Reason(reason))} if reason else None


def describe_preview(preview: Preview) -> dict[str, object]:
    return {
        "is_allowed": preview.is_allowed,
        "why_not": describe_reason(preview.why_not, preview.why_nobody),
        "rules": list(preview.rules),
        "policy_version": preview.policy_version,
        "lasts_at_most_s": preview.lasts_at_most_s,
        "steps": [
            {
                "stage": step.stage,
                "group": step.group,
                "needed": step.needed,
                "people": [describe_name(one) for one in step.people],
            }
            for step in preview.steps
        ],
        "factor_max_age_s": preview.factor_max_age_s,
        "is_factor_fresh": preview.is_factor_fresh,
        "staleness": str(preview.staleness),
        "byte_budget": preview.byte_budget,
        "request_budget": preview.request_budget,
        "refused_files": list(preview.refused_files),
        "risk": {"score": preview.risk.score, "reasons": preview.risk.wire},
        "is_auto": preview.is_auto,
        "auto_approval": [
            {
                "rule": one.rule,
                "way": one.way,
                "is_met": one.is_met,
                "conditions": [{"sentence": part.sentence, "is_met": part.is_met} for part in one.conditions],
            }
            for one in preview.auto
        ],
        "envelope": preview.fit.wire if preview.fit is not None and preview.is_inside else None,
        "outside": [] if preview.fit is None else preview.fit.outside,
    }


def describe_request(request: AccessRequest) -> dict[str, object]:
    grant = getattr(request, "grant", None)
    return {
        "id": request.public_id,
        "state": str(request.state),
        "reason": describe_reason(request.end_reason),
        "requester": describe_name(request.requester),
        "target": request.target.slug,
        "resources": request.scope,
        "purpose": request.purpose,
        "ticket": request.ticket,
        "lasts_s": request.lasts_s,
        "answer_by": request.answer_by,
        "start_by": request.start_by,
        "not_before": request.not_before,
        "created_at": request.created_at,
        "version": request.version,
        "decided_at": request.decided_at,
        "extends": None if request.extends is None else request.extends.public_id,
        "bundle": None if request.bundle is None else request.bundle.public_id,
        "is_break_glass": request.is_break_glass,
        "is_held": request.state == RequestState.PENDING and bool(request.agreed_reason),
        "grant": None if grant is None else grant.public_id,
        "rules": request.rules,
        "policy_version": request.policy_version.number,
        "auto_approval": request.auto_approval,
        "envelope": envelope_of(request),
        "outside": outside_of(request),
        "risk": {"score": request.risk, "reasons": request.risk_reasons},
        "payload_hash": request.payload_hash,
    }


def describe_detail(detail: RequestDetail) -> dict[str, object]:
    return describe_request(detail.request) | {
        "payload": detail.request.payload,
        "steps": [_step(state) for state in detail.steps],
        "verdicts": [_verdict(verdict) for verdict in detail.verdicts],
        "may_answer": detail.may_answer,
        "why_not": describe_reason(detail.why_not),
        "factor_max_age_s": detail.factor_max_age_s,
    }


def _step(state: StepState) -> dict[str, object]:
    return {
        "stage": state.stage,
        "is_now": state.is_now,
        "group": state.group,
        "needed": state.needed,
        "given": len(state.given),
        "people": [describe_name(person) for person in state.people],
        "away": [_standing(person, state) for person in state.people if person.pk in state.standings],
    }


def _standing(person: User, state: StepState) -> dict[str, object]:
    said = state.standings[person.pk]
    return {
        "person": describe_name(person),
        "away_until": said.away_until,
        "stand_in": None if said.stand_in is None else describe_name(said.stand_in),
    }


def _verdict(verdict: Verdict) -> dict[str, object]:
    return {
        "approver": describe_name(verdict.approver),
        "on_behalf_of": None if verdict.on_behalf_of is None else describe_name(verdict.on_behalf_of),
        "is_approval": verdict.is_approval,
        "note": verdict.note,
        "group": verdict.step.group,
        "at": verdict.created_at,
    }
