"""Client credentials (RFC 6749, 4.4): a service account's own client gets a short token for that account."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant  # type: ignore[import-untyped]  # ships no types

from jit_access.audit.recorder import audited
from jit_access.domain.reasons import Reason
from jit_access.oauth.access_tokens import Terms, issue_access_token
from jit_access.oauth.clients import KnownClient, note_use, scope_for
from jit_access.oauth.errors import Refused
from jit_access.oauth.models import Client
from jit_access.oauth.server import Answer, answer_with

LASTS: Final = timedelta(minutes=15)


class ClientGrant(ClientCredentialsGrant):  # type: ignore[misc]  # ships no types
    """For confidential clients. The token may do what the client may, or the part that it asks for."""

    TOKEN_ENDPOINT_AUTH_METHODS: Final = ["client_secret_basic", "client_secret_post"]

    def validate_requested_scope(self) -> None:
        self.request.scope = scope_for(self.request.client, self.request.payload.scope)

    def create_token_response(self) -> Answer:
        client: KnownClient = self.request.client
        if client.account is None:
            raise Refused("unauthorized_client", Reason.CLIENT_NOT_ALLOWED)
        account = client.account
        with audited(actor=account.ref):
            # Held until the token stands: whoever removes the client meanwhile waits, and then finds the token.
            rows = Client.objects.select_for_update().filter(public_id=client.client_id, removed_at=None)
            if not list(rows.filter(secret_hash=client.secret_hash).values_list("pk")):
                raise Refused("invalid_client", Reason.CLIENT_UNKNOWN, status_code=401)
            terms = Terms(
                lasts=LASTS,
                scope=self.request.scope,
                client=client.client_id,
                address=self.request.address,
                jkt=self.request.jkt,
            )
            issued = issue_access_token(actor=account.ref, user=account, terms=terms)
        note_use(client)
        return answer_with(issued)
