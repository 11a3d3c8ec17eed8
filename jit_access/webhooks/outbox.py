"""Messages on their way. Rows are written with the change; this sends what is due, tries again, and gives up.

A row is claimed by a conditional update before it is sent, so two workers never send one row at once; a crash in
between sends it again after the claim. So: at least once, in no promised order. One address that fails holds up nobody
else's messages, and its own wait for the next round.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, timedelta
from typing import Final

import structlog
from django.db.models import F, Q

from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.core.sealing import open_secret
from jit_access.core.secret import Secret
from jit_access.domain.actors import GATEWAY
from jit_access.domain.reasons import Reason, explain
from jit_access.grants.jobs import enqueue_after_commit
from jit_access.notifications.services import tell
from jit_access.webhooks import sending
from jit_access.webhooks.models import Delivery, Webhook
from jit_access.webhooks.signing import sign

DELIVER: Final = "jit_access.webhooks.tasks.deliver"
FIRST_RETRY: Final = timedelta(seconds=5)
LONGEST_RETRY: Final = timedelta(hours=1)
TRIED_FOR: Final = timedelta(hours=24)  # a message older than that is no news
DISABLED_AFTER: Final = timedelta(days=3)  # without one success
KEPT: Final = timedelta(days=30)
CLAIM: Final = timedelta(seconds=60)
BATCH: Final = 50
ROUND_S: Final = 60.0  # less than a task may take


log = structlog.get_logger(__name__)


def leave(webhook: Webhook, *, kind: str, facts: Mapping[str, str | None]) -> Delivery:
    """One message, in the caller's transaction."""
    now = clock.now()
    told = {name: value for name, value in facts.items() if value}
    body = {
        "type": kind,
        "timestamp": now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "data": {"agent": webhook.agent.public_id, **told},
    }
    text = json.dumps(body, separators=(",", ":"))
    row = Delivery.objects.create(webhook=webhook, kind=kind, body=text, next_attempt_at=now)
    enqueue_after_commit(DELIVER)
    return row


def deliver_due() -> int:
    """Send what is due. Returns how many arrived. Safe to run twice at once."""
    due = Q(next_attempt_at__lte=clock.now(), sent_at=None, given_up_at=None, webhook__disabled_at=None)
    rows = Delivery.objects.filter(due).select_related("webhook__agent").order_by("next_attempt_at", "pk")[:BATCH]
    ends, failed, sent = time.monotonic() + ROUND_S, set[int](), 0
    for row in rows:
        if time.monotonic() > ends:
            break
        if row.webhook_id in failed or not _claim(row):
            continue
        if _send(row):
            sent += 1
        else:
            failed.add(row.webhook_id)
    return sent


def forget_old() -> int:
    """Remove what is no news to anybody. Returns how many."""
    return Delivery.objects.filter(created_at__lt=clock.now() - KEPT).delete()[0]


def secret_context(webhook: Webhook) -> str:
    """The place that a secret is sealed to."""
    return f"webhooks_webhook:{webhook.public_id}:secret"


def _claim(row: Delivery) -> bool:
    now = clock.now()
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    rows = Delivery.objects.filter(free, pk=row.pk, attempts=row.attempts, sent_at=None, given_up_at=None)
    is_mine = rows.update(claimed_until=now + CLAIM, attempts=F("attempts") + 1) == 1
    row.attempts += is_mine
    return is_mine


def _send(row: Delivery) -> bool:
    webhook = row.webhook
    if webhook.agent.owner_id != webhook.registered_by_id:
        # Whoever answers for the agent now has not said that its news goes there.
        _disable(webhook, Reason.WEBHOOK_OF_ANOTHER_OWNER)
        return False
    at = int(clock.now().timestamp())
    headers = {
        "webhook-id": row.public_id,
        "webhook-timestamp": str(at),
        "webhook-signature": sign(message_id=row.public_id, at=at, body=row.body, keys=_keys(webhook)),
    }
    outcome = sending.post(webhook.url, row.body, headers)
    if outcome.is_done:
        Delivery.objects.filter(pk=row.pk).update(sent_at=clock.now(), claimed_until=None, outcome=outcome.word)
        Webhook.objects.filter(pk=webhook.pk).exclude(failing_since=None).update(failing_since=None)
        return True
    _postpone(row, outcome)
    return False


def _keys(webhook: Webhook) -> list[Secret]:
    context = secret_context(webhook)
    keys = [open_secret(webhook.sealed_secret, context=context)]
    if webhook.old_until is not None and clock.now() < webhook.old_until:
        keys.append(open_secret(webhook.sealed_old_secret, context=context))
    return keys


def _postpone(row: Delivery, outcome: sending.Outcome) -> None:
    now, webhook = clock.now(), row.webhook
    wait = max(min(FIRST_RETRY * 2 ** min(row.attempts - 1, 12), LONGEST_RETRY), timedelta(seconds=outcome.wait_s))
    is_over = now - row.created_at >= TRIED_FOR
    facts = {"claimed_until": None, "outcome": outcome.word, "given_up_at": now if is_over else None}
    Delivery.objects.filter(pk=row.pk).update(next_attempt_at=now + wait, **facts)
    log.warning("webhook.failed", row=row.public_id, outcome=outcome.word, is_over=is_over)
    Webhook.objects.filter(pk=webhook.pk, failing_since=None).update(failing_since=now)
    since = webhook.failing_since or now
    if outcome.is_gone or now - since >= DISABLED_AFTER:
        _disable(webhook, Reason.WEBHOOK_FAILING)


def _disable(webhook: Webhook, reason: Reason) -> None:
    agent = webhook.agent
    with audited(actor=GATEWAY) as audit:
        now = clock.now()
        if not Webhook.objects.filter(pk=webhook.pk, disabled_at=None).update(disabled_at=now, disabled_because=reason):
            return
        waiting = Delivery.objects.filter(webhook=webhook, sent_at=None, given_up_at=None)
        waiting.update(given_up_at=now, claimed_until=None)
        audit.record("webhook.disabled", reason=reason, detail={"webhook": webhook.public_id, "agent": agent.public_id})
        tell(
            agent,
            kind="webhook-disabled",
            subject=f"{agent.display_name}’s webhook is switched off",
            text=explain(reason),
            path=f"/agents/{agent.public_id}",
            dedupe_key=f"webhook-disabled:{webhook.public_id}:{now.isoformat()}",
        )
