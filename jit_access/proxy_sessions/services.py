"""Every write of what proxies are told. Views are composed by grants; here they get their epoch and their way out."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import redis
from django.db import IntegrityError, transaction

from jit_access.core import clock
from jit_access.domain.reasons import Reason
from jit_access.domain.session_view import SessionView, ViewState, decode_view, encode_view
from jit_access.proxy_sessions import news
from jit_access.proxy_sessions.models import SessionViewRow, ViewOutbox

DRAIN_BATCH = 200
OUTBOX_KEPT = timedelta(hours=1)

_log = logging.getLogger(__name__)


def put_views(views: Sequence[SessionView]) -> tuple[SessionView, ...]:
    """Store views under their next epochs and send them together, in one message, after the commit.

    What was told of the use of budgets stays: whoever composes a view need not know it.

    Belongs to the transaction that made them true; opens one when there is none. Returns them as stored.
    """
    with transaction.atomic():
        # One order for everybody, or two transactions that extend in opposite directions would deadlock.
        stored = {view.grant_id: _store(view) for view in sorted(views, key=lambda item: item.grant_id)}
        if stored:
            _send({"type": "views", "views": [encode_view(view) for view in stored.values()]})
    return tuple(stored[view.grant_id] for view in views)


def close_view(*, grant_id: str, reason: Reason) -> SessionView | None:
    """Shut the view of one grant, keeping its tokens so that they are refused with this reason. A repeat is a no-op."""
    with transaction.atomic():
        row = SessionViewRow.objects.select_for_update().filter(grant_id=grant_id).first()
        if row is None:
            return None
        view = decode_view(row.body)
        if view.state is ViewState.CLOSED:
            return view
        return put_views([replace(view, state=ViewState.CLOSED, reason=reason)])[0]


def announce_targets() -> None:
    """Have every proxy load its targets again: one was added, changed or got another credential."""
    with transaction.atomic():
        _send({"type": "targets"})


def drain_outbox() -> int:
    """Publish what is due, oldest first. Returns how many messages went out. Raises redis.RedisError, DatabaseError.

    Safe to run twice and at once: a message that goes out again is ignored for its epoch.
    """
    sent = 0
    while True:
        due = list(ViewOutbox.objects.filter(published_at=None).order_by("id")[:DRAIN_BATCH])
        if not due:
            return sent
        stream_ids = news.publish([row.message for row in due])
        published_at = clock.now()
        for row, stream_id in zip(due, stream_ids, strict=True):
            row.published_at, row.stream_id = published_at, stream_id
        ViewOutbox.objects.bulk_update(due, ["published_at", "stream_id"])
        sent += len(due)
        if len(due) < DRAIN_BATCH:
            return sent


def prune_outbox() -> int:
    """Forget messages that went out long ago. Returns how many."""
    deleted, _ = ViewOutbox.objects.filter(published_at__lt=clock.now() - OUTBOX_KEPT).delete()
    return deleted


def _send(message: dict[str, object]) -> None:
    ViewOutbox.objects.create(message=json.dumps(message, separators=(",", ":"), ensure_ascii=False))
    # robust: the change is committed whatever happens now, so nothing here may look like its failure.
    transaction.on_commit(_drain_quietly, robust=True)


def _drain_quietly() -> None:
    """The short way out. When Redis is away the publisher's sweep takes over."""
    try:
        drain_outbox()
    except redis.RedisError as exc:
        _log.warning("news for the proxies wait in the outbox: %s", type(exc).__name__)


def _store(view: SessionView) -> SessionView:
    row = _lock(view)
    told_bytes, told_requests = _told_use(row)
    stored = replace(
        view,
        epoch=row.epoch + 1,
        bytes_used=max(view.bytes_used, told_bytes),
        requests_used=max(view.requests_used, told_requests),
    )
    row.epoch = stored.epoch
    row.is_open = stored.state is not ViewState.CLOSED
    # Kept at the latest end ever told: until then an old signed view could be played back to a fresh proxy.
    row.valid_until = max(row.valid_until, datetime.fromtimestamp(stored.valid_until, UTC))
    row.body = encode_view(stored)
    row.save(update_fields=["epoch", "is_open", "valid_until", "body", "updated_at"])
    return stored


def _told_use(row: SessionViewRow) -> tuple[int, int]:
    if not row.body:
        return 0, 0
    told = decode_view(row.body)
    return told.bytes_used, told.requests_used


def _lock(view: SessionView) -> SessionViewRow:
    rows = SessionViewRow.objects.select_for_update()
    row = rows.filter(grant_id=view.grant_id).first()
    if row is not None:
        return row
    valid_until = datetime.fromtimestamp(view.valid_until, UTC)
    try:
        with transaction.atomic():
            return SessionViewRow.objects.create(
                grant_id=view.grant_id, epoch=0, is_open=False, valid_until=valid_until, body=""
            )
    except IntegrityError:  # somebody else told of this grant first
        return rows.get(grant_id=view.grant_id)
