"""Issuers of workload tokens over the API: what there is, add one, retire one. Parse, call one service, describe."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.accounts.models import User
from jit_access.api.endpoint import Endpoint
from jit_access.api.pagination import NewestFirst
from jit_access.api.requests_inputs import CodeInput, parse, prove_by
from jit_access.audit.services import record_refusal
from jit_access.core.secret import Secret
from jit_access.domain.errors import NotFound, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.jose.key_sets import KEY_TYPES
from jit_access.mfa.assurance import signed_in_user
from jit_access.workloads import access, selectors, services
from jit_access.workloads.issuers import MAX_CREDENTIAL_CHARS
from jit_access.workloads.kinds import MAX_VALUE_CHARS, RULES, IssuerKind
from jit_access.workloads.models import TrustedIssuer

KINDS = [str(kind) for kind in IssuerKind]


class IssuerInput(CodeInput):
    kind = serializers.ChoiceField(choices=KINDS)
    name = serializers.CharField(max_length=80)
    issuer = serializers.CharField(max_length=300, help_text="`iss`, compared character by character.")
    audience = serializers.CharField(
        max_length=300,
        required=False,
        allow_blank=True,
        default="",
        help_text="The one `aud` that counts; this gateway's address when not said.",
    )
    jwks_uri = serializers.CharField(
        max_length=500,
        required=False,
        allow_blank=True,
        default="",
        help_text="Where its keys are listed; read from its metadata when not said.",
    )
    algorithms = serializers.ListField(
        child=serializers.ChoiceField(choices=list(KEY_TYPES)), required=False, default=list, max_length=len(KEY_TYPES)
    )
    used_once = serializers.BooleanField(
        required=False,
        allow_null=True,
        default=None,
        help_text="A token counts for one exchange, by its `jti`. So at GitHub when not said.",
    )
    allows_private = serializers.BooleanField(required=False, default=False, help_text="It may be inside the company.")
    ca = serializers.CharField(
        max_length=64 * 1024,
        required=False,
        allow_blank=True,
        default="",
        trim_whitespace=False,
        help_text="PEM of its own authority.",
    )
    api_server = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")
    credential = serializers.CharField(
        max_length=MAX_CREDENTIAL_CHARS,
        required=False,
        allow_blank=True,
        default="",
        write_only=True,
        help_text="Token of a service account that may create TokenReviews. Stored sealed, never shown.",
    )


class ClaimOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the stubs know only the label every field has
    needed = serializers.BooleanField()
    hint = serializers.CharField(max_length=MAX_VALUE_CHARS)


class IssuerOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    kind = serializers.ChoiceField(choices=KINDS)
    name = serializers.CharField()
    issuer = serializers.CharField()
    audience = serializers.CharField(help_text="What workloads ask their tokens for.")
    algorithms = serializers.ListField(child=serializers.CharField())
    used_once = serializers.BooleanField()
    claims = ClaimOutput(many=True, help_text="What can be pinned.")
    takes_any = serializers.BooleanField(help_text="Other claims can be pinned, too.")
    jwks_uri = serializers.CharField(help_text="For operators; empty for others.")
    api_server = serializers.CharField(help_text="For operators; empty for others.")
    allows_private = serializers.BooleanField()
    retired_at = serializers.DateTimeField(allow_null=True)


class IssuersView(Endpoint):
    pagination_class = NewestFirst

    @extend_schema(responses=IssuerOutput(many=True), operation_id="issuer_list")
    def get(self, request: Request) -> Response:
        """Whose tokens are looked at; newest first. For operators, security, auditors and owners of agents."""
        actor = signed_in_user(request)
        if not access.may_see_issuers(actor):
            raise NotFound
        return self.page(request, selectors.standing_issuers(), lambda row: describe_issuer(row, actor))

    @extend_schema(request=IssuerInput, responses={201: IssuerOutput}, operation_id="issuer_add")
    def post(self, request: Request) -> Response:
        """Look at tokens of another issuer. Operators only, with a fresh second factor, never by a token."""
        actor = in_person(request)
        if not access.may_manage_issuers(actor):
            record_refusal(actor=actor.ref, kind="issuer.add-refused", reason=Reason.NOT_FOUND)
            raise NotFound
        given = parse(IssuerInput, request)
        order = services.IssuerOrder(
            kind=IssuerKind(given["kind"]),
            name=given["name"],
            issuer=given["issuer"],
            audience=given["audience"],
            jwks_uri=given["jwks_uri"],
            algorithms=tuple(given["algorithms"]),
            is_used_once=given["used_once"],
            allows_private=given["allows_private"],
            ca_pem=given["ca"],
            api_server=given["api_server"],
            credential=Secret(given["credential"]) if given["credential"] else None,
        )
        row = services.add_issuer(actor=actor, order=order, assurance=prove_by(request, given["code"]))
        return Response(describe_issuer(row, actor), status=status.HTTP_201_CREATED)


class IssuerView(Endpoint):
    @extend_schema(responses=IssuerOutput, operation_id="issuer_show")
    def get(self, request: Request, public_id: str) -> Response:
        """One issuer, also a retired one."""
        actor = signed_in_user(request)
        return Response(describe_issuer(access.get_issuer(actor=actor, public_id=public_id), actor))


class IssuerRetireView(Endpoint):
    @extend_schema(request=CodeInput, responses=IssuerOutput, operation_id="issuer_retire")
    def post(self, request: Request, public_id: str) -> Response:
        """Its tokens count no more, and every trust in one of its workloads ends. A repeat changes nothing."""
        actor = in_person(request)
        row = access.get_issuer(actor=actor, public_id=public_id)
        proof = prove_by(request, parse(CodeInput, request)["code"])
        return Response(describe_issuer(services.retire_issuer(actor=actor, issuer=row, assurance=proof), actor))


def in_person(request: Request) -> User:
    """Whoever is there in a browser. A token, of an agent or of a person, never says whose word counts here.

    Raises: PolicyRefusal (not-for-agents), recorded.
    """
    actor = signed_in_user(request)
    if request.auth is not None or not actor.is_person:
        record_refusal(actor=actor.ref, kind="trust.by-token-refused", reason=Reason.NOT_FOR_AGENTS)
        raise PolicyRefusal(Reason.NOT_FOR_AGENTS, "This is done by a person in the browser, never with a token.")
    return actor


def describe_issuer(row: TrustedIssuer, actor: User) -> dict[str, object]:
    rules, is_operator = RULES[IssuerKind(row.kind)], access.may_manage_issuers(actor)
    named = [(rule, True) for rule in rules.needed] + [(rule, False) for rule in rules.optional]
    return {
        "id": row.public_id,
        "kind": row.kind,
        "name": row.name,
        "issuer": row.issuer,
        "audience": row.audience,
        "algorithms": row.algorithms,
        "used_once": row.is_used_once,
        "claims": [
            {"name": rule.name, "label": rule.label, "needed": needed, "hint": rule.hint} for rule, needed in named
        ],
        "takes_any": rules.takes_any,
        "jwks_uri": row.jwks_uri if is_operator else "",
        "api_server": row.api_server if is_operator else "",
        "allows_private": row.allows_private,
        "retired_at": row.retired_at,
    }
