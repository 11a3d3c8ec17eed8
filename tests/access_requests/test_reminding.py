"""Requests that nobody answers: reminders that grow rarer, an escalation, and an end with the answer."""

from __future__ import annotations

from jit_access.access_requests import changes
from jit_access.access_requests.models import Reminder
from jit_access.access_requests.reminding import remind_due
from jit_access.audit.models import AuditEntry
from jit_access.domain.lifecycle import RequestState
from jit_access.notifications.models import Notification
from jit_access.notifications.routes import TypedRoute, set_routes
from tests.support.lifecycles import BASE, FRONTIER, TINY, World, answer, ask, reload

NOBODY = TypedRoute((), ())


def told(kind: str) -> list[str]:
    return sorted(Notification.objects.filter(kind=kind).values_list("user__username", flat=True))


def test_reminders_grow_rarer_and_end(world: World, clock) -> None:
    ask(world, TINY)
    counts = []
    for minutes in (14, 1, 0, 44, 1, 0, 180, 720):  # 15 min, 1 h, 4 h, 16 h after the question
        clock.advance(minutes=minutes)
        counts.append(remind_due())
    assert counts == [0, 1, 0, 0, 1, 0, 1, 1]
    assert told("request-still-waits") == ["ben"] * 4
    clock.advance(hours=7)
    assert remind_due() == 0
    assert reload(Reminder.objects.get()).sent == 4


def test_missed_ones_are_not_sent_in_a_row(world: World, clock) -> None:
    ask(world, TINY)
    clock.advance(hours=10)
    assert [remind_due(), remind_due()] == [1, 0]


def test_nothing_is_sent_after_the_time_to_answer(world: World, clock) -> None:
    ask(world, TINY)
    clock.advance(hours=25)
    assert remind_due() == 0
    assert not Reminder.objects.exists()


def test_answer_stops_them(world: World, clock) -> None:
    request = answer(ask(world, TINY), world.cast.ben)
    assert request.state == RequestState.APPROVED
    clock.advance(minutes=16)
    assert remind_due() == 0
    assert told("request-still-waits") == []


def test_only_those_are_reminded_whose_answer_is_missing(world: World, clock) -> None:
    answer(ask(world, FRONTIER), world.cast.ben)
    clock.advance(minutes=16)
    remind_due()
    assert told("request-still-waits") == ["dora"]


def test_request_that_needs_nobody_has_no_reminder(world: World) -> None:
    ask(world, BASE)
    assert not Reminder.objects.exists()


def test_second_list_hears_when_nobody_answers(world: World, clock) -> None:
    set_routes(actor=world.cast.ben, target=world.target, first=NOBODY, escalation=TypedRoute((), ("cleo",)))
    heard: list[changes.Change] = []

    def note(_, change: changes.Change) -> None:
        heard.append(change)

    changes.register(note)
    try:
        ask(world, TINY)
        for minutes in (15, 45):
            assert told("request-escalated") == []
            clock.advance(minutes=minutes)
            remind_due()
    finally:
        changes.unregister(note)
    assert heard == [changes.Change.SUBMITTED, changes.Change.REMINDED, changes.Change.ESCALATED]
    assert told("request-escalated") == ["cleo"]
    assert Notification.objects.get(kind="request-escalated").path == ""  # to hear of it opens no page
    assert AuditEntry.objects.filter(kind="request.escalated").count() == 1


def test_named_people_hear_at_once_and_approvers_once(world: World) -> None:
    set_routes(actor=world.cast.ben, target=world.target, first=TypedRoute((), ("cleo", "ben")), escalation=NOBODY)
    ask(world, TINY)
    assert told("request-routed") == ["cleo"]
    assert told("request-waits") == ["ben"]
