"""What one was told, on a page and for the browser's own notifications: one's own, and looking changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from jit_access.accounts.models import User
from jit_access.core import clock as core_clock
from jit_access.mfa.models import WebSession
from jit_access.notifications.models import Notification
from jit_access.notifications.services import tell
from tests.support import sessions
from tests.support.cast import Cast

pytestmark = pytest.mark.django_db(transaction=True)


def signed_in(user: User) -> Client:
    """Signing in is told too; that is not what is looked at here."""
    client = sessions.signed_in(user, "fresh")
    Notification.objects.filter(user=user).exclude(kind="test").delete()
    return client


def said(user: User, *words: str) -> list[str]:
    for word in words:
        tell(user, kind="test", subject=word, text=f"About {word}\n\nMore", path="/access", dedupe_key=word)
    rows = Notification.objects.filter(user=user.owner or user, subject__in=words).order_by("pk")
    return [row.public_id for row in rows]


def new(client: Client, after: str = "") -> dict[str, Any]:
    answer = client.get("/messages/new", {"after": after}, headers={"X-Polling": "1"})
    assert answer.status_code == 200
    return answer.json()


def test_the_page_has_ones_own_messages_and_nobody_elses(cast: Cast) -> None:
    said(cast.ada, "Ben agreed", "It ends soon")
    said(cast.ben, "Ada asks")
    page = signed_in(cast.ada).get("/messages").content.decode()
    assert page.index("It ends soon") < page.index("Ben agreed")
    assert "Ada asks" not in page
    assert 'href="/access"' in page


def test_an_agents_messages_are_its_owners(cast: Cast) -> None:
    said(cast.ci_bot, "Your agent was refused")
    assert "Your agent was refused" in signed_in(cast.ada).get("/messages").content.decode()


def test_without_any_the_page_says_what_will_stand_there(cast: Cast) -> None:
    assert "Nothing yet." in signed_in(cast.cleo).get("/messages").content.decode()


def test_long_lists_have_pages(cast: Cast) -> None:
    said(cast.ada, *(f"Message {number:03}" for number in range(31)))
    client = signed_in(cast.ada)
    first, second = (client.get("/messages", {"page": page}).content.decode() for page in ("1", "2"))
    assert "Message 030" in first
    assert "Message 000" not in first
    assert "Message 000" in second
    assert client.get("/messages?page=none").status_code == 200


def test_a_browser_that_begins_is_told_nothing_old(cast: Cast) -> None:
    old = said(cast.ada, "Long ago")
    client = signed_in(cast.ada)
    assert new(client) == {"after": old[0], "messages": []}
    fresh = said(cast.ada, "Now", "And now")
    found = new(client, old[0])
    assert [one["subject"] for one in found["messages"]] == ["Now", "And now"]
    assert found["after"] == fresh[1]
    assert new(client, fresh[1])["messages"] == []


@pytest.mark.parametrize("after", ["ntf_made_up", "", "x" * 500])
def test_a_place_that_is_not_ones_own_begins_anew(cast: Cast, after: str) -> None:
    theirs, mine = said(cast.ben, "Ada asks"), said(cast.ada, "Ben agreed")
    for place in (after, theirs[0]):
        assert new(signed_in(cast.ada), place) == {"after": mine[0], "messages": []}


def test_at_most_five_are_shown_at_once(cast: Cast) -> None:
    first = said(cast.ada, "One")
    said(cast.ada, *(f"Message {number}" for number in range(8)))
    assert [one["subject"] for one in new(signed_in(cast.ada), first[0])["messages"]] == [
        f"Message {number}" for number in range(3, 8)
    ]


def test_looking_for_news_keeps_no_session_young(cast: Cast, clock: Any) -> None:
    client = signed_in(cast.ada)
    clock.advance(minutes=10)
    new(client)
    assert WebSession.objects.get(user=cast.ada).seen_at != core_clock.now()
    clock.advance(minutes=21)
    assert client.get("/messages/new", headers={"X-Polling": "1"}).status_code == 302


def test_nobody_else_is_answered(cast: Cast) -> None:
    for path in ("/messages", "/messages/new"):
        assert Client().get(path).status_code == 302
        assert signed_in(cast.ada).post(path).status_code == 405
