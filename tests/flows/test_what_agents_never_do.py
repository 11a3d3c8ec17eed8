"""What a service account never does, each beside a person who does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from jit_access.accounts.models import User
from jit_access.accounts.services import add_to_group, issue_api_token
from jit_access.domain.actors import GATEWAY
from jit_access.domain.lifecycle import RequestState
from jit_access.mfa.models import TotpDevice
from tests.api.caller import ROOT, Caller
from tests.support.cast import Cast
from tests.support.lifecycles import BASE, TINY, World, active, ask, make_world, reload
from tests.support.sessions import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(cast: Cast) -> World:
    return make_world(cast)


def test_it_approves_nothing(world: World) -> None:
    cast = world.cast
    add_to_group(actor=GATEWAY, user=cast.ci_bot, group="model-owners")
    request = ask(world, TINY)
    body = {"payload_hash": request.payload_hash}
    assert Caller(cast.ci_bot).post(f"/requests/{request.public_id}/approve", body).status_code in {403, 404}
    assert reload(request).state == RequestState.PENDING
    assert Caller(cast.ben).post(f"/requests/{request.public_id}/approve", body).status_code == 200


def test_it_does_not_end_what_others_hold_nor_answer_for_agents(world: World) -> None:
    cast, grant = world.cast, active(world, BASE)
    for group in ("model-owners", "security"):
        add_to_group(actor=GATEWAY, user=cast.ci_bot, group=group)
    assert Caller(cast.ci_bot).post(f"/grants/{grant.public_id}/revoke").status_code == 404
    assert Caller(cast.ci_bot).get("/agents").status_code == 404
    assert Caller(cast.dora).post(f"/grants/{grant.public_id}/revoke").status_code == 200


def test_it_takes_itself_up_no_more_and_its_owner_does(world: World) -> None:
    cast = world.cast
    bot, ada, path = Caller(cast.ci_bot), Caller(cast.ada), f"/agents/{cast.ci_bot.public_id}"
    assert ada.post(f"{path}/suspend").status_code == 200
    refused = bot.post(f"{path}/resume")
    assert (refused.status_code, refused.json()["code"]) == (403, "agent-suspended")
    assert ada.post(f"{path}/resume").status_code == 200
    for what in ("suspend", "resume", "retire"):
        assert bot.post(f"{path}/{what}").status_code == 404, what
    assert User.objects.get(pk=cast.ci_bot.pk).is_active


def test_its_token_lasts_no_longer_by_its_own_doing(world: World) -> None:
    cast = world.cast
    text = issue_api_token(actor=cast.ada.ref, user=cast.ci_bot, name="ci", lasts=timedelta(days=1)).text.reveal()
    headers = {"Authorization": f"Bearer {text}"}
    answer = Client().post(f"{ROOT}/me/token/next", {}, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["token"]) == (200, None)
    more = {"name": "more", "lasts_s": 86400}
    assert Caller(cast.ci_bot).post("/me/tokens", more).json()["code"] == "not-for-agents"
    assert Caller(cast.ada).post("/me/tokens", more).status_code == 201


def test_what_asks_for_people_asks_people_when_it_extends(world: World) -> None:
    cast = world.cast
    grant = active(world, TINY, actor=cast.ci_bot)
    asked = Caller(cast.ci_bot).post(f"/grants/{grant.public_id}/extend", {"by_s": 600, "purpose": "Not done yet"})
    assert (asked.status_code, asked.json()["state"]) == (201, "pending")
    assert (
        Caller(cast.ben)
        .post(f"/requests/{asked.json()['id']}/approve", {"payload_hash": asked.json()["payload_hash"]})
        .status_code
        == 200
    )


def test_it_proves_no_factor(world: World) -> None:
    cast = world.cast
    text = issue_api_token(actor=cast.ada.ref, user=cast.ci_bot, name="ci", lasts=timedelta(days=1)).text.reveal()
    headers = {"Authorization": f"Bearer {text}"}
    for path in ("/second-factor/set-up", "/settings/passkeys/new", "/settings"):
        assert Client().get(path, headers=headers).status_code == 302, path
    assert Client().post(f"{ROOT}/session/proof", {"code": "123456"}, headers=headers).status_code in {401, 403, 415}
    assert not TotpDevice.objects.filter(user=cast.ci_bot).exists()
    assert signed_in(cast.ada, "fresh").get("/settings/passkeys/new").status_code == 200
