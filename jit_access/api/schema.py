"""How the API's description names our ways to authenticate. Imported by `urls`, which is when it registers."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension

from jit_access.api.authentication import (
    ProvedSessionAuthentication,
    SignedInSessionAuthentication,
    TokenAuthentication,
)


class _TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # spectacular's registry
    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002  # spectacular's signature
        return {"type": "http", "scheme": "bearer", "bearerFormat": "jita_api_<id>_<secret>"}


class _ProvedScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # spectacular's registry
    target_class = ProvedSessionAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002  # spectacular's signature
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}


class _SignedInScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # spectacular's registry
    target_class = SignedInSessionAuthentication
    name = "session_without_second_factor"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002  # spectacular's signature
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}
