"""Grants and their tokens as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from jit_access.api.requests_inputs import describe_name
from jit_access.api.requests_outputs import NameOutput, ReasonOutput, ResourceOutput, describe_reason
from jit_access.credentials.models import CredentialLease
from jit_access.domain.lifecycle import GrantState, LeaseState
from jit_access.grants.models import Grant


class GrantOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    state = serializers.ChoiceField(choices=[str(state) for state in GrantState])
    reason = ReasonOutput(allow_null=True)
    note = serializers.CharField()
    subject = NameOutput()
    ended_by = NameOutput(allow_null=True)
    request = serializers.CharField()
    target = serializers.CharField()
    resources = ResourceOutput(many=True)
    lasts_s = serializers.IntegerField()
    left_s = serializers.IntegerField(help_text="Whole seconds that are left; 0 when it does not run.")
    start_by = serializers.DateTimeField()
    activated_at = serializers.DateTimeField(allow_null=True)
    valid_until = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    exposed_since = serializers.DateTimeField(allow_null=True)
    extends = serializers.CharField(allow_null=True)
    rule = serializers.CharField()
    factor_max_age_s = serializers.IntegerField()
    staleness = serializers.CharField()
    byte_budget = serializers.IntegerField(help_text="0: none.")
    request_budget = serializers.IntegerField(help_text="How many requests the grant may make; 0: as many as it likes.")
    refused_files = serializers.ListField(
        child=serializers.CharField(), help_text="Kinds of files that are refused: classes such as pickle, or patterns."
    )
    is_break_glass = serializers.BooleanField(help_text="Opened at once, without approval.")
    envelope = serializers.CharField(allow_null=True, help_text="Inside which it was granted at once.")
    risk = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    version = serializers.IntegerField(help_text="Grows with each move; the ETag begins with it.")


class LeaseOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    grant = serializers.CharField()
    state = serializers.ChoiceField(choices=[str(state) for state in LeaseState])
    label = serializers.CharField()  # type: ignore[assignment]  # the stubs know only the label every field has
    valid_until = serializers.DateTimeField()
    rotate_after = serializers.DateTimeField(allow_null=True)
    successor = serializers.CharField(allow_null=True)
    is_waiting = serializers.BooleanField(help_text="Made by schedule and not collected yet.")
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    reason = ReasonOutput(allow_null=True)
    version = serializers.IntegerField(help_text="Grows with each move; If-Match takes it.")


class IssuedOutput(LeaseOutput):
    token = serializers.CharField(help_text="Shown this once. Only its hash is kept.")
    access_key_id = serializers.CharField(required=False, help_text="At a store: AWS_ACCESS_KEY_ID.")
    secret_access_key = serializers.CharField(
        required=False, help_text="At a store: AWS_SECRET_ACCESS_KEY. The token is AWS_SESSION_TOKEN. Shown this once."
    )


def describe_grant(grant: Grant, *, now: datetime) -> dict[str, object]:
    return {
        "id": grant.public_id,
        "state": str(grant.state),
        "reason": describe_reason(grant.end_reason),
        "note": grant.end_note,
        "subject": describe_name(grant.subject),
        "ended_by": None if grant.ended_by is None else describe_name(grant.ended_by),
        "request": grant.request.public_id,
        "target": grant.target.slug,
        "resources": grant.scope,
        "lasts_s": grant.lasts_s,
        "left_s": _left_s(grant, now),
        "start_by": grant.start_by,
        "activated_at": grant.activated_at,
        "valid_until": grant.valid_until,
        "ended_at": grant.ended_at,
        "exposed_since": grant.exposed_since,
        "extends": None if grant.extends is None else grant.extends.public_id,
        "rule": grant.rule,
        "factor_max_age_s": grant.factor_max_age_s,
        "staleness": grant.staleness,
        "byte_budget": grant.byte_budget,
        "request_budget": grant.request_budget,
        "refused_files": grant.refused_files,
        "is_break_glass": grant.is_break_glass,
        "envelope": grant.envelope or None,
        "risk": grant.risk,
        "created_at": grant.created_at,
        "version": grant.version,
    }


def _left_s(grant: Grant, now: datetime) -> int:
    if grant.state != GrantState.ACTIVE or grant.valid_until is None:
        return 0
    return max(0, int((grant.valid_until - now).total_seconds()))


def describe_lease(lease: CredentialLease) -> dict[str, object]:
    return {
        "id": lease.public_id,
        "grant": lease.grant.public_id,
        "state": str(lease.state),
        "label": lease.label,
        "valid_until": lease.valid_until,
        "rotate_after": lease.rotate_after,
        "successor": None if lease.rotated_to is None else lease.rotated_to.public_id,
        "is_waiting": bool(lease.sealed_token),
        "created_at": lease.created_at,
        "ended_at": lease.ended_at,
        "reason": describe_reason(lease.end_reason),
        "version": lease.version,
    }
