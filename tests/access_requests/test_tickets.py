"""Access that ends with its ticket (Teleport #10650). Each refusal beside what goes through."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from jit_access.access_requests import services
from jit_access.access_requests.models import AccessRequest
from jit_access.accounts.models import User
from jit_access.audit.models import AuditEntry
from jit_access.domain.errors import CallerError, Conflict, PolicyRefusal
from jit_access.domain.lifecycle import GrantState, RequestState
from jit_access.domain.reasons import Reason
from jit_access.domain.roles import TICKET_SYSTEMS
from jit_access.grants.models import ClosedTicket, Grant
from jit_access.notifications.models import Notification
from tests.api.caller import Caller, wish
from tests.support.cast import make_service_account
from tests.support.lifecycles import BASE, TINY, World, active, answer, ask, reload, scheduled, start
from tests.support.racing import race


@pytest.fixture
def tracker(world: World) -> User:
    Group.objects.get_or_create(name=TICKET_SYSTEMS)
    return make_service_account("tracker", world.cast.dora, TICKET_SYSTEMS)


def test_everything_that_stands_on_it_ends(world: World, tracker: User) -> None:
    waiting = ask(world, TINY, ticket="EVAL-1")
    unstarted = scheduled(world, BASE, ticket="EVAL-1")
    running = active(world, BASE, ticket="eval-1", lasts_s=1800)
    untouched = active(world, BASE, ticket="EVAL-10", lasts_s=1800)
    closed = services.close_ticket(actor=tracker, ticket=" EVAL-1 ")
    assert (closed.requests, closed.grants) == (1, 2)
    assert (reload(waiting).state, reload(waiting).end_reason) == (RequestState.INVALIDATED, Reason.TICKET_CLOSED)
    assert {reload(grant).end_reason for grant in (unstarted, running)} == {Reason.TICKET_CLOSED}
    assert reload(running).state in {GrantState.REVOKING, GrantState.ENDED}
    assert reload(untouched).state == GrantState.ACTIVE
    record = AuditEntry.objects.get(kind="ticket.closed")
    assert record.actor_name == "tracker"
    assert Notification.objects.filter(user=world.cast.ada, kind="grant-ended").count() == 2


def test_a_repeat_changes_and_records_nothing(world: World, tracker: User) -> None:
    active(world, BASE, ticket="EVAL-1")
    assert services.close_ticket(actor=tracker, ticket="EVAL-1").grants == 1
    again = services.close_ticket(actor=tracker, ticket="EVAL-1")
    assert (again.requests, again.grants, again.is_news) == (0, 0, False)
    assert (AuditEntry.objects.filter(kind="ticket.closed").count(), ClosedTicket.objects.count()) == (1, 1)


def test_nothing_is_asked_for_with_a_closed_ticket(world: World, tracker: User) -> None:
    services.close_ticket(actor=tracker, ticket="EVAL-1")
    with pytest.raises(PolicyRefusal) as refusal:
        ask(world, BASE, ticket="eval-1")
    assert refusal.value.reason is Reason.TICKET_CLOSED
    assert AuditEntry.objects.filter(kind="request.submit.refused", reason=Reason.TICKET_CLOSED).count() == 1
    assert ask(world, BASE, ticket="EVAL-2").state == RequestState.APPROVED


@pytest.mark.parametrize("when", ["approved", "started"])
def test_what_slipped_in_while_it_was_closed_goes_no_further(world: World, tracker: User, when: str) -> None:
    """A request that the sweep could not see yet: the next opening finds the ticket closed."""
    request = ask(world, TINY if when == "approved" else BASE, ticket="EVAL-1")
    ClosedTicket.objects.create(ticket="eval-1", closed_at=request.created_at, closed_by=tracker)
    if when == "approved":
        assert answer(request, world.cast.ben).end_reason == Reason.TICKET_CLOSED
        assert not Grant.objects.exists()
        return
    with pytest.raises(PolicyRefusal) as refusal:
        start(Grant.objects.get())
    assert refusal.value.reason is Reason.TICKET_CLOSED
    services.reopen_ticket(actor=tracker, ticket="EVAL-1")
    assert start(Grant.objects.get()).state == GrantState.ACTIVE


@pytest.mark.parametrize("who", ["ada", "dora", "ci_bot"])
def test_only_a_ticket_system_says_so(world: World, tracker: User, who: str) -> None:
    grant = active(world, BASE, ticket="EVAL-1")
    for say in (services.close_ticket, services.reopen_ticket):
        with pytest.raises(PolicyRefusal) as refusal:
            say(actor=getattr(world.cast, who), ticket="EVAL-1")
        assert refusal.value.reason is Reason.NOT_A_TICKET_SYSTEM
    assert AuditEntry.objects.filter(kind="ticket.close.refused", reason=Reason.NOT_A_TICKET_SYSTEM).count() == 1
    assert reload(grant).state == GrantState.ACTIVE
    assert services.close_ticket(actor=tracker, ticket="EVAL-1").grants == 1


def test_a_person_in_that_group_is_no_ticket_system(world: World, tracker: User) -> None:
    world.cast.ben.groups.add(tracker.groups.get())
    with pytest.raises(PolicyRefusal) as refusal:
        services.close_ticket(actor=world.cast.ben, ticket="EVAL-1")
    assert refusal.value.reason is Reason.NOT_A_TICKET_SYSTEM


@pytest.mark.parametrize("ticket", ["", " ", "x" * 61])
def test_the_name_of_a_ticket_is_one(world: World, tracker: User, ticket: str) -> None:
    with pytest.raises(CallerError) as refusal:
        services.close_ticket(actor=tracker, ticket=ticket)
    assert refusal.value.reason is Reason.INVALID_INPUT


def test_over_the_api(world: World, tracker: User) -> None:
    ada, system = Caller(world.cast.ada), Caller(tracker)
    asked = ada.post("/requests", wish(ticket="EVAL-1")).json()
    closed = system.post("/tickets/EVAL-1/closed")
    assert (closed.status_code, closed.json()) == (200, {"ticket": "EVAL-1", "requests": 1, "grants": 0})
    assert ada.get(f"/requests/{asked['id']}").json()["reason"]["code"] == Reason.TICKET_CLOSED
    assert ada.post("/requests", wish(ticket="EVAL-1")).json()["code"] == Reason.TICKET_CLOSED
    refused = ada.post("/tickets/EVAL-1/closed")
    assert (refused.status_code, refused.json()["code"]) == (403, Reason.NOT_A_TICKET_SYSTEM)
    assert system.post("/tickets/EVAL-1/opened").status_code == 204
    assert ada.post("/requests", wish(ticket="EVAL-1")).status_code == 201


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
def test_closing_a_start_and_an_approval_race(world: World, tracker: User) -> None:
    """Whatever is first, nothing that names the ticket is open afterwards, or can still be started."""
    for round_ in range(3):
        ticket = f"EVAL-{round_}"
        waiting, unstarted = ask(world, TINY, ticket=ticket), scheduled(world, BASE, ticket=ticket)
        race(
            [
                lambda t=ticket: services.close_ticket(actor=tracker, ticket=t),
                lambda r=waiting: answer(r, world.cast.ben),
                lambda g=unstarted: start(g),
            ]
        )
        assert AccessRequest.objects.get(pk=waiting.pk).state != RequestState.PENDING
        for grant in Grant.objects.filter(request__ticket=ticket):
            if grant.state == GrantState.SCHEDULED:
                with pytest.raises((PolicyRefusal, Conflict)):
                    start(grant)
            else:
                assert grant.state in {GrantState.REVOKING, GrantState.ENDED}
