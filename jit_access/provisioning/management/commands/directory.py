"""`manage.py directory …`: who may tell the gateway who works here (SCIM), and what is theirs."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jit_access.accounts.selectors import find_by_name
from jit_access.domain.actors import ActorKind, ActorRef
from jit_access.domain.errors import GatewayError
from jit_access.provisioning import directories, groups, people

TERMINAL = ActorRef(ActorKind.SYSTEM, "terminal", "Somebody at the gateway's terminal")


class Command(BaseCommand):
    help = "Add directories (SCIM), replace their tokens, hand people and groups to them."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        add = actions.add_parser("add", help="a directory; its token is printed once")
        add.add_argument("directory")
        add.add_argument("--name", default="")
        actions.add_parser("rotate", help="a new token; the old one works for 24 h").add_argument("directory")
        actions.add_parser("revoke", help="every token of it, now").add_argument("directory")
        adopt = actions.add_parser("adopt", help="hand somebody who is here to it")
        adopt.add_argument("directory")
        adopt.add_argument("username")
        adopt.add_argument("--external-id", default="")
        group = actions.add_parser("adopt-group", help="hand a group that is here to it")
        group.add_argument("directory")
        group.add_argument("group")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            self.stdout.write(getattr(self, "_" + options["action"].replace("-", "_"))(options))
        except GatewayError as exc:
            raise CommandError(f"{exc.sentence} ({exc.reason})") from exc

    def _add(self, options: dict[str, Any]) -> str:
        _, token = directories.add_directory(actor=TERMINAL, slug=options["directory"], name=options["name"])
        return token.reveal()

    def _rotate(self, options: dict[str, Any]) -> str:
        directory = directories.get_directory(options["directory"])
        return directories.rotate_token(actor=TERMINAL, directory=directory).reveal()

    def _revoke(self, options: dict[str, Any]) -> str:
        directories.revoke_tokens(actor=TERMINAL, directory=directories.get_directory(options["directory"]))
        return f"No token of {options['directory']} works any more."

    def _adopt(self, options: dict[str, Any]) -> str:
        user = find_by_name(options["username"])
        if user is None:
            raise CommandError(f"There is no account called {options['username']}.")
        directory = directories.get_directory(options["directory"])
        people.adopt_person(actor=TERMINAL, directory=directory, user=user, external_id=options["external_id"])
        return f"{user.username} belongs to {directory.slug} now; its id there is {user.public_id}."

    def _adopt_group(self, options: dict[str, Any]) -> str:
        directory = directories.get_directory(options["directory"])
        row = groups.adopt_group(actor=TERMINAL, directory=directory, name=options["group"])
        return f"{options['group']} belongs to {directory.slug} now; its id there is {row.public_id}."
