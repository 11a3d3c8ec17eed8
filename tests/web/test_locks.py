"""The pages of locks: preview, reason, effect; security acts, auditors read, others find nothing."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from jit_access.domain.lifecycle import GrantState
from jit_access.domain.locks import LockAxis
from jit_access.locks.models import Lock
from tests.support.cast import Cast
from tests.support.lifecycles import BASE, World, active, make_world, reload
from tests.support.locking import WHY, place

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(cast: Cast) -> World:
    return make_world(cast)


def test_from_a_grant_to_its_lock_and_back(world: World, client_for) -> None:
    grant, dora = active(world, BASE), client_for(world.cast.dora)
    story = dora.get(f"/activity?grant={grant.public_id}").content.decode()
    assert f"/locks/new?axis=grant&amp;name={grant.public_id}" in story
    address = f"/locks/new?axis=grant&name={grant.public_id}"
    asked = dora.get(address).content.decode()
    assert "It would stop 1 live grant" in asked
    assert "name=demo-registry%2Ftools%2Fbase-image" in asked  # the wider ones are one click away
    assert reload(grant).state == GrantState.ACTIVE  # looking changed nothing
    placed = dora.post(address, {"reason": WHY, "lasts": "3600"}, follow=True)
    lock = Lock.objects.get()
    assert placed.redirect_chain[-1][0] == f"/locks/{lock.public_id}"
    assert "It stopped 1 grant" in placed.content.decode()
    assert reload(grant).state == GrantState.SUSPENDED
    assert "Paused by Security" in client_for(world.cast.ada).get("/access").content.decode()
    assert WHY not in client_for(world.cast.ada).get("/access").content.decode()
    assert "Lift the lock" in dora.get(f"/locks/{lock.public_id}/lift").content.decode()
    dora.post(f"/locks/{lock.public_id}/lift", {"note": "Found again"})
    assert reload(grant).state == GrantState.ACTIVE
    listed = dora.get("/locks").content.decode()
    assert "Nothing is locked." in listed
    assert "Lifted" in listed


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [({"reason": "no", "lasts": "3600"}, "Say why in 10 to 300"), ({"reason": WHY, "lasts": "soon"}, "Choose for how")],
)
def test_what_was_typed_stays_when_it_cannot_be_used(world: World, client_for, typed, sentence: str) -> None:
    answer = client_for(world.cast.dora).post("/locks/new?axis=person&name=ada", typed)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert typed["reason"] in answer.content.decode()
    assert not Lock.objects.exists()


def test_a_name_that_is_not_there_is_said_on_the_list(world: World, client_for) -> None:
    answer = client_for(world.cast.dora).get("/locks/new?axis=person&name=nobody")
    assert answer.status_code == 404
    assert "There is no person called nobody" in answer.content.decode()


def test_a_stale_factor_leads_to_the_proof_first(world: World, client_for) -> None:
    answer = client_for(world.cast.dora, factor="stale").get("/locks/new?axis=person&name=ada")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/second-factor?")


@pytest.mark.parametrize("who", ["ada", "ben", "cleo"])
def test_others_find_no_such_page(world: World, client_for, who: str) -> None:
    lock = place(world.cast.dora, LockAxis.TARGET, world.target.public_id)
    client = client_for(getattr(world.cast, who))
    for path in (
        "/locks",
        "/locks/new?axis=person&name=ada",
        f"/locks/{lock.public_id}",
        f"/locks/{lock.public_id}/lift",
    ):
        assert client.get(path).status_code == 404, path
    assert client.post("/locks/new?axis=person&name=ben", {"reason": WHY, "lasts": "3600"}).status_code == 404
    assert "/locks" not in client.get("/access").content.decode()


def test_auditors_read_and_cannot_act(world: World, client_for) -> None:
    lock = place(world.cast.dora, LockAxis.TARGET, world.target.public_id)
    world.cast.cleo.groups.add(Group.objects.get(name="auditors"))
    cleo = client_for(world.cast.cleo)
    listed = cleo.get("/locks").content.decode()
    assert WHY in listed
    assert "See what it would stop" not in listed
    assert "lift" not in cleo.get(f"/locks/{lock.public_id}").content.decode().lower().replace("lifts", "")
    assert cleo.post(f"/locks/{lock.public_id}/lift").status_code == 404
    assert reload(lock).lifted_at is None
