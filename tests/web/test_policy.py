"""The policy page, and the page that says why or why not."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import pytest
from django.http import HttpResponse
from django.test import Client

from tests.support.cast import make_person
from tests.support.lifecycles import TINY, World
from tests.web.pages_of import heading_of, hidden_value, text_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_everybody_reads_the_rules_with_the_numbers_of_their_lines(
    world: World, client_for: Callable[..., Client]
) -> None:
    page = client_for(world.cast.cleo).get("/policy")
    assert heading_of(page) == "Policy"
    assert 'id="people-cedar-24"' in page.content.decode()
    assert '@id("research-standard")' in text_of(page)


def test_why_not_is_an_address(world: World, client_for: Callable[..., Client]) -> None:
    ada = client_for(world.cast.ada)
    assert "Ask about one thing." in text_of(ada.get("/policy/why"))
    asked = {"resource": f"demo-registry/{TINY}", "operation": "pull", "lasts_s": "28800"}
    text = text_of(ada.get("/policy/why", asked))
    assert "You may not pull demo-registry/llm/tiny-llama for 8 h." in text
    assert "Would be allowed if: lasts at most 4 h." in text
    assert "1 of model-owners Ben Okafor" in text
    assert "You may ask to pull" in text_of(ada.get("/policy/why", asked | {"lasts_s": "3600"}))


def test_only_security_and_auditors_name_somebody(world: World, client_for: Callable[..., Client]) -> None:
    asked = {"resource": f"demo-registry/{TINY}", "person": "cleo"}
    dora, ada = client_for(world.cast.dora), client_for(world.cast.ada)
    assert "Would be allowed if: member of research." in text_of(dora.get("/policy/why", asked))
    assert 'name="person"' in dora.get("/policy/why").content.decode()
    refused = ada.get("/policy/why", asked)
    assert (refused.status_code, 'name="person"' in refused.content.decode()) == (404, False)


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"operation": "dance"}, 400), ({"lasts_s": "1e9"}, 400), ({"lasts_s": "1"}, 400), ({"resource": "x/y"}, 404)],
)
def test_what_makes_no_sense_is_said_on_the_page(
    world: World, client_for: Callable[..., Client], changes: dict[str, str], status: int
) -> None:
    asked = {"resource": f"demo-registry/{TINY}"} | changes
    page = client_for(world.cast.cleo if status == 404 else world.cast.ada).get("/policy/why", asked)
    assert page.status_code == status
    assert heading_of(page) == "Why, or why not?"


def propose(client: Client, **changes: str) -> HttpResponse:
    form = client.get("/policy/proposals/new").content.decode()
    names = re.findall(
        r'<textarea class="input rules-input" id="[^"]+" name="([^"]+)"[^>]*>(.*?)</textarea>', form, re.DOTALL
    )
    typed = {name: html.unescape(text).lstrip("\n") for name, text in names}
    people = typed["rules:people.cedar"].replace('@lasts_at_most("4h")', '@lasts_at_most("3h")')
    return client.post("/policy/proposals/new", typed | {"rules:people.cedar": people, "because": "Shorter"} | changes)


def test_propose_on_the_page_and_have_somebody_else_sign(world: World, client_for: Callable[..., Client]) -> None:
    eve = make_person("eve", "security")
    dora, other = client_for(world.cast.dora), client_for(eve)
    address = propose(dora)["Location"]
    page = dora.get(address)
    assert heading_of(page) == "Shorter"
    assert "You proposed this." in text_of(page)
    assert "Sign this policy" not in text_of(page)
    asked = other.get(address)
    assert "Sign this policy" in text_of(asked)
    assert '− @lasts_at_most("4h")' in text_of(asked)
    assert '@lasts_at_most("3h")' in text_of(asked)
    digest = hidden_value(asked, "digest")
    refused = dora.post(f"{address}/sign", {"digest": digest})
    assert (refused.status_code, "Nothing was signed." in text_of(refused)) == (403, True)
    assert other.get(f"{address}/sign").status_code == 405
    assert other.post(f"{address}/sign", {"digest": digest})["Location"] == address
    assert "Policy version 2 counts now." in text_of(other.get(address))
    assert "Shorter" in text_of(dora.get("/policy"))


def test_a_stale_factor_is_asked_for_on_the_page(world: World, client_for: Callable[..., Client]) -> None:
    eve = make_person("eve", "security")
    address = propose(client_for(world.cast.dora))["Location"]
    stale = client_for(eve, "stale")
    page = stale.get(address)
    assert 'name="code"' in page.content.decode()
    refused = stale.post(f"{address}/sign", {"digest": hidden_value(page, "digest")})
    assert (refused.status_code, "Type a code" in text_of(refused)) == (422, True)


def test_what_cannot_be_proposed_keeps_what_was_typed(world: World, client_for: Callable[..., Client]) -> None:
    refused = propose(client_for(world.cast.dora), **{"rules:more.cedar": "permit (nobody)"})
    assert refused.status_code == 422
    assert "permit (nobody)" in text_of(refused)
    assert "more.cedar" in text_of(refused)


def test_others_find_no_change_and_no_form(world: World, client_for: Callable[..., Client]) -> None:
    address = propose(client_for(world.cast.dora))["Location"]
    for stranger in (world.cast.ada, world.cast.ben):
        client = client_for(stranger)
        assert client.get(address).status_code == 404
        assert client.get("/policy/proposals/new").status_code == 404
        assert client.post(f"{address}/sign").status_code == 404
        assert "Shorter" not in text_of(client.get("/policy"))
    dora = client_for(world.cast.dora)
    assert dora.get(f"{address}/withdraw").status_code == 200
    assert dora.post(f"{address}/withdraw")["Location"] == address
    assert "Withdrawn" in text_of(dora.get(address))
