"""Envelopes as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from jit_access.accounts.models import User
from jit_access.api.requests_inputs import describe_name
from jit_access.api.requests_outputs import (
    ASKED_HELP,
    STAGE_HELP,
    NameOutput,
    ReasonOutput,
    ResourceOutput,
    describe_reason,
)
from jit_access.domain.lifecycle import EnvelopeState
from jit_access.envelopes.access import may_end
from jit_access.envelopes.budgets import day_use
from jit_access.envelopes.hours import clock_text
from jit_access.envelopes.models import Envelope, EnvelopeSignature
from jit_access.envelopes.people import OPEN_STATES, Step, refusal_to_sign, steps_of
from jit_access.envelopes.services import Asked
from jit_access.envelopes.standing import refusal_of


class HoursOutput(serializers.Serializer[Any]):
    days = serializers.ListField(child=serializers.IntegerField(), help_text="0 is Monday.")
    begins = serializers.CharField(help_text="Such as 08:00.")
    ends = serializers.CharField(help_text="Such as 18:00, or 24:00.")
    time_zone = serializers.CharField()


class DayOutput(serializers.Serializer[Any]):
    bytes_taken = serializers.IntegerField(help_text="Moved by ended grants, and reserved by those that live.")
    bytes_reserved = serializers.IntegerField(help_text="The part of it that may yet come back.")
    grants = serializers.IntegerField(help_text="Opened in the last 24 hours.")
    open_grants = serializers.IntegerField()


class EnvelopeOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=[str(state) for state in EnvelopeState])
    state_reason = ReasonOutput(allow_null=True)
    stands = serializers.BooleanField(help_text="What is inside it is granted at once now.")
    agent = NameOutput()
    proposer = NameOutput()
    target = serializers.CharField()
    resources = ResourceOutput(many=True)
    workloads = serializers.ListField(
        child=serializers.CharField(), help_text="Only tokens of these workload identities; none: any token."
    )
    because = serializers.CharField()
    lasts_at_most_s = serializers.IntegerField(help_text="One grant with everything that extends it.")
    bytes_per_day = serializers.IntegerField(help_text="All its grants, in any 24 hours, both directions.")
    bytes_per_grant = serializers.IntegerField(help_text="Reserved for each grant; what is not moved comes back.")
    grants_per_day = serializers.IntegerField(help_text="Opened in any 24 hours.")
    hours = HoursOutput()
    expires_at = serializers.DateTimeField()
    review_every_s = serializers.IntegerField()
    review_by = serializers.DateTimeField()
    answer_by = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    activated_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField(help_text="Grows with each move; the ETag begins with it.")


class EnvelopeStepOutput(serializers.Serializer[Any]):
    stage = serializers.IntegerField(help_text=STAGE_HELP)
    is_now = serializers.BooleanField(help_text="Whether its stage is the one that is asked now.")
    group = serializers.CharField(help_text=ASKED_HELP)
    needed = serializers.IntegerField()
    given = serializers.IntegerField()
    people = NameOutput(many=True)


class EnvelopeSignatureOutput(serializers.Serializer[Any]):
    signer = NameOutput()
    round = serializers.IntegerField(help_text="1 is the approval; each review is another one.")
    group = serializers.CharField()
    is_approval = serializers.BooleanField()
    note = serializers.CharField()
    payload_hash = serializers.CharField()
    at = serializers.DateTimeField()


class EnvelopeDetailOutput(EnvelopeOutput):
    round = serializers.IntegerField()
    is_asking = serializers.BooleanField(help_text="People are asked now, for the approval or for a review.")
    payload = serializers.JSONField(help_text="What is signed in this round.")
    payload_hash = serializers.CharField()
    steps = EnvelopeStepOutput(many=True)
    signatures = EnvelopeSignatureOutput(many=True)
    day = DayOutput()
    may_sign = serializers.BooleanField()
    why_not = ReasonOutput(allow_null=True)
    may_end = serializers.BooleanField()


class EnvelopeAskedOutput(serializers.Serializer[Any]):
    stage = serializers.IntegerField(help_text=STAGE_HELP)
    group = serializers.CharField(help_text=ASKED_HELP)
    needed = serializers.IntegerField()
    people = NameOutput(many=True)


class EnvelopePreviewOutput(serializers.Serializer[Any]):
    steps = EnvelopeAskedOutput(many=True)


def describe_envelope(row: Envelope, now: datetime) -> dict[str, object]:
    hours = row.hours
    return {
        "id": row.public_id,
        "name": row.name,
        "state": str(row.state),
        "state_reason": describe_reason(row.state_reason),
        "stands": refusal_of(row, now) is None,
        "agent": describe_name(row.agent),
        "proposer": describe_name(row.proposer),
        "target": row.target.slug,
        "resources": row.scope,
        "workloads": row.workloads,
        "because": row.because,
        "lasts_at_most_s": row.lasts_at_most_s,
        "bytes_per_day": row.bytes_per_day,
        "bytes_per_grant": row.bytes_per_grant,
        "grants_per_day": row.grants_per_day,
        "hours": {
            "days": sorted(hours.days),
            "begins": clock_text(hours.starts_min),
            "ends": clock_text(hours.ends_min),
            "time_zone": hours.zone,
        },
        "expires_at": row.expires_at,
        "review_every_s": row.review_every_s,
        "review_by": row.review_by,
        "answer_by": row.answer_by,
        "created_at": row.created_at,
        "activated_at": row.activated_at,
        "ended_at": row.ended_at,
        "version": row.version,
    }


def describe_envelope_detail(row: Envelope, actor: User, now: datetime) -> dict[str, object]:
    steps, used = steps_of(row), day_use(row, now)
    is_open = row.is_asking and row.state in OPEN_STATES
    why_not = refusal_to_sign(actor, row, steps) if is_open else None
    return describe_envelope(row, now) | {
        "round": row.round,
        "is_asking": row.is_asking,
        "payload": row.payload,
        "payload_hash": row.payload_hash,
        "steps": [_step(one) for one in steps],
        "signatures": [_signature(one) for one in row.signatures.select_related("signer").order_by("pk")],
        "day": {
            "bytes_taken": used.taken_bytes,
            "bytes_reserved": used.reserved,
            "grants": used.grants,
            "open_grants": used.open_grants,
        },
        "may_sign": is_open and why_not is None,
        "why_not": describe_reason(why_not),
        "may_end": may_end(actor, row),
    }


def describe_asked(one: Asked) -> dict[str, object]:
    return {
        "stage": one.stage,
        "group": one.word,
        "needed": one.needed,
        "people": [describe_name(person) for person in one.people],
    }


def _step(step: Step) -> dict[str, object]:
    return {
        "stage": step.stage,
        "is_now": step.is_now,
        "group": step.word,
        "needed": step.needed,
        "given": len(step.given),
        "people": [describe_name(person) for person in step.people],
    }


def _signature(one: EnvelopeSignature) -> dict[str, object]:
    return {
        "signer": describe_name(one.signer),
        "round": one.round,
        "group": one.word,
        "is_approval": one.is_approval,
        "note": one.note,
        "payload_hash": one.payload_hash,
        "at": one.created_at,
    }
