"""`manage.py people`: accounts from the console, for the first person and for the day somebody lost everything.

Whoever can run this can read the database; so it asks no second factor, but every call is in the log.
"""

from __future__ import annotations

import getpass
import sys
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from jit_access.accounts import services
from jit_access.accounts.models import User
from jit_access.accounts.selectors import find_by_name
from jit_access.domain.actors import ActorKind, ActorRef
from jit_access.domain.errors import GatewayError
from jit_access.mfa.services import remove_factor

CONSOLE: Final = ActorRef(ActorKind.SYSTEM, "console", "Operator at the console")
_SAID: Final = {
    "add": "{name} can sign in and sets up a second factor then.",
    "lock": "{name} is locked. Sessions, tokens and grants end now.",
    "unlock": "{name} can sign in again.",
    "join": "{name} is in {group}.",
    "leave": "{name} is no longer in {group}. Access that rested on it ends now.",
    "forget-factor": "{name} sets up a new second factor at the next sign-in.",
}


class Command(BaseCommand):
    help = "Add people, lock and unlock them, change their groups, forget a lost second factor."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=list(_SAID))
        parser.add_argument("name")
        parser.add_argument("--group", default="", help="for join and leave")
        parser.add_argument("--shown-as", default="", help="for add: the name people read")
        parser.add_argument("--email", default="", help="for add")
        parser.add_argument("--note", default="", help="for lock and unlock: why, for the log")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            name = self._act(options["action"], options)
        except GatewayError as refusal:
            raise CommandError(f"{refusal.sentence} ({refusal.reason})") from refusal
        self.stdout.write(_SAID[options["action"]].format(name=name, group=options["group"]))

    def _act(self, action: str, options: dict[str, Any]) -> str:
        if action == "add":
            return services.create_person(
                actor=CONSOLE,
                username=options["name"],
                password=_read_password(),
                display_name=options["shown_as"] or options["name"],
                email=options["email"],
            ).display_name
        user = _find(options["name"])
        if action == "lock":
            services.lock_account(actor=CONSOLE, user=user, note=options["note"])
        elif action == "unlock":
            services.unlock_account(actor=CONSOLE, user=user, note=options["note"])
        elif action == "join":
            services.add_to_group(actor=CONSOLE, user=user, group=options["group"])
        elif action == "leave":
            services.remove_from_group(actor=CONSOLE, user=user, group=options["group"])
        else:
            remove_factor(actor=CONSOLE, user=user)
        return user.display_name


def _find(name: str) -> User:
    user = find_by_name(name)
    if user is None:
        raise CommandError(f"Nobody is named {name}.")
    return user


def _read_password() -> str:
    """From the keyboard, unseen, or one line from a pipe. Never an argument: those are shown to everybody by `ps`."""
    return getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
