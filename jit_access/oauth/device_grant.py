"""The device grant's two endpoints, as authlib checks them (RFC 8628)."""

from __future__ import annotations

import secrets
from typing import Any, Final

from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint, DeviceCodeGrant  # type: ignore[import-untyped]
from django.conf import settings

from jit_access.accounts.models import User
from jit_access.domain.reasons import Reason
from jit_access.domain.tokens import hash_token
from jit_access.oauth import device_codes
from jit_access.oauth.clients import DEVICE_CODE, KnownClient, scope_for
from jit_access.oauth.errors import Refused
from jit_access.oauth.models import DeviceCode
from jit_access.oauth.server import Answer, answer_with
from jit_access.oauth.wire import Message

DEVICE_AUTHORIZATION: Final = DeviceAuthorizationEndpoint.ENDPOINT_NAME


class DeviceAuthorization(DeviceAuthorizationEndpoint):  # type: ignore[misc]  # ships no types
    """A client begins a sign-in."""

    CLIENT_AUTH_METHODS: Final = ["none"]
    EXPIRES_IN: Final = int(device_codes.LASTS.total_seconds())
    INTERVAL: Final = device_codes.INTERVAL_S

    def create_endpoint_response(self, request: Message) -> Answer:
        device_codes.check_switched_on(_off)
        client: KnownClient = self.authenticate_client(request)
        if not client.check_grant_type(DEVICE_CODE):
            raise Refused("unauthorized_client", Reason.CLIENT_NOT_ALLOWED)
        scope = scope_for(client, request.payload.scope)
        device_code, user_code = secrets.token_urlsafe(32), self.generate_user_code()
        begun = device_codes.Begun(device_code, user_code, client.client_id, scope, request.address)
        device_codes.begin(begun)
        # No `verification_uri_complete`: a link that carries the code is what gets forwarded to somebody else.
        body: dict[str, object] = {
            "device_code": device_code,
            "user_code": user_code,
            "verification_uri": f"{settings.PUBLIC_URL}/oauth/device",
            "expires_in": self.EXPIRES_IN,
            "interval": self.INTERVAL,
        }
        return 200, body, []


class DeviceGrant(DeviceCodeGrant):  # type: ignore[misc]  # ships no types
    """The client asks whether somebody decided."""

    TOKEN_ENDPOINT_AUTH_METHODS: Final = ["none"]

    def validate_token_request(self) -> None:
        device_codes.check_switched_on(_off)
        super().validate_token_request()

    def query_device_credential(self, device_code: str) -> DeviceCode:
        found = DeviceCode.objects.filter(code_hash=hash_token(device_code)).first()
        if found is None:
            raise Refused("invalid_grant", Reason.CODE_REFUSED, check="unknown")
        return found

    def validate_device_credential(self, credential: DeviceCode) -> User:
        return device_codes.poll(credential)

    def create_token_response(self) -> Answer:
        request: Any = self.request
        issued = device_codes.redeem(request.credential, request.user, address=request.address, jkt=request.jkt)
        return answer_with(issued)


def _off() -> Refused:
    return Refused("unauthorized_client", Reason.DEVICE_GRANT_OFF, check="switched-off")
