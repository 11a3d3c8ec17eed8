"""The authorization server: authlib's, over our messages, our clients and our tokens.

A grant is a class of authlib's kind: it says who asks (`validate_token_request`) and gives a token
(`create_token_response`). To add one, write it and name it in `GRANTS`. Nothing here stores a token's text: a grant
calls `issue_access_token` and hands the answer to `answer_with`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from authlib.oauth2 import AuthorizationServer, OAuth2Error  # type: ignore[import-untyped]  # ships no types
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse

from jit_access.audit.outside import record_outside_refusal
from jit_access.domain.actors import NOBODY
from jit_access.domain.errors import GatewayError
from jit_access.domain.reasons import Reason
from jit_access.mfa.services import client_address
from jit_access.oauth import clients
from jit_access.oauth.access_tokens import IssuedAccessToken
from jit_access.oauth.bound_tokens import NONCE_HEADER, key_of_token_request
from jit_access.oauth.dpop import new_nonce
from jit_access.oauth.errors import NOT_A_REFUSAL, Refused, from_gateway, reason_of
from jit_access.oauth.wire import Message, read_form

logger = logging.getLogger(__name__)

_REFUSALS_A_MINUTE: Final = 60  # from one network; those who are served beside them notice nothing
NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}

Answer = tuple[int, dict[str, object], list[tuple[str, str]]]


class Redirect(HttpResponse):
    """An answer that goes back through the browser. authlib's extensions read and write `location`."""

    @property
    def location(self) -> str:
        return self.get("Location", "")

    @location.setter
    def location(self, address: str) -> None:
        self["Location"] = address


class Server(AuthorizationServer):  # type: ignore[misc]  # ships no types
    """One per process; it keeps nothing."""

    def query_client(self, client_id: str) -> clients.KnownClient | None:
        return clients.find_client(client_id)

    def save_token(self, token: object, request: object) -> None:
        raise NotImplementedError("grants issue tokens by oauth.access_tokens")

    def create_oauth2_request(self, request: HttpRequest | Message) -> Message:
        return request if isinstance(request, Message) else read_form(request)

    def handle_response(self, status: int, payload: object, headers: Any) -> HttpResponse:
        response = Redirect(status=status) if payload == "" else JsonResponse(payload, status=status, safe=False)
        for name, value in (*NO_STORE.items(), *headers):
            if name.lower() != "content-type":
                response[name] = value
        return response

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens: what happened is in the log."""

    def token_response(self, http: HttpRequest) -> HttpResponse:
        """The answer of the token endpoint, whatever came."""
        return self._answer(http, self._give)

    def endpoint_response(self, http: HttpRequest, name: str) -> HttpResponse:
        """The answer of another endpoint for machines."""
        return self._answer(http, lambda message: self.create_endpoint_response(name, message))

    def _give(self, message: Message) -> HttpResponse:
        try:
            message.jkt = key_of_token_request(message.http)
        except Refused as refused:
            return self.refuse(message.http, refused, message.payload.data)
        response: HttpResponse = self.create_token_response(message)
        if message.jkt:
            response[NONCE_HEADER] = new_nonce()
        return response

    def _answer(self, http: HttpRequest, respond: Any) -> HttpResponse:
        try:
            return self._answer_by_database(http, respond)
        except (OperationalError, InterfaceError):
            logger.exception("the token endpoint has no database")
            away = Refused("temporarily_unavailable", Reason.DATABASE_AWAY, status_code=503)
            response = self.handle_response(away.status_code, dict(away.get_body()), away.get_headers())
            response["Retry-After"] = "5"
            return response

    def _answer_by_database(self, http: HttpRequest, respond: Any) -> HttpResponse:
        try:
            message = read_form(http)
        except Refused as refused:
            return self.refuse(http, refused, {})
        try:
            response: HttpResponse = respond(message)
        except GatewayError as error:
            return self.refuse(http, from_gateway(error), message.payload.data)
        return response

    def handle_error_response(self, request: Message, error: OAuth2Error) -> HttpResponse:
        return self.refuse(request.http, error, request.payload.data)

    def refuse(self, http: HttpRequest, error: OAuth2Error, data: Mapping[str, str]) -> HttpResponse:
        """Record a refusal and answer it."""
        if error.error not in NOT_A_REFUSAL and _record(http, error, data) > _REFUSALS_A_MINUTE:
            error = Refused("slow_down", Reason.RATE_LIMITED, status_code=429)
        response = self.handle_response(error.status_code, dict(error.get_body()), error.get_headers())
        if response.status_code == 429:
            response["Retry-After"] = "60"
        return response


def answer_with(issued: IssuedAccessToken, **more: object) -> Answer:
    """The token endpoint's answer (RFC 6749, 5.1), without a refresh token. The text is revealed here and only here."""
    token = issued.token
    body: dict[str, object] = {
        "access_token": issued.text.reveal(),
        "token_type": "DPoP" if token.jkt else "Bearer",
        "expires_in": issued.expires_in_s,
        "scope": token.scope,
        **more,
    }
    return 200, body, []


def _record(http: HttpRequest, error: OAuth2Error, data: Mapping[str, str]) -> int:
    facts: dict[str, str | int | bool] = {
        "error": str(error.error),
        "check": error.check if isinstance(error, Refused) else "",
        "client": data.get("client_id", "")[:64],
        "grant_type": data.get("grant_type", "")[:64],
    }
    facts |= getattr(error, "facts", {})
    return record_outside_refusal(
        actor=getattr(error, "actor", NOBODY),
        kind="oauth.refused",
        reason=reason_of(error),
        address=client_address(http),
        detail={name: value for name, value in facts.items() if value},
    )
