"""Envelopes over the API: what the pages do, and what an agent is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from jit_access.core import clock
from tests.api.caller import Caller, wish
from tests.support.cast import Cast
from tests.support.lifecycles import BASE, FRONTIER, HOUR, TINY, World, make_world
from tests.support.sessions import code_now

pytestmark = pytest.mark.django_db
MIB = 1 << 20


@pytest.fixture
def world(cast: Cast) -> World:
    return make_world(cast)


def body(world: World, repository: str = TINY, **changes: Any) -> dict[str, Any]:
    return {
        "agent": world.cast.ci_bot.public_id,
        "target": "demo-registry",
        "resources": [{"repository": repository, "operations": ["pull"]}],
        "name": "nightly",
        "because": "The nightly evaluation reads the model",
        "lasts_at_most_s": HOUR,
        "bytes_per_day": 100 * MIB,
        "bytes_per_grant": 10 * MIB,
        "grants_per_day": 20,
        "expires_at": (clock.now() + timedelta(days=30)).isoformat(),
        "review_every_s": 14 * 24 * HOUR,
    } | changes


def in_force(world: World, **changes: Any) -> str:
    made = Caller(world.cast.ada).post("/envelopes", body(world, **changes))
    assert made.status_code == 201, made.json()
    envelope = made.json()
    answer = Caller(world.cast.ben).post(
        f"/envelopes/{envelope['id']}/approve", {"payload_hash": envelope["payload_hash"]}
    )
    assert (answer.status_code, answer.json()["state"]) == (200, "active")
    return str(envelope["id"])


def named(envelope: str) -> dict[str, Any]:
    return {"id": envelope, "name": "nightly", "signed_by": ["Ben Okafor"], "signed_at": ""}


def test_propose_sign_use_and_revoke(world: World) -> None:
    envelope = in_force(world)
    bot = Caller(world.cast.ci_bot)
    inside = bot.post("/requests", wish())
    assert (inside.status_code, inside.json()["state"]) == (201, "approved")
    assert inside.json()["envelope"] | {"signed_at": ""} == named(envelope)
    started = bot.post(f"/grants/{inside.json()['grant']}/activate")
    assert started.status_code == 200
    assert started.json()["envelope"] == envelope
    day = bot.get(f"/envelopes/{envelope}").json()["day"]
    assert day == {"bytes_taken": 10 * MIB, "bytes_reserved": 10 * MIB, "grants": 1, "open_grants": 1}
    ended = Caller(world.cast.ada).post(f"/envelopes/{envelope}/revoke", {"note": "Done"})
    assert (ended.json()["state"], ended.json()["stands"]) == ("revoked", False)
    grant = bot.get(f"/grants/{inside.json()['grant']}").json()
    assert grant["reason"]["code"] == "envelope-revoked"


def test_outside_is_202_and_says_which_limit(world: World) -> None:
    envelope = in_force(world)
    bot = Caller(world.cast.ci_bot)
    outside = bot.post("/requests", wish(lasts_s=2 * HOUR))
    assert (outside.status_code, outside.json()["state"]) == (202, "pending")
    assert outside.json()["outside"] == [
        {
            "envelope": envelope,
            "name": "nightly",
            "field": "lasts_s",
            "sentence": "It lasts 2 h; at most 1 h is inside.",
        }
    ]
    said = Caller(world.cast.ben).post(
        f"/requests/{outside.json()['id']}/approve", {"payload_hash": outside.json()["payload_hash"]}
    )
    assert said.status_code == 200
    polled = bot.get(f"/requests/{outside.json()['id']}").json()
    assert (polled["state"], polled["envelope"]) == ("approved", None)


def test_a_preview_says_both(world: World) -> None:
    envelope = in_force(world)
    bot = Caller(world.cast.ci_bot)
    asked = {name: value for name, value in wish().items() if name != "purpose"}
    assert bot.post("/requests/preview", asked).json()["envelope"] | {"signed_at": ""} == named(envelope)
    outside = bot.post("/requests/preview", asked | {"lasts_s": 2 * HOUR}).json()
    assert (outside["envelope"], [one["field"] for one in outside["outside"]]) == (None, ["lasts_s"])
    seen = Caller(world.cast.ada).post("/envelopes/preview", body(world)).json()
    assert [(one["group"], [person["name"] for person in one["people"]]) for one in seen["steps"]] == [
        ("model-owners", ["Ben Okafor"])
    ]


def test_agents_and_others_change_nothing(world: World) -> None:
    envelope = in_force(world)
    bot, cleo = Caller(world.cast.ci_bot), Caller(world.cast.cleo)
    shown = bot.get(f"/envelopes/{envelope}")
    assert (shown.status_code, shown.json()["may_end"], shown.json()["may_sign"]) == (200, False, False)
    assert bot.post("/envelopes", body(world)).status_code == 404
    assert bot.post(f"/envelopes/{envelope}/suspend", {}).status_code == 404
    assert bot.post(f"/envelopes/{envelope}/revoke", {}).status_code == 404
    assert cleo.get(f"/envelopes/{envelope}").status_code == 404
    assert cleo.get("/envelopes").json()["results"] == []
    assert [one["id"] for one in bot.get("/envelopes").json()["results"]] == [envelope]
    assert Caller(world.cast.dora).get("/envelopes", agent=world.cast.ci_bot.public_id).json()["results"]
    assert Caller(world.cast.ben).post(f"/envelopes/{envelope}/suspend", {}).json()["state"] == "suspended"


def test_a_code_proves_the_factor_for_one_call(world: World) -> None:
    stale = Caller(world.cast.ada, factor="stale")
    assert stale.post("/envelopes", body(world)).json()["code"] == "second-factor-stale"
    assert stale.post("/envelopes", body(world, code=code_now())).status_code == 201


def test_what_cannot_be_proposed_says_why(world: World) -> None:
    ada = Caller(world.cast.ada)
    assert ada.post("/envelopes", body(world, state="active")).status_code == 400
    assert ada.post("/envelopes", body(world, BASE)).json()["code"] == "invalid-input"
    assert ada.post("/envelopes", body(world, FRONTIER)).status_code in {403, 404}
    hours = {"days": [0, 1], "begins": "08:00", "ends": "25:00", "time_zone": "Europe/Berlin"}
    assert ada.post("/envelopes", body(world, hours=hours)).status_code == 400
    made = ada.post("/envelopes", body(world, hours=hours | {"ends": "18:00"}), key="one")
    assert made.json()["hours"] == hours | {"ends": "18:00"}
    assert ada.post("/envelopes", body(world, hours=hours | {"ends": "18:00"}), key="two").status_code == 201
