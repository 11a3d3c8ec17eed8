"""A Slack account is linked once, from both sides, by its ids. Each refusal beside the link that counts."""

from __future__ import annotations

import pytest

from jit_access.accounts import services as accounts
from jit_access.accounts.models import User
from jit_access.audit.models import AuditEntry
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import Conflict, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.notifications import slack_links
from jit_access.notifications.models import Notification, SlackLinkCode
from jit_access.notifications.slack_links import SlackAccount
from tests.support.cast import Cast

BEN = SlackAccount("T0TEAM", "U0BEN", "ben")
MALLORY = SlackAccount("T0TEAM", "U0MALLORY", "ben")  # a name is no proof


def send(user: User, account: SlackAccount) -> None:
    code = slack_links.make_code(actor=user).reveal()
    slack_links.redeem_code(code_hash=slack_links.hash_code(code.upper().replace("-", " ")), account=account)


def link(user: User, account: SlackAccount) -> None:
    send(user, account)
    slack_links.confirm_link(actor=user, slack_user_id=account.user_id)


def test_link_counts_once_both_sides_have_spoken(cast: Cast) -> None:
    send(cast.ben, BEN)
    assert slack_links.linked_user(BEN) is None
    slack_links.confirm_link(actor=cast.ben, slack_user_id=BEN.user_id)
    assert slack_links.linked_user(BEN) == cast.ben
    assert slack_links.linked_user(SlackAccount("T0OTHER", BEN.user_id, "ben")) is None
    assert Notification.objects.filter(user=cast.ben, kind="slack-link").count() == 1


def test_code_is_kept_as_a_hash_only(cast: Cast) -> None:
    code = slack_links.make_code(actor=cast.ben).reveal()
    assert code.replace("-", "") not in str(SlackLinkCode.objects.values().get())


def test_code_that_somebody_else_sent_is_not_confirmed_blindly(cast: Cast) -> None:
    send(cast.ben, MALLORY)
    with pytest.raises(Conflict):
        slack_links.confirm_link(actor=cast.ben, slack_user_id=BEN.user_id)
    slack_links.remove_link(actor=cast.ben)  # "That is not me"
    assert slack_links.link_of(cast.ben) is None
    assert AuditEntry.objects.filter(kind="slack-link.refused").count() == 1


def test_code_works_once(cast: Cast) -> None:
    code_hash = slack_links.hash_code(slack_links.make_code(actor=cast.ben).reveal())
    slack_links.redeem_code(code_hash=code_hash, account=BEN)
    with pytest.raises(PolicyRefusal) as refusal:
        slack_links.redeem_code(code_hash=code_hash, account=MALLORY)
    assert refusal.value.reason is Reason.SLACK_CODE_WRONG


@pytest.mark.parametrize(("minutes", "works"), [(9, True), (10, False)])
def test_code_lasts_ten_minutes(cast: Cast, clock, minutes: int, works: bool) -> None:
    code_hash = slack_links.hash_code(slack_links.make_code(actor=cast.ben).reveal())
    clock.advance(minutes=minutes, seconds=30 if works else 0)
    if works:
        assert slack_links.redeem_code(code_hash=code_hash, account=BEN).user == cast.ben
    else:
        with pytest.raises(PolicyRefusal):
            slack_links.redeem_code(code_hash=code_hash, account=BEN)


def test_earlier_code_stops_working(cast: Cast) -> None:
    old = slack_links.hash_code(slack_links.make_code(actor=cast.ben).reveal())
    slack_links.make_code(actor=cast.ben)
    with pytest.raises(PolicyRefusal):
        slack_links.redeem_code(code_hash=old, account=BEN)


def test_waiting_link_runs_out(cast: Cast, clock) -> None:
    send(cast.ben, BEN)
    clock.advance(minutes=11)
    with pytest.raises(Conflict):
        slack_links.confirm_link(actor=cast.ben, slack_user_id=BEN.user_id)


def test_slack_account_belongs_to_one_person(cast: Cast) -> None:
    send(cast.cleo, BEN)  # waiting; counts for nothing
    link(cast.ben, BEN)
    with pytest.raises(Conflict) as late:
        slack_links.confirm_link(actor=cast.cleo, slack_user_id=BEN.user_id)
    assert late.value.reason is Reason.SLACK_ALREADY_LINKED
    with pytest.raises(PolicyRefusal) as refusal:
        send(cast.dora, BEN)
    assert refusal.value.reason is Reason.SLACK_ALREADY_LINKED
    with pytest.raises(Conflict):
        slack_links.make_code(actor=cast.ben)  # one Slack account per person, too


def test_unlinked_counts_for_nobody(cast: Cast) -> None:
    link(cast.ben, BEN)
    slack_links.remove_link(actor=cast.ben)
    slack_links.remove_link(actor=cast.ben)
    assert slack_links.linked_user(BEN) is None
    assert AuditEntry.objects.filter(kind="slack-link.removed").count() == 1


def test_agents_and_locked_people_link_nothing(cast: Cast) -> None:
    with pytest.raises(PolicyRefusal) as refusal:
        slack_links.make_code(actor=cast.ci_bot)
    assert refusal.value.reason is Reason.NOT_FOR_AGENTS
    code_hash = slack_links.hash_code(slack_links.make_code(actor=cast.ben).reveal())
    accounts.lock_account(actor=GATEWAY, user=cast.ben)
    with pytest.raises(PolicyRefusal):
        slack_links.redeem_code(code_hash=code_hash, account=BEN)
