"""The policy page, and the page that says why or why not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from tests.support.lifecycles import TINY, World
from tests.web.pages_of import heading_of, text_of

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
