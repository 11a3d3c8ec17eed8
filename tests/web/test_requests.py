"""Asking: the form, what is said before it is sent, and the waiting page."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client

from jit_access.access_requests.models import AccessRequest
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.operations import Tier
from jit_access.targets.models import Repository, Target, TargetKind
from tests.conftest import Clock
from tests.support.lifecycles import BASE, FRONTIER, HOUR, TINY, World, active, answer, ask, reload, scheduled
from tests.web.pages_of import heading_of, hidden_value, text_of

pytestmark = pytest.mark.django_db(transaction=True)
REASON = "Evaluate the new checkpoint"


def form(world: World, name: str = TINY, **changes: str) -> dict[str, str]:
    repository = Repository.objects.get(target=world.target, name=name)
    return {
        "resource": repository.public_id,
        "operations": "pull",
        "lasts_s": "3600",
        "purpose": REASON,
        "ticket": "EVAL-2231",
        "idempotency_key": "key-1",
        "send": "1",
    } | changes


def test_search_finds_by_name_and_says_when_nothing_matches(world: World, client_for: Callable[..., Client]) -> None:
    client = client_for(world.cast.ada)
    found = text_of(client.get("/requests/new?q=tiny"))
    assert "llm/tiny-llama" in found
    assert "llm/frontier" not in found
    assert "Nothing matches “gpt”." in text_of(client.get("/requests/new?q=gpt"))


def test_who_decides_is_said_before_sending(world: World, client_for: Callable[..., Client]) -> None:
    sent = form(world, FRONTIER)
    del sent["send"]
    text = text_of(client_for(world.cast.ada).post("/requests/new", sent))
    assert "Two people decide: 1 of Model owners and 1 of Security" in text
    assert "Model owners: Ben; Security: Dora." in text
    assert "Your second factor is fresh" in text
    assert "Send request" in text
    assert not AccessRequest.objects.exists()


def test_what_policy_forbids_is_named_with_its_reason_before_sending(
    world: World, client_for: Callable[..., Client]
) -> None:
    sent = form(world, FRONTIER)
    del sent["send"]
    text = text_of(client_for(world.cast.dora).post("/requests/new", sent))
    assert "Not open to you." in text
    assert "no-rule-allows" in text
    assert "Send request" not in text


def test_sending_leads_to_the_waiting_page(world: World, client_for: Callable[..., Client]) -> None:
    client = client_for(world.cast.ada)
    sent = client.post("/requests/new", form(world))
    request = AccessRequest.objects.get()
    assert sent["Location"] == f"/requests/{request.public_id}?new"
    page = client.get(sent["Location"])
    assert heading_of(page) == "You asked to pull a sensitive repository for 1 hour"
    text = text_of(page)
    assert "Sent. One person decides." in text
    assert "Ben still has to answer, by " in text
    assert "You can close this page; we write to you." in text
    for number in ("Answer by", "Starts", "Lasts"):
        assert number in text


def test_sending_twice_makes_one_request(world: World, client_for: Callable[..., Client]) -> None:
    client = client_for(world.cast.ada)
    first, second = client.post("/requests/new", form(world)), client.post("/requests/new", form(world))
    assert first["Location"] == second["Location"]
    assert AccessRequest.objects.count() == 1


def test_what_was_typed_stays_when_something_is_missing(world: World, client_for: Callable[..., Client]) -> None:
    refused = client_for(world.cast.ada).post("/requests/new", form(world, purpose="", ticket="EVAL-22 31"))
    assert refused.status_code == 422
    text = text_of(refused)
    assert "This cannot be sent yet." in text
    assert "Say what it is for. The approver decides by this." in text
    assert "“EVAL-22 31” has a space in it. Write it like EVAL-2231." in text
    assert 'value="EVAL-22 31"' in refused.content.decode()
    assert 'href="#f-purpose"' in refused.content.decode()
    assert not AccessRequest.objects.exists()


def test_a_refusal_of_policy_stands_above_the_form(world: World, client_for: Callable[..., Client]) -> None:
    refused = client_for(world.cast.ada).post("/requests/new", form(world, FRONTIER, lasts_s="14400"))
    assert refused.status_code == 403
    text = text_of(refused)
    assert "That is longer than the rule allows." in text
    assert "lasts-too-long" in text
    assert REASON in refused.content.decode()
    assert client_for(world.cast.ada).post("/requests/new", form(world, FRONTIER, lasts_s="7200")).status_code == 302


def test_without_approval_needed_it_can_start_at_once(world: World, client_for: Callable[..., Client]) -> None:
    client = client_for(world.cast.ada)
    sent = client.post("/requests/new", form(world, BASE))
    text = text_of(client.get(sent["Location"]))
    assert "Approved. Your 1 h start when you do." in text
    assert "Start now" in text


def test_what_can_be_done_is_asked_of_the_kind_of_target(world: World, client_for: Callable[..., Client]) -> None:
    hub = Target.objects.create(slug="hub", display_name="Hub", base_url="https://hub.example", kind=TargetKind.HF)
    row = Repository.objects.create(target=hub, name="models/tiny", tier=Tier.SENSITIVE)
    client = client_for(world.cast.ben)
    page = client.get(f"/requests/new?resource={row.public_id}&operations=admin&lasts_s=3600")
    assert "Administer: create, rename, delete or set up the repository itself." in text_of(page)
    assert "One person decides: 1 of Security" in text_of(page)
    assert 'value="admin"' in page.content.decode()
    assert 'value="promote"' not in page.content.decode()
    sent = client.post("/requests/new", form(world) | {"resource": row.public_id, "operations": "admin"})
    assert heading_of(client.get(sent["Location"])) == "You asked to administer a sensitive repository for 1 hour"
    for operation in ("admin", "promote"):
        refused = client.post("/requests/new", form(world, operations=operation, idempotency_key="key-2"))
        assert refused.status_code == 400
        said = f"There is no {operation} at demo-registry on {TINY}. Ask for some of: pull, push, delete."
        assert said in text_of(refused)
        assert f'value="{operation}"' not in refused.content.decode()
    assert AccessRequest.objects.count() == 1


def test_half_way_it_says_how_far_it_is(world: World, client_for: Callable[..., Client]) -> None:
    request = ask(world, FRONTIER)
    answer(request, world.cast.ben)
    text = text_of(client_for(world.cast.ada).get(f"/requests/{request.public_id}"))
    assert "1 of 2 approved. Dora still has to answer, by " in text


def test_nobody_answered(world: World, client_for: Callable[..., Client], clock: Clock) -> None:
    request = ask(world, TINY)
    clock.advance(hours=25)
    text = text_of(client_for(world.cast.ada).get(f"/requests/{request.public_id}"))
    assert "so this request ended." in text
    assert "Nobody answered by " in text
    assert "Ask again" in text


def test_withdraw_takes_the_question_back(world: World, client_for: Callable[..., Client]) -> None:
    request = ask(world, TINY)
    client = client_for(world.cast.ada)
    path = f"/requests/{request.public_id}/withdraw"
    assert heading_of(client.get(path)) == "Withdraw your request?"
    assert reload(request).state == RequestState.PENDING
    assert client.post(path)["Location"] == "/access"
    assert reload(request).state == RequestState.WITHDRAWN


def test_a_request_of_others_looks_like_an_unknown_one(world: World, client_for: Callable[..., Client]) -> None:
    request = ask(world, TINY)
    cleo = client_for(world.cast.cleo)
    hidden, unknown = cleo.get(f"/requests/{request.public_id}"), cleo.get("/requests/req_unknown")
    assert hidden.status_code == unknown.status_code == 404
    assert text_of(hidden) == text_of(unknown)
    assert client_for(world.cast.ben).get(f"/requests/{request.public_id}").status_code == 200


def test_extending_covers_the_same_and_takes_over(world: World, client_for: Callable[..., Client]) -> None:
    grant = active(world, BASE, lasts_s=HOUR)
    client = client_for(world.cast.ada)
    page = client.get(f"/requests/new?extends={grant.public_id}")
    assert heading_of(page) == "Extend access"
    assert hidden_value(page, "extends") == grant.public_id
    sent = client.post("/requests/new", form(world, BASE, extends=grant.public_id, idempotency_key="key-2"))
    assert sent.status_code == 302
    newer = AccessRequest.objects.get(extends=grant)
    assert newer.lasts_s > HOUR
    assert client_for(world.cast.ben).get(f"/requests/new?extends={grant.public_id}").status_code == 404


def test_an_extension_says_what_comes_on_top_to_both_sides(world: World, client_for: Callable[..., Client]) -> None:
    grant = active(world, TINY, lasts_s=2 * HOUR)
    ada = client_for(world.cast.ada)
    page = ada.get(f"/requests/new?extends={grant.public_id}")
    text = text_of(page)
    assert re.search(r"On top of the (2 h|1 h 59 min) that are left. Together 4 h at most.", text)
    assert re.search(r"It ends by itself after (3 h|2 h 59 min)", text)
    assert 'value="push"' not in page.content.decode()  # it covers the same, so nothing is there to choose
    assert 'value="14400" disabled' in page.content.decode()
    ada.post("/requests/new", form(world, TINY, extends=grant.public_id, idempotency_key="key-2"))
    newer = AccessRequest.objects.get(extends=grant)
    asked = text_of(client_for(world.cast.ben).get(f"/approvals/{newer.public_id}"))
    assert "an extension by 1 h" in asked
    assert "Ada holds no other grant now." in asked


def test_asking_again_fills_the_form(world: World, client_for: Callable[..., Client]) -> None:
    grant = scheduled(world, BASE, lasts_s=2 * HOUR)
    page = client_for(world.cast.ada).get(f"/requests/new?again={grant.request.public_id}").content.decode()
    assert grant.request.purpose in page
    assert 'value="7200" checked' in page


def test_the_usual_wait_is_said_once_there_are_enough_cases(
    world: World, client_for: Callable[..., Client], clock: Clock
) -> None:
    ada, sent = client_for(world.cast.ada), form(world)
    del sent["send"]
    for minutes in (1, 2, 2, 3):  # rows are dated by the wall's clock, so these add up
        request = ask(world, TINY, purpose="An earlier case")
        clock.advance(minutes=minutes)
        answer(request, world.cast.ben, is_approval=False)
    assert "Half of these" not in text_of(client_for(world.cast.ada).post("/requests/new", sent))
    ask(world, BASE)  # policy opens it by itself, which is no answer of a person
    request = ask(world, TINY)
    clock.advance(minutes=60)
    answer(request, world.cast.ben)
    ada = client_for(world.cast.ada)
    assert "Half of these are answered in 5 min. They have 1 d to answer" in text_of(ada.post("/requests/new", sent))
    other = dict(form(world, FRONTIER))
    del other["send"]
    assert "Half of these" not in text_of(ada.post("/requests/new", other))
    waiting = ask(world, TINY, BASE)
    assert "Half of these are answered in 5 min." in text_of(ada.get(f"/requests/{waiting.public_id}"))
    assert "Ben still has to answer. Usually 5 min." in text_of(ada.get("/access"))
