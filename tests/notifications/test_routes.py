"""Who hears of requests at a target. Operators say it; being named gives no right."""

from __future__ import annotations

import pytest

from jit_access.accounts import services as accounts
from jit_access.audit.models import AuditEntry
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import CallerError, NotFound
from jit_access.notifications.routes import MAX_ROUTES, TypedRoute, routes_of, set_routes
from jit_access.targets.models import Target
from tests.support.cast import Cast

CHANNEL = "C024BE91L"


@pytest.fixture
def target(cast: Cast) -> Target:
    return Target.objects.create(slug="demo", display_name="Demo", base_url="http://127.0.0.1:5000")


def route(*channels: str, people: tuple[str, ...] = ()) -> TypedRoute:
    return TypedRoute(channels, people)


def test_operator_replaces_both_lists(cast: Cast, target: Target) -> None:
    set_routes(actor=cast.ben, target=target, first=route("C0OLDOLD1"), escalation=route())
    set_routes(
        actor=cast.ben, target=target, first=route(CHANNEL, CHANNEL, people=("Cleo",)), escalation=route("G0SECRET1")
    )
    routes = routes_of(target)
    assert (routes.first.channels, routes.first.people) == ((CHANNEL,), (cast.cleo,))
    assert routes.escalation.channels == ("G0SECRET1",)
    assert AuditEntry.objects.filter(kind="target.routes-set").count() == 2


def test_others_are_told_that_nothing_is_there(cast: Cast, target: Target) -> None:
    with pytest.raises(NotFound):
        set_routes(actor=cast.ada, target=target, first=route(CHANNEL), escalation=route())
    assert routes_of(target).first.is_empty


@pytest.mark.parametrize(
    "typed",
    [
        route("#general"),
        route("general"),
        route("U024BE91L"),
        route("C024BE91L\n"),
        route("<!here>"),
        route(people=("nobody",)),
        route(people=("ci-bot",)),
        route(*(f"C0000000{number:02d}" for number in range(MAX_ROUTES + 1))),
    ],
)
def test_what_is_no_channel_and_no_person_is_refused(cast: Cast, target: Target, typed: TypedRoute) -> None:
    with pytest.raises(CallerError) as refusal:
        set_routes(actor=cast.ben, target=target, first=typed, escalation=route())
    assert refusal.value.fields["field"] in {"channels", "people"}
    assert routes_of(target).first.is_empty


def test_locked_person_hears_nothing(cast: Cast, target: Target) -> None:
    set_routes(actor=cast.ben, target=target, first=route(people=("cleo",)), escalation=route())
    accounts.lock_account(actor=GATEWAY, user=cast.cleo)
    assert routes_of(target).first.people == ()
