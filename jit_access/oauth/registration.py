"""Confidential clients: made and removed by whoever answers for the account that they act as. Secrets are shown once.

The right to ask about tokens of others (`may_introspect`) is given at the gateway's own terminal only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db.models import QuerySet

from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.core.ids import new_token_id, new_token_secret
from jit_access.core.secret import Secret
from jit_access.domain.actors import ActorRef
from jit_access.domain.audit_record import clean_text
from jit_access.domain.errors import CallerError, Conflict, NotFound, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.domain.tokens import TokenKind, format_token, hash_token
from jit_access.oauth.access_tokens import revoke_all
from jit_access.oauth.models import AccessToken, Client
from jit_access.oauth.scopes import Scope, format_scope

CLIENTS_PER_ACCOUNT: Final = 20
_NAME_CHARS_MAX: Final = 80


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client and its secret, which exists only here."""

    client: Client
    secret: Secret


def register_client(
    *, actor: ActorRef, account: User, name: str, scopes: frozenset[Scope], may_introspect: bool = False
) -> NewClient:
    """Make a client of a service account. Callers ask for a fresh second factor first.

    Raises: CallerError for a person's account, a bad name or no scope; Conflict for a name that is taken;
    PolicyRefusal when the account is locked.
    """
    label = clean_text(name.strip())
    if account.is_person:
        raise CallerError(Reason.INVALID_INPUT, "A client with a secret belongs to a service account.")
    if not 1 <= len(label) <= _NAME_CHARS_MAX:
        raise CallerError(Reason.INVALID_INPUT, "Give the client a name of 1 to 80 characters.", field="name")
    if not scopes:
        raise CallerError(Reason.INVALID_INPUT, "Say what it may do.", field="scope")
    secret = _new_secret()
    with audited(actor=actor) as audit:
        locked = User.objects.select_for_update(no_key=True).get(pk=account.pk)
        if not locked.is_active:
            raise PolicyRefusal(Reason.ACCOUNT_LOCKED)
        standing = clients_of(locked)
        if standing.filter(name=label).exists():
            raise Conflict(Reason.DUPLICATE_REQUEST, "The account has a client of this name.", field="name")
        if standing.count() >= CLIENTS_PER_ACCOUNT:
            raise CallerError(Reason.INVALID_INPUT, f"An account has at most {CLIENTS_PER_ACCOUNT} clients.")
        client = Client.objects.create(
            account=locked,
            name=label,
            scope=format_scope(scopes),
            secret_hash=hash_token(secret.reveal()),
            secret_made_at=clock.now(),
            may_introspect=may_introspect,
        )
        audit.record("oauth-client.registered", detail=_facts_of(client))
    return NewClient(client, secret)


def renew_secret(*, actor: ActorRef, client: Client) -> NewClient:
    """A new secret; the old one and the tokens that it got are over. Raises: NotFound when the client is gone."""
    secret = _new_secret()
    with audited(actor=actor) as audit:
        hashed, now = hash_token(secret.reveal()), clock.now()
        rows = Client.objects.filter(pk=client.pk, removed_at=None)
        if rows.update(secret_hash=hashed, secret_made_at=now) != 1:
            raise NotFound
        audit.record("oauth-client.secret-renewed", detail=_facts_of(client))
        _end_tokens(actor, client)
    client.refresh_from_db()
    return NewClient(client, secret)


def remove_client(*, actor: ActorRef, client: Client) -> None:
    """The client gets no token from now on, and those that it got are over. A repeat does nothing."""
    with audited(actor=actor) as audit:
        if Client.objects.filter(pk=client.pk, removed_at=None).update(removed_at=clock.now()) != 1:
            return
        audit.record("oauth-client.removed", reason=Reason.TOKEN_REVOKED, detail=_facts_of(client))
        _end_tokens(actor, client)


def clients_of(account: User) -> QuerySet[Client]:
    """The clients of one account that stand, newest first."""
    return Client.objects.filter(account=account, removed_at=None).select_related("account__owner").order_by("-pk")


def get_client(account: User, public_id: str) -> Client:
    """One of them. Raises: NotFound."""
    client = clients_of(account).filter(public_id=public_id).first()
    if client is None:
        raise NotFound
    return client


def _new_secret() -> Secret:
    return Secret(format_token(TokenKind.CLIENT, new_token_id(), new_token_secret()))


def _end_tokens(actor: ActorRef, client: Client) -> None:
    tokens = AccessToken.objects.filter(client=client.public_id)
    revoke_all(actor=actor, tokens=tokens, because="client-changed")


def _facts_of(client: Client) -> dict[str, str | int | bool]:
    return {
        "account": client.account.public_id,
        "client": client.public_id,
        "name": client.name,
        "scope": client.scope,
        "may_introspect": client.may_introspect,
    }
