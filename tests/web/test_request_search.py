"""Many hits on Request access: the nearest first, how many there are, and a way on that needs no script."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client

from jit_access.domain.operations import Tier
from jit_access.targets.models import Repository, Target, TargetKind
from tests.api.caller import Caller
from tests.support.lifecycles import TINY, World
from tests.web.pages_of import text_of

pytestmark = pytest.mark.django_db
MANY = 1250


@pytest.fixture
def many(world: World) -> World:
    target = Target.objects.create(slug="hub", kind=TargetKind.HF, display_name="Hub", base_url="https://hub.example")
    Repository.objects.bulk_create(
        Repository(public_id=f"rpo_m{n}", target=target, name=f"models/llama/v{n:04}", tier=Tier.STANDARD)
        for n in range(MANY)
    )
    return world


def ids(page: str) -> list[str]:
    return re.findall(r'name="resource" value="(rpo_\w+)"', page)


def test_pages_go_on_and_back_without_losing_what_was_chosen(many: World, client_for: Callable[..., Client]) -> None:
    client = client_for(many.cast.ada)
    tiny = Repository.objects.get(name=TINY)
    seen: list[str] = []
    href = f"/requests/new?q=llama&resource={tiny.public_id}"
    for number in range(3):
        answer = client.get(href)
        page = answer.content.decode()
        assert f'value="{tiny.public_id}" checked' in page
        first = number * 20 + 1
        assert f"{first} to {first + 19} of 1,251 that match, nearest first." in text_of(answer)
        seen += [one for one in ids(page) if one != tiny.public_id]
        href = re.findall(r'href="(/requests/new\?[^"]+)"[^>]*>Show 20 more', page)[0].replace("&amp;", "&")
    assert len(set(seen)) == len(seen) >= 59
    assert "Show the ones before" in page
    assert "Hugging Face hub" in page


def test_a_page_beyond_the_end_is_the_first(many: World, client_for: Callable[..., Client]) -> None:
    client = client_for(many.cast.ada)
    for start in ("5000", "-1", "x", "9" * 30):
        assert "1 to 20 of 1,253 repositories." in text_of(client.get(f"/requests/new?start={start}"))
    last = text_of(client.get("/requests/new?start=1240"))
    assert "1,241 to 1,253 of 1,253 repositories." in last
    assert "more" not in last.split("1,241 to 1,253")[1].split("To do what?")[0]


def test_whoever_knows_nothing_is_told_what_it_depends_on(many: World, client_for: Callable[..., Client]) -> None:
    answer = client_for(many.cast.cleo).get("/requests/new?q=llama")
    assert "There is nothing here that you may ask for." in text_of(answer)
    assert "What you may ask for depends on your groups." in text_of(answer)
    assert 'name="purpose"' not in answer.content.decode()


def test_the_api_goes_through_all_of_them_once(many: World) -> None:
    """More than a thousand rows with one key were too many for a cursor."""
    caller, names = Caller(many.cast.ada), []
    answer = caller.get("/catalogue", q="llama").json()
    while True:
        names += [f"{row['target']}/{row['repository']}" for row in answer["results"]]
        if answer["next"] is None:
            break
        answer = caller.client.get(answer["next"], headers=caller.headers).json()
    assert len(names) == len(set(names)) == MANY + 1
    held = caller.get("/targets/hub/repositories").json()
    back = caller.client.get(caller.client.get(held["next"]).json()["previous"]).json()
    assert back["results"] == held["results"]
