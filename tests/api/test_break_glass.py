"""Break-glass over the API: the same service, the same words."""

from __future__ import annotations

import pytest

from jit_access.grants import services as grants
from jit_access.grants.models import Grant
from tests.api.caller import Caller
from tests.support.cast import Cast
from tests.support.lifecycles import FRONTIER, TINY, World, make_world
from tests.support.sessions import code_now

pytestmark = pytest.mark.django_db
WHY = "Production serves wrong answers until this model is rolled back"


@pytest.fixture
def world(cast: Cast) -> World:
    return make_world(cast)


def body(name: str = TINY, **changes: object) -> dict[str, object]:
    facts: dict[str, object] = {
        "target": "demo-registry",
        "resources": [{"repository": name, "operations": ["pull"]}],
        "purpose": WHY,
        "confirm": name,
        "code": code_now(),
    }
    return facts | changes


def test_open_use_review(world: World) -> None:
    ada, dora = Caller(world.cast.ada), Caller(world.cast.dora)
    asked = {key: value for key, value in body().items() if key in {"target", "resources"}}
    seen = ada.post("/break-glass/preview", asked).json()
    assert (seen["is_open"], seen["lasts_s"], seen["confirm"]) == (True, 1800, TINY)
    assert [one["name"] for one in seen["skipped"]] == ["Ben Okafor"]
    opened = ada.post("/break-glass", body())
    assert opened.status_code == 201, opened.content
    assert (opened.json()["state"], opened.json()["is_break_glass"]) == ("active", True)
    assert ada.get(f"/requests/{opened.json()['request']}").json()["is_break_glass"] is True
    review = dora.get("/break-glass").json()["results"][0]
    assert (review["skipped"], review["purpose"], review["is_overdue"]) == (["Ben Okafor"], WHY, False)
    verdict = {"is_justified": True, "note": "Rolled back, nothing else was read"}
    assert dora.post(f"/break-glass/{review['id']}/close", verdict).status_code == 409
    grants.relinquish_grant(actor=world.cast.ada, grant=Grant.objects.get())
    assert dora.post(f"/break-glass/{review['id']}/close", verdict).json()["is_justified"] is True
    assert ada.get(f"/break-glass/{review['id']}").json()["note"] == verdict["note"]


def test_a_proof_of_before_is_not_enough(world: World) -> None:
    ada = Caller(world.cast.ada)
    without = {key: value for key, value in body().items() if key != "code"}
    assert ada.post("/break-glass", without).status_code == 400
    assert ada.post("/break-glass", body(code="000000")).json()["code"] == "second-factor-wrong"
    assert not Grant.objects.exists()
    assert ada.post("/break-glass", body()).status_code == 201


def test_refusals_say_which(world: World) -> None:
    ada = Caller(world.cast.ada)
    assert ada.post("/break-glass", body(confirm="llm")).status_code == 400
    assert ada.post("/break-glass", body(FRONTIER)).json()["code"] == "break-glass-not-offered"
    assert Caller(world.cast.cleo).post("/break-glass", body()).status_code == 404
    assert Caller(world.cast.ci_bot).post("/break-glass", body()).json()["code"] == "not-for-agents"


def test_others_see_no_reviews(world: World) -> None:
    opened = Caller(world.cast.ada).post("/break-glass", body())
    assert opened.status_code == 201
    review = Caller(world.cast.dora).get("/break-glass").json()["results"][0]["id"]
    for who in (world.cast.ben, world.cast.cleo, world.cast.ci_bot):
        assert Caller(who).get("/break-glass").json()["results"] == []
        assert Caller(who).get(f"/break-glass/{review}").status_code == 404
        verdict = {"is_justified": True, "note": "Looks fine to me"}
        assert Caller(who).post(f"/break-glass/{review}/close", verdict).status_code == 404
