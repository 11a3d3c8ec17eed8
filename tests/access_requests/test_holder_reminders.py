"""Before access ends, and before an approval goes stale: one message each, with what to do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from jit_access.access_requests import services
from jit_access.access_requests.services import remind_holders
from jit_access.grants import services as grants
from jit_access.grants.models import Grant
from jit_access.notifications.models import Notification
from tests.conftest import Clock
from tests.support.lifecycles import BASE, HOUR, TINY, World, active, answer, fresh, reload, scheduled
from tests.web.pages_of import hidden_value, text_of

DAY = 24 * HOUR


def told(kind: str) -> list[Notification]:
    return list(Notification.objects.filter(kind=kind).order_by("pk"))


def test_fifteen_minutes_before_the_end_once_with_a_link_to_extend(world: World, clock: Clock) -> None:
    """Teleport #58208: access ended and nobody had said so."""
    grant = active(world, BASE, lasts_s=HOUR)
    assert remind_holders() == 0
    clock.advance(minutes=46)
    assert (remind_holders(), remind_holders()) == (1, 0)
    [message] = told("grant-ends-soon")
    assert (message.user, message.path) == (world.cast.ada, f"/requests/new?extends={grant.public_id}")
    assert message.subject.endswith(f"access to demo-registry/{BASE}")
    clock.advance(minutes=15)
    assert remind_holders() == 0


def test_long_ones_are_told_a_day_and_an_hour_before_too(world: World, clock: Clock) -> None:
    grant = active(world, BASE, lasts_s=8 * HOUR)
    Grant.objects.filter(pk=grant.pk).update(lasts_s=3 * DAY, valid_until=clock.now() + timedelta(days=3))
    clock.advance(hours=47)
    assert remind_holders() == 0
    for step in ({"hours": 2}, {"hours": 22, "minutes": 30}, {"minutes": 20}):
        clock.advance(**step)
        assert (remind_holders(), remind_holders()) == (1, 0), step
    assert len({message.dedupe_key for message in told("grant-ends-soon")}) == 3


def test_what_a_worker_missed_is_not_told_late(world: World, clock: Clock) -> None:
    grant = active(world, BASE, lasts_s=8 * HOUR)
    Grant.objects.filter(pk=grant.pk).update(lasts_s=3 * DAY, valid_until=clock.now() + timedelta(days=3))
    clock.advance(hours=71, minutes=50)
    assert remind_holders() == 1


@pytest.mark.parametrize("which", ["too short", "an agent's", "ended"])
def test_who_is_not_reminded(world: World, clock: Clock, which: str) -> None:
    actor = world.cast.ci_bot if which == "an agent's" else None
    grant = active(world, BASE, actor=actor, lasts_s=20 * 60 if which == "too short" else HOUR)
    if which == "ended":
        grants.relinquish_grant(actor=world.cast.ada, grant=grant)
    clock.advance(minutes=10 if which == "too short" else 50)
    assert remind_holders() == 0


def test_an_approved_extension_is_what_to_start(world: World, clock: Clock) -> None:
    grant = active(world, TINY, lasts_s=HOUR)
    longer = services.submit_extension(actor=world.cast.ada, grant=grant, by_s=HOUR, purpose="Go on", assurance=fresh())
    answer(longer, world.cast.ben)
    clock.advance(minutes=50)
    remind_holders()
    [message] = told("grant-ends-soon")
    assert message.path == f"/access/{Grant.objects.get(extends=grant).public_id}/start"


def test_what_nobody_started_is_told_of_before_it_is_gone(world: World, clock: Clock) -> None:
    grant = scheduled(world, BASE)
    assert remind_holders() == 0
    clock.set(grant.start_by)
    clock.advance(hours=-1)
    assert (remind_holders(), remind_holders()) == (1, 0)
    clock.advance(minutes=50)
    assert (remind_holders(), remind_holders()) == (1, 0)
    assert {message.path for message in told("grant-start-by")} == {f"/access/{grant.public_id}/start"}


@pytest.mark.django_db(transaction=True)
def test_asking_again_is_one_click_and_sends_nothing_by_itself(world: World, client_for: Callable[..., Client]) -> None:
    """For a grant that ended: the form is filled, GET sends nothing, POST sends it."""
    grant = active(world, BASE, lasts_s=HOUR)
    grants.relinquish_grant(actor=world.cast.ada, grant=grant)
    assert grants.finish_revocation(grant_id=grant.pk)
    ada = client_for(world.cast.ada)
    page = ada.get(f"/requests/{reload(grant).request.public_id}")
    assert "Ask again" in text_of(page)
    form = ada.get("/requests/new", {"again": grant.request.public_id})
    assert "Evaluate the new checkpoint" in text_of(form)
    assert ask_count(world) == 1
    sent = {
        "send": "1",
        "resource": world.target.repositories.get(name=BASE).public_id,
        "operations": "pull",
        "lasts_s": HOUR,
        "purpose": "Evaluate the new checkpoint",
        "idempotency_key": hidden_value(form, "idempotency_key"),
    }
    assert ada.post("/requests/new", sent).status_code == 302
    assert ask_count(world) == 2


def ask_count(world: World) -> int:
    return world.cast.ada.access_requests.count()
