"""Messages in rows: what was said, when, and where it leads."""

from __future__ import annotations

from datetime import datetime

from django.core.paginator import Page

from jit_access.notifications.models import Notification
from jit_access.web import figures
from jit_access.web.viewmodels.messages import MessageRow, MessagesPage


def build_messages(shown: Page[Notification], now: datetime, address: str) -> MessagesPage:
    """One page of them."""
    return MessagesPage(
        rows=tuple(_row(row, now) for row in shown),
        newer_href=f"{address}?page={shown.previous_page_number()}" if shown.has_previous() else "",
        older_href=f"{address}?page={shown.next_page_number()}" if shown.has_next() else "",
    )


def _row(row: Notification, now: datetime) -> MessageRow:
    return MessageRow(
        subject=row.subject,
        text=tuple(line for line in row.text.splitlines() if line.strip()),
        href=row.path,
        when=f"{figures.day_and_time(row.created_at)} UTC",
        ago=figures.ago(row.created_at, now),
    )
