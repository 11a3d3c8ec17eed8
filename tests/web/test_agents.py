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
    assert "nightly Works Used Never Limits None: from anywhere, any number of uses Ends " in text
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


def test_a_token_gets_the_limits_that_its_owner_types(cast: Cast, client_for: Callable[..., Client]) -> None:
    ada = client_for(cast.ada)
    form = text_of(ada.get(path_of(cast, "/tokens/new")))
    assert "From which networks?" in form
    typed = {
        "name": "nightly", "days": "365", "networks": "10.0.0.0/8, 192.0.2.7", "max_uses": "50",
        "rotates_every": "604800", "overlap": "86400",
    }  # fmt: skip
    assert ada.post(path_of(cast, "/tokens/new"), typed).status_code == 200
    token = ApiToken.objects.get()
    assert (token.networks, token.max_uses) == (["10.0.0.0/8", "192.0.2.7/32"], 50)
    text = text_of(ada.get(path_of(cast)))
    assert "Limits From 10.0.0.0/8 and 192.0.2.7/32 only, 50 of 50 uses left" in text
    assert "Rotates Number 1, another every 7 d until " in text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"networks": "10.0.0.5/8"}, "10.0.0.5/8 is one address in 10.0.0.0/8."),
        ({"max_uses": "many"}, "Type a whole number, or nothing."),
        ({"max_uses": "0"}, "A token is used 1 to 1000000 times"),
        ({"days": "365"}, "A token lasts 1 minute to 90 days."),
        ({"days": "2"}, "Choose how long it lasts."),
        ({"rotates_every": "86400", "overlap": "604800"}, "no longer than the time between two tokens."),
        ({"rotates_every": "5"}, "Choose one of these."),
        ({"name": ""}, "Give the token a name"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(
    cast: Cast, client_for: Callable[..., Client], typed: dict[str, str], said: str
) -> None:
    ada = client_for(cast.ada)
    good = {"name": "nightly", "days": "30"}
    refused = ada.post(path_of(cast, "/tokens/new"), good | typed)
    assert refused.status_code == 422
    assert said in text_of(refused)
    assert not ApiToken.objects.exists()
    assert ada.post(path_of(cast, "/tokens/new"), good).status_code == 200


def test_revoking_asks_for_a_fresh_factor(cast: Cast, client_for: Callable[..., Client]) -> None:
    token = token_for(cast)
    refused = client_for(cast.ada, "stale").post(f"/settings/tokens/{token.public_id}/revoke")
    assert refused["Location"].startswith("/second-factor?next=")
    token.refresh_from_db()
    assert token.revoked_at is None


class TestPagesOfAgents:
    def test_making_one(self, cast: Cast, client_for: Callable[..., Client]) -> None:
        ada = client_for(cast.ada)
        form = ada.get("/agents/new")
        assert heading_of(form) == "Make an agent"
        refused = ada.post("/agents/new", {"name": "Eval", "purpose": "Scores each night's work", "groups": "research"})
        assert refused.status_code == 422
        assert "A name has 3 to 40 small letters" in text_of(refused)
        taken = ada.post("/agents/new", {"name": "ci-bot", "purpose": "Scores each night's work"})
        assert "That name is taken." in text_of(taken)
        made = ada.post("/agents/new", {"name": "eval", "purpose": "Scores each night's work", "groups": "research"})
        assert made.status_code == 302
        text = text_of(ada.get(made["Location"]))
        assert "Scores each night&#x27;s work" in text or "Scores each night's work" in text
        assert "Answers for it Ada Okafor" in text
        assert "You answer for 2 agents; two work." in text_of(ada.get("/agents"))

    def test_whose_groups_may_not_is_told_so(self, cast: Cast, client_for: Callable[..., Client]) -> None:
        cleo = client_for(cast.cleo)
        assert "Your groups may not own agents." in text_of(cleo.get("/agents"))
        refused = cleo.get("/agents/new")
        assert refused.status_code == 403
        assert "agents-not-open" in text_of(refused)

    def test_suspending_resuming_retiring(self, cast: Cast, client_for: Callable[..., Client]) -> None:
        ada = client_for(cast.ada)
        for what, word in (("suspend", "Suspended"), ("resume", "Works"), ("retire", "Retired")):
            assert ada.get(path_of(cast, f"/{what}")).status_code == 200
            assert ada.post(path_of(cast, f"/{what}")).status_code == 302
            assert f"{word} Agent of Ada Okafor" in text_of(ada.get(path_of(cast)))

    def test_handing_it_over(self, cast: Cast, client_for: Callable[..., Client]) -> None:
        ada, ben = client_for(cast.ada), client_for(cast.ben)
        assert "Name another person here" in text_of(ada.post(path_of(cast, "/offer"), {"to": "nobody"}))
        assert ada.post(path_of(cast, "/offer"), {"to": "ben", "note": "Yours now"}).status_code == 302
        assert "Ben Okafor is asked to answer for it" in text_of(ada.get(path_of(cast)))
        assert "Ada Okafor asks you to answer for ci-bot." in text_of(ben.get("/agents"))
        assert "They wrote: “Yours now”" in text_of(ben.get(path_of(cast)))
        assert ben.get(path_of(cast, "/offer/accept")).status_code == 405
        assert ben.post(path_of(cast, "/offer/accept")).status_code == 302
        assert "Works Agent of Ben Okafor" in text_of(ben.get(path_of(cast)))
        assert ada.get(path_of(cast)).status_code == 404

    def test_security_sees_who_has_none_and_names_one(self, cast: Cast, client_for: Callable[..., Client]) -> None:
        dora = client_for(cast.dora)
        assert "Name a new owner" not in text_of(dora.get(path_of(cast)))
        services.lock_account(actor=cast.dora.ref, user=cast.ada)
        text = text_of(dora.get(path_of(cast)))
        assert "Nobody answers for this service account now." in text
        assert "Name a new owner" in text
        assert "ci-bot Without owner Ada Okafor" in text_of(dora.get("/agents"))
        assert dora.post(path_of(cast, "/offer"), {"to": "ben"}).status_code == 302
