"""Several things on one form: what is chosen travels with it, and becomes one request or several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from jit_access.access_requests.models import AccessRequest, Bundle
from jit_access.domain.operations import Tier
from jit_access.targets.models import Repository, Target
from jit_access.web.basket import text_of as choice_text
from tests.support.lifecycles import BASE, FRONTIER, HOUR, TINY, World, answer, ask, reload
from tests.web.pages_of import hidden_value, text_of

pytestmark = pytest.mark.django_db(transaction=True)
OTHER = "llm/elsewhere"


@pytest.fixture
def other(world: World) -> Target:
    target = Target.objects.create(
        slug="other-registry", display_name="Other registry", base_url="http://127.0.0.1:5001", allow_private=True
    )
    Repository.objects.create(target=target, name=OTHER, tier=Tier.SENSITIVE)
    return target


def ident(name: str) -> str:
    return Repository.objects.get(name=name).public_id


def form(name: str = "", **changes: Any) -> dict[str, Any]:
    sent = {
        "resource": ident(name) if name else "",
        "operations": "pull",
        "lasts_s": HOUR,
        "purpose": "Compare them",
        "idempotency_key": "k-1",
    }
    return sent | changes


def add(client: Client, name: str, **changes: Any) -> HttpResponse:
    return client.post("/requests/new", form(name, add="1", **changes))


def test_two_of_one_target_are_one_request(world: World, client_for: Callable[..., Client]) -> None:
    ada = client_for(world.cast.ada)
    page = add(ada, TINY, references="v1")
    assert f"{TINY} Pull only v1 Take out" in text_of(page)
    assert "Compare them" in page.content.decode()
    assert "One person decides" in text_of(page)
    also = hidden_value(page, "also")
    ada.post("/requests/new", form(BASE, also=also, send="1"))
    request = AccessRequest.objects.get()
    assert [part["repository"] for part in request.scope] == [TINY, BASE]
    assert request.scope[0]["tags"] == ["v1"]
    assert not Bundle.objects.exists()


def test_two_targets_are_a_bundle_of_all_or_nothing(
    world: World, other: Target, client_for: Callable[..., Client]
) -> None:
    ada = client_for(world.cast.ada)
    also = hidden_value(add(ada, TINY), "also")
    shown = text_of(ada.post("/requests/new", form(OTHER, also=also)))
    assert "How is it decided? All or nothing Each by itself" in shown
    sent = ada.post("/requests/new", form(OTHER, also=also, send="1"))
    first, second = AccessRequest.objects.order_by("pk")
    assert sent["Location"] == f"/requests/{first.public_id}?new"
    assert Bundle.objects.get().is_all_or_nothing
    page = text_of(ada.get(f"/requests/{first.public_id}"))
    assert "Asked together All or nothing: it is granted when everybody agreed to all of it" in page
    assert f"Waiting other-registry/{OTHER}" in page
    ben = client_for(world.cast.ben)
    signed = text_of(ben.get(f"/approvals/{first.public_id}"))
    assert f"One of 2, all or nothing with other-registry/{OTHER}" in signed
    answer(first, world.cast.ben)
    held = text_of(ada.get(f"/requests/{first.public_id}"))
    assert "Agreed on, and held." in held
    assert f"Agreed, held demo-registry/{TINY}" in text_of(ada.get(f"/requests/{second.public_id}"))


def test_each_by_itself_is_a_request_each(world: World, client_for: Callable[..., Client]) -> None:
    ada = client_for(world.cast.ada)
    also = hidden_value(add(ada, TINY), "also")
    ada.post("/requests/new", form(BASE, also=also, rule="each", send="1"))
    assert (AccessRequest.objects.count(), Bundle.objects.get().is_all_or_nothing) == (2, False)


def test_what_is_chosen_can_be_taken_out(world: World, client_for: Callable[..., Client]) -> None:
    ada = client_for(world.cast.ada)
    also = [hidden_value(add(ada, TINY), "also")]
    also.append(choice_text(ident(BASE), "pull", ""))
    page = ada.post("/requests/new", form(also=also, drop="0"))
    assert text_of(page).count("Take out") == 1
    assert hidden_value(page, "also") == also[1]
    ada.post("/requests/new", form(also=also[1], send="1"))
    assert [part["repository"] for part in AccessRequest.objects.get().scope] == [BASE]


def test_a_refused_part_closes_all_of_it_and_is_named(world: World, client_for: Callable[..., Client]) -> None:
    ada = client_for(world.cast.ada)
    also = hidden_value(add(ada, BASE, lasts_s=8 * HOUR), "also")
    page = text_of(ada.post("/requests/new", form(FRONTIER, also=also, lasts_s=8 * HOUR, rule="each")))
    assert f"Not all of this can be asked. demo-registry/{FRONTIER}" in page
    assert "Send request" not in page


@pytest.mark.parametrize("text", ["[]", "{", '["rpo_unknown","pull",""]', '["rpo_unknown","conquer",""]'])
def test_what_is_not_there_is_never_left_out_in_silence(
    world: World, client_for: Callable[..., Client], text: str
) -> None:
    ada = client_for(world.cast.ada)
    refused = ada.post("/requests/new", form(BASE, also=text, send="1"))
    assert refused.status_code == 422
    assert "Something you chose is not there any more." in text_of(refused)
    assert not AccessRequest.objects.exists()
    assert ada.post("/requests/new", form(BASE, send="1")).status_code == 302


def test_the_same_thing_twice_is_refused(world: World, client_for: Callable[..., Client]) -> None:
    ada = client_for(world.cast.ada)
    also = hidden_value(add(ada, TINY), "also")
    for button in ("add", "send"):
        refused = ada.post("/requests/new", form(TINY, also=also) | {button: "1"})
        assert (refused.status_code, "That is among what you ask for already." in text_of(refused)) == (422, True)
    assert not AccessRequest.objects.exists()


def test_parts_that_one_may_not_see_are_only_counted(
    world: World, other: Target, client_for: Callable[..., Client]
) -> None:
    ada = client_for(world.cast.ada)
    also = hidden_value(add(ada, TINY), "also")
    ada.post("/requests/new", form(BASE, also=also, rule="each", send="1"))
    asked = AccessRequest.objects.get(scope__0__repository=TINY)
    page = text_of(client_for(world.cast.ben).get(f"/approvals/{asked.public_id}"))
    assert "One of 2, each by itself Each is decided by itself. 1 other part you may not see." in page
    assert BASE not in page


def test_searching_keeps_what_is_chosen(world: World, client_for: Callable[..., Client]) -> None:
    ada = client_for(world.cast.ada)
    also = hidden_value(add(ada, TINY), "also")
    assert f"{TINY} Pull Take out" in text_of(ada.get("/requests/new", {"q": "base", "also": also}))
    single = ask(world, BASE)
    assert reload(single).bundle is None
