"""API tokens over the API: one's own and those of one's agents; and for the holder of one, the token itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.accounts import access, selectors, services
from jit_access.accounts.models import ApiToken, User
from jit_access.accounts.services.tokens import MAX_NETWORKS, MAX_USES
from jit_access.api.agents_outputs import (
    ApiTokenOutput,
    IssuedApiTokenOutput,
    NextTokenOutput,
    describe_token,
)
from jit_access.api.endpoint import Endpoint
from jit_access.api.pagination import NewestFirst
from jit_access.api.requests_inputs import CodeInput, StrictSerializer, parse
from jit_access.api.target_owners import require_fresh_by
from jit_access.core import clock
from jit_access.domain.errors import CallerError, NotFound
from jit_access.domain.reasons import Reason
from jit_access.mfa.assurance import signed_in_user

_UNCACHED = {"Cache-Control": "no-store"}  # a body with a token in it stays out of every cache on the way
_YEAR_S = 366 * 86400


class ApiTokenInput(CodeInput):
    name = serializers.CharField(max_length=80)
    lasts_s = serializers.IntegerField(
        min_value=60, max_value=_YEAR_S, help_text="90 days at most; 365 days where it rotates."
    )
    networks = serializers.ListField(
        child=serializers.CharField(max_length=50),
        max_length=MAX_NETWORKS,
        required=False,
        default=list,
        help_text="Where it may be used from, as 10.0.0.0/8 or 2001:db8::/32. Empty: from anywhere.",
    )
    max_uses = serializers.IntegerField(
        min_value=1, max_value=MAX_USES, required=False, allow_null=True, default=None, help_text="null: any number."
    )
    rotates_every_s = serializers.IntegerField(
        min_value=1,
        max_value=_YEAR_S,
        required=False,
        allow_null=True,
        default=None,
        help_text="1 h to 30 d; null: never.",
    )
    overlap_s = serializers.IntegerField(
        min_value=1,
        max_value=_YEAR_S,
        required=False,
        default=86400,
        help_text="How long an old token works beside a new one that nobody used yet: 10 min to 7 d.",
    )
    key_thumbprint = serializers.CharField(
        max_length=43,
        required=False,
        allow_blank=True,
        default="",
        help_text="RFC 7638 thumbprint of the key that each call has to prove with DPoP (RFC 9449). Empty: none.",
    )


class CollectInput(StrictSerializer):
    pass


class _Tokens(Endpoint):
    pagination_class = NewestFirst

    def show(self, request: Request, account: User) -> Response:
        rows = selectors.live_tokens_of(account, now=clock.now()).select_related("made_by")
        return self.page(request, rows.order_by(), describe_token)

    def make(self, request: Request, account: User) -> Response:
        actor = signed_in_user(request)
        given = parse(ApiTokenInput, request)
        if actor.is_person:  # a service account is refused by the service, which says so
            require_fresh_by(request, given["code"])
        issued = services.issue_api_token(
            actor=actor.ref,
            user=account,
            name=given["name"],
            lasts=timedelta(seconds=given["lasts_s"]),
            is_name_new=True,
            limits=_limits(given),
        )
        body = describe_token(issued.token) | {"token": issued.text.reveal()}
        return Response(body, status=status.HTTP_201_CREATED, headers=_UNCACHED)


class AgentTokensView(_Tokens):
    @extend_schema(responses=ApiTokenOutput(many=True), operation_id="agent_token_list")
    def get(self, request: Request, public_id: str) -> Response:
        """The API tokens of a service account that work; of those that follow one another, the one in use."""
        return self.show(request, access.see_agent(signed_in_user(request), public_id))

    @extend_schema(request=ApiTokenInput, responses={201: IssuedApiTokenOutput}, operation_id="agent_token_make")
    def post(self, request: Request, public_id: str) -> Response:
        """A token for a service account of yours. Asks for a fresh second factor."""
        return self.make(request, access.get_agent(signed_in_user(request), public_id))


class MyTokensView(_Tokens):
    @extend_schema(responses=ApiTokenOutput(many=True), operation_id="my_token_list")
    def get(self, request: Request) -> Response:
        """Your own API tokens that work."""
        return self.show(request, signed_in_user(request))

    @extend_schema(request=ApiTokenInput, responses={201: IssuedApiTokenOutput}, operation_id="my_token_make")
    def post(self, request: Request) -> Response:
        """A token of your own. Only people make them, with a fresh second factor."""
        return self.make(request, signed_in_user(request))


class ApiTokenRevokeView(Endpoint):
    @extend_schema(request=CodeInput, responses={204: None}, operation_id="api_token_revoke")
    def post(self, request: Request, public_id: str) -> Response:
        """End a token and those that follow it: yours, of an agent of yours, for security any. Repeats do nothing."""
        actor = signed_in_user(request)
        token = access.get_token(actor, public_id)
        given = parse(CodeInput, request)
        if actor.pk != token.user_id or actor.is_person:  # an agent may throw its own away, and no other
            require_fresh_by(request, given["code"])
        services.revoke_api_token(actor=actor.ref, token=token)
        return Response(status=status.HTTP_204_NO_CONTENT)


class MyTokenView(Endpoint):
    @extend_schema(responses=ApiTokenOutput, operation_id="this_token")
    def get(self, request: Request) -> Response:
        """The API token that this call came with: its limits, and when the next one is due."""
        return Response(describe_token(_held(request)), headers=_UNCACHED)


class NextTokenView(Endpoint):
    @extend_schema(request=CollectInput, responses=NextTokenOutput, operation_id="next_token")
    def post(self, request: Request) -> Response:
        """Collect the token that follows the one of this call. Use it at once, and throw the old one away.

        It is handed out once. When the answer is lost, ask again after 30 s: that gives another one, once.
        """
        held = _held(request)
        parse(CollectInput, request)
        found = services.collect_next(token=held)
        shown = found.token or held
        body: dict[str, Any] = {
            "token": found.text.reveal() if found.text is not None else None,
            "generation": shown.generation,
            "expires_at": shown.expires_at,
            "next_due_at": found.due_at,
        }
        return Response(body, headers=_UNCACHED)


def _held(request: Request) -> ApiToken:
    if not isinstance(request.auth, ApiToken):
        raise NotFound("This call came without an API token.")
    return request.auth


def _limits(given: dict[str, Any]) -> services.TokenLimits:
    rotation = None
    if given["rotates_every_s"] is not None:
        rotation = services.Rotation(timedelta(seconds=given["rotates_every_s"]), timedelta(seconds=given["overlap_s"]))
    if any("\x00" in text for text in given["networks"]):
        raise CallerError(Reason.INVALID_INPUT, field="networks")
    return services.TokenLimits(tuple(given["networks"]), given["max_uses"], rotation, given["key_thumbprint"])
