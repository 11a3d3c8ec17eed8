"""Where secret scanners report what they found. Everybody may; the answer is always the same."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from jit_access.accounts.leaks import take_report
from jit_access.api.endpoint import Endpoint
from jit_access.api.requests_inputs import StrictSerializer, parse
from jit_access.api.throttling import Policy, count_one, too_many
from jit_access.domain.networks import network_of
from jit_access.mfa.services import client_address

MAX_TEXTS: Final = 100
MAX_TEXT_CHARS: Final = 4096
# A minute, from one network: a scanner sends many findings in one report.
BRAKE: Final = Policy("leaked-tokens", 30)


class LeakedTokensInput(StrictSerializer):
    texts = serializers.ListField(
        child=serializers.CharField(max_length=MAX_TEXT_CHARS, trim_whitespace=False),
        min_length=1,
        max_length=MAX_TEXTS,
        help_text="Tokens, or the lines that they stand in.",
    )
    source = serializers.CharField(  # type: ignore[assignment]  # the stubs know only the source every field has
        max_length=200, required=False, allow_blank=True, default="", help_text="Where they were found, for people."
    )


class LeakedTokensOutput(serializers.Serializer[Any]):
    received = serializers.IntegerField(help_text="How many texts came. It never says what was in them.")


class LeakedTokensView(Endpoint):
    authentication_classes = ()
    permission_classes = ()

    @extend_schema(
        request=LeakedTokensInput, responses={202: LeakedTokensOutput}, operation_id="leaked_tokens_report", auth=[]
    )
    def post(self, request: Request) -> Response:
        """Report tokens of ours that you found. What works of them is revoked at once; the answer is always this."""
        address = client_address(request._request)
        count = count_one(BRAKE, network_of(address))
        if count.is_over:
            raise too_many(count)
        given = parse(LeakedTokensInput, request)
        take_report(texts=given["texts"], address=address, source=given["source"])
        return Response({"received": len(given["texts"])}, status=status.HTTP_202_ACCEPTED)
