"""The link in the gateway's refusals leads to a form that is filled with what was refused."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from django.http import HttpResponse
from django.test import Client

from jit_access.targets.models import Repository, Target, TargetKind
from tests.support.lifecycles import TINY, World
from tests.web.pages_of import text_of

pytestmark = pytest.mark.django_db


def follow(client: Client, resource: str) -> HttpResponse:
    response = client.get(f"/request?{urlencode({'resource': resource, 'operation': 'push'})}", follow=True)
    assert response.status_code == 200
    assert response.redirect_chain[0][0].startswith("/requests/new?")
    return response


def test_link_of_a_refusal_chooses_what_was_refused(world: World, client_for: Callable[..., Client]) -> None:
    repository = Repository.objects.get(target=world.target, name=TINY)
    page = follow(client_for(world.cast.ada), f"{world.target.slug}/{TINY}").content.decode()
    chosen = [line for line in page.split("<input") if "checked" in line.split(">")[0]]
    assert any(repository.public_id in line for line in chosen)
    assert any('value="push"' in line for line in chosen)


def test_link_to_something_unknown_searches_for_it(world: World, client_for: Callable[..., Client]) -> None:
    response = follow(client_for(world.cast.ada), f"{world.target.slug}/llm/gpt")
    assert "Nothing matches “llm/gpt”." in text_of(response)


def test_link_to_a_key_of_a_store_chooses_the_deepest_that_holds_it(
    world: World, client_for: Callable[..., Client]
) -> None:
    repository = Repository.objects.get(target=world.target, name=TINY)
    ada, asked = client_for(world.cast.ada), f"{world.target.slug}/{TINY}/deep/er"
    assert "Nothing matches" in text_of(follow(ada, asked))
    Target.objects.filter(pk=world.target.pk).update(kind=TargetKind.S3)
    page = follow(ada, asked).content.decode()
    chosen = [line for line in page.split("<input") if "checked" in line.split(">")[0]]
    assert any(repository.public_id in line for line in chosen)
    nowhere = follow(ada, f"{world.target.slug}/{TINY.partition('/')[0]}/elsewhere")
    assert TINY in text_of(nowhere)


def test_link_asks_for_sign_in_first(world: World) -> None:
    response = Client().get("/request?resource=demo-registry/llm/tiny-llama")
    assert response.status_code == 302
    assert "/sign-in" in response["Location"]
