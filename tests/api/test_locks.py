"""The kill switch over the API: the same service, the same refusals, no more than pages show."""

from __future__ import annotations

import pytest

from jit_access.domain.lifecycle import GrantState
from tests.api.caller import Caller
from tests.support.cast import Cast
from tests.support.lifecycles import BASE, TINY, World, active, make_world, reload
from tests.support.sessions import code_now

pytestmark = pytest.mark.django_db
BODY = {"axis": "person", "name": "ada", "reason": "Her laptop was stolen"}


@pytest.fixture
def world(cast: Cast) -> World:
    return make_world(cast)


def test_security_previews_places_reads_and_lifts(world: World) -> None:
    dora, grant = Caller(world.cast.dora), active(world, BASE)
    seen = dora.post("/locks/preview", {"axis": "person", "name": "ada"})
    assert [hit["id"] for hit in seen.json()["grants"]] == [grant.public_id]
    assert reload(grant).state == GrantState.ACTIVE
    placed = dora.post("/locks", BODY)
    assert placed.status_code == 201, placed.content
    lock = placed.json()
    assert (lock["label"], lock["grants"], lock["stands"]) == ("Ada Okafor", [grant.public_id], True)
    assert reload(grant).state == GrantState.SUSPENDED
    assert [one["id"] for one in dora.get("/locks").json()["results"]] == [lock["id"]]
    lifted = dora.post(f"/locks/{lock['id']}/lift", {"note": "Found"})
    assert (lifted.json()["stands"], lifted.json()["lift_note"]) == (False, "Found")
    assert reload(grant).state == GrantState.ACTIVE
    assert dora.get("/locks").json()["results"] == []
    assert [one["id"] for one in dora.get("/locks", state="over").json()["results"]] == [lock["id"]]
    assert dora.get(f"/locks/{lock['id']}").status_code == 200


@pytest.mark.parametrize("who", ["ada", "ben", "cleo", "ci_bot"])
def test_for_everybody_else_there_are_no_locks(world: World, who: str) -> None:
    lock = Caller(world.cast.dora).post("/locks", BODY | {"axis": "tier", "name": "critical"}).json()
    caller = Caller(getattr(world.cast, who))
    found = [
        caller.get("/locks"),
        caller.get(f"/locks/{lock['id']}"),
        caller.post("/locks", BODY),
        caller.post("/locks/preview", {"axis": "person", "name": "nobody"}),
        caller.post(f"/locks/{lock['id']}/lift"),
    ]
    assert {answer.status_code for answer in found} == {404}


def test_a_stale_factor_is_not_enough_and_a_code_is(world: World) -> None:
    dora = Caller(world.cast.dora, factor="stale")
    refused = dora.post("/locks", BODY)
    assert refused.json()["code"] == "second-factor-stale"
    assert dora.post("/locks", BODY | {"code": code_now()}).status_code == 201


@pytest.mark.parametrize(
    ("axis", "name", "status"),
    [
        ("agent", "ci-bot", 201),
        ("agent", "ada", 404),
        ("person", "ci-bot", 404),
        ("target", "demo-registry", 201),
        ("target", "nowhere", 404),
        ("resource", f"demo-registry/{TINY}", 201),
        ("resource", "demo-registry/llm/none", 404),
        ("tier", "critical", 201),
        ("tier", "royal", 404),
        ("grant", "grt_none", 404),
        ("credential", "lse_none", 404),
        ("session", "ses_none", 404),
        ("device", "dev_none", 404),
        ("planet", "earth", 400),
    ],
)
def test_what_is_locked_is_called_as_people_call_it(world: World, axis: str, name: str, status: int) -> None:
    answer = Caller(world.cast.dora).post("/locks", BODY | {"axis": axis, "name": name})
    assert answer.status_code == status, answer.content


def test_a_lock_without_an_end_is_asked_for_in_so_many_words(world: World) -> None:
    dora = Caller(world.cast.dora)
    assert dora.post("/locks", BODY).json()["until"] is not None
    assert dora.post("/locks", BODY | {"lasts_s": None}).json()["until"] is None
    assert dora.post("/locks", BODY | {"lasts_s": 5}).status_code == 400
