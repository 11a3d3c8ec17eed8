"""Who hears of requests at a target. A list of its own: who may *answer* is policy's to say, when the answer comes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from jit_access.accounts.models import User
from jit_access.accounts.selectors import find_by_name
from jit_access.audit.recorder import audited
from jit_access.domain.errors import CallerError
from jit_access.domain.reasons import Reason
from jit_access.notifications.models import TargetRoute
from jit_access.targets.access import require_operator
from jit_access.targets.models import Target

MAX_ROUTES: Final = 20
# Channels and private channels have ids like these; names change and can be taken over, ids are neither.
_CHANNEL: Final = re.compile(r"[CG][A-Z0-9]{7,19}")


@dataclass(frozen=True, slots=True)
class Route:
    """One list: Slack conversations by id, and people."""

    channels: tuple[str, ...] = ()
    people: tuple[User, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.channels and not self.people


@dataclass(frozen=True, slots=True)
class Routes:
    """Who hears at once, and who hears when nobody answers. An empty first list means: whoever may answer."""

    first: Route
    escalation: Route


@dataclass(frozen=True, slots=True)
class TypedRoute:
    """A list as an operator typed it. `names` says which fields it came from, for the words beside them."""

    channels: tuple[str, ...]
    people: tuple[str, ...]
    names: tuple[str, str] = ("channels", "people")


def routes_of(target: Target) -> Routes:
    """Both lists of a target. People who are locked are left out."""
    rows = list(TargetRoute.objects.filter(target=target).select_related("person").order_by("pk"))
    return Routes(_route(rows, is_escalation=False), _route(rows, is_escalation=True))


def set_routes(*, actor: User, target: Target, first: TypedRoute, escalation: TypedRoute) -> Routes:
    """Replace both lists. For operators.

    Raises: NotFound for others; CallerError, with the `field`, for what is no channel id or nobody's name.
    """
    require_operator(actor)
    wanted = Routes(_parse(first), _parse(escalation))
    with audited(actor=actor.ref) as audit:
        TargetRoute.objects.filter(target=target).delete()
        for route, is_escalation in ((wanted.first, False), (wanted.escalation, True)):
            for channel in route.channels:
                TargetRoute.objects.create(target=target, channel=channel, is_escalation=is_escalation)
            for person in route.people:
                TargetRoute.objects.create(target=target, person=person, is_escalation=is_escalation)
        audit.record(
            "target.routes-set",
            target=target.slug,
            detail={"first": _spell(wanted.first), "escalation": _spell(wanted.escalation)},
        )
    return wanted


def _route(rows: Iterable[TargetRoute], *, is_escalation: bool) -> Route:
    mine = [row for row in rows if row.is_escalation is is_escalation]
    return Route(
        tuple(row.channel for row in mine if row.channel),
        tuple(row.person for row in mine if row.person is not None and row.person.is_active),
    )


def _parse(typed: TypedRoute) -> Route:
    channels_field, people_field = typed.names
    channels, people = tuple(dict.fromkeys(typed.channels)), tuple(dict.fromkeys(typed.people))
    if len(channels) + len(people) > MAX_ROUTES:
        raise CallerError(Reason.INVALID_INPUT, f"A list has at most {MAX_ROUTES} entries.", field=channels_field)
    for channel in channels:
        if not _CHANNEL.fullmatch(channel):
            sentence = "Channels are named by their id, such as C024BE91L: open the channel's details in Slack."
            raise CallerError(Reason.INVALID_INPUT, sentence, field=channels_field)
    found = {}
    for name in people:
        person = find_by_name(name)
        if person is None or not person.is_person or not person.is_active:
            raise CallerError(Reason.INVALID_INPUT, f"Nobody here is called {name[:80]}.", field=people_field)
        found[person.pk] = person
    return Route(channels, tuple(found.values()))


def _spell(route: Route) -> str:
    return " ".join([*route.channels, *(person.public_id for person in route.people)])
