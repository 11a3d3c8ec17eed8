"""`manage.py account …`: people and service accounts, from the gateway's own machine.

This is how the first operator comes to be, and the way back for somebody who lost phone and recovery codes. Whoever
can run it holds the database, so it asks for no second factor; every call is in the log as done at this terminal.
"""

from __future__ import annotations

import getpass
import sys
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jit_access.accounts import services
from jit_access.accounts.models import User
from jit_access.accounts.selectors import find_by_name, is_alone_in
from jit_access.domain.actors import ActorKind, ActorRef
from jit_access.domain.errors import GatewayError
from jit_access.mfa.resets import reset_at_terminal
from jit_access.mfa.services import set_password

TERMINAL = ActorRef(ActorKind.SYSTEM, "terminal", "Somebody at the gateway's terminal")


class Command(BaseCommand):
    help = "Add people and service accounts, change their groups, lock and unlock them, forget a lost second factor."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        add = actions.add_parser("add", help="a person; the password is asked, or read from standard input")
        add.add_argument("username")
        add.add_argument("--display-name", required=True)
        add.add_argument("--email", default="")
        agent = actions.add_parser("agent", help="a service account; its owner answers for it")
        agent.add_argument("username")
        agent.add_argument("--owner", required=True)
        agent.add_argument("--purpose", default="", help="what it is for; whoever approves its requests reads it")
        for made in (add, agent):
            made.add_argument("--group", action="append", default=[], help="may be given several times")
        token = actions.add_parser("token", help="an API token for a service account, printed once")
        token.add_argument("username")
        token.add_argument("--name", default="terminal", help="what it is for")
        token.add_argument("--days", type=int, default=30)
        for name, words in {"join": "add to a group", "leave": "take out of a group; what rests on it ends"}.items():
            change = actions.add_parser(name, help=words)
            change.add_argument("username")
            change.add_argument("group")
        for name, words in {"lock": "end everything of an account now", "unlock": "let it sign in again"}.items():
            locking = actions.add_parser(name, help=words)
            locking.add_argument("username")
            locking.add_argument("--note", default="at the terminal", help="why, for the log")
        manager = actions.add_parser("manager", help="whom rules ask as this person's manager; without a name: nobody")
        manager.add_argument("username")
        manager.add_argument("manager", nargs="?", default="")
        actions.add_parser("password", help="set a new one; ends every session").add_argument("username")
        actions.add_parser("forget-factor", help="after a lost phone").add_argument("username")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            words = getattr(self, "_" + options["action"].replace("-", "_"))(options)
        except GatewayError as exc:
            raise CommandError(f"{exc.sentence} ({exc.reason})") from exc
        self.stdout.write(words)

    def _add(self, options: dict[str, Any]) -> str:
        user = services.create_person(
            actor=TERMINAL,
            username=options["username"],
            password=_read_password(),
            display_name=options["display_name"],
            email=options["email"],
        )
        return self._put_into(user, options["group"], "sets up a second factor at the first sign-in")

    def _agent(self, options: dict[str, Any]) -> str:
        owner = _find(options["owner"])
        user = services.create_service_account(
            actor=TERMINAL, username=options["username"], owner=owner, purpose=options["purpose"]
        )
        return self._put_into(user, options["group"], f"belongs to {owner.display_name}")

    def _token(self, options: dict[str, Any]) -> str:
        user = _find(options["username"])
        if user.is_person:
            raise CommandError(f"{user.username} is a person, who makes tokens in Settings.")
        lasts = timedelta(days=options["days"])
        return services.issue_api_token(actor=TERMINAL, user=user, name=options["name"], lasts=lasts).text.reveal()

    def _put_into(self, user: User, groups: list[str], words: str) -> str:
        joined = [_join_group(user, group) for group in groups]
        return "\n".join([f"{user.username} {words}.", *joined])

    def _join(self, options: dict[str, Any]) -> str:
        return _join_group(_find(options["username"]), options["group"])

    def _leave(self, options: dict[str, Any]) -> str:
        services.remove_from_group(actor=TERMINAL, user=_find(options["username"]), group=options["group"])
        return f"{options['username']} is no longer in {options['group']}."

    def _manager(self, options: dict[str, Any]) -> str:
        user, manager = _find(options["username"]), _find(options["manager"]) if options["manager"] else None
        services.set_manager(actor=TERMINAL, user=user, manager=manager)
        return f"{user.username} has {manager.username if manager else 'nobody'} as manager."

    def _lock(self, options: dict[str, Any]) -> str:
        services.lock_account(actor=TERMINAL, user=_find(options["username"]), note=options["note"])
        return f"{options['username']} is locked; everything open has ended."

    def _unlock(self, options: dict[str, Any]) -> str:
        services.unlock_account(actor=TERMINAL, user=_find(options["username"]), note=options["note"])
        return f"{options['username']} may sign in again."

    def _password(self, options: dict[str, Any]) -> str:
        user = _find(options["username"])
        if not user.is_person:
            raise CommandError(f"{user.username} is a service account: it has no password.")
        set_password(actor=TERMINAL, user=user, password=_read_password())
        return f"{user.username} has a new password; every session of theirs has ended."

    def _forget_factor(self, options: dict[str, Any]) -> str:
        reset_at_terminal(actor=TERMINAL, user=_find(options["username"]))
        return f"{options['username']} sets up a new second factor at the next sign-in. All of security is told."


def _join_group(user: User, group: str) -> str:
    services.add_to_group(actor=TERMINAL, user=user, group=group)
    alone = " Nobody else is: if policy names another spelling, this gives nothing." if is_alone_in(user, group) else ""
    return f"{user.username} is in {group}.{alone}"


def _find(username: str) -> User:
    user = find_by_name(username)
    if user is None:
        raise CommandError(f"There is no account called {username}.")
    return user


def _read_password() -> str:
    """Never from the command line, where other processes could read it."""
    if not sys.stdin.isatty():
        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise CommandError("No password came by standard input.")
        return password
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise CommandError("The two passwords differ.")
    return password
