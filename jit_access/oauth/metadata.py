"""What the authorization server says of itself (RFC 8414, RFC 9207, RFC 9449, RFC 9470)."""

from __future__ import annotations

from django.conf import settings

from jit_access.oauth.device_grant import DeviceGrant
from jit_access.oauth.dpop import ALGORITHMS
from jit_access.oauth.grant_types import GRANTS
from jit_access.oauth.scopes import Scope
from jit_access.oauth.strength import ACR

_SECRET = ["client_secret_basic", "client_secret_post"]


def describe() -> dict[str, object]:
    """The document. Only what can be used now stands in it."""
    issuer = settings.PUBLIC_URL
    device = {"device_authorization_endpoint": f"{issuer}/oauth/device_authorization"}
    types = [str(grant.GRANT_TYPE) for grant, _ in GRANTS if grant is not DeviceGrant or settings.OAUTH_DEVICE_GRANT]
    return (device if settings.OAUTH_DEVICE_GRANT else {}) | {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "scopes_supported": [str(scope) for scope in Scope],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": types,
        "token_endpoint_auth_methods_supported": ["none", *_SECRET],
        "revocation_endpoint_auth_methods_supported": ["none", *_SECRET],
        "introspection_endpoint_auth_methods_supported": _SECRET,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "acr_values_supported": list(ACR.values()),
        "dpop_signing_alg_values_supported": sorted(ALGORITHMS),
    }
