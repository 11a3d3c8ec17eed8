"""What people did in Slack, taken in at once and worked off later. What counts is the services' to say.

A row is written before Slack is answered, so nothing that was acknowledged is lost; the same act again finds its row.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.db.models import F, Q

from jit_access.access_requests.access import get_request
from jit_access.access_requests.services.chat import approve_in_chat, deny_in_chat
from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.audit.services import record_refusal
from jit_access.core import clock
from jit_access.domain.actors import NOBODY, ActorRef
from jit_access.domain.errors import GatewayError, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.grants.jobs import enqueue_after_commit
from jit_access.notifications.slack_links import SlackAccount, linked_user, redeem_code
from jit_access.slack.app import SlackApp, configured_app
from jit_access.slack.client import SlackClient, SlackFailure
from jit_access.slack.members import check_member
from jit_access.slack.models import Click, ClickAction
from jit_access.slack.outbox import leave_note

WORK: Final = "jit_access.slack.tasks.work_clicks"
FIRST_RETRY: Final = timedelta(seconds=2)
LONGEST_RETRY: Final = timedelta(minutes=5)
MAX_ATTEMPTS: Final = 20
CLAIM: Final = timedelta(seconds=60)
KEPT: Final = timedelta(days=2)  # the window for replays is 5 minutes either way
LINK_TRIES: Final = 5
LINK_TRIES_WITHIN: Final = timedelta(minutes=10)
BATCH: Final = 50
_TO_SETTINGS: Final = "/settings/slack"
# These are found here; all others were recorded by the service that refused.
_FOUND_HERE: Final = frozenset(
    {
        Reason.SLACK_NOT_LINKED,
        Reason.SLACK_GUEST,
        Reason.SLACK_CODE_WRONG,
        Reason.SLACK_ALREADY_LINKED,
        Reason.SLACK_AWAY,
        Reason.RATE_LIMITED,
        Reason.NOT_FOUND,
    }
)


def take_in(key: str, action: ClickAction, slack_user_id: str, **facts: Any) -> bool:
    """Remember an act, in the caller's transaction or its own. False when it was taken in before."""
    now = clock.now()
    defaults = {"action": action, "slack_user_id": slack_user_id, "received_at": now, "next_attempt_at": now, **facts}
    _, is_new = Click.objects.get_or_create(key=key, defaults=defaults)
    if is_new and "done_at" not in facts:
        enqueue_after_commit(WORK)
    return is_new


def work_due() -> int:
    """Work off what was taken in, oldest first. Returns how many are done. Safe to run twice at once."""
    app = configured_app()
    if app is None:
        return 0
    due = Click.objects.filter(done_at=None, next_attempt_at__lte=clock.now()).order_by("pk")[:BATCH]
    return sum(_work(app, click) for click in due if _claim(click))


def forget_old() -> int:
    """Delete what no replay could repeat any more."""
    deleted, _ = Click.objects.filter(received_at__lt=clock.now() - KEPT).delete()
    return deleted


def _claim(click: Click) -> bool:
    rows = Click.objects.filter(pk=click.pk, done_at=None, attempts=click.attempts)
    is_mine = rows.update(attempts=F("attempts") + 1, next_attempt_at=clock.now() + CLAIM) == 1
    click.attempts += 1
    return is_mine


def _work(app: SlackApp, click: Click) -> bool:
    account = SlackAccount(app.team_id, click.slack_user_id)
    person = linked_user(account)
    try:
        if click.action == ClickAction.LINK:
            _link(app, click)
        else:
            _answer(app, click, person)
    except SlackFailure as failure:
        if failure.retryable and click.attempts < MAX_ATTEMPTS:
            wait = max(min(FIRST_RETRY * 2 ** (click.attempts - 1), LONGEST_RETRY), timedelta(seconds=failure.wait_s))
            Click.objects.filter(pk=click.pk).update(next_attempt_at=clock.now() + wait)
            return False
        _refuse(app, click, person, failure)
    except GatewayError as refusal:
        _refuse(app, click, person, refusal)
    else:
        _finish(click, "")
    return True


def _answer(app: SlackApp, click: Click, person: User | None) -> None:
    """The clicker counts, never the channel that the card stands in, and never a name."""
    if person is None:
        raise PolicyRefusal(Reason.SLACK_NOT_LINKED)
    check_member(SlackClient(app), app, click.slack_user_id)
    request = get_request(actor=person, public_id=click.request_id)
    with audited(actor=person.ref) as audit:
        if click.action == ClickAction.APPROVE:
            approve_in_chat(actor=person, request=request, payload_hash=click.payload_hash)
        else:
            deny_in_chat(actor=person, request=request, note=click.text, payload_hash=click.payload_hash)
        # The log names both: whose answer it is, and what carried it.
        detail = {"action": click.action, "slack_user": click.slack_user_id, "app": app.app_id}
        audit.record("slack.answered", request=request.public_id, target=request.target.slug, detail=detail)


def _link(app: SlackApp, click: Click) -> None:
    since = click.received_at - LINK_TRIES_WITHIN
    tries = Click.objects.filter(
        action=ClickAction.LINK, slack_user_id=click.slack_user_id, received_at__gt=since, pk__lte=click.pk
    )
    if tries.count() > LINK_TRIES:
        raise PolicyRefusal(Reason.RATE_LIMITED)
    name = check_member(SlackClient(app), app, click.slack_user_id)
    redeem_code(code_hash=click.text, account=SlackAccount(app.team_id, click.slack_user_id, name))


def _refuse(app: SlackApp, click: Click, person: User | None, refusal: GatewayError) -> None:
    """Written down, and said to the one who clicked."""
    actor: ActorRef = person.ref if person is not None else NOBODY
    with audited(actor=actor):
        if refusal.reason in _FOUND_HERE:
            detail = {"action": click.action, "slack_user": click.slack_user_id, "team": app.team_id}
            record_refusal(
                actor=actor, kind="slack.refused", reason=refusal.reason, request=click.request_id, detail=detail
            )
        is_link = click.action == ClickAction.LINK or refusal.reason is Reason.SLACK_NOT_LINKED
        is_direct = click.action == ClickAction.LINK or not click.channel
        leave_note(
            click.slack_user_id if is_direct else click.channel,
            only_for="" if is_direct else click.slack_user_id,
            subject=refusal.sentence,
            path=_TO_SETTINGS if is_link else f"/approvals/{click.request_id}",
            dedupe_key=f"click:{click.key}",
        )
        _finish(click, str(refusal.reason))


def _finish(click: Click, outcome: str) -> None:
    Click.objects.filter(Q(pk=click.pk)).update(done_at=clock.now(), outcome=outcome)
