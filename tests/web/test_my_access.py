"""My access, and what a holder does with a grant."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client

from jit_access.access_requests.services import submit_extension
from jit_access.audit.models import AuditEntry
from jit_access.credentials.models import CredentialLease
from jit_access.domain.lifecycle import GrantState
from jit_access.domain.reasons import Reason
from jit_access.grants import services as grants
from jit_access.notifications.models import Notification
from tests.conftest import Clock
from tests.support.lifecycles import (
    BASE,
    FRONTIER,
    HOUR,
    TINY,
    World,
    active,
    answer,
    ask,
    fresh,
    reload,
    scheduled,
    start,
)
from tests.web.pages_of import browser_like, heading_of, hidden_value, text_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_nothing_open_is_the_normal_state(world: World, client_for: Callable[..., Client]) -> None:
    text = text_of(client_for(world.cast.cleo).get("/access"))
    assert "You have no open access. That is the normal state here." in text


def test_an_open_grant_shows_time_left_its_end_and_commands(world: World, client_for: Callable[..., Client]) -> None:
    grant = active(world, TINY, lasts_s=2 * HOUR)
    page = client_for(world.cast.ada).get("/access")
    text = text_of(page)
    assert re.search(r"(2 h|1 h 59 min) left ends ", text)
    assert "Active Pull" in text
    assert "Approved by Ben" in text
    login = f"skopeo login --authfile ~/.config/jit/{grant.public_id}.json --tls-verify=false --username ada"
    assert f"{login} " in text
    assert "--password" not in text
    assert f"/access/{grant.public_id}/end" in page.content.decode()


@pytest.mark.parametrize(
    ("client", "words"),
    [
        ("oras", "oras pull --registry-config ~/.config/jit/"),
        ("docker", "docker --config ~/.config/jit/"),
        ("rm -rf", "skopeo copy"),
    ],
)
def test_the_client_is_chosen_by_address(
    world: World, client_for: Callable[..., Client], client: str, words: str
) -> None:
    active(world, BASE)
    assert words in text_of(client_for(world.cast.ada).get("/access", {"client": client}))


def test_under_fifteen_minutes_it_ends_soon(world: World, client_for: Callable[..., Client], clock: Clock) -> None:
    active(world, BASE, lasts_s=HOUR)
    client = client_for(world.cast.ada)
    assert "Ends soon" not in text_of(client.get("/access"))
    clock.advance(minutes=50)
    page = client_for(world.cast.ada).get("/access")
    assert "Ends soon" in text_of(page)
    assert "countdown--soon" in page.content.decode()


def test_a_token_is_shown_once_and_never_stored_by_the_browser(world: World, client_for: Callable[..., Client]) -> None:
    grant = active(world, BASE)
    client = client_for(world.cast.ada)
    assert client.get(f"/access/{grant.public_id}/token").status_code == 405
    assert not CredentialLease.objects.exists()
    shown = client.post(f"/access/{grant.public_id}/token")
    assert shown.status_code == 200
    assert "no-store" in shown["Cache-Control"]
    token = re.search(r"jita_grant_\w+", shown.content.decode())
    assert token
    # In the command nothing secret ever stands.
    commands = re.findall(r'(?s)class="command__text".*?</code>', shown.content.decode())
    assert commands
    assert not any("jita_" in command for command in commands)
    assert token[0] not in client.get("/access").content.decode()
    assert not AuditEntry.objects.filter(body__contains=token[0]).exists()


def test_only_the_holder_gets_a_token(world: World, client_for: Callable[..., Client]) -> None:
    grant = active(world, TINY)
    for person, status in (
        (world.cast.ada, 200),
        (world.cast.ben, 404),
        (world.cast.dora, 404),
        (world.cast.cleo, 404),
    ):
        assert client_for(person).post(f"/access/{grant.public_id}/token").status_code == status


def test_what_a_service_account_holds_is_ended_by_its_owner_and_used_by_itself(
    world: World, client_for: Callable[..., Client]
) -> None:
    plan = scheduled(world, BASE, actor=world.cast.ci_bot)
    ada = client_for(world.cast.ada)
    text = text_of(ada.get("/access"))
    assert "For ci-bot, which starts it." in text
    assert "Start now" not in text
    grant = start(plan)
    page = ada.get("/access")
    assert "Held by ci-bot" in text_of(page)
    assert f'/access/{grant.public_id}/token"' not in page.content.decode()
    assert ada.post(f"/access/{grant.public_id}/end").status_code == 302
    assert reload(grant).end_reason == "grant-relinquished"


def test_starting_asks_for_a_fresh_factor_and_comes_back(world: World, client_for: Callable[..., Client]) -> None:
    grant = scheduled(world, TINY)
    stale, fresh = client_for(world.cast.ada, "stale"), client_for(world.cast.ada)
    path = f"/access/{grant.public_id}/start"
    assert heading_of(stale.get(path)) == f"Start your pull on {TINY}?"
    refused = stale.post(path)
    assert refused["Location"] == f"/second-factor?next=%2Faccess%2F{grant.public_id}%2Fstart"
    assert reload(grant).state == GrantState.SCHEDULED
    assert fresh.post(path)["Location"] == "/access"
    assert reload(grant).state == GrantState.ACTIVE
    assert "Started. It runs for 1 h." in text_of(fresh.get("/access"))


def test_end_now_names_object_and_effect_and_ends(world: World, client_for: Callable[..., Client]) -> None:
    grant = active(world, BASE)
    client = client_for(world.cast.ada)
    page = client.get(f"/access/{grant.public_id}/end")
    assert heading_of(page) == f"End your pull on {BASE}?"
    assert "End my pull" in text_of(page)
    assert reload(grant).state == GrantState.ACTIVE
    assert client.post(f"/access/{grant.public_id}/end")["Location"] == "/access"
    assert reload(grant).state in {GrantState.REVOKING, GrantState.ENDED}
    assert "Ended by you" in text_of(client.get("/access"))


def test_what_ended_stays_listed_after_all_of_it_is_taken_away(world: World, client_for: Callable[..., Client]) -> None:
    grant = active(world, BASE)
    grants.relinquish_grant(actor=world.cast.ada, grant=grant)
    grants.finish_revocation(grant_id=grant.pk)
    assert reload(grant).state == GrantState.ENDED
    text = text_of(client_for(world.cast.ada).get("/access"))
    assert "Ended by you" in text
    assert "Nothing ended in the last 7 days." not in text


def test_a_form_without_its_token_changes_nothing(world: World, client_for: Callable[..., Client]) -> None:
    grant = active(world, BASE)
    client = browser_like(client_for(world.cast.ada))
    refused = client.post(f"/access/{grant.public_id}/end")
    assert refused.status_code == 403
    assert heading_of(refused) == "This form is not one of ours any more."
    assert "csrf-failed" in text_of(refused)
    entry = AuditEntry.objects.get(kind="web.refused")
    assert (entry.reason, entry.actor_id) == (Reason.CSRF_FAILED, world.cast.ada.ref.id)
    assert reload(grant).state == GrantState.ACTIVE
    token = hidden_value(client.get(f"/access/{grant.public_id}/end"), "csrfmiddlewaretoken")
    assert client.post(f"/access/{grant.public_id}/end", {"csrfmiddlewaretoken": token}).status_code == 302


def test_a_revoke_is_a_notice_above_all_with_what_to_do(world: World, client_for: Callable[..., Client]) -> None:
    grant = active(world, TINY)
    client = client_for(world.cast.ada)
    grants.revoke_grant(actor=world.cast.dora, grant=grant, note="rotating the weights")
    text = text_of(client.get("/access"))
    assert f"Your access to {TINY} was ended by Dora at " in text
    assert "Delete the partial copy; it is not whole." in text
    assert "grant-revoked" in text
    assert "Revoked by Dora: “rotating the weights”" in text


def test_a_denial_is_listed_with_the_words_of_whoever_denied(world: World, client_for: Callable[..., Client]) -> None:
    answer(ask(world, FRONTIER), world.cast.ben, is_approval=False, note="Use tiny-llama.")
    assert "Denied by Ben: “Use tiny-llama.”" in text_of(client_for(world.cast.ada).get("/access"))


def test_waiting_requests_say_who_still_has_to_answer(world: World, client_for: Callable[..., Client]) -> None:
    request = ask(world, FRONTIER)
    client = client_for(world.cast.ada)
    assert "Ben and Dora still have to answer." in text_of(client.get("/access"))
    answer(request, world.cast.ben)
    text = text_of(client.get("/access"))
    assert "1 of 2 approved" in text
    assert "Dora still has to answer." in text


def test_opening_pages_writes_nothing(world: World, client_for: Callable[..., Client]) -> None:
    grant, request = active(world, BASE), ask(world, TINY)
    plan = scheduled(world, BASE, lasts_s=2 * HOUR)
    ada, ben = client_for(world.cast.ada), client_for(world.cast.ben)
    before = AuditEntry.objects.count()
    for client, path in (
        (ada, "/access"),
        (ada, f"/access/{grant.public_id}/end"),
        (ada, f"/access/{plan.public_id}/start"),
        (ada, f"/requests/{request.public_id}"),
        (ada, f"/requests/{request.public_id}/withdraw"),
        (ada, f"/requests/new?extends={grant.public_id}"),
        (ben, "/approvals"),
        (ben, f"/approvals/{request.public_id}"),
        (ben, f"/approvals/{request.public_id}/deny"),
        (ada, "/activity"),
        (ada, "/settings"),
        (ada, "/settings/recovery-codes"),
        (ben, f"/targets/{world.target.public_id}"),
    ):
        assert client.get(path).status_code == 200, path
    assert AuditEntry.objects.count() == before


def test_what_happens_to_an_agent_is_told_to_its_owner_as_the_agents(
    world: World, client_for: Callable[..., Client]
) -> None:
    grant, own = active(world, BASE, actor=world.cast.ci_bot), active(world, TINY)
    grants.revoke_grant(actor=world.cast.dora, grant=grant, note="rotating")
    text = text_of(client_for(world.cast.ada).get("/access"))
    assert f"ci-bot’s access to {BASE} was ended by Dora at " in text
    assert f"Your access to {BASE}" not in text
    assert "Revoked held by ci-bot, by Dora: “rotating” Nothing" in text
    assert Notification.objects.get(kind="grant-ended").subject.startswith("ci-bot’s access to ")
    grants.revoke_grant(actor=world.cast.dora, grant=own, note="")
    assert f"Your access to {TINY} was ended by Dora" in text_of(client_for(world.cast.ada).get("/access"))


def test_an_agent_that_ended_by_itself_was_not_ended_by_its_owner(
    world: World, client_for: Callable[..., Client]
) -> None:
    grant = active(world, BASE, actor=world.cast.ci_bot)
    grants.relinquish_grant(actor=world.cast.ci_bot, grant=grant)
    text = text_of(client_for(world.cast.ada).get("/access"))
    assert "Ended held by ci-bot, by ci-bot" in text
    assert "Ended by you" not in text
    assert "Ask for the same" not in text


def test_an_extension_says_that_it_has_to_be_started_and_what_that_does(
    world: World, client_for: Callable[..., Client], clock: Clock
) -> None:
    grant = active(world, BASE, lasts_s=HOUR)
    row = submit_extension(actor=world.cast.ada, grant=grant, by_s=HOUR, purpose="More", assurance=fresh())
    ada = client_for(world.cast.ada)
    for page in (ada.get("/access"), ada.get(f"/requests/{row.public_id}")):
        assert "It takes over from the grant that runs until " in text_of(page)
        assert "tokens stay, and what runs goes on." in text_of(page)
    assert "Start it to go on." in text_of(ada.get(f"/requests/{row.public_id}"))
    clock.advance(minutes=61)
    ada = client_for(world.cast.ada)
    for path in ("/access", f"/requests/{row.public_id}", f"/access/{row.grant.public_id}/start"):
        assert "is over, so it starts as one of its own and needs a new token." in text_of(ada.get(path))


def test_a_request_that_was_started_does_not_ask_to_be_started(world: World, client_for: Callable[..., Client]) -> None:
    plan = scheduled(world, BASE)
    ada, path = client_for(world.cast.ada), f"/requests/{plan.request.public_id}"
    assert "Your 1 h start when you do." in text_of(ada.get(path))
    grant = start(plan)
    assert "Approved, and started." in text_of(ada.get(path))
    grants.relinquish_grant(actor=world.cast.ada, grant=grant)
    assert "Approved, started, and over." in text_of(ada.get(path))


def test_ones_own_grants_come_before_those_of_ones_agents(world: World, client_for: Callable[..., Client]) -> None:
    own = active(world, TINY)
    agents = active(world, BASE, actor=world.cast.ci_bot)
    page = client_for(world.cast.ada).get("/access").content.decode()
    assert page.index(f'id="{own.public_id}"') < page.index(f'id="{agents.public_id}"')
