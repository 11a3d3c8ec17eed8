"""Who may ask for tokens: the command line, which everybody has, and clients that belong to a service account."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import ClientMixin  # type: ignore[import-untyped]  # ships no types

from jit_access.accounts.models import User
from jit_access.core import clock
from jit_access.domain.errors import CallerError
from jit_access.domain.reasons import Reason
from jit_access.domain.tokens import hash_token
from jit_access.oauth.errors import Refused
from jit_access.oauth.models import Client
from jit_access.oauth.scopes import ALL, format_scope, parse_scope

AUTHORIZATION_CODE: Final = "authorization_code"
CLIENT_CREDENTIALS: Final = "client_credentials"
DEVICE_CODE: Final = "urn:ietf:params:oauth:grant-type:device_code"
TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105  # a name
CLI: Final = "jit-cli"
LOOPBACK_PATH: Final = "/callback"
_LOOPBACK: Final = frozenset({"127.0.0.1", "[::1]"})  # RFC 8252, 8.3: never `localhost`, which a name server answers


@dataclass(frozen=True, slots=True)
class KnownClient(ClientMixin):  # type: ignore[misc]  # ships no types
    """A client as every grant sees it. Without `secret_hash` it is public: anybody can say that they are it."""

    client_id: str
    name: str
    grant_types: frozenset[str]
    scope: str
    secret_hash: str = ""
    account: User | None = None
    may_introspect: bool = False

    @property
    def is_public(self) -> bool:
        return not self.secret_hash

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        """None: whoever asks says where the answer goes."""

    def get_allowed_scope(self, scope: str | None) -> str:
        """What is left of a wish; all that the client may have when it names nothing."""
        held = frozenset(self.scope.split())
        wanted = frozenset(scope.split()) if scope else held
        return format_scope(word for word in ALL if word in wanted & held)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """RFC 8252, 7.3: the loopback interface by its number, any port, one path, nothing more."""
        return AUTHORIZATION_CODE in self.grant_types and is_loopback(redirect_uri)

    def check_client_secret(self, client_secret: str) -> bool:
        return bool(self.secret_hash) and hmac.compare_digest(hash_token(client_secret), self.secret_hash)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002  # authlib's signature
        return (method == "none") is self.is_public

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and AUTHORIZATION_CODE in self.grant_types

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.grant_types


_BUILT_IN: Final = {
    CLI: KnownClient(
        client_id=CLI,
        name="The jit command line",
        grant_types=frozenset({AUTHORIZATION_CODE, DEVICE_CODE, TOKEN_EXCHANGE}),
        scope=format_scope(ALL),
    )
}


def find_client(client_id: str) -> KnownClient | None:
    """The client of this id, if it may still ask."""
    if client_id in _BUILT_IN:
        return _BUILT_IN[client_id]
    row = Client.objects.filter(public_id=client_id, removed_at=None).select_related("account__owner").first()
    if row is None:
        return None
    return KnownClient(
        client_id=row.public_id,
        name=row.name,
        grant_types=frozenset({CLIENT_CREDENTIALS}),
        scope=row.scope,
        secret_hash=row.secret_hash,
        account=row.account,
        may_introspect=row.may_introspect,
    )


def client_name(client_id: str) -> str:
    """What people call a client; its id where nobody named it."""
    built_in = _BUILT_IN.get(client_id)
    return built_in.name if built_in is not None else client_id or "A client without a name"


def scope_for(client: KnownClient, wished: str | None) -> str:
    """What the token may do: the wish, or all that the client may. Raises: Refused (invalid_scope)."""
    try:
        wanted = parse_scope(wished or "")
    except CallerError as error:
        raise Refused("invalid_scope", error.reason, error.sentence) from error
    allowed = client.get_allowed_scope(wished)
    if not allowed or not wanted <= parse_scope(allowed):
        raise Refused("invalid_scope", Reason.CLIENT_NOT_ALLOWED, "This client may not have that scope.")
    return allowed


def note_use(client: KnownClient) -> None:
    """Remember when a confidential client last got a token. Not an event."""
    Client.objects.filter(public_id=client.client_id).update(last_used_at=clock.now())


def is_loopback(address: str) -> bool:
    """`http://127.0.0.1:<port>/callback` or `http://[::1]:<port>/callback`, and nothing that looks like it."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return False
    host = parts.netloc.rpartition(":")[0]
    return (
        parts.scheme == "http"
        and host in _LOOPBACK
        and port is not None
        and 1024 <= port <= 65535
        and address == f"http://{host}:{port}{LOOPBACK_PATH}"
    )
