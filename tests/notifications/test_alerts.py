"""Loud messages: once, in the transaction of what they tell, to whoever registered."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import transaction

from jit_access.notifications import alerts
from jit_access.notifications.alerts import alert
from jit_access.notifications.models import Alert

pytestmark = pytest.mark.django_db
CUT = {"subject": "Cut: Dora's pull of llm/llama", "text": "At 41.2 of 131 GiB.", "path": "/activity"}


@pytest.fixture
def heard() -> Iterator[list[str]]:
    news: list[str] = []

    def note(row: Alert) -> None:
        news.append(row.dedupe_key)

    alerts.register(note)
    alerts.register(note)
    yield news
    alerts.unregister(note)


def test_alert_is_told_once_to_each_handler(heard) -> None:
    first = alert("cut", **CUT, dedupe_key="cut:grt_1")
    assert alert("cut", **CUT, dedupe_key="cut:grt_1") == first
    alert("cut", **CUT, dedupe_key="cut:grt_2")
    assert heard == ["cut:grt_1", "cut:grt_2"]


def test_what_is_rolled_back_is_not_cried_out() -> None:
    with transaction.atomic():
        alert("cut", **CUT, dedupe_key="cut:grt_1")
        transaction.set_rollback(True)
    assert not Alert.objects.exists()


def test_text_is_made_safe_and_leads_nowhere_else() -> None:
    row = alert("cut", subject="Cut \u202eby\x00 Dora", text="one\ntwo\x1b[31m", path="/activity", dedupe_key="cut:1")
    assert "\u202e" not in row.subject
    assert "\x1b" not in row.text
    assert row.text.count("\n") == 1
    for elsewhere in ("https://example.test/", "//example.test/"):
        with pytest.raises(ValueError, match="our own pages"):
            alert("cut", **CUT | {"path": elsewhere}, dedupe_key="cut:2")
