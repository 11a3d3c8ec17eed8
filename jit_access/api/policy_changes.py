"""Changes of policy over the API: propose, read what they would change, sign, withdraw."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.api.endpoint import Endpoint
from jit_access.api.pagination import NewestFirst
from jit_access.api.requests_inputs import CodeInput, StrictSerializer, parse, prove_by
from jit_access.domain.lifecycle import ProposalState
from jit_access.mfa.assurance import signed_in_user
from jit_access.policies.compiler import PolicyText
from jit_access.policy_changes import access, selectors, services
from jit_access.policy_changes.models import PolicyProposal


class ProposalInput(StrictSerializer):
    schema_text = serializers.CharField(max_length=200_000, trim_whitespace=False)
    files = serializers.DictField(
        child=serializers.CharField(max_length=200_000, trim_whitespace=False),
        help_text="Name of a .cedar file to its text.",
    )
    cases = serializers.DictField(
        child=serializers.CharField(max_length=200_000, trim_whitespace=False),
        required=False,
        default=dict,
        help_text="Name of a .yaml file to its text.",
    )
    because = serializers.CharField(max_length=services.MAX_BECAUSE_CHARS)
    commit = serializers.RegexField(r"^([0-9a-f]{40}|[0-9a-f]{64})?$", required=False, default="", allow_blank=True)


class SignInput(CodeInput):
    digest = serializers.CharField(max_length=64, help_text="What you read: it must be what is proposed.")


class DiffLineOutput(serializers.Serializer[Any]):
    text = serializers.CharField()
    tone = serializers.CharField(help_text="added, removed, place, or empty for what stays.")
    number = serializers.IntegerField()


class FileDiffOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    lines = DiffLineOutput(many=True)


class ProposalOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    state = serializers.ChoiceField(choices=[one.value for one in ProposalState])
    policy_version = serializers.IntegerField()
    base_version = serializers.IntegerField()
    digest = serializers.CharField()
    commit = serializers.CharField()
    because = serializers.CharField()
    proposed_by = serializers.CharField()
    proposed_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    signatures_needed = serializers.IntegerField()
    signed_by = serializers.ListField(child=serializers.CharField())
    version = serializers.IntegerField(help_text="Grows with each move; the ETag begins with it.")
    why_not_sign = serializers.CharField(help_text="A reason code, or empty when you may sign it now.")


class ProposalDetailOutput(ProposalOutput):
    findings = serializers.ListField(child=serializers.DictField())
    tests = serializers.SerializerMethodField()
    effects = serializers.SerializerMethodField()
    diff = FileDiffOutput(many=True)
    files = serializers.DictField(child=serializers.CharField())
    schema_text = serializers.CharField()

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_tests(self, row: dict[str, Any]) -> Any:
        return row["tests"]

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_effects(self, row: dict[str, Any]) -> Any:
        return row["effects"]


class ProposalsView(Endpoint):
    pagination_class = NewestFirst

    @extend_schema(responses=ProposalOutput(many=True), operation_id="policy_proposal_list")
    def get(self, request: Request) -> Response:
        """Changes of policy, newest first. For security and auditors; others see their own."""
        actor = signed_in_user(request)
        return self.page(request, access.visible_proposals(actor), lambda row: _describe(request, row))

    @extend_schema(request=ProposalInput, responses={201: ProposalDetailOutput}, operation_id="policy_proposal_make")
    def post(self, request: Request) -> Response:
        """Propose another policy. It counts when a second person of security signs its digest. For security."""
        given = parse(ProposalInput, request)
        text = PolicyText(given["schema_text"], given["files"])
        draft = services.Draft(text, given["because"], given["cases"], given["commit"])
        row = services.propose(actor=signed_in_user(request), draft=draft)
        return Response(_detail(request, row), status.HTTP_201_CREATED)


class ProposalView(Endpoint):
    @extend_schema(responses=ProposalDetailOutput, operation_id="policy_proposal_show")
    def get(self, request: Request, public_id: str) -> Response:
        """One change with its text, findings, cases, and what it would change."""
        return Response(_detail(request, access.get_proposal(signed_in_user(request), public_id)))


class ProposalSignView(Endpoint):
    @extend_schema(request=SignInput, responses=ProposalOutput, operation_id="policy_proposal_sign")
    def post(self, request: Request, public_id: str) -> Response:
        """Sign exactly this digest with a fresh second factor. The last signature makes the policy count."""
        actor = signed_in_user(request)
        row = access.get_proposal(actor, public_id)
        given = parse(SignInput, request)
        assurance = prove_by(request, given["code"])
        return Response(
            _describe(request, services.sign(actor=actor, proposal=row, digest=given["digest"], assurance=assurance))
        )


class ProposalWithdrawView(Endpoint):
    @extend_schema(request=None, responses=ProposalOutput, operation_id="policy_proposal_withdraw")
    def post(self, request: Request, public_id: str) -> Response:
        """Take a change back that does not count yet."""
        actor = signed_in_user(request)
        row = access.get_proposal(actor, public_id)
        return Response(_describe(request, services.withdraw(actor=actor, proposal=row)))


def _describe(request: Request, row: PolicyProposal) -> dict[str, Any]:
    return {
        "id": row.public_id,
        "state": row.state,
        "policy_version": row.version_row.number,
        "base_version": row.base_number,
        "digest": row.digest,
        "commit": row.version_row.commit,
        "because": row.because,
        "proposed_by": row.proposer_name,
        "proposed_at": row.created_at,
        "expires_at": row.expires_at,
        "signatures_needed": row.signatures_needed,
        "signed_by": [one.signer.display_name for one in row.signatures.select_related("signer").order_by("pk")],
        "version": row.version,
        "why_not_sign": str(selectors.why_not_sign(signed_in_user(request), row) or ""),
    }


def _detail(request: Request, row: PolicyProposal) -> dict[str, Any]:
    return {
        **_describe(request, row),
        "findings": row.findings,
        "tests": row.tests,
        "effects": row.effects,
        "diff": [{"name": one.name, "lines": [asdict(line) for line in one.lines]} for one in selectors.diff_of(row)],
        "files": row.version_row.files,
        "schema_text": row.version_row.schema_text,
    }
