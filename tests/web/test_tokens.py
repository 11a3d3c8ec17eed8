"""The tokens of a grant: each is shown once, told apart, rotated and revoked, by its holder and nobody else."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client

from jit_access.audit.ingest import ingest_records
from jit_access.audit.models import AuditEntry
from jit_access.core.ids import new_record_id
from jit_access.credentials.models import CredentialLease
from jit_access.domain.audit_record import AuditRecord, canonical_bytes
from jit_access.domain.lifecycle import LeaseState
from jit_access.grants import services as grants
from jit_access.grants.models import Grant
from jit_access.grants.services.tokens import MAX_LIVE_TOKENS
from jit_access.targets.models import TargetKind
from jit_access.web.ways import WAYS
from tests.conftest import Clock
from tests.support.lifecycles import BASE, HOUR, TINY, World, active, reload
from tests.web.pages_of import browser_like, heading_of, hidden_value, text_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def grant(world: World) -> Grant:
    return active(world, TINY, lasts_s=2 * HOUR)


def lease_of(grant: Grant, label: str = "laptop") -> CredentialLease:
    return grants.issue_token(actor=grant.subject, grant=grant, label=label).lease


def note_use(lease: CredentialLease, at: str, address: str) -> None:
    record = AuditRecord(
        id=new_record_id(),
        at=at,
        source="proxy/p1",
        kind="proxy.request.allowed",
        actor_id=lease.holder.public_id,
        grant=lease.grant.public_id,
        lease=lease.public_id,
        address=address,
    )
    assert ingest_records([canonical_bytes(record)]).rejected == ()


def tokens_path(grant: Grant, lease: CredentialLease | None = None, what: str = "") -> str:
    return f"/access/{grant.public_id}/tokens" + (f"/{lease.public_id}/{what}" if lease else "")


def test_the_card_leads_to_the_tokens(grant: Grant, client_for: Callable[..., Client]) -> None:
    lease_of(grant)
    page = client_for(grant.subject).get("/access")
    assert tokens_path(grant) in page.content.decode()
    assert "Tokens 1" in text_of(page)


def test_the_list_tells_tokens_apart_and_never_shows_one(grant: Grant, client_for: Callable[..., Client]) -> None:
    issued = grants.issue_token(actor=grant.subject, grant=grant, label="training node")
    unused = lease_of(grant)
    note_use(issued.lease, "2026-01-02T03:04:05.000000Z", "192.0.2.7")
    page = client_for(grant.subject).get(tokens_path(grant))
    text = text_of(page)
    assert heading_of(page) == f"Tokens of {TINY}"
    assert "Two work now. All end with the grant" in text
    assert re.search(rf"training node jita_grant_{issued.lease.token_id} Works .* 192\.0\.2\.7 ", text)
    assert re.search(rf"laptop jita_grant_{unused.token_id} Works Never – ", text)
    assert issued.token.reveal() not in page.content.decode()


def test_a_token_is_made_with_a_name_and_shown_once(grant: Grant, client_for: Callable[..., Client]) -> None:
    client = client_for(grant.subject)
    shown = client.post(f"/access/{grant.public_id}/token", {"label": "  training   node "})
    assert re.search(r"jita_grant_\w{66}", shown.content.decode())
    assert "no-store" in shown["Cache-Control"]
    assert CredentialLease.objects.get().label == "training node"
    assert "training node" in text_of(client.get(tokens_path(grant)))


@pytest.mark.parametrize("path", ["/access", "tokens"])
def test_the_same_form_sent_twice_makes_one_token(grant: Grant, client_for: Callable[..., Client], path: str) -> None:
    """A reload of the page that shows a token sends its form again."""
    client = client_for(grant.subject)
    known = hidden_value(client.get(path if path == "/access" else tokens_path(grant)), "known")
    first = client.post(f"/access/{grant.public_id}/token", {"known": known})
    assert first.status_code == 200
    again = client.post(f"/access/{grant.public_id}/token", {"known": known})
    assert again["Location"] == tokens_path(grant)
    assert "No token was made." in text_of(client.get(tokens_path(grant)))
    assert CredentialLease.objects.filter(grant=grant).count() == 1


def test_rotating_shows_the_new_one_and_says_how_long_the_old_one_works(
    grant: Grant, client_for: Callable[..., Client], clock: Clock
) -> None:
    old, client = lease_of(grant), client_for(grant.subject)
    path = tokens_path(grant, old, "rotate")
    asked = client.get(path)
    assert heading_of(asked) == f"Rotate the token jita_grant_{old.token_id}?"
    assert "The old one works on for 10 min" in text_of(asked)
    assert reload(old).state == LeaseState.ISSUED
    shown = client.post(path)
    assert re.search(r"jita_grant_\w{66}", shown.content.decode())
    assert f"The old one, jita_grant_{old.token_id}, works on until " in text_of(shown)
    listed = text_of(client.get(tokens_path(grant)))
    assert "Two work now." in listed
    assert "Replaced works on until its end" in listed
    clock.advance(minutes=11)
    assert "One works now." in text_of(client.get(tokens_path(grant)))
    assert client.post(path).status_code == 409


def test_revoking_ends_one_token_and_leaves_the_others(grant: Grant, client_for: Callable[..., Client]) -> None:
    lease, other, client = lease_of(grant), lease_of(grant, "node"), client_for(grant.subject)
    path = tokens_path(grant, lease, "revoke")
    assert "The grant and its other tokens go on." in text_of(client.get(path))
    assert reload(lease).state == LeaseState.ISSUED
    assert client.post(path)["Location"] == tokens_path(grant)
    assert (reload(lease).state, reload(other).state) == (LeaseState.REVOKED, LeaseState.ISSUED)
    assert AuditEntry.objects.filter(kind="lease.revoked", reason="token-revoked").exists()
    assert client.post(path)["Location"] == tokens_path(grant)
    assert client.get(path)["Location"] == tokens_path(grant)


def test_the_tokens_of_others_look_like_none(grant: Grant, world: World, client_for: Callable[..., Client]) -> None:
    lease = lease_of(grant)
    for person, status in (
        (world.cast.ada, 200),
        (world.cast.ben, 404),
        (world.cast.cleo, 404),
        (world.cast.dora, 404),
    ):
        client = client_for(person)
        assert client.get(tokens_path(grant)).status_code == status
        assert client.get(tokens_path(grant, lease, "revoke")).status_code == status
        assert client.get(tokens_path(grant, lease, "rotate")).status_code == status
        if status == 404:
            assert client.post(tokens_path(grant, lease, "revoke")).status_code == 404
            assert client.post(tokens_path(grant, lease, "rotate")).status_code == 404
    assert reload(lease).state == LeaseState.ISSUED


def test_a_token_is_found_under_its_own_grant_only(
    grant: Grant, world: World, client_for: Callable[..., Client]
) -> None:
    other, lease = active(world, BASE), lease_of(grant)
    client = client_for(grant.subject)
    assert client.post(tokens_path(other, lease, "revoke")).status_code == 404
    assert reload(lease).state == LeaseState.ISSUED
    assert client.post(tokens_path(grant, lease, "revoke")).status_code == 302


def test_the_owner_of_an_agent_sees_and_revokes_and_makes_none(world: World, client_for: Callable[..., Client]) -> None:
    held = active(world, BASE, actor=world.cast.ci_bot)
    lease, ada = lease_of(held), client_for(world.cast.ada)
    text = text_of(ada.get(tokens_path(held)))
    assert "Only ci-bot makes and rotates tokens of its grant" in text
    assert "Rotate" not in text
    assert ada.post(f"/access/{held.public_id}/token").status_code == 404
    assert ada.post(tokens_path(held, lease, "rotate")).status_code == 404
    assert ada.post(tokens_path(held, lease, "revoke")).status_code == 302
    assert reload(lease).state == LeaseState.REVOKED


def test_a_full_grant_and_an_ended_one_say_why_no_more_can_be_made(
    grant: Grant, client_for: Callable[..., Client]
) -> None:
    client = client_for(grant.subject)
    for number in range(MAX_LIVE_TOKENS):
        lease_of(grant, f"node {number}")
    assert "at most 10 tokens. Revoke one" in text_of(client.get(tokens_path(grant)))
    refused = client.post(f"/access/{grant.public_id}/token")
    assert refused.status_code == 400
    assert "No token was made. invalid-input" in text_of(refused)
    grants.relinquish_grant(actor=grant.subject, grant=grant)
    text = text_of(client.get(tokens_path(grant)))
    assert "This grant does not run, so none of its tokens opens anything." in text
    assert "Revoked with its grant" in text
    assert client.post(f"/access/{grant.public_id}/token").status_code == 409


def test_a_form_without_its_token_and_a_mere_look_change_nothing(
    grant: Grant, client_for: Callable[..., Client]
) -> None:
    lease = lease_of(grant)
    client = client_for(grant.subject)
    before = AuditEntry.objects.count()
    for path in (tokens_path(grant), tokens_path(grant, lease, "rotate"), tokens_path(grant, lease, "revoke")):
        assert client.get(path).status_code == 200
        assert client.head(path).status_code == 200
    assert AuditEntry.objects.count() == before
    assert browser_like(client).post(tokens_path(grant, lease, "revoke")).status_code == 403
    assert reload(lease).state == LeaseState.ISSUED


def test_where_to_paste_a_token_is_said_in_the_words_of_its_client(
    world: World, grant: Grant, client_for: Callable[..., Client]
) -> None:
    ada = client_for(world.cast.ada)
    assert "Paste it when the client asks for a password." in text_of(ada.post(f"/access/{grant.public_id}/token"))
    for kind in (TargetKind.HF, TargetKind.S3, TargetKind.MLFLOW):
        assert "asks for a password" not in WAYS[kind].paste
