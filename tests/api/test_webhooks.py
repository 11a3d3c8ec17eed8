"""Webhooks over the API: for the owner alone, the secret once, deliveries in pages."""

from __future__ import annotations

import pytest

from tests.api.caller import ROOT, Caller
from tests.support.lifecycles import World, make_world
from tests.support.sessions import code_now

pytestmark = pytest.mark.django_db
URL = {"url": "https://ci.example.com/news"}


@pytest.fixture
def world(cast) -> World:
    return make_world(cast)


def test_register_show_rotate_try_and_remove(world: World) -> None:
    ada, path = Caller(world.cast.ada), f"/agents/{world.cast.ci_bot.public_id}/webhook"
    assert ada.get(path).status_code == 404
    made = ada.post(path, URL)
    assert (made.status_code, made["Cache-Control"]) == (201, "no-store")
    assert made.json()["secret"].startswith("whsec_")
    shown = ada.get(path).json()
    assert (shown["url"], "secret" in shown) == (URL["url"], False)
    assert ada.post(path, URL).json()["code"] == "webhook-exists"
    rotated = ada.post(f"{path}/rotate").json()
    assert rotated["secret"] != made.json()["secret"]
    tried = ada.post(f"{path}/test")
    assert (tried.status_code, tried.json()["type"]) == (201, "webhook.test")
    assert [row["id"] for row in ada.get(f"{path}/deliveries").json()["results"]] == [tried.json()["id"]]
    moved = ada.client.put(ROOT + path, {"url": "https://ci.example.com/other"}, "application/json")
    assert moved.json()["url"] == "https://ci.example.com/other"
    assert ada.client.delete(ROOT + path, {}, "application/json").status_code == 204
    assert ada.get(path).status_code == 404


def test_it_asks_for_a_fresh_factor_of_the_owner(world: World) -> None:
    path = f"/agents/{world.cast.ci_bot.public_id}/webhook"
    stale = Caller(world.cast.ada, factor="stale")
    assert stale.post(path, URL).json()["code"] == "second-factor-stale"
    for who in (world.cast.ben, world.cast.dora, world.cast.ci_bot):
        assert Caller(who).post(path, URL).status_code == 404
    assert stale.post(path, URL | {"code": code_now()}).status_code == 201
    assert Caller(world.cast.ci_bot).get(f"{path}/deliveries").status_code == 404
