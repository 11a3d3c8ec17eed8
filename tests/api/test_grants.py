"""Grants and tokens over the API."""

from __future__ import annotations

import pytest

from jit_access.core import clock as core_clock
from jit_access.credentials.models import CredentialLease
from jit_access.domain.reasons import Reason
from jit_access.domain.tokens import hash_token
from jit_access.grants import services
from jit_access.targets.models import Target, TargetKind
from tests.api.caller import Caller
from tests.support.cast import Cast
from tests.support.lifecycles import BASE, HOUR, TINY, World, active, make_world, scheduled
from tests.support.sessions import code_now


@pytest.fixture
def world(cast: Cast) -> World:
    return make_world(cast)


def test_activation_asks_for_a_fresh_factor(world: World) -> None:
    grant = scheduled(world, TINY)
    ada = Caller(world.cast.ada, factor="stale")
    stale = ada.post(f"/grants/{grant.public_id}/activate")
    assert (stale.status_code, stale.json()["code"]) == (403, Reason.SECOND_FACTOR_STALE)
    right = ada.post(f"/grants/{grant.public_id}/activate", {"code": code_now()})
    assert (right.status_code, right.json()["state"]) == (200, "active")


def test_service_account_starts_by_token_alone(world: World) -> None:
    grant = scheduled(world, TINY, actor=world.cast.ci_bot)
    assert Caller(world.cast.ci_bot).post(f"/grants/{grant.public_id}/activate").json()["state"] == "active"


@pytest.mark.parametrize(("who", "status"), [("ben", 404), ("dora", 404), ("cleo", 404), ("ada", 200)])
def test_only_the_holder_starts(world: World, who: str, status: int) -> None:
    grant = scheduled(world, TINY)
    assert Caller(getattr(world.cast, who)).post(f"/grants/{grant.public_id}/activate").status_code == status


@pytest.mark.parametrize(("who", "status"), [("ada", 404), ("cleo", 404), ("ben", 200), ("dora", 200)])
def test_approvers_and_security_revoke(world: World, who: str, status: int) -> None:
    grant = active(world, TINY)
    answer = Caller(getattr(world.cast, who)).post(f"/grants/{grant.public_id}/revoke", {"note": "Laptop lost"})
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["reason"]["code"] == Reason.GRANT_REVOKED
        assert answer.json()["note"] == "Laptop lost"
        assert answer.json()["left_s"] == 0


def test_end_now_is_for_the_holder(world: World) -> None:
    grant = active(world, BASE)
    assert Caller(world.cast.cleo).post(f"/grants/{grant.public_id}/end").status_code == 404
    ada = Caller(world.cast.ada)
    ended = ada.post(f"/grants/{grant.public_id}/end").json()
    assert ended["reason"]["code"] == Reason.GRANT_RELINQUISHED
    assert ada.post(f"/grants/{grant.public_id}/end").status_code == 200


def test_tokens_are_shown_once(world: World) -> None:
    grant = active(world, TINY)
    ada = Caller(world.cast.ada)
    issued = ada.post(f"/grants/{grant.public_id}/tokens", {"label": "laptop"})
    assert (issued.status_code, issued["Cache-Control"]) == (201, "no-store")
    token = issued.json()["token"]
    listed = ada.get(f"/grants/{grant.public_id}/tokens")
    assert [row["label"] for row in listed.json()["results"]] == ["laptop"]
    assert token not in listed.content.decode()
    assert CredentialLease.objects.get().token_hash == hash_token(token)


def test_store_gives_three_values_and_others_one(world: World) -> None:
    grant = active(world, TINY)
    ada = Caller(world.cast.ada)
    plain = ada.post(f"/grants/{grant.public_id}/tokens").json()
    assert not {"access_key_id", "secret_access_key"} & plain.keys()
    Target.objects.update(kind=TargetKind.S3)
    issued = ada.post(f"/grants/{grant.public_id}/tokens").json()
    assert issued["access_key_id"] == issued["id"]
    assert len(issued["secret_access_key"]) == 40
    assert issued["secret_access_key"] not in ada.get(f"/grants/{grant.public_id}/tokens").content.decode()


def test_token_needs_a_running_grant_of_ones_own(world: World) -> None:
    waiting = scheduled(world, BASE)
    ada = Caller(world.cast.ada)
    early = ada.post(f"/grants/{waiting.public_id}/tokens")
    assert (early.status_code, early.json()["code"]) == (409, Reason.GRANT_NOT_ACTIVE)
    grant = active(world, TINY)
    assert Caller(world.cast.ben).post(f"/grants/{grant.public_id}/tokens").status_code == 404
    assert ada.post(f"/grants/{grant.public_id}/tokens").status_code == 201


def test_rotation_and_revocation_of_one_token(world: World) -> None:
    grant = active(world, TINY)
    ada = Caller(world.cast.ada)
    first = ada.post(f"/grants/{grant.public_id}/tokens").json()
    second = ada.post(f"/tokens/{first['id']}/rotate").json()
    assert second["token"] != first["token"]
    assert ada.post(f"/tokens/{first['id']}/rotate").status_code == 409
    assert Caller(world.cast.cleo).post(f"/tokens/{second['id']}/revoke").status_code == 404
    assert ada.post(f"/tokens/{second['id']}/revoke").json()["state"] == "revoked"
    assert ada.get(f"/grants/{grant.public_id}").json()["state"] == "active"


def test_scheduled_rotation_is_collected_once(world: World, clock) -> None:
    grant = active(world, BASE, actor=world.cast.ci_bot, lasts_s=2 * HOUR)
    bot = Caller(world.cast.ci_bot)
    first = bot.post(f"/grants/{grant.public_id}/tokens").json()
    clock.advance(seconds=HOUR)
    assert services.rotate_due_leases() == 1
    successor = bot.get(f"/grants/{grant.public_id}/tokens").json()["results"][0]
    assert (successor["is_waiting"], successor["id"] != first["id"]) == (True, True)
    collected = bot.post(f"/tokens/{successor['id']}/collect")
    assert collected.status_code == 200
    assert CredentialLease.objects.get(public_id=successor["id"]).token_hash == hash_token(collected.json()["token"])
    assert bot.post(f"/tokens/{successor['id']}/collect").status_code == 409


def test_extension_is_a_request_of_its_own(world: World) -> None:
    grant = active(world, TINY)
    ada = Caller(world.cast.ada)
    body = {"by_s": HOUR, "purpose": "Two more runs"}
    asked = ada.post(f"/grants/{grant.public_id}/extend", body, key="e-1")
    assert (asked.status_code, asked.json()["extends"]) == (201, grant.public_id)
    assert ada.post(f"/grants/{grant.public_id}/extend", body, key="e-1").json()["id"] == asked.json()["id"]
    assert Caller(world.cast.ben).post(f"/grants/{grant.public_id}/extend", body).status_code == 404


def test_expired_grant_says_so(world: World, clock) -> None:
    grant = active(world, BASE)
    clock.set(grant.valid_until)
    ada = Caller(world.cast.ada)
    refused = ada.post(f"/grants/{grant.public_id}/tokens")
    assert (refused.status_code, refused.json()["code"]) == (409, Reason.GRANT_EXPIRED)
    assert ada.get(f"/grants/{grant.public_id}").json()["left_s"] == 0
    assert core_clock.now() >= grant.valid_until


def test_lists_hold_what_one_may_see(world: World) -> None:
    grant = active(world, TINY)
    assert [row["id"] for row in Caller(world.cast.ada).get("/grants").json()["results"]] == [grant.public_id]
    assert Caller(world.cast.dora).get("/grants").json()["results"] == []
    assert len(Caller(world.cast.dora).get("/grants", visible="true", state="active").json()["results"]) == 1
    assert Caller(world.cast.cleo).get("/grants", visible="true").json()["results"] == []
