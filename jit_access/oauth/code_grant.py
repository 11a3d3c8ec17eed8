"""Authorization code with PKCE (RFC 6749, 4.1; RFC 7636; RFC 8252), as authlib checks it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant  # type: ignore[import-untyped]  # ships no types
from authlib.oauth2.rfc7636 import CodeChallenge  # type: ignore[import-untyped]  # ships no types
from django.conf import settings

from jit_access.domain.reasons import Reason
from jit_access.oauth.clients import KnownClient
from jit_access.oauth.codes import Consent, make_code, redeem, take_code
from jit_access.oauth.errors import Refused
from jit_access.oauth.models import AuthorizationCode
from jit_access.oauth.server import Answer, answer_with


class OnlyS256(CodeChallenge):  # type: ignore[misc]  # ships no types
    """PKCE, always, and never the method that shows the verifier to whoever reads the first message."""

    SUPPORTED_CODE_CHALLENGE_METHOD: Final = ["S256"]

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        data = grant.request.payload.data
        if data.get("code_challenge_method") != "S256" or not data.get("code_challenge"):
            raise Refused("invalid_request", Reason.INVALID_INPUT, "PKCE with S256 is needed.", check="pkce")
        super().validate_code_challenge(grant, redirect_uri)


class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]  # ships no types
    """For public clients."""

    TOKEN_ENDPOINT_AUTH_METHODS: Final = ["none"]

    def generate_authorization_code(self) -> str:
        """Made and remembered at once; `save_authorization_code` follows."""
        consent: Consent = self.request.consent
        return make_code(consent).reveal()

    def save_authorization_code(self, code: str, request: object) -> None:
        """Done already, by its hash."""

    def query_authorization_code(self, code: str, client: KnownClient) -> AuthorizationCode | None:
        found = take_code(code)
        if found is not None and found.client != client.client_id:
            raise Refused("invalid_grant", Reason.CODE_REFUSED, check="other-client")
        return found

    def create_token_response(self) -> Answer:
        lasts = timedelta(seconds=settings.ACCESS_TOKEN_LONGEST_S)
        issued = redeem(
            self.request.authorization_code, address=self.request.address, lasts=lasts, jkt=self.request.jkt
        )
        return answer_with(issued)


EXTENSIONS: Final = (OnlyS256(required=True),)
