"""How the API's description names our ways to authenticate. Imported by `urls`, which is when it registers."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

from jit_access.api.authentication import SignedInSessionAuthentication, TokenAuthentication


class _TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # spectacular's registry
    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002  # spectacular's signature
        return {"type": "http", "scheme": "bearer", "bearerFormat": "jita_api_<id>_<secret>"}


class _SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # spectacular's registry
    target_class = SignedInSessionAuthentication
    match_subclasses = True
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002  # spectacular's signature
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}
