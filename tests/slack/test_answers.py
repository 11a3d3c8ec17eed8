"""Approving by a button, races, linking from Slack, and clicks that Slack cannot vouch for just now."""

from __future__ import annotations

import pytest

from jit_access.access_requests.models import AccessRequest
from jit_access.accounts import services as accounts
from jit_access.audit.models import AuditEntry
from jit_access.domain.actors import GATEWAY
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.reasons import Reason
from jit_access.grants.models import Grant
from jit_access.notifications import slack_links
from jit_access.slack.clicks import MAX_ATTEMPTS, forget_old, work_due
from jit_access.slack.models import Click
from tests.slack.conftest import IDS, Workspace, link
from tests.support.lifecycles import BASE, TINY, answer, ask, reload
from tests.support.slack.proofs import prove_in_session
from tests.support.slack.server import Failure


@pytest.fixture
def asked(space: Workspace) -> AccessRequest:
    request = ask(space.world, BASE)
    space.settle()
    return request


def test_low_tier_is_approved_beside_a_fresh_proof(space: Workspace, asked: AccessRequest) -> None:
    prove_in_session(space.cast.ben)
    assert space.sender.click(space.card(), "approve", "U0BEN").status_code == 200
    space.settle()
    assert reload(asked).state == RequestState.APPROVED
    assert space.card().said.startswith("Approved by Ben Okafor")
    assert Grant.objects.count() == 1


def test_without_a_proof_it_leads_to_the_page(space: Workspace, asked: AccessRequest) -> None:
    space.sender.click(space.card(), "approve", "U0BEN")
    space.settle()
    assert reload(asked).state == RequestState.PENDING
    (whisper,) = [one for one in space.slack.messages if one.only_for == "U0BEN"]
    assert whisper.button("see")["url"].endswith(f"/approvals/{asked.public_id}")


def test_forged_approve_of_a_serious_tier_is_refused(space: Workspace) -> None:
    """No button offers it; a value that was taken from *Deny* does not make one."""
    request = ask(space.world, TINY)
    space.settle()
    prove_in_session(space.cast.ben)
    card = space.card()
    card.button("deny")["action_id"] = "approve"
    space.sender.click(card, "approve", "U0BEN")
    space.settle()
    assert reload(request).state == RequestState.PENDING
    assert AuditEntry.objects.filter(kind="request.answer.refused", reason=Reason.APPROVE_ON_PAGE).count() == 1


def test_loser_of_a_race_is_told_who_decided(space: Workspace, asked: AccessRequest) -> None:
    accounts.add_to_group(actor=GATEWAY, user=space.cast.cleo, group="model-owners")
    link(space.cast.cleo, "U0CLEO")
    prove_in_session(space.cast.ben)
    prove_in_session(space.cast.cleo)
    card = space.card()
    space.sender.click(card, "approve", "U0BEN")
    space.sender.click(card, "approve", "U0CLEO")
    space.settle()
    assert reload(asked).state == RequestState.APPROVED
    assert Grant.objects.count() == 1
    assert [said for said in space.whispers("cleo") if "approved already by Ben Okafor" in said]
    assert not space.whispers("ben")


def test_answer_on_the_page_beats_a_later_click(space: Workspace, asked: AccessRequest) -> None:
    card = space.card()
    answer(asked, space.cast.ben, is_approval=False)
    space.sender.click(card, "approve", "U0DORA")
    space.settle()
    assert reload(asked).state == RequestState.DENIED


def test_locked_account_does_not_count(space: Workspace, asked: AccessRequest) -> None:
    prove_in_session(space.cast.ben)
    accounts.lock_account(actor=GATEWAY, user=space.cast.ben)
    space.sender.click(space.card(), "approve", "U0BEN")
    space.settle()
    assert reload(asked).state == RequestState.PENDING


def test_click_waits_while_slack_cannot_say_who_it_was(space: Workspace, asked: AccessRequest, clock) -> None:
    prove_in_session(space.cast.ben)
    space.slack.fail("users.info", Failure(status=500), Failure(status=429, retry_after="30"))
    space.sender.click(space.card(), "approve", "U0BEN")
    assert work_due() == 0
    assert reload(asked).state == RequestState.PENDING
    clock.advance(seconds=3)
    assert work_due() == 0
    clock.advance(seconds=29)
    assert work_due() == 0  # not before Slack's own pause is over
    clock.advance(seconds=2)
    assert work_due() == 1
    assert reload(asked).state == RequestState.APPROVED


def test_click_that_slack_never_vouches_for_is_given_up_loudly(space: Workspace, asked: AccessRequest, clock) -> None:
    space.slack.fail("users.info", *[Failure(status=503)] * MAX_ATTEMPTS)
    space.sender.click(space.card(), "approve", "U0BEN")
    for _ in range(MAX_ATTEMPTS):
        work_due()
        clock.advance(minutes=6)
    assert Click.objects.get().outcome == Reason.SLACK_AWAY
    assert AuditEntry.objects.filter(kind="slack.refused", reason=Reason.SLACK_AWAY).count() == 1


def test_window_that_slack_does_not_open_is_said(space: Workspace, asked: AccessRequest) -> None:
    space.slack.fail("views.open", Failure(error="expired_trigger_id"))
    assert space.sender.click(space.card(), "deny", "U0BEN").status_code == 200
    space.settle()
    assert [said for said in space.whispers("ben") if "did not open the window" in said]


def test_replay_memory_outlives_its_window(space: Workspace, asked: AccessRequest, clock) -> None:
    space.sender.click(space.card(), "approve", "U0BEN")
    clock.advance(hours=1)
    assert forget_old() == 0
    clock.advance(days=2)
    assert forget_old() == 1


def test_code_sent_in_slack_waits_for_the_word_on_the_page(space: Workspace) -> None:
    code = slack_links.make_code(actor=space.cast.cleo).reveal()
    answered = space.sender.command(f"link {code}", IDS["cleo"])
    assert answered.status_code == 200
    space.settle()
    waiting = slack_links.waiting_link_of(space.cast.cleo)
    assert waiting is not None
    assert (waiting.slack_user_id, waiting.slack_name, waiting.confirmed_at) == ("U0CLEO", "U0Cleo", None)
    assert code not in str(list(Click.objects.values()))


def test_wrong_code_gets_the_same_answer_and_a_word_in_private(space: Workspace) -> None:
    code = slack_links.make_code(actor=space.cast.cleo).reveal()
    right = space.sender.command(f"link {code}", IDS["cleo"]).json()
    wrong = space.sender.command("link aaaaa-aaaaa", IDS["cleo"]).json()
    assert right == wrong
    space.settle()
    assert AuditEntry.objects.filter(kind="slack.refused", reason=Reason.SLACK_CODE_WRONG).count() == 1
    assert [one for one in space.slack.in_channel("D0CLEO") if "does not match" in one.said]


def test_guest_links_nothing(space: Workspace) -> None:
    space.slack.users["U0CLEO"]["is_restricted"] = True
    code = slack_links.make_code(actor=space.cast.cleo).reveal()
    space.sender.command(f"link {code}", IDS["cleo"])
    space.settle()
    assert slack_links.link_of(space.cast.cleo) is None


def test_guessing_codes_is_braked(space: Workspace) -> None:
    for _ in range(6):
        space.sender.command("link aaaaa-aaaaa", IDS["cleo"])
    code = slack_links.make_code(actor=space.cast.cleo).reveal()
    space.sender.command(f"link {code}", IDS["cleo"])
    space.settle()
    assert slack_links.link_of(space.cast.cleo) is None
    assert AuditEntry.objects.filter(kind="slack.refused", reason=Reason.RATE_LIMITED).count() == 2


def test_other_words_get_help(space: Workspace) -> None:
    for text in ("", "help", "link", "link a b"):
        assert "get a code" in space.sender.command(text, IDS["cleo"]).json()["text"]
    assert not Click.objects.exists()


def test_unlinked_slack_account_counts_no_more(space: Workspace, asked: AccessRequest) -> None:
    prove_in_session(space.cast.ben)
    slack_links.remove_link(actor=space.cast.ben)
    space.sender.click(space.card(), "approve", "U0BEN")
    space.settle()
    assert reload(asked).state == RequestState.PENDING
