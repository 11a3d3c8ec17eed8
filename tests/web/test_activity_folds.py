"""Activity folds what every client does before it does anything, and hides no refusal that means something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from jit_access.audit.ingest import ingest_records
from jit_access.core.ids import new_record_id
from jit_access.domain.audit_record import AuditRecord, canonical_bytes
from jit_access.grants.models import Grant
from tests.support.lifecycles import TINY, World, active
from tests.web.pages_of import text_of

pytestmark = pytest.mark.django_db(transaction=True)
ALLOWED, DONE, REFUSED = "proxy.request.allowed", "proxy.transfer.completed", "proxy.request.refused"
SHOW = "/activity?handshakes=shown"


def send(kind: str, exchange: str, grant: Grant | None = None, **fields: Any) -> None:
    known: dict[str, Any] = {}
    if grant is not None:
        who = grant.subject
        known = {"actor_kind": "person", "actor_id": who.public_id, "actor_name": who.display_name}
        known |= {"grant": grant.public_id, "target": grant.target.slug, "repository": TINY}
    at, decision = "2026-11-23T13:55:10.000000Z", {ALLOWED: "allow", REFUSED: "deny"}.get(kind, "")
    base = {"id": new_record_id(), "at": at, "source": "proxy/p1", "kind": kind, "exchange": exchange}
    record = AuditRecord(**(base | {"decision": decision} | known | fields))
    assert ingest_records([canonical_bytes(record)]).rejected == ()


@pytest.fixture
def grant(world: World) -> Grant:
    """One pull as `skopeo` does it, then a stranger, and a token that was taken away."""
    held = active(world, TINY)
    send(REFUSED, "exc_tls", reason="tls-on-plain-port", status=400)
    send(REFUSED, "exc_knock", operation="ping", reason="token-missing", status=401)
    for kind in (ALLOWED, DONE):
        send(kind, "exc_token", held, operation="token", reason="granted" if kind == ALLOWED else "")
        moved = 2048 if kind == DONE else 0
        send(kind, "exc_pull", held, operation="pull", reference="sha256:" + "ab" * 32, bytes_out=moved)
    send(REFUSED, "exc_odd", reason="malformed-request", status=400)
    send(REFUSED, "exc_dead", held, operation="token", reason="token-revoked", status=401)
    return held


def test_handshakes_are_folded_and_one_click_away(
    grant: Grant, world: World, client_for: Callable[..., Client]
) -> None:
    dora = client_for(world.cast.dora)
    page = dora.get("/activity")
    folded, shown = text_of(page), text_of(dora.get(SHOW))
    assert SHOW in page.content.decode()
    for code in ("tls-on-plain-port", "token-missing"):
        assert code not in folded
        assert code in shown
    assert folded.count("Showed a token") == 1  # the refused one
    assert shown.count("Showed a token") == 2
    for text in (folded, shown):
        assert "token-revoked" in text
        assert "malformed-request" in text
        assert "Pull of sha256:abababababab" in text


@pytest.mark.parametrize("query", ["outcome=deny", "q=token-missing", "exchange=exc_knock"])
def test_whoever_looks_for_refusals_finds_all_of_them(
    grant: Grant, world: World, client_for: Callable[..., Client], query: str
) -> None:
    assert "token-missing" in text_of(client_for(world.cast.dora).get(f"/activity?{query}"))


def test_a_story_tells_each_exchange_once_and_who_agreed(
    grant: Grant, world: World, client_for: Callable[..., Client]
) -> None:
    page = client_for(world.cast.dora).get(f"/activity?grant={grant.public_id}").content.decode()
    story = page[page.index('<article class="panel"') : page.index("</article>")]
    assert story.count("Pull of sha256:abababababab") == 1
    assert story.count("Showed a token") == 1  # the refused one
    for words in ("Asked for access", "Approved the request", "Started the grant", "2.00 KiB"):
        assert words in story
