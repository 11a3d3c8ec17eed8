"""What was said about a request and what became of it, over the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.access_requests import access, services
from jit_access.access_requests.drafts import MAX_COMMENT_CHARS
from jit_access.access_requests.models import Comment
from jit_access.access_requests.timeline import Moment, timeline_of
from jit_access.api.endpoint import Endpoint
from jit_access.api.pagination import InOrder
from jit_access.api.requests_inputs import StrictSerializer, describe_name, parse
from jit_access.api.requests_outputs import NameOutput
from jit_access.mfa.assurance import signed_in_user


class CommentInput(StrictSerializer):
    text = serializers.CharField(max_length=MAX_COMMENT_CHARS)


class CommentOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    author = NameOutput()
    text = serializers.CharField()
    at = serializers.DateTimeField()


class MomentOutput(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    kind = serializers.CharField(help_text="As in the log; request.told and request.commented beside.")
    who = serializers.CharField(help_text="Name of whoever did it; empty where nobody did.")
    text = serializers.CharField(help_text="A note, a comment, what was taken away, or who was told.")
    reason = serializers.CharField()
    decision = serializers.CharField()
    record = serializers.CharField(help_text="Its record in the log, where it has one.")


class CommentsView(Endpoint):
    pagination_class = InOrder

    @extend_schema(responses=CommentOutput(many=True), operation_id="request_comments")
    def get(self, request: Request, public_id: str) -> Response:
        """Oldest first; at most a hundred."""
        found = access.get_request(actor=signed_in_user(request), public_id=public_id)
        return self.page(request, list(found.comments.select_related("author").order_by("pk")), _describe)

    @extend_schema(request=CommentInput, responses={201: CommentOutput}, operation_id="request_comment")
    def post(self, request: Request, public_id: str) -> Response:
        """Say something to the other side. It decides nothing."""
        actor = signed_in_user(request)
        given = parse(CommentInput, request)
        found = access.get_request(actor=actor, public_id=public_id)
        comment = services.add_comment(actor=actor, request=found, text=given["text"])
        return Response(_describe(comment), status=status.HTTP_201_CREATED)


class TimelineView(Endpoint):
    pagination_class = InOrder

    @extend_schema(responses=MomentOutput(many=True), operation_id="request_timeline")
    def get(self, request: Request, public_id: str) -> Response:
        """Everything that became of it, oldest first."""
        found = access.get_request(actor=signed_in_user(request), public_id=public_id)
        return self.page(request, timeline_of(found), _describe_moment)


def _describe(comment: Comment) -> dict[str, object]:
    return {
        "id": comment.public_id,
        "author": describe_name(comment.author),
        "text": comment.text,
        "at": comment.created_at,
    }


def _describe_moment(moment: Moment) -> dict[str, object]:
    names = ("at", "kind", "who", "text", "reason", "decision", "record")
    return {name: getattr(moment, name) for name in names}
