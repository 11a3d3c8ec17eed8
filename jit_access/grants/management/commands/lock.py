"""`manage.py lock place|lift|list`: the kill switch from the gateway's own machine, at three in the morning.

Whoever can run it holds the database, so it asks for no second factor; every call is in the log as done at this
terminal, and everybody in security is told.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jit_access.core import clock
from jit_access.domain.actors import ActorKind, ActorRef
from jit_access.domain.errors import GatewayError
from jit_access.domain.locks import LockAxis
from jit_access.grants.lockable import find_lockable
from jit_access.grants.services import grants_under
from jit_access.locks import services
from jit_access.locks.models import Lock
from jit_access.locks.selectors import list_standing
from jit_access.policies.rules import parse_duration

TERMINAL = ActorRef(ActorKind.SYSTEM, "terminal", "Somebody at the gateway's terminal")
UNTIL_LIFTED = "lifted"


class Command(BaseCommand):
    help = "Stop a person, agent, session, device, grant, token, target, repository or tier at once; lift it; list."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        place = actions.add_parser("place", help="stop it now: streams are cut, nothing new begins")
        place.add_argument("axis", choices=[str(axis) for axis in LockAxis])
        place.add_argument("name", help="ada, ci-bot, demo-registry, demo-registry/llm/tiny-llama, critical, grt_…")
        place.add_argument("--because", required=True, help="why; 10 to 300 characters, for security and the log")
        place.add_argument("--for", dest="lasts", default="4h", help=f"30m, 4h, 7d, or {UNTIL_LIFTED}")
        place.add_argument("--dry-run", action="store_true", help="say what it would stop, and stop nothing")
        lift = actions.add_parser("lift", help="undo it; what no other lock stops goes on")
        lift.add_argument("lock", help="lck_…")
        lift.add_argument("--because", default="", help="for the log")
        actions.add_parser("list", help="what is locked now")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            words = getattr(self, "_" + options["action"])(options)
        except GatewayError as exc:
            raise CommandError(f"{exc.sentence} ({exc.reason})") from exc
        self.stdout.write(words)

    def _place(self, options: dict[str, Any]) -> str:
        try:
            lasts_s = None if options["lasts"] == UNTIL_LIFTED else parse_duration(options["lasts"])
        except ValueError as exc:
            raise CommandError(str(exc)) from exc
        found = find_lockable(LockAxis(options["axis"]), options["name"])
        hit = grants_under(found.facts)
        count = f"{len(hit)} live grant{'' if len(hit) == 1 else 's'}"
        if options["dry_run"]:
            ids = "".join(f"\n  {grant.public_id} {grant.subject.display_name} {grant.state}" for grant in hit)
            return f"It would stop {found.label}: {count}.{ids}"
        order = services.LockOrder(found.facts, found.label, options["because"], lasts_s)
        lock = services.place(actor=TERMINAL, order=order)
        return f"{lock.public_id}: {found.label} is locked {_until(lock)}. It stopped {count}."

    def _lift(self, options: dict[str, Any]) -> str:
        lock = Lock.objects.filter(public_id=options["lock"]).first()
        if lock is None:
            raise CommandError(f"There is no lock {options['lock']}. `lock list` says which there are.")
        services.lift(actor=TERMINAL, lock=lock, note=options["because"])
        return f"{lock.label} is not locked by {lock.public_id} any more."

    def _list(self, _options: dict[str, Any]) -> str:
        rows = [
            f"{lock.public_id}  {lock.axis:<10}  {lock.label}, {_until(lock)}, by {lock.placed_by_name}: {lock.reason}"
            for lock in list_standing()
        ]
        return "\n".join(rows) or "Nothing is locked."


def _until(lock: Lock) -> str:
    return "until somebody lifts it" if lock.until is None else f"until {clock.format_instant(lock.until)[:16]} UTC"
