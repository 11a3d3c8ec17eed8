"""Grants and their tokens over the API. Parse, call one service, describe."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.access_requests import access as request_access
from jit_access.access_requests import selectors as request_selectors
from jit_access.access_requests.services import submit_extension
from jit_access.accounts.models import User
from jit_access.api.endpoint import Endpoint
from jit_access.api.grants_outputs import GrantOutput, IssuedOutput, LeaseOutput, describe_grant, describe_lease
from jit_access.api.pagination import NewestFirst
from jit_access.api.requests_inputs import (
    CodeInput,
    ExtendInput,
    RevokeInput,
    StrictSerializer,
    TokenInput,
    idempotency_key,
    parse,
    prove_by,
)
from jit_access.api.requests_outputs import RequestDetailOutput, describe_detail
from jit_access.core import clock
from jit_access.core.secret import Secret
from jit_access.credentials.models import CredentialLease
from jit_access.credentials.selectors import leases_of
from jit_access.credentials.services import IssuedToken
from jit_access.credentials.signing import signing_keys
from jit_access.domain.errors import CallerError, NotFound
from jit_access.domain.lifecycle import GrantState
from jit_access.domain.reasons import Reason
from jit_access.grants import access, selectors, services
from jit_access.grants.models import Grant
from jit_access.mfa.assurance import assurance_of, signed_in_user
from jit_access.targets.models import TargetKind

STATE = OpenApiParameter("state", OpenApiTypes.STR, enum=[str(state) for state in GrantState])
VISIBLE = OpenApiParameter("visible", OpenApiTypes.BOOL, description="Everything you may see, not only your own.")
# A body with a token in it stays out of every cache on the way.
_UNCACHED = {"Cache-Control": "no-store"}


class GrantsView(Endpoint):
    pagination_class = NewestFirst

    @extend_schema(responses=GrantOutput(many=True), parameters=[STATE, VISIBLE], operation_id="grant_list")
    def get(self, request: Request) -> Response:
        """What you hold or held, and your service accounts; newest first."""
        actor = signed_in_user(request)
        is_wide = request.query_params.get("visible") == "true"
        rows = access.visible_grants(actor=actor) if is_wide else selectors.grants_of(actor=actor)
        if (state := request.query_params.get("state")) is not None:
            if state not in set(GrantState):
                raise CallerError(Reason.INVALID_INPUT, "There is no such state.")
            rows = rows.filter(state=state)
        now = clock.now()
        return self.page(request, rows, lambda row: describe_grant(row, now=now))


class GrantView(Endpoint):
    @extend_schema(responses=GrantOutput, operation_id="grant_show")
    def get(self, request: Request, public_id: str) -> Response:
        """One grant as it is now."""
        return _shown(signed_in_user(request), public_id)


class ActivateView(Endpoint):
    @extend_schema(request=CodeInput, responses=GrantOutput, operation_id="grant_activate")
    def post(self, request: Request, public_id: str) -> Response:
        """Start the clock. A repeat gives the grant as it is."""
        actor = signed_in_user(request)
        given = parse(CodeInput, request)
        grant = access.get_grant(actor=actor, public_id=public_id)
        if grant.subject_id != actor.pk:
            raise NotFound
        services.activate_grant(actor=actor, grant=grant, assurance=prove_by(request, given["code"]))
        return _shown(actor, public_id)


class EndView(Endpoint):
    @extend_schema(request=StrictSerializer, responses=GrantOutput, operation_id="grant_end")
    def post(self, request: Request, public_id: str) -> Response:
        """End your own grant now. A repeat changes nothing."""
        actor = signed_in_user(request)
        parse(StrictSerializer, request)
        services.relinquish_grant(actor=actor, grant=access.get_grant(actor=actor, public_id=public_id))
        return _shown(actor, public_id)


class RevokeView(Endpoint):
    @extend_schema(request=RevokeInput, responses=GrantOutput, operation_id="grant_revoke")
    def post(self, request: Request, public_id: str) -> Response:
        """End somebody's grant now: for security, and for whoever may approve such a request."""
        actor = signed_in_user(request)
        given = parse(RevokeInput, request)
        grant = access.get_grant(actor=actor, public_id=public_id)
        services.revoke_grant(actor=actor, grant=grant, note=given["note"])
        return _shown(actor, public_id)


class ExtendView(Endpoint):
    is_key_known_below = True

    @extend_schema(request=ExtendInput, responses={201: RequestDetailOutput}, operation_id="grant_extend")
    def post(self, request: Request, public_id: str) -> Response:
        """Ask for a longer grant that takes over from this one. It is a request like any other."""
        actor = signed_in_user(request)
        given = parse(ExtendInput, request)
        submitted = submit_extension(
            actor=actor,
            grant=access.get_grant(actor=actor, public_id=public_id),
            by_s=given["by_s"],
            purpose=given["purpose"],
            assurance=prove_by(request, given["code"]),
            idempotency_key=idempotency_key(request),
        )
        found = request_access.get_request(actor=actor, public_id=submitted.public_id)
        detail = request_selectors.describe_request(actor=actor, request=found, now=clock.now())
        return Response(describe_detail(detail), status=status.HTTP_201_CREATED)


class TokensView(Endpoint):
    pagination_class = NewestFirst

    @extend_schema(request=TokenInput, responses={201: IssuedOutput}, operation_id="token_issue")
    def post(self, request: Request, public_id: str) -> Response:
        """A new token of a running grant. The text is in this answer and nowhere else."""
        actor = signed_in_user(request)
        given = parse(TokenInput, request)
        grant = access.get_grant(actor=actor, public_id=public_id)
        return _issued(
            services.issue_token(
                grant=grant, actor=actor, label=given["label"], workload=assurance_of(request).workload
            )
        )

    @extend_schema(responses=LeaseOutput(many=True), operation_id="token_list")
    def get(self, request: Request, public_id: str) -> Response:
        """Every token this grant ever had, newest first, without its text."""
        grant: Grant = access.get_grant(actor=signed_in_user(request), public_id=public_id)
        leases = leases_of(grant_id=grant.pk).select_related("grant", "rotated_to")
        return self.page(request, leases, describe_lease)


class RotateTokenView(Endpoint):
    @extend_schema(request=StrictSerializer, responses={201: IssuedOutput}, operation_id="token_rotate")
    def post(self, request: Request, public_id: str) -> Response:
        """A successor for this token, which itself works on for the stated overlap."""
        actor = signed_in_user(request)
        parse(StrictSerializer, request)
        lease = access.get_lease(actor=actor, public_id=public_id)
        workload = assurance_of(request).workload
        return _issued(services.rotate_token(lease=lease, actor=actor, workload=workload))


class RevokeTokenView(Endpoint):
    @extend_schema(request=StrictSerializer, responses=LeaseOutput, operation_id="token_revoke")
    def post(self, request: Request, public_id: str) -> Response:
        """End one token; the grant and its other tokens go on."""
        actor = signed_in_user(request)
        parse(StrictSerializer, request)
        services.revoke_token(lease=access.get_lease(actor=actor, public_id=public_id), actor=actor)
        return Response(describe_lease(access.get_lease(actor=actor, public_id=public_id)))


class CollectTokenView(Endpoint):
    @extend_schema(request=StrictSerializer, responses=IssuedOutput, operation_id="token_collect")
    def post(self, request: Request, public_id: str) -> Response:
        """Take the token that was made by schedule. It is handed out once."""
        actor = signed_in_user(request)
        parse(StrictSerializer, request)
        lease = access.get_lease(actor=actor, public_id=public_id)
        token = services.collect_rotated_token(lease=lease, actor=actor, workload=assurance_of(request).workload)
        held = access.get_lease(actor=actor, public_id=public_id)
        return Response(describe_lease(held) | _secrets(held, token), headers=_UNCACHED)


def _shown(actor: User, public_id: str) -> Response:
    return Response(describe_grant(access.get_grant(actor=actor, public_id=public_id), now=clock.now()))


def _issued(issued: IssuedToken) -> Response:
    shown = describe_lease(issued.lease) | _secrets(issued.lease, issued.token)
    return Response(shown, status=status.HTTP_201_CREATED, headers=_UNCACHED)


def _secrets(lease: CredentialLease, token: Secret) -> dict[str, str]:
    """The token, and what its holder signs with where the target is a store."""
    shown = {"token": token.reveal()}
    if lease.grant.target.kind != TargetKind.S3:
        return shown
    keys = signing_keys(lease)
    return shown | {"access_key_id": keys.access_key_id, "secret_access_key": keys.secret_access_key.reveal()}
