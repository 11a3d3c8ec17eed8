"""The trust in workloads over the API: what there is, propose, confirm, revoke, hold a sample beside it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.api.endpoint import Endpoint
from jit_access.api.pagination import NewestFirst
from jit_access.api.requests_inputs import CodeInput, StrictSerializer, describe_name, parse, prove_by
from jit_access.api.requests_outputs import NameOutput
from jit_access.api.workload_issuers import in_person
from jit_access.core import clock
from jit_access.domain.lifecycle import TrustState
from jit_access.mfa.assurance import signed_in_user
from jit_access.workloads import access, selectors, services
from jit_access.workloads.kinds import MAX_VALUE_CHARS, IssuerKind, in_order, in_words
from jit_access.workloads.models import LONGEST_TOKEN_S, SHORTEST_TOKEN_S, WorkloadTrust
from jit_access.workloads.sample import MAX_CHARS, Sample, look_at
from jit_access.workloads.services import MOST_DAYS, SCOPES


class TrustInput(CodeInput):
    issuer = serializers.CharField(max_length=40, help_text="Id of an issuer.")
    name = serializers.CharField(max_length=80)
    claims = serializers.DictField(
        child=serializers.CharField(max_length=MAX_VALUE_CHARS), help_text="Name to exact value; the issuer says which."
    )
    scope = serializers.ChoiceField(choices=list(SCOPES), required=False, default="act", help_text="act reads, too.")
    longest_token_s = serializers.IntegerField(
        min_value=SHORTEST_TOKEN_S, max_value=LONGEST_TOKEN_S, required=False, default=LONGEST_TOKEN_S
    )
    lasts_days = serializers.IntegerField(min_value=1, max_value=MOST_DAYS, required=False, default=MOST_DAYS)
    needs_key = serializers.BooleanField(
        required=False, default=False, help_text="Only tokens that belong to a key are given (DPoP, RFC 9449)."
    )


class TrustNoteInput(StrictSerializer):
    note = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")


class SampleInput(StrictSerializer):
    sample = serializers.CharField(max_length=MAX_CHARS, help_text="Claims as JSON. Neither verified nor kept.")


class TrustOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    issuer = serializers.CharField(help_text="Id of the issuer.")
    name = serializers.CharField()
    claims = serializers.DictField(child=serializers.CharField())
    words = serializers.ListField(child=serializers.CharField(), help_text="What a workload must be.")
    scope = serializers.ChoiceField(choices=list(SCOPES))
    longest_token_s = serializers.IntegerField()
    needs_key = serializers.BooleanField()
    state = serializers.ChoiceField(choices=[str(state) for state in TrustState])
    version = serializers.IntegerField(help_text="Grows with each move; the ETag begins with it.")
    counts = serializers.BooleanField(help_text="Tokens can be got under it now.")
    expires_at = serializers.DateTimeField()
    proposed_by = NameOutput()
    confirm_by = serializers.DateTimeField(help_text="Confirmed before this, or never.")
    confirmed_by = NameOutput(allow_null=True)
    confirmed_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    ended_by = serializers.CharField()
    end_note = serializers.CharField()
    used_at = serializers.DateTimeField(allow_null=True)


class SampleLineOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    pinned = serializers.CharField()
    found = serializers.CharField()
    same = serializers.BooleanField()


class SampleTrustOutput(serializers.Serializer[Any]):
    trust = serializers.CharField()
    fits = serializers.BooleanField()
    lines = SampleLineOutput(many=True)


class SampleOutput(serializers.Serializer[Any]):
    fits = serializers.BooleanField()
    issuer = serializers.CharField(help_text="Empty when it names none of ours.")
    was_signed = serializers.BooleanField(help_text="A whole token was sent: it opens doors until it runs out.")
    problems = serializers.ListField(child=serializers.CharField())
    trusts = SampleTrustOutput(many=True)


class TrustsView(Endpoint):
    pagination_class = NewestFirst

    @extend_schema(responses=TrustOutput(many=True), operation_id="trust_list")
    def get(self, request: Request, public_id: str) -> Response:
        """Which workloads are trusted as this agent, or were; newest first."""
        agent = access.get_agent(actor=signed_in_user(request), public_id=public_id)
        now = clock.now()
        return self.page(request, selectors.trusts_of(agent), lambda row: describe_trust(row, now))

    @extend_schema(request=TrustInput, responses={201: TrustOutput}, operation_id="trust_propose")
    def post(self, request: Request, public_id: str) -> Response:
        """Trust a workload as your agent. It counts when a second person confirmed it. Never by a token."""
        actor = in_person(request)
        agent = access.get_agent(actor=actor, public_id=public_id)
        given = parse(TrustInput, request)
        order = services.TrustOrder(
            issuer=access.get_issuer(actor=actor, public_id=given["issuer"]),
            name=given["name"],
            claims=given["claims"],
            scope=given["scope"],
            longest_token_s=given["longest_token_s"],
            lasts_days=given["lasts_days"],
            needs_key=given["needs_key"],
        )
        proof = prove_by(request, given["code"])
        row = services.propose_trust(actor=actor, agent=agent, order=order, assurance=proof)
        return Response(describe_trust(row, clock.now()), status=status.HTTP_201_CREATED)


class TrustView(Endpoint):
    @extend_schema(responses=TrustOutput, operation_id="trust_show")
    def get(self, request: Request, public_id: str, trust_id: str) -> Response:
        """One of them."""
        return Response(describe_trust(_trust(request, public_id, trust_id), clock.now()))


class TrustConfirmView(Endpoint):
    @extend_schema(request=CodeInput, responses=TrustOutput, operation_id="trust_confirm")
    def post(self, request: Request, public_id: str, trust_id: str) -> Response:
        """The second person's word: operators or security, with a fresh second factor, never by a token."""
        actor = in_person(request)
        row = _trust(request, public_id, trust_id)
        proof = prove_by(request, parse(CodeInput, request)["code"])
        return Response(describe_trust(services.confirm_trust(actor=actor, trust=row, assurance=proof), clock.now()))


class TrustRevokeView(Endpoint):
    @extend_schema(request=TrustNoteInput, responses=TrustOutput, operation_id="trust_revoke")
    def post(self, request: Request, public_id: str, trust_id: str) -> Response:
        """The workload is nobody any more, and the tokens it got are refused. A repeat changes nothing."""
        actor = in_person(request)
        row = _trust(request, public_id, trust_id)
        note = parse(TrustNoteInput, request)["note"]
        return Response(describe_trust(services.revoke_trust(actor=actor, trust=row, note=note), clock.now()))


class TrustSampleView(Endpoint):
    @extend_schema(request=SampleInput, responses=SampleOutput, operation_id="trust_sample")
    def post(self, request: Request, public_id: str) -> Response:
        """Would a workload with these claims be known? Changes nothing, keeps nothing, opens nothing."""
        agent = access.get_agent(actor=signed_in_user(request), public_id=public_id)
        return Response(_describe_sample(look_at(agent=agent, text=parse(SampleInput, request)["sample"])))


def describe_trust(row: WorkloadTrust, now: datetime) -> dict[str, object]:
    kind = IssuerKind(row.issuer.kind)
    return {
        "id": row.public_id,
        "issuer": row.issuer.public_id,
        "name": row.name,
        "claims": in_order(kind, row.claims),
        "words": in_words(kind, row.claims),
        "scope": row.scope,
        "longest_token_s": row.longest_token_s,
        "needs_key": row.needs_key,
        "state": row.state,
        "version": row.version,
        "counts": selectors.fault_of(row, now) is None,
        "expires_at": row.expires_at,
        "proposed_by": describe_name(row.proposed_by),
        "confirm_by": row.confirm_by,
        "confirmed_by": None if row.confirmed_by is None else describe_name(row.confirmed_by),
        "confirmed_at": row.confirmed_at,
        "ended_at": row.ended_at,
        "ended_by": row.ended_by_name,
        "end_note": row.end_note,
        "used_at": row.used_at,
    }


def _trust(request: Request, agent_id: str, trust_id: str) -> WorkloadTrust:
    return access.get_trust(actor=signed_in_user(request), agent_id=agent_id, public_id=trust_id)


def _describe_sample(found: Sample) -> dict[str, object]:
    return {
        "fits": found.is_fitting,
        "issuer": "" if found.issuer is None else found.issuer.public_id,
        "was_signed": found.was_signed,
        "problems": list(found.problems),
        "trusts": [
            {
                "trust": one.trust.public_id,
                "fits": one.is_fitting,
                "lines": [
                    {"name": line.name, "pinned": line.pinned, "found": line.found, "same": line.is_same}
                    for line in one.lines
                ],
            }
            for one in found.comparisons
        ],
    }
