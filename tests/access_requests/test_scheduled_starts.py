"""A start that is asked for later: the clock cannot begin before it, and the time to start counts from it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from jit_access.access_requests import services
from jit_access.access_requests.models import AccessRequest
from jit_access.access_requests.payloads import is_intact
from jit_access.access_requests.services import remind_holders
from jit_access.accounts import services as accounts
from jit_access.audit.models import AuditEntry
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import CallerError, Conflict
from jit_access.domain.lifecycle import GrantState, RequestState
from jit_access.domain.reasons import Reason
from jit_access.grants.models import Grant
from jit_access.notifications.models import Notification
from tests.api.caller import Caller, wish
from tests.conftest import Clock
from tests.support.lifecycles import BASE, HOUR, TINY, World, active, answer, draft, fresh, reload, start
from tests.web.pages_of import text_of


def ask_later(world: World, name: str, not_before: datetime) -> AccessRequest:
    wanted = services.starting_later(draft(world, name), not_before)
    return services.submit_request(actor=world.cast.ada, draft=wanted, assurance=fresh())


def test_the_clock_cannot_start_before_it(world: World, clock: Clock) -> None:
    """Teleport #50011: a 3 h request yielded 2.5 h. Here what it lasts counts from its start, whenever that is."""
    opens_at = clock.now() + timedelta(days=2)
    grant = Grant.objects.get(request=ask_later(world, BASE, opens_at))
    assert grant.start_by - (grant.not_before or opens_at) == timedelta(days=1)
    clock.advance(days=1, hours=23)
    with pytest.raises(Conflict) as refusal:
        start(grant)
    assert refusal.value.reason is Reason.START_TOO_EARLY
    assert AuditEntry.objects.filter(kind="grant.activate.refused", reason=Reason.START_TOO_EARLY).exists()
    assert reload(grant).state == GrantState.SCHEDULED
    clock.advance(hours=2)
    started = start(grant)
    assert started.valid_until - started.activated_at == timedelta(hours=1)


def test_three_ends_that_do_not_touch_each_other(world: World, clock: Clock) -> None:
    """Teleport #14040, #10147: pending, start and length constrained each other, and nobody could say how."""
    now = clock.now()
    soon, later = ask_later(world, TINY, now + timedelta(hours=1)), ask_later(world, BASE, now + timedelta(days=10))
    assert abs(soon.answer_by - later.answer_by) < timedelta(minutes=1)
    assert soon.start_by == soon.answer_by + timedelta(days=1)
    assert later.start_by == later.not_before + timedelta(days=1)
    assert soon.lasts_s == later.lasts_s == HOUR


def test_who_approves_signs_when_it_can_start(world: World, clock: Clock) -> None:
    request = ask_later(world, TINY, clock.now() + timedelta(days=1))
    assert is_intact(request)
    assert request.payload["not_before"]
    AccessRequest.objects.filter(pk=request.pk).update(not_before=None)
    with pytest.raises(Conflict) as refusal:
        answer(request, world.cast.ben)
    assert refusal.value.reason is Reason.PAYLOAD_CHANGED
    AccessRequest.objects.filter(pk=request.pk).update(not_before=request.not_before)
    assert answer(request, world.cast.ben).state == RequestState.APPROVED
    assert Grant.objects.get().not_before == request.not_before


def test_what_policy_says_is_asked_again_at_the_start(world: World, clock: Clock) -> None:
    grant = Grant.objects.get(request=ask_later(world, BASE, clock.now() + timedelta(days=2)))
    accounts.remove_from_group(actor=GATEWAY, user=world.cast.ada, group="research")
    clock.advance(days=2, hours=1)
    with pytest.raises(Conflict) as refusal:
        start(grant)
    assert refusal.value.reason is Reason.GROUP_MEMBERSHIP_LOST


def test_a_past_moment_is_at_once(world: World, clock: Clock) -> None:
    request = ask_later(world, BASE, clock.now() - timedelta(hours=1))
    assert (request.not_before, "not_before" in request.payload) == (None, False)
    assert start(Grant.objects.get()).state == GrantState.ACTIVE


def test_how_far_away_it_may_be(world: World, clock: Clock) -> None:
    with pytest.raises(CallerError) as refusal:
        ask_later(world, BASE, clock.now() + timedelta(days=15))
    assert refusal.value.reason is Reason.INVALID_INPUT
    assert ask_later(world, BASE, clock.now() + timedelta(days=13)).not_before


def test_the_database_holds_it_too(world: World, clock: Clock) -> None:
    grant = active(world, BASE)
    with pytest.raises(IntegrityError), transaction.atomic():
        Grant.objects.filter(pk=grant.pk).update(not_before=clock.now() + timedelta(hours=1))


def test_its_holder_is_told_when_it_opens(world: World, clock: Clock) -> None:
    grant = Grant.objects.get(request=ask_later(world, BASE, clock.now() + timedelta(days=2)))
    assert remind_holders() == 0
    clock.advance(days=2, minutes=1)
    assert (remind_holders(), remind_holders()) == (1, 0)
    assert Notification.objects.get(kind="grant-may-start").path == f"/access/{grant.public_id}/start"


@pytest.mark.django_db(transaction=True)
def test_on_the_pages(world: World, client_for: Callable[..., Client], clock: Clock) -> None:
    ada = client_for(world.cast.ada)
    opens_at = clock.now() + timedelta(days=2)
    sent = {
        "send": "1",
        "resource": world.target.repositories.get(name=TINY).public_id,
        "operations": "pull",
        "lasts_s": HOUR,
        "purpose": "The weekend run",
        "idempotency_key": "k-1",
    }
    wrong = ada.post("/requests/new", sent | {"not_before": "next week"})
    assert (wrong.status_code, "Write it like 2026-11-24T09:00." in text_of(wrong)) == (422, True)
    ada.post("/requests/new", sent | {"not_before": f"{opens_at:%Y-%m-%dT%H:%M}"})
    request = AccessRequest.objects.get()
    assert request.not_before == opens_at.replace(second=0, microsecond=0)
    when = f"{opens_at.day} {opens_at:%b %H:%M} UTC"
    assert f"from {when}, before" in text_of(client_for(world.cast.ben).get(f"/approvals/{request.public_id}"))
    answer(request, world.cast.ben)
    page = text_of(ada.get(f"/requests/{request.public_id}"))
    assert f"Approved. Your 1 h can start from {when}." in page
    assert "Start now" not in page
    mine = text_of(ada.get("/access"))
    assert f"Your 1 h can start from {when}; we write to you then." in mine
    assert "Start now" not in mine


def test_over_the_api(world: World, clock: Clock) -> None:
    ada = Caller(world.cast.ada)
    opens_at = (clock.now() + timedelta(days=2)).replace(microsecond=0)
    asked = ada.post("/requests", wish(BASE, not_before=opens_at.isoformat())).json()
    assert datetime.fromisoformat(asked["not_before"]) == opens_at
    refused = ada.post(f"/grants/{asked['grant']}/activate")
    assert (refused.status_code, refused.json()["code"]) == (409, Reason.START_TOO_EARLY)
    assert ada.post("/requests", wish(not_before="soon")).status_code == 400
