"""Activity, targets and settings: who sees them, and what they do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from django.test import Client

from jit_access.accounts import services as accounts
from jit_access.accounts.models import ApiToken
from jit_access.audit.ingest import ingest_records
from jit_access.audit.models import AuditEntry
from jit_access.core.ids import new_record_id
from jit_access.domain.audit_record import AuditRecord, canonical_bytes
from jit_access.mfa.selectors import factor_state
from jit_access.targets.models import Repository, Target
from tests.support.lifecycles import BASE, TINY, World, active, ask, reload
from tests.web.pages_of import heading_of, text_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_auditors_see_all_and_others_their_own(world: World, client_for: Callable[..., Client]) -> None:
    active(world, BASE)
    entry = AuditEntry.objects.get(kind="grant.activated")
    path = f"/activity/{entry.record_id}"
    for person, status in ((world.cast.dora, 200), (world.cast.ada, 200), (world.cast.cleo, 404)):
        client = client_for(person)
        assert client.get(path).status_code == status
        assert (path in client.get("/activity").content.decode()) == (status == 200)


def test_a_record_shows_its_place_in_the_log(world: World, client_for: Callable[..., Client]) -> None:
    active(world, BASE)
    entry = AuditEntry.objects.get(kind="grant.activated")
    page = client_for(world.cast.dora).get(f"/activity/{entry.record_id}")
    text = text_of(page)
    assert "Ada Okafor: started the grant" in heading_of(page)
    assert entry.leaf_hash in text
    assert "demo-registry tools/base-image" in text


def test_filters_are_addresses_with_a_way_to_remove_each(world: World, client_for: Callable[..., Client]) -> None:
    grant = active(world, BASE)
    dora = client_for(world.cast.dora)
    page = dora.get("/activity", {"grant": grant.public_id, "q": "ada"}).content.decode()
    assert "/activity?q=ada" in page
    assert f"/activity?grant={grant.public_id}" in page
    assert "No record matches “llama-7”." in text_of(dora.get("/activity?q=llama-7"))
    assert dora.get("/activity", {"before": "99999999999999999999", "day": "x", "outcome": "y"}).status_code == 200


def test_the_story_of_a_grant_is_told_to_those_who_may_see_it(world: World, client_for: Callable[..., Client]) -> None:
    grant = active(world, TINY)
    path = f"/activity?grant={grant.public_id}"
    assert "Ada’s pull of llm/tiny-llama" in text_of(client_for(world.cast.dora).get(path))
    assert "Ada’s pull" not in text_of(client_for(world.cast.cleo).get(path))


def test_security_and_approvers_revoke_with_a_reason_and_others_find_nothing(
    world: World, client_for: Callable[..., Client]
) -> None:
    grant = active(world, TINY)
    path, story = f"/access/{grant.public_id}/revoke", f"/activity?grant={grant.public_id}"
    for stranger in (world.cast.cleo, world.cast.ada):
        assert client_for(stranger).get(path).status_code == 404
        assert client_for(stranger).post(path, {"note": "mine"}).status_code == 404
    assert reload(grant).state == "active"
    assert path not in client_for(world.cast.ada).get(story).content.decode()
    ben = client_for(world.cast.ben)
    assert heading_of(ben.get(path)) == f"Revoke Ada’s pull on {TINY}?"
    assert reload(grant).state == "active"
    dora = client_for(world.cast.dora)
    assert "Revoke Ada’s pull" in text_of(dora.get(story))
    assert dora.post(path, {"note": "rotating the weights"})["Location"] == story
    assert reload(grant).end_reason == "grant-revoked"
    text = text_of(dora.get(story))
    assert "Revoked. Ada Okafor was told." in text
    assert "“rotating the weights”" in text
    assert "Revoke Ada’s pull" not in text


def test_the_export_proves_itself_and_is_for_those_who_see_all(world: World, client_for: Callable[..., Client]) -> None:
    active(world, BASE)
    assert client_for(world.cast.ada).get("/activity/export").status_code == 404
    exported = client_for(world.cast.dora).get("/activity/export")
    header, *records = exported.content.decode().splitlines()
    assert json.loads(header)["head"]["size"] == len(records)
    assert "attachment" in exported["Content-Disposition"]


@pytest.mark.parametrize("path", ["/targets", "/targets/new"])
def test_targets_are_for_operators(world: World, client_for: Callable[..., Client], path: str) -> None:
    assert client_for(world.cast.ben).get(path).status_code == 200
    assert client_for(world.cast.ada).get(path).status_code == 404
    assert client_for(world.cast.dora).get(path).status_code == 404


def test_a_target_that_does_not_answer_is_not_kept_and_its_password_not_repeated(
    world: World, client_for: Callable[..., Client]
) -> None:
    sent = {
        "slug": "prod",
        "display_name": "Production",
        "base_url": "http://127.0.0.1:1",
        "username": "gateway",
        "password": "s3cret-of-the-target",
        "allow_private": "on",
        "token_origins": "http://127.0.0.1:2, http://127.0.0.1:3",
    }
    refused = client_for(world.cast.ben).post("/targets/new", sent)
    assert refused.status_code == 502
    assert "Nothing was kept." in text_of(refused)
    assert 'value="Production"' in refused.content.decode()
    assert 'value="http://127.0.0.1:2, http://127.0.0.1:3"' in refused.content.decode()
    assert "s3cret-of-the-target" not in refused.content.decode()
    assert not Target.objects.filter(slug="prod").exists()


def test_a_wrong_field_is_said_beside_it(world: World, client_for: Callable[..., Client]) -> None:
    sent = {"slug": "Prod!", "display_name": "Production", "base_url": "https://registry.example"}
    refused = client_for(world.cast.ben).post("/targets/new", sent)
    assert refused.status_code == 422
    assert 'href="#f-slug"' in refused.content.decode()


def test_places_beside_a_target_are_shown_and_a_wrong_one_is_said(
    world: World, client_for: Callable[..., Client]
) -> None:
    sent = {"slug": "prod", "display_name": "P", "base_url": "https://registry.example", "token_origins": "not a place"}
    refused = client_for(world.cast.ben).post("/targets/new", sent)
    assert refused.status_code == 422
    assert 'href="#f-token_origins"' in refused.content.decode()
    target = Target.objects.get()
    path = f"/targets/{target.public_id}"
    assert "Token service elsewhere" not in text_of(client_for(world.cast.ben).get(path))
    target.token_origins = ["https://auth.example"]
    target.save()
    assert "Token service elsewhere https://auth.example gets the credential" in text_of(
        client_for(world.cast.ben).get(path)
    )


def test_a_tier_is_set_by_operators_only(world: World, client_for: Callable[..., Client]) -> None:
    repository = Repository.objects.get(name=BASE)
    path = f"/repositories/{repository.public_id}/tier"
    assert client_for(world.cast.ada).post(path, {"tier": "critical"}).status_code == 404
    assert client_for(world.cast.ben).post(path, {"tier": "secret"}).status_code == 400
    repository.refresh_from_db()
    assert repository.tier == "standard"
    assert client_for(world.cast.ben).post(path, {"tier": "critical"}).status_code == 302
    repository.refresh_from_db()
    assert repository.tier == "critical"
    assert "Changed a tier" in text_of(client_for(world.cast.dora).get("/activity"))


def test_the_theme_is_the_persons_and_set_by_the_server(world: World, client_for: Callable[..., Client]) -> None:
    client = client_for(world.cast.ada)
    assert b'<html lang="en" data-theme="auto">' in client.get("/access").content
    saved = client.post("/settings/look", {"theme": "dark", "shortcuts": "on"})
    assert saved.cookies["theme"].value == "dark"
    assert b'data-theme="dark"' in client.get("/access").content
    assert b"data-shortcuts" in client.get("/access").content
    client.post("/settings/look", {"theme": "dark"})
    assert b"data-shortcuts" not in client.get("/access").content
    assert client.post("/settings/look", {"theme": "neon"}).status_code == 400


def test_new_recovery_codes_need_a_fresh_proof_and_are_shown_once(
    world: World, client_for: Callable[..., Client]
) -> None:
    path = "/settings/recovery-codes"
    stale = client_for(world.cast.ada, "stale").post(path)
    assert stale["Location"] == "/second-factor?next=%2Fsettings%2Frecovery-codes"
    assert factor_state(world.cast.ada).recovery_codes_left == 0
    shown = client_for(world.cast.ada).post(path)
    assert heading_of(shown) == "Your recovery codes"
    assert "no-store" in shown["Cache-Control"]


def test_an_api_token_is_shown_once_and_revoked_by_its_owner(world: World, client_for: Callable[..., Client]) -> None:
    ada = client_for(world.cast.ada)
    shown = ada.post("/settings/tokens/new", {"name": "laptop", "days": "30"})
    again = ada.post("/settings/tokens/new", {"name": "laptop", "days": "30"})  # a reload sends the form again
    assert again.status_code == 422
    assert "A token of this name works already" in text_of(again)
    assert "jita_api_" in shown.content.decode()
    assert "no-store" in shown["Cache-Control"]
    token = ApiToken.objects.get()
    assert "laptop" in text_of(ada.get("/settings"))
    path = f"/settings/tokens/{token.public_id}/revoke"
    assert client_for(world.cast.cleo).post(path).status_code == 404
    assert ada.post(path).status_code == 302
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_signing_out_everywhere_else_keeps_this_session(world: World, client_for: Callable[..., Client]) -> None:
    here, there = client_for(world.cast.ada), client_for(world.cast.ada)
    assert here.post("/settings/sessions/end").status_code == 302
    assert here.get("/access").status_code == 200
    assert there.get("/access").status_code == 302


def test_unknown_addresses_get_our_page(world: World, client_for: Callable[..., Client]) -> None:
    page = client_for(world.cast.ada).get("/nothing/here")
    assert page.status_code == 404
    assert heading_of(page) == "There is nothing here that you may see."


def test_pages_carry_the_strict_policy(world: World, client_for: Callable[..., Client]) -> None:
    request = ask(world, TINY)
    for path in ("/access", "/requests/new", f"/requests/{request.public_id}", "/settings", "/activity"):
        page = client_for(world.cast.ada).get(path)
        policy = page["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "no-store" in page["Cache-Control"]
        assert b" style=" not in page.content
        assert b"<script>" not in page.content


def test_activity_names_the_account_that_something_was_done_to(world: World, client_for: Callable[..., Client]) -> None:
    accounts.remove_from_group(actor=world.cast.dora.ref, user=world.cast.ben, group="operators")
    accounts.lock_account(actor=world.cast.dora.ref, user=world.cast.cleo)
    dora = client_for(world.cast.dora)
    text = text_of(dora.get("/activity"))
    assert "Dora Okafor – An account was locked: Cleo Okafor account-locked" in text
    assert "An account left a group: Ben Okafor, operators" in text
    record = AuditEntry.objects.get(kind="account.locked").record_id
    assert "Dora Okafor: an account was locked: Cleo Okafor" in text_of(dora.get(f"/activity/{record}"))


def test_activity_is_in_the_order_of_its_first_column(world: World, client_for: Callable[..., Client]) -> None:
    """A long transfer is recorded last and began first."""
    grant = active(world, TINY)
    for second, kind, exchange in (
        (10, "proxy.request.allowed", "exc_long"),
        (20, "proxy.request.allowed", "exc_short"),
        (21, "proxy.transfer.completed", "exc_short"),
        (50, "proxy.transfer.completed", "exc_long"),
    ):
        record = AuditRecord(
            id=new_record_id(),
            at=f"2030-01-01T00:00:{second}.000000Z",
            source="proxy/p1",
            kind=kind,
            actor_id=grant.subject.public_id,
            grant=grant.public_id,
            exchange=exchange,
            operation="pull",
            reference="v1",
            decision="allow" if kind.endswith("allowed") else "",
        )
        assert ingest_records([canonical_bytes(record)]).rejected == ()
    times = re.findall(r'log__time.*?datetime="([^"]+)"', client_for(world.cast.dora).get("/activity").content.decode())
    assert times[:2] == ["2030-01-01T00:00:20.000000Z", "2030-01-01T00:00:10.000000Z"]
    assert times == sorted(times, reverse=True)
