"""Slack away, slow, full or forgetful: nothing waits for it, and the card comes later, once, as it is by then."""

from __future__ import annotations

import pytest
from django.db import transaction

from jit_access.audit.models import AuditEntry
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.reasons import Reason
from jit_access.notifications.alerts import alert
from jit_access.slack import cards, client
from jit_access.slack.models import Card, Note
from jit_access.slack.outbox import deliver_due
from tests.slack.conftest import CHANNEL, SECURITY_CHANNEL, Workspace
from tests.support.lifecycles import FRONTIER, TINY, answer, ask, reload
from tests.support.slack.server import Failure


def test_slack_down_holds_nothing_up(space: Workspace, settings, clock) -> None:
    up = settings.SLACK_BASE_URL
    settings.SLACK_BASE_URL = "http://127.0.0.1:9/api/"  # nobody listens
    request = ask(space.world, FRONTIER)
    space.settle()
    answer(request, space.cast.ben)
    space.settle()
    assert answer(request, space.cast.dora).state == RequestState.APPROVED
    settings.SLACK_BASE_URL = up
    clock.advance(minutes=11)
    space.settle()
    # The newest state, once: nobody is shown a button for what is decided.
    assert space.card().said.startswith("Approved by Ben Okafor and Dora Okafor")
    assert len(space.slack.called("chat.postMessage")) == 1


def test_cards_come_in_the_order_of_the_questions(space: Workspace, clock) -> None:
    space.slack.fail("chat.postMessage", Failure(status=503))
    first, second = ask(space.world, TINY), ask(space.world, FRONTIER)
    deliver_due()
    assert space.slack.messages == []  # one failure of Slack itself ends the round
    clock.advance(seconds=6)
    deliver_due()
    assert [request in one.said for one, request in zip(
        space.slack.in_channel(CHANNEL), ("llm/tiny-llama", "llm/frontier"), strict=True
    )] == [True, True]  # fmt: skip
    assert Card.objects.get(request=first).ts < Card.objects.get(request=second).ts


def test_slacks_own_pause_is_kept(space: Workspace, clock) -> None:
    space.slack.fail("chat.postMessage", Failure(status=429, error="ratelimited", retry_after="120"))
    ask(space.world, TINY)
    deliver_due()
    clock.advance(seconds=119)
    assert deliver_due() == 0
    clock.advance(seconds=2)
    assert deliver_due() == 1


def test_answer_that_got_lost_makes_no_second_card(space: Workspace, clock, monkeypatch) -> None:
    monkeypatch.setattr(client.SlackClient.__init__, "__kwdefaults__", {"timeout_s": 1})
    space.slack.fail("chat.postMessage", Failure(hangs=True, does_it=True))
    ask(space.world, TINY)
    assert deliver_due() == 0
    assert reload(Card.objects.get()).unsure_since is not None
    clock.advance(seconds=10)
    deliver_due()
    assert len(space.slack.in_channel(CHANNEL)) == 1
    assert Card.objects.get().ts == space.card().ts


def test_answer_that_got_lost_before_slack_did_anything(space: Workspace, clock) -> None:
    space.slack.fail("chat.postMessage", Failure(status=502))
    ask(space.world, TINY)
    deliver_due()
    clock.advance(seconds=10)
    deliver_due()
    assert len(space.slack.in_channel(CHANNEL)) == 1


def test_without_the_right_to_look_it_is_sent_again(space: Workspace, clock) -> None:
    space.slack.fail("chat.postMessage", Failure(status=502, does_it=True))
    space.slack.fail("conversations.history", Failure(error="missing_scope"))
    ask(space.world, TINY)
    deliver_due()
    clock.advance(seconds=10)
    deliver_due()
    assert len(space.slack.in_channel(CHANNEL)) == 2  # the lesser harm: both lead to one decision
    assert Card.objects.get().shown == 1


def test_card_that_somebody_deleted_comes_again(space: Workspace) -> None:
    request = ask(space.world, FRONTIER)
    space.settle()
    space.slack.messages.clear()
    answer(request, space.cast.ben)
    space.settle()
    assert "Approved by Ben Okafor" in space.card().said


@pytest.mark.parametrize("code", ["channel_not_found", "is_archived"])
def test_place_that_is_gone_is_given_up_and_recorded(space: Workspace, clock, code: str) -> None:
    space.slack.fail("chat.postMessage", Failure(error=code))
    request = ask(space.world, TINY)
    space.settle()
    clock.advance(minutes=30)
    space.settle()
    assert len(space.slack.called("chat.postMessage")) == 1
    entry = AuditEntry.objects.get(kind="slack.undeliverable")
    assert entry.reason == Reason.SLACK_REFUSED
    assert answer(request, space.cast.ben).state == RequestState.APPROVED


@pytest.mark.parametrize("code", ["invalid_auth", "token_revoked", "not_in_channel", "missing_scope"])
def test_what_an_operator_can_mend_is_tried_again(space: Workspace, clock, code: str) -> None:
    space.slack.fail("chat.postMessage", Failure(error=code))
    ask(space.world, TINY)
    space.settle()
    clock.advance(minutes=1)
    space.settle()
    assert space.card().buttons


def test_gone_place_does_not_hold_up_the_next(space: Workspace) -> None:
    space.slack.fail("chat.postMessage", Failure(error="is_archived"))
    ask(space.world, TINY)
    alert("cut", subject="Cut: Dora's pull", text="", path="/activity", dedupe_key="cut:1")
    deliver_due()
    assert len(space.slack.in_channel(SECURITY_CHANNEL)) == 1


def test_two_workers_send_one_card(space: Workspace) -> None:
    ask(space.world, TINY)
    card = Card.objects.get()
    Card.objects.filter(pk=card.pk).update(claimed_until=card.next_attempt_at.replace(year=2099))
    assert deliver_due() == 0
    Card.objects.filter(pk=card.pk).update(claimed_until=None)
    assert deliver_due() == 1
    assert deliver_due() == 0


def test_change_that_is_taken_back_is_not_shown(space: Workspace) -> None:
    request = ask(space.world, FRONTIER)
    space.settle()
    with transaction.atomic():
        answer(request, space.cast.ben)
        transaction.set_rollback(True)
    assert deliver_due() == 0
    assert Card.objects.get().wanted == 1


def test_change_while_a_card_is_on_its_way_is_sent_next(space: Workspace, monkeypatch) -> None:
    request = ask(space.world, FRONTIER)
    draw = cards.draw

    def draw_and_be_late(card: Card) -> dict[str, object]:
        drawn = draw(card)
        monkeypatch.setattr(cards, "draw", draw)
        answer(request, space.cast.ben)
        return drawn

    monkeypatch.setattr(cards, "draw", draw_and_be_late)
    deliver_due()
    assert "Approved by" not in space.card().said
    assert (Card.objects.get().shown, Card.objects.get().wanted) == (1, 2)
    deliver_due()
    assert Card.objects.get().shown == 2
    assert "Approved by Ben Okafor" in space.card().said


def test_bot_token_stays_out_of_rows_and_records(space: Workspace) -> None:
    """I6."""
    space.slack.fail("chat.postMessage", Failure(error="invalid_auth"))
    ask(space.world, TINY)
    space.settle()
    rows = str([*Card.objects.values(), *Note.objects.values(), *AuditEntry.objects.values()])
    assert "xoxb-" not in rows
