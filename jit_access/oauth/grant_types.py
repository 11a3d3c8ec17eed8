"""Every way to get a token, in one list. A room's grant registers here, and nowhere else."""

from __future__ import annotations

from functools import cache
from typing import Any

from authlib.oauth2.rfc9207 import IssuerParameter  # type: ignore[import-untyped]  # ships no types
from django.conf import settings

from jit_access.oauth.client_grant import ClientGrant
from jit_access.oauth.code_grant import EXTENSIONS, CodeGrant
from jit_access.oauth.device_grant import DeviceAuthorization, DeviceGrant
from jit_access.oauth.endpoints import Introspection, Revocation
from jit_access.oauth.server import Server
from jit_access.oauth.token_exchange import TokenExchangeGrant

# (grant, its extensions)
GRANTS: tuple[tuple[type[Any], tuple[Any, ...]], ...] = (
    (CodeGrant, EXTENSIONS),
    (DeviceGrant, ()),
    (ClientGrant, ()),
    (TokenExchangeGrant, ()),
)


class _NamesItself(IssuerParameter):  # type: ignore[misc]  # ships no types
    def get_issuer(self) -> str:
        return settings.PUBLIC_URL


@cache
def server() -> Server:
    """The server with all of its grants."""
    made = Server()
    for grant, extensions in GRANTS:
        made.register_grant(grant, list(extensions))
    made.register_endpoint(DeviceAuthorization)
    made.register_endpoint(Revocation)
    made.register_endpoint(Introspection)
    made.register_extension(_NamesItself())
    return made
