"""Less than was asked, over the API: shown first, then approved by the hash of exactly that."""

from __future__ import annotations

import pytest

from jit_access.access_requests.models import Verdict
from jit_access.domain.reasons import Reason
from jit_access.grants.models import Grant
from tests.api.caller import Caller, wish
from tests.support.cast import Cast
from tests.support.lifecycles import HOUR, World, make_world


@pytest.fixture
def world(cast: Cast) -> World:
    return make_world(cast)


def test_offer_then_approve_it(world: World) -> None:
    ada, ben = Caller(world.cast.ada), Caller(world.cast.ben)
    asked = ada.post("/requests", wish(lasts_s=4 * HOUR)).json()
    offer = {"lasts_s": HOUR, "resources": [{"repository": "llm/tiny-llama", "operations": ["pull"], "tags": ["v1"]}]}
    shown = ben.post(f"/requests/{asked['id']}/offer", offer)
    assert (shown.status_code, shown.json()["less"]) == (200, ["1 h instead of 4 h", "only v1 of llm/tiny-llama"])
    assert not Verdict.objects.exists()
    path, signed = f"/requests/{asked['id']}/approve", {"payload_hash": shown.json()["payload_hash"]}
    other = ben.post(path, signed | {"offer": offer | {"lasts_s": 2 * HOUR}})
    assert (other.status_code, other.json()["code"]) == (409, Reason.PAYLOAD_CHANGED)
    assert ben.post(path, signed).json()["code"] == Reason.PAYLOAD_CHANGED
    approved = ben.post(path, signed | {"offer": offer}).json()
    assert (approved["state"], approved["lasts_s"], Grant.objects.get().lasts_s) == ("approved", HOUR, HOUR)
    assert approved["payload_hash"] == shown.json()["payload_hash"]


def test_more_than_was_asked_is_no_offer(world: World) -> None:
    asked = Caller(world.cast.ada).post("/requests", wish(lasts_s=HOUR)).json()
    offer = {"lasts_s": 2 * HOUR, "resources": asked["resources"]}
    refused = Caller(world.cast.ben).post(f"/requests/{asked['id']}/offer", offer)
    assert (refused.status_code, refused.json()["code"]) == (400, Reason.WIDER_THAN_ASKED)
    less = Caller(world.cast.ben).post(f"/requests/{asked['id']}/offer", offer | {"lasts_s": HOUR // 2})
    assert less.status_code == 200


def test_strangers_and_requesters_offer_nothing(world: World) -> None:
    ada = Caller(world.cast.ada)
    asked = ada.post("/requests", wish(lasts_s=2 * HOUR)).json()
    offer = {"lasts_s": HOUR, "resources": asked["resources"]}
    assert Caller(world.cast.cleo).post(f"/requests/{asked['id']}/offer", offer).status_code == 404
    assert ada.post(f"/requests/{asked['id']}/offer", offer).json()["code"] == Reason.OWN_REQUEST
