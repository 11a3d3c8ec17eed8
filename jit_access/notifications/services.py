"""Telling people. The row is written with the change it speaks of; delivery comes later and may fail, the row stays."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q

from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.domain.actors import GATEWAY
from jit_access.domain.audit_record import clean_text
from jit_access.domain.errors import PeerError
from jit_access.notifications import channels
from jit_access.notifications.models import Notification

# 30 s, 1 min, 2 min, … at most 1 h apart: about 6 h in all. A message that old is no news.
FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=1)
MAX_ATTEMPTS = 12
_CLAIM = timedelta(minutes=2)  # longer than the mail server's time-out, so that two workers never send one row


def tell(user: User, *, kind: str, subject: str, text: str, path: str, dedupe_key: str) -> None:
    """Leave one message for one person, in the caller's transaction. A second one with the same key is dropped.

    A service account's messages go to its owner. `path` is an address in our own pages; it never carries a right.
    """
    check_path(path)
    reader = user.owner or user
    Notification.objects.get_or_create(
        user=reader,
        dedupe_key=dedupe_key,
        defaults={
            "kind": kind,
            "subject": clean_text(subject)[:200],
            "text": "\n".join(clean_text(line) for line in text.splitlines()),
            "path": path,
        },
    )


def check_path(path: str) -> None:
    """Raises: ValueError for what would lead out of our own pages."""
    if path and (not path.startswith("/") or path.startswith("//")):
        raise ValueError("a message links to our own pages only")


def deliver_due(*, limit: int = 50) -> int:
    """Hand what is due to every channel. Returns how many were delivered.

    Safe to run twice at once: a row is claimed by a conditional update before it is sent. A crash in between sends
    it again after the claim: a message twice is better than none.
    """
    now = clock.now()
    due = Notification.objects.filter(
        Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now), sent_at__isnull=True, attempts__lt=MAX_ATTEMPTS
    )
    return sum(_deliver(row) for row in due.select_related("user").order_by("pk")[:limit] if _claim(row))


def _claim(row: Notification) -> bool:
    claimed = {"attempts": row.attempts + 1, "next_attempt_at": clock.now() + _CLAIM}
    won = Notification.objects.filter(pk=row.pk, sent_at__isnull=True, attempts=row.attempts).update(**claimed)
    row.attempts += 1
    return won == 1


def _deliver(row: Notification) -> bool:
    try:
        for channel in channels.registered():
            channel.deliver(row)
    except PeerError as failure:
        _postpone(row, failure)
        return False
    Notification.objects.filter(pk=row.pk).update(sent_at=clock.now(), next_attempt_at=None)
    return True


def _postpone(row: Notification, failure: PeerError) -> None:
    attempts = row.attempts if failure.retryable else MAX_ATTEMPTS
    wait = min(FIRST_RETRY * 2 ** (attempts - 1), LONGEST_RETRY)
    with audited(actor=GATEWAY) as audit:
        Notification.objects.filter(pk=row.pk).update(attempts=attempts, next_attempt_at=clock.now() + wait)
        if attempts >= MAX_ATTEMPTS:
            audit.record(
                "notification.undeliverable",
                reason=failure.reason,
                detail={"notification": row.public_id, "account": row.user.public_id, "about": row.kind},
            )
