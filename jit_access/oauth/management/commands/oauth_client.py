"""`manage.py oauth_client …`: clients with a secret, and who of them may ask about tokens."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jit_access.accounts.models import User
from jit_access.accounts.selectors import find_by_name
from jit_access.domain.actors import ActorKind, ActorRef
from jit_access.domain.errors import CallerError, GatewayError, NotFound
from jit_access.domain.reasons import Reason
from jit_access.oauth import registration
from jit_access.oauth.models import Client
from jit_access.oauth.scopes import parse_scope

TERMINAL = ActorRef(ActorKind.SYSTEM, "terminal", "Somebody at the gateway's terminal")


class Command(BaseCommand):
    help = "Make, list, renew and remove the clients of service accounts. A secret is printed once, and only there."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        add = actions.add_parser("add", help="prints the client id and its secret")
        add.add_argument("account")
        add.add_argument("name")
        add.add_argument("--scope", default="read act")
        add.add_argument("--introspect", action="store_true", help="may ask about the tokens of others")
        actions.add_parser("list", help="what an account has").add_argument("account")
        for name, words in {"renew": "a new secret; the old one is over", "remove": "and its tokens are over"}.items():
            one = actions.add_parser(name, help=words)
            one.add_argument("account")
            one.add_argument("client")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            self.stdout.write(getattr(self, "_" + options["action"])(_account(options["account"]), options))
        except GatewayError as exc:
            raise CommandError(f"{exc.sentence} ({exc.reason})") from exc

    def _add(self, account: User, options: dict[str, Any]) -> str:
        made = registration.register_client(
            actor=TERMINAL,
            account=account,
            name=options["name"],
            scopes=parse_scope(options["scope"]),
            may_introspect=options["introspect"],
        )
        return _shown(made)

    def _list(self, account: User, _options: dict[str, Any]) -> str:
        lines = [_describe(client) for client in registration.clients_of(account)]
        return "\n".join(lines) or "It has no client."

    def _renew(self, account: User, options: dict[str, Any]) -> str:
        client = registration.get_client(account, options["client"])
        return _shown(registration.renew_secret(actor=TERMINAL, client=client))

    def _remove(self, account: User, options: dict[str, Any]) -> str:
        registration.remove_client(actor=TERMINAL, client=registration.get_client(account, options["client"]))
        return "Removed. Its tokens are over."


def _account(name: str) -> User:
    account = find_by_name(name)
    if account is None:
        raise NotFound(f"There is no account called {name}.")
    if account.is_person:
        raise CallerError(
            Reason.INVALID_INPUT, "That is a person. A client with a secret belongs to a service account."
        )
    return account


def _shown(made: registration.NewClient) -> str:
    return f"client_id {made.client.public_id}\nclient_secret {made.secret.reveal()}"


def _describe(client: Client) -> str:
    asks = "  may introspect" if client.may_introspect else ""
    return f"{client.public_id}  {client.name}  {client.scope}{asks}"
