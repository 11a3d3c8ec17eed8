"""One's own service accounts: their tokens are made, seen and ended by their owner, and by nobody else."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from jit_access.accounts import services
from jit_access.accounts.models import ApiToken
from jit_access.audit.models import AuditEntry
from jit_access.domain.actors import GATEWAY
from tests.support.cast import Cast
from tests.support.lifecycles import BASE, World, active
from tests.web.pages_of import browser_like, heading_of, text_of

pytestmark = pytest.mark.django_db(transaction=True)


def path_of(cast: Cast, more: str = "") -> str:
    return f"/agents/{cast.ci_bot.public_id}{more}"


def token_for(cast: Cast, name: str = "nightly") -> ApiToken:
    return services.issue_api_token(actor=GATEWAY, user=cast.ci_bot, name=name, lasts=timedelta(days=7)).token


def test_settings_lead_to_ones_agents(cast: Cast, client_for: Callable[..., Client]) -> None:
    token_for(cast)
    page = client_for(cast.ada).get("/settings")
    assert "Your agents 1 ci-bot Works 1 API token." in text_of(page)
    assert path_of(cast) in page.content.decode()
    assert "You have no API token." in text_of(page)
    assert "Your agents" not in text_of(client_for(cast.ben).get("/settings"))


def test_an_agent_is_shown_with_what_it_is_and_holds(world: World, client_for: Callable[..., Client]) -> None:
    cast = world.cast
    active(world, BASE, actor=cast.ci_bot)
    token = token_for(cast)
    page = client_for(cast.ada).get(path_of(cast))
    text = text_of(page)
    assert heading_of(page) == "ci-bot"
    assert "Works Agent of Ada Okafor" in text
    assert "Groups Research" in text
    assert f"Open grants 1 demo-registry/{BASE} Active" in text
    assert "nightly Works Used Never Ends " in text
    assert f"Begins jita_api_{token.token_id}" in text


def test_a_token_is_made_for_the_agent_and_shown_once(cast: Cast, client_for: Callable[..., Client]) -> None:
    ada = client_for(cast.ada)
    form = ada.get(path_of(cast, "/tokens/new"))
    assert heading_of(form) == "New API token for ci-bot"
    shown = ada.post(path_of(cast, "/tokens/new"), {"name": "nightly", "days": "30"})
    text = re.search(r"jita_api_\w{66}", shown.content.decode())
    assert text
    assert "It acts as ci-bot" in text_of(shown)
    assert "no-store" in shown["Cache-Control"]
    token = ApiToken.objects.get()
    assert token.user == cast.ci_bot
    record = AuditEntry.objects.get(kind="api-token.issued")
    assert record.actor_id == cast.ada.public_id
    assert text[0] not in ada.get(path_of(cast)).content.decode()
    me = Client().get("/api/v1/me", headers={"Authorization": f"Bearer {text[0]}"})
    assert me.json()["person"]["name"] == "ci-bot"


def test_a_stale_factor_makes_no_token(cast: Cast, client_for: Callable[..., Client]) -> None:
    refused = client_for(cast.ada, "stale").post(path_of(cast, "/tokens/new"), {"name": "x", "days": "7"})
    assert refused["Location"].startswith("/second-factor?next=")
    assert not ApiToken.objects.exists()


def test_revoking_leads_back_to_the_agent(cast: Cast, client_for: Callable[..., Client]) -> None:
    token, ada = token_for(cast), client_for(cast.ada)
    assert ada.get(f"/settings/tokens/{token.public_id}/revoke").status_code == 200
    token.refresh_from_db()
    assert token.revoked_at is None
    assert ada.post(f"/settings/tokens/{token.public_id}/revoke")["Location"] == path_of(cast)
    token.refresh_from_db()
    assert token.revoked_at is not None
    assert "It has no API token. Give it one, or a workload identity" in text_of(ada.get(path_of(cast)))


def test_agents_of_others_look_like_none(cast: Cast, client_for: Callable[..., Client]) -> None:
    token = token_for(cast)
    for person, may_see, may_act in (
        (cast.ada, 200, 200),
        (cast.ben, 404, 404),
        (cast.cleo, 404, 404),
        (cast.dora, 200, 404),  # security sees all of them, and acts for none
    ):
        client = client_for(person)
        assert client.get(path_of(cast)).status_code == may_see
        assert client.get(path_of(cast, "/tokens/new")).status_code == may_act
    assert client_for(cast.ben).post(path_of(cast, "/tokens/new"), {"name": "x", "days": "7"}).status_code == 404
    assert client_for(cast.ben).post(f"/settings/tokens/{token.public_id}/revoke").status_code == 404
    assert client_for(cast.ada).get(f"/agents/{cast.ben.public_id}").status_code == 404
    assert client_for(cast.ada).get(f"/agents/{cast.ada.public_id}").status_code == 404
    assert ApiToken.objects.count() == 1


def test_a_locked_agent_is_shown_as_locked_and_gets_no_token(cast: Cast, client_for: Callable[..., Client]) -> None:
    ada = client_for(cast.ada)
    services.lock_account(actor=cast.dora.ref, user=cast.ci_bot)
    assert "ci-bot Locked This account is locked." in text_of(ada.get("/settings"))
    text = text_of(ada.get(path_of(cast)))
    assert "Security locked it. Its tokens and grants are refused. Ask Security to unlock it." in text
    assert "New token" not in text
    refused = ada.post(path_of(cast, "/tokens/new"), {"name": "x", "days": "7"})
    assert refused.status_code == 403
    assert "account-locked" in text_of(refused)
    assert not ApiToken.objects.exists()
    services.unlock_account(actor=cast.dora.ref, user=cast.ci_bot)
    assert ada.post(path_of(cast, "/tokens/new"), {"name": "x", "days": "7"}).status_code == 200


def test_a_form_without_its_token_makes_nothing(cast: Cast, client_for: Callable[..., Client]) -> None:
    client = browser_like(client_for(cast.ada))
    assert client.post(path_of(cast, "/tokens/new"), {"name": "x", "days": "7"}).status_code == 403
    assert not ApiToken.objects.exists()
