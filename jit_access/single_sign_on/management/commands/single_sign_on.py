"""`manage.py single_sign_on …`: identity providers, and what their words mean here.

Whoever names a provider names who can sign in as whom, so it is done at the gateway's own machine, and in the log.
"""

from __future__ import annotations

import getpass
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jit_access.core.secret import Secret
from jit_access.domain.actors import ActorKind, ActorRef
from jit_access.domain.errors import GatewayError
from jit_access.mfa.assurance import Level
from jit_access.single_sign_on import services
from jit_access.single_sign_on.models import GroupMapping, LogoutEnds, Provider

TERMINAL = ActorRef(ActorKind.SYSTEM, "terminal", "Somebody at the gateway's terminal")
_LEVELS = {"second-factor": Level.SECOND_FACTOR, "phishing-resistant": Level.PHISHING_RESISTANT, "nothing": None}
_SWITCH = {"on": True, "off": False}


class Command(BaseCommand):
    help = "Add identity providers; map their groups and the strength of their sign-ins."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        add = actions.add_parser("add", help="the client secret is asked, or read from standard input")
        add.add_argument("provider")
        add.add_argument("--issuer", required=True)
        add.add_argument("--client-id", required=True)
        add.add_argument("--name", default="")
        add.add_argument("--public", action="store_true", help="a client without a secret: PKCE alone")
        actions.add_parser("list", help="what is here")
        actions.add_parser("refresh", help="read the metadata again").add_argument("provider")
        change = actions.add_parser("set", help="what an operator decides")
        change.add_argument("provider")
        change.add_argument("--provision", choices=list(_SWITCH), help="make accounts at the first sign-in")
        change.add_argument("--active", choices=list(_SWITCH))
        change.add_argument("--logout-ends", choices=LogoutEnds.values)
        change.add_argument("--groups-claim")
        change.add_argument("--username-claim")
        change.add_argument("--scopes")
        for name, words in {"map": "a group of theirs means one of ours", "unmap": "and no longer does"}.items():
            mapping = actions.add_parser(name, help=words)
            mapping.add_argument("provider")
            mapping.add_argument("external")
            mapping.add_argument("group")
        strength = actions.add_parser("strength", help="what acr:<value> or amr:<value> counts as")
        strength.add_argument("provider")
        strength.add_argument("word")
        strength.add_argument("level", choices=list(_LEVELS))

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            self.stdout.write(getattr(self, "_" + options["action"])(options))
        except GatewayError as exc:
            raise CommandError(f"{exc.sentence} ({exc.reason})") from exc

    def _add(self, options: dict[str, Any]) -> str:
        order = services.ProviderOrder(
            slug=options["provider"],
            name=options["name"] or options["provider"],
            issuer=options["issuer"],
            client_id=options["client_id"],
            secret=None if options["public"] else _read_secret(),
        )
        provider = services.add_provider(actor=TERMINAL, order=order)
        back = services.answer_address(provider)
        out = back.replace("/sign-in/answer/", "/sign-in/back-channel/")
        return f"{provider.name} is added. Tell it these addresses:\n  redirect: {back}\n  back-channel logout: {out}"

    def _list(self, _options: dict[str, Any]) -> str:
        return "\n".join(_describe(one) for one in Provider.objects.order_by("slug")) or "No provider is here."

    def _refresh(self, options: dict[str, Any]) -> str:
        provider = _find(options)
        services.refresh_provider(actor=TERMINAL, provider=provider)
        return f"{provider.name} was read again."

    def _set(self, options: dict[str, Any]) -> str:
        wanted = {
            "may_provision": _SWITCH.get(options["provision"] or ""),
            "is_active": _SWITCH.get(options["active"] or ""),
            "logout_ends": options["logout_ends"],
            "groups_claim": options["groups_claim"],
            "username_claim": options["username_claim"],
            "scopes": options["scopes"],
        }
        provider = _find(options)
        changes = {field: value for field, value in wanted.items() if value is not None}
        services.change_provider(actor=TERMINAL, provider=provider, **changes)
        return _describe(provider)

    def _map(self, options: dict[str, Any]) -> str:
        provider = _find(options)
        services.map_group(actor=TERMINAL, provider=provider, external=options["external"], group=options["group"])
        return f"{options['external']} at {provider.name} means {options['group']}."

    def _unmap(self, options: dict[str, Any]) -> str:
        provider = _find(options)
        services.map_group(
            actor=TERMINAL, provider=provider, external=options["external"], group=options["group"], is_removed=True
        )
        return f"{options['external']} at {provider.name} no longer means {options['group']}."

    def _strength(self, options: dict[str, Any]) -> str:
        provider, level = _find(options), _LEVELS[options["level"]]
        services.map_strength(actor=TERMINAL, provider=provider, word=options["word"], level=level)
        return _describe(provider)


def _find(options: dict[str, Any]) -> Provider:
    return services.get_provider(options["provider"], is_active=None)


def _describe(provider: Provider) -> str:
    mapped = ", ".join(
        f"{row.external} = {row.group}" for row in GroupMapping.objects.filter(provider=provider).order_by("pk")
    )
    strength = ", ".join(f"{word} = {level}" for word, level in sorted(provider.strength.items()))
    return (
        f"{provider.slug}: {provider.name}, {provider.issuer}, {'on' if provider.is_active else 'off'}, "
        f"{'makes accounts' if provider.may_provision else 'makes no accounts'}, a logout ends {provider.logout_ends}; "
        f"groups: {mapped or 'none'}; strength: {strength or 'a password'}"
    )


def _read_secret() -> Secret:
    text = getpass.getpass("Client secret: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not text:
        raise CommandError("No client secret came. Use --public for a client without one.")
    return Secret(text)
