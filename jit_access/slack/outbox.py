"""Cards and notes on their way to Slack. Rows are written with the change; this sends what is due, in order.

Of a card only the newest state is sent. A row is claimed by a conditional update before it is sent, so two workers
never send one row at once; a crash in between sends it again after the claim. Slack away: the rest of the round waits,
and nothing else does.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import structlog
from django.conf import settings
from django.db.models import F, Q

from jit_access.access_requests.models import AccessRequest
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.domain.actors import GATEWAY
from jit_access.grants.jobs import enqueue_after_commit
from jit_access.slack import blocks, cards
from jit_access.slack.app import configured_app
from jit_access.slack.client import CANNOT_UPDATE, SlackClient, SlackFailure
from jit_access.slack.models import Card, Note

DELIVER: Final = "jit_access.slack.tasks.deliver"
FIRST_RETRY: Final = timedelta(seconds=5)
LONGEST_RETRY: Final = timedelta(minutes=10)
MAX_ATTEMPTS: Final = 300  # about two days; a card older than that has been answered
CLAIM: Final = timedelta(seconds=60)  # longer than three calls that time out
BATCH: Final = 50

log = structlog.get_logger(__name__)


def want_card(request: AccessRequest, place: str) -> None:
    """A card of this request should stand there. Once it does, this changes nothing."""
    facts = {"next_attempt_at": clock.now()}
    Card.objects.get_or_create(request=request, place=place, defaults=facts)
    enqueue_after_commit(DELIVER)


def redraw_cards(request: AccessRequest) -> None:
    """Every card of this request is out of date, in the transaction that made it so."""
    rows = Card.objects.filter(request=request, given_up_at=None)
    if rows.update(wanted=F("wanted") + 1, next_attempt_at=clock.now(), attempts=0):
        enqueue_after_commit(DELIVER)


def leave_note(place: str, *, subject: str, dedupe_key: str, **facts: Any) -> None:
    """Say something once there. The same key again says nothing."""
    defaults = {"place": place, "subject": subject[:200], "next_attempt_at": clock.now(), **facts}
    Note.objects.get_or_create(dedupe_key=dedupe_key, defaults=defaults)
    enqueue_after_commit(DELIVER)


def deliver_due() -> int:
    """Send what is due, cards first. Returns how many went out. Safe to run twice at once."""
    app = configured_app()
    if app is None:
        return 0
    client, sent = SlackClient(app), 0
    due = Q(next_attempt_at__lte=clock.now(), given_up_at=None)
    cards_due = Card.objects.filter(due, shown__lt=F("wanted")).order_by("pk")[:BATCH]
    notes_due = Note.objects.filter(due, sent_at=None).select_related("under").order_by("pk")[:BATCH]
    rows: list[Card | Note] = [*cards_due, *notes_due]
    for row in rows:
        if not _claim(row):
            continue
        try:
            if isinstance(row, Card):
                _send_card(client, row)
            else:
                _send_note(client, row)
        except SlackFailure as failure:
            _postpone(row, failure)
            if not failure.is_answer or failure.wait_s:
                break  # it is Slack, not this row: the next ones would wait for the same time-out
        else:
            sent += 1
    return sent


def _claim(row: Card | Note) -> bool:
    now = clock.now()
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    rows = type(row).objects.filter(free, pk=row.pk, attempts=row.attempts)
    is_mine = rows.update(claimed_until=now + CLAIM, attempts=F("attempts") + 1) == 1
    row.refresh_from_db()
    return is_mine


def _send_card(client: SlackClient, card: Card) -> None:
    version, message = card.wanted, cards.draw(card)
    if not card.channel:
        is_person = card.place[0] in "UW"
        _keep(card, channel=client.open_conversation(card.place) if is_person else card.place)
    if not card.ts and card.unsure_since is not None:
        _keep(card, ts=_find(client, card))
    if card.ts:
        try:
            client.update(card.channel, card.ts, message)
        except SlackFailure as failure:
            if failure.code not in CANNOT_UPDATE:
                raise
            _keep(card, ts="")  # somebody deleted it; it comes anew below
    if not card.ts:
        _keep(card, unsure_since=card.unsure_since or clock.now())
        try:
            channel, ts = client.post(card.channel, message)
        except SlackFailure as failure:
            if failure.is_answer:
                _keep(card, unsure_since=None)
            raise
        _keep(card, channel=channel, ts=ts, unsure_since=None)
    # Whoever asked for a newer state meanwhile set `wanted` higher; then this row is due again at once.
    Card.objects.filter(pk=card.pk).update(shown=version, claimed_until=None, attempts=0)


def _find(client: SlackClient, card: Card) -> str:
    """A sending that nobody answered may have arrived. Without the right to look, a second card is the lesser harm."""
    if card.unsure_since is None:
        return ""
    try:
        return client.find_own(card.channel, card.public_id, since=card.unsure_since - timedelta(minutes=5))
    except SlackFailure as failure:
        if failure.code == "missing_scope":
            return ""
        raise


def _send_note(client: SlackClient, note: Note) -> None:
    message = _draw_note(note)
    if note.only_for:
        client.whisper(note.place, note.only_for, message)
    elif note.under is not None and note.under.ts:
        client.post(note.under.channel, {**message, "thread_ts": note.under.ts})
    else:
        is_person = note.place[0] in "UW"
        client.post(client.open_conversation(note.place) if is_person else note.place, message)
    Note.objects.filter(pk=note.pk).update(sent_at=clock.now(), claimed_until=None)


def _draw_note(note: Note) -> dict[str, Any]:
    lines = [blocks.line(blocks.say(note.subject, bold=True))]
    lines += [blocks.line(blocks.say(text)) for text in note.text.splitlines()[:20] if text.strip()]
    if note.path:
        see = blocks.link_button("Open it", f"{settings.PUBLIC_URL}{note.path}", action="see")
        lines.append({"type": "actions", "elements": [see]})
    return {"text": blocks.escape(note.subject), "blocks": lines}


def _keep(card: Card, **facts: Any) -> None:
    """Written at once: what Slack has done stays done whatever comes next."""
    Card.objects.filter(pk=card.pk).update(**facts)
    for name, value in facts.items():
        setattr(card, name, value)


def _postpone(row: Card | Note, failure: SlackFailure) -> None:
    now = clock.now()
    wait = max(min(FIRST_RETRY * 2 ** min(row.attempts - 1, 10), LONGEST_RETRY), timedelta(seconds=failure.wait_s))
    is_over = not failure.retryable or row.attempts >= MAX_ATTEMPTS
    facts = {"next_attempt_at": now + wait, "claimed_until": None, "given_up_at": now if is_over else None}
    type(row)._default_manager.filter(pk=row.pk).update(**facts)
    log.warning("slack.failed", row=row.public_id, code=failure.code, is_over=is_over)
    if is_over:
        with audited(actor=GATEWAY) as audit:
            detail = {"row": row.public_id, "place": row.place, "code": failure.code}
            audit.record("slack.undeliverable", reason=failure.reason, detail=detail)
