"""What the form fills in by itself, what it says of what it cannot fill in, and the way on from a spent budget."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from jit_access.core import clock
from jit_access.domain.actors import GATEWAY
from jit_access.domain.operations import Operation
from jit_access.domain.scopes import ResourceScope, make_scope
from jit_access.grants.models import Grant
from jit_access.policies.services import load_policy
from jit_access.proxy_sessions.models import GrantUsage
from jit_access.targets.models import Repository
from jit_access.web.presenters.request_form import preset_lasts_s
from tests.support.lifecycles import BASE, FRONTIER, HOUR, TINY, World, active, answer, ask, start
from tests.web.pages_of import text_of

pytestmark = pytest.mark.django_db(transaction=True)
PULL, BOTH = frozenset({Operation.PULL}), frozenset({Operation.PULL, Operation.PUSH})


def _id(world: World, name: str) -> str:
    return Repository.objects.get(target=world.target, name=name).public_id


def _two(world: World) -> Grant:
    scope = make_scope([ResourceScope(TINY, PULL), ResourceScope(BASE, BOTH)])
    return start(Grant.objects.get(request=answer(ask(world, scope=scope), world.cast.ben)))


@pytest.mark.parametrize(
    ("longest", "preset"), [(0, 2 * HOUR), (4 * HOUR, 2 * HOUR), (HOUR, HOUR), (3 * HOUR // 2, HOUR), (600, HOUR // 2)]
)
def test_what_nobody_chose_is_no_longer_than_the_rule_allows(longest: int, preset: int) -> None:
    assert preset_lasts_s(longest) == preset


def test_a_duration_that_nobody_chose_follows_the_rule_and_a_chosen_one_stays(
    world: World, client_for: Callable[..., Client]
) -> None:
    ada, resource = client_for(world.cast.ada), _id(world, FRONTIER)
    first = ada.get(f"/requests/new?resource={resource}").content.decode()
    assert 'value="7200" checked' in first
    assert 'name="lasts_preset" value="7200"' in first
    wide = ada.post("/requests/preview", {"resource": resource, "lasts_s": "28800", "lasts_preset": "7200"})
    assert 'value="28800" checked' in wide.content.decode()
    assert 'name="lasts_preset" value=""' in wide.content.decode()


def test_a_shorter_rule_has_its_longest_preset(world: World, client_for: Callable[..., Client], tmp_path: Path) -> None:
    for file in Path(settings.POLICY_DIR).iterdir():
        (tmp_path / file.name).write_text(file.read_text().replace('@lasts_at_most("4h")', '@lasts_at_most("1h")'))
    load_policy(actor=GATEWAY, directory=tmp_path)
    ada, resource = client_for(world.cast.ada), _id(world, TINY)
    assert 'value="3600" checked' in ada.get(f"/requests/new?resource={resource}").content.decode()
    chosen = ada.post("/requests/preview", {"resource": resource, "lasts_s": "7200"}).content.decode()
    assert 'value="3600" checked' not in chosen


def test_asking_again_for_several_fills_in_all_that_is_there(world: World, client_for: Callable[..., Client]) -> None:
    ada = client_for(world.cast.ada)
    again = f"/requests/new?again={_two(world).request.public_id}"
    page = ada.get(again)
    assert f"{BASE} Pull and push Take out" in text_of(page)
    assert "Left out" not in text_of(page)
    Repository.objects.filter(name=BASE).update(gone_at=clock.now())
    assert f"Left out: pull and push {BASE}." in text_of(ada.get(again))


def test_asking_again_for_one_leaves_nothing_out(world: World, client_for: Callable[..., Client]) -> None:
    ada = client_for(world.cast.ada)
    single = active(world, BASE)
    assert "Left out" not in text_of(ada.get(f"/requests/new?again={single.request.public_id}"))


def test_extending_several_shows_all_of_them(world: World, client_for: Callable[..., Client]) -> None:
    text = text_of(client_for(world.cast.ada).get(f"/requests/new?extends={_two(world).public_id}"))
    assert f"{TINY} Pull {BASE} Pull and push" in text
    assert "As before, on each repository." in text
    assert "more" not in text.split("An extension covers the same as before, all of it.")[1].split("To do what?")[0]


def test_a_spent_budget_is_not_a_dead_end(world: World, client_for: Callable[..., Client]) -> None:
    grant = active(world, BASE)
    ada, row = client_for(world.cast.ada), f'value="{_id(world, BASE)}"'
    Grant.objects.filter(pk=grant.pk).update(request_budget=10)
    page = ada.get("/requests/new")
    assert "You have this already" in text_of(page)
    assert f"{row} disabled" in page.content.decode()
    GrantUsage.objects.create(grant_id=grant.public_id, run="p1", moved=0, requests=10)
    page = ada.get("/requests/new")
    assert "You have this, but its budget is spent. End it, then ask again: My access" in text_of(page)
    assert f"{row} disabled" not in page.content.decode()
