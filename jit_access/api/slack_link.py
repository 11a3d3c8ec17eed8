"""One's own Slack account, over the API: the same three steps as on the page."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.accounts.models import User
from jit_access.api.endpoint import Endpoint
from jit_access.api.requests_inputs import CodeInput, parse
from jit_access.api.target_owners import require_fresh_by
from jit_access.domain.errors import NotFound
from jit_access.mfa.assurance import signed_in_user
from jit_access.notifications import slack_links


class SlackLinkOutput(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=("none", "waiting", "linked"))
    slack_user = serializers.CharField(help_text="Slack's own id; empty without one.")
    slack_name = serializers.CharField(help_text="As Slack said it; anybody can take a name.")


class SlackCodeOutput(serializers.Serializer[Any]):
    link_code = serializers.CharField(help_text="Send it in Slack: /access link CODE. Works once, for 10 minutes.")


class SlackConfirmInput(CodeInput):
    slack_user = serializers.CharField(max_length=20, help_text="The account that waits, as it was shown.")


class SlackLinkView(Endpoint):
    @extend_schema(responses=SlackLinkOutput, operation_id="slack_link_show")
    def get(self, request: Request) -> Response:
        """Which Slack account is yours here."""
        return Response(_describe(_person(request)))

    @extend_schema(request=CodeInput, responses={201: SlackCodeOutput}, operation_id="slack_link_code")
    def post(self, request: Request) -> Response:
        """Get a code to send in Slack."""
        user = _person(request)
        require_fresh_by(request, parse(CodeInput, request)["code"])
        code = slack_links.make_code(actor=user).reveal()
        return Response({"link_code": code}, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})

    @extend_schema(request=SlackConfirmInput, responses=SlackLinkOutput, operation_id="slack_link_confirm")
    def put(self, request: Request) -> Response:
        """Say that the account which sent the code is yours."""
        user = _person(request)
        given = parse(SlackConfirmInput, request)
        require_fresh_by(request, given["code"])
        slack_links.confirm_link(actor=user, slack_user_id=given["slack_user"])
        return Response(_describe(user))

    @extend_schema(responses={204: OpenApiResponse(description="Unlinked.")}, operation_id="slack_link_remove")
    def delete(self, request: Request) -> Response:
        """Unlink it. Its clicks count for nobody then."""
        slack_links.remove_link(actor=_person(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _person(request: Request) -> User:
    if not settings.SLACK_TEAM_ID:
        raise NotFound
    return signed_in_user(request)


def _describe(user: User) -> dict[str, object]:
    link = slack_links.link_of(user)
    if link is not None and link.confirmed_at is None:
        link = slack_links.waiting_link_of(user)
    state = "none" if link is None else "linked" if link.confirmed_at is not None else "waiting"
    return {
        "state": state,
        "slack_user": "" if link is None else link.slack_user_id,
        "slack_name": "" if link is None else link.slack_name,
    }
