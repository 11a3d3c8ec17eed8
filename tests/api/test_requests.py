"""Requests over the API: each answer in its own form, each refusal beside what goes through."""

from __future__ import annotations

import pytest
from django.test import Client

from jit_access.access_requests.models import AccessRequest
from jit_access.domain.operations import Tier
from jit_access.domain.reasons import Reason
from jit_access.grants.models import Grant
from jit_access.targets.models import Repository, Target, TargetKind
from tests.api.caller import ROOT, Caller, wish
from tests.support.cast import Cast
from tests.support.lifecycles import BASE, FRONTIER, HOUR, TINY, World, make_world
from tests.support.sessions import code_now


@pytest.fixture
def world(cast: Cast) -> World:
    return make_world(cast)


def test_ask_approve_and_start(world: World) -> None:
    ada, ben = Caller(world.cast.ada), Caller(world.cast.ben)
    asked = ada.post("/requests", wish())
    assert asked.status_code == 201
    body = asked.json()
    assert (body["state"], body["why_not"]["code"]) == ("pending", Reason.OWN_REQUEST)
    [waiting] = ben.get("/approvals").json()["results"]
    assert (waiting["id"], waiting["may_answer"]) == (body["id"], True)
    answer = {"payload_hash": waiting["payload_hash"], "note": "Fine"}
    approved = ben.post(f"/requests/{body['id']}/approve", answer).json()
    assert approved["state"] == "approved"
    assert approved["verdicts"][0]["approver"]["name"] == world.cast.ben.display_name
    started = ada.post(f"/grants/{approved['grant']}/activate").json()
    assert (started["state"], started["left_s"] > HOUR - 60) == ("active", True)


def test_preview_changes_nothing(world: World) -> None:
    body = wish()
    body.pop("purpose")
    shown = Caller(world.cast.ada).post("/requests/preview", body).json()
    assert shown["is_allowed"]
    assert [person["name"] for person in shown["steps"][0]["people"]] == [world.cast.ben.display_name]
    assert Caller(world.cast.dora).post("/requests/preview", body).json()["why_not"]["code"] == Reason.NO_RULE_ALLOWS
    assert not AccessRequest.objects.exists()


def test_idempotency_key_makes_one_request(world: World) -> None:
    ada = Caller(world.cast.ada)
    first = ada.post("/requests", wish(), key="k-1")
    again = ada.post("/requests", wish(), key="k-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    assert ada.post("/requests", wish(BASE), key="k-1").status_code == 409
    assert AccessRequest.objects.count() == 1


@pytest.mark.parametrize(
    "smuggled", [{"state": "approved"}, {"requester": "usr_x"}, {"start_by": "2030-01-01T00:00:00Z"}, {"risk": 0}]
)
def test_no_field_but_the_known_ones_is_taken(world: World, smuggled) -> None:
    """TEAM PR #605: a generic update let clients write state. Here every unknown field is refused by its name."""
    ada = Caller(world.cast.ada)
    refused = ada.post("/requests", wish() | smuggled)
    assert refused.status_code == 400
    assert set(refused.json()["fields"]) == set(smuggled)
    assert ada.post("/requests", wish()).status_code == 201


@pytest.mark.parametrize(
    "changes",
    [
        {"lasts_s": 0},
        {"lasts_s": 10**12},
        {"lasts_s": "an hour"},
        {"purpose": ""},
        {"resources": []},
        {"resources": [{"repository": "UPPER", "operations": ["pull"]}]},
        {"resources": [{"repository": TINY, "operations": []}]},
        {"resources": [{"repository": TINY, "operations": ["exec"]}]},
        {"resources": [{"repository": TINY, "operations": ["pull"]}] * 2},
        {"resources": [{"repository": TINY, "operations": ["pull"], "digests": ["sha256:00"]}]},
    ],
)
def test_malformed_wishes_are_the_callers_fault(world: World, changes) -> None:
    ada = Caller(world.cast.ada)
    refused = ada.post("/requests", wish() | changes)
    assert refused.status_code == 400
    assert "code" in refused.json()
    assert not AccessRequest.objects.exists()
    assert ada.post("/requests", wish()).status_code == 201


@pytest.mark.parametrize(("lasts_s", "status"), [(59, 400), (60, 201), (30 * 24 * 3600 + 1, 400)])
def test_preview_and_request_agree_on_how_long_is_sensible(world: World, lasts_s: int, status: int) -> None:
    ada = Caller(world.cast.ada)
    seen = {name: value for name, value in wish().items() if name not in ("purpose", "ticket")} | {"lasts_s": lasts_s}
    previewed, sent = ada.post("/requests/preview", seen), ada.post("/requests", wish() | {"lasts_s": lasts_s})
    assert (previewed.status_code, sent.status_code) == (200 if status == 201 else 400, status)
    if status == 400:
        assert set(previewed.json()["fields"]) == set(sent.json()["fields"]) == {"lasts_s"}


def test_policy_refusal_is_403_with_its_reason(world: World) -> None:
    assert Caller(world.cast.ada).post("/requests", wish()).status_code == 201
    refused = Caller(world.cast.dora).post("/requests", wish())
    assert (refused.status_code, refused.json()["code"]) == (403, Reason.NO_RULE_ALLOWS)


def test_hidden_request_is_unknown(world: World) -> None:
    asked = Caller(world.cast.ada).post("/requests", wish()).json()
    cleo = Caller(world.cast.cleo)
    hidden, unknown = cleo.get(f"/requests/{asked['id']}"), cleo.get("/requests/req_" + "a" * 20)
    assert (hidden.status_code, unknown.status_code) == (404, 404)
    assert hidden.json()["code"] == unknown.json()["code"] == Reason.NOT_FOUND
    assert cleo.get("/requests", visible="true").json()["results"] == []
    assert Caller(world.cast.dora).get(f"/requests/{asked['id']}").status_code == 200


def test_code_proves_the_factor_in_the_same_call(world: World) -> None:
    asked = Caller(world.cast.ada).post("/requests", wish()).json()
    ben = Caller(world.cast.ben, factor="stale")
    answer = {"payload_hash": asked["payload_hash"]}
    stale = ben.post(f"/requests/{asked['id']}/approve", answer)
    assert (stale.status_code, stale.json()["code"]) == (403, Reason.SECOND_FACTOR_STALE)
    wrong = ben.post(f"/requests/{asked['id']}/approve", answer | {"code": "000000"})
    assert wrong.json()["code"] == Reason.SECOND_FACTOR_WRONG
    right = ben.post(f"/requests/{asked['id']}/approve", answer | {"code": code_now()})
    assert (right.status_code, right.json()["state"]) == (200, "approved")


def test_hash_that_was_not_shown_is_refused(world: World) -> None:
    asked = Caller(world.cast.ada).post("/requests", wish()).json()
    ben = Caller(world.cast.ben)
    refused = ben.post(f"/requests/{asked['id']}/approve", {"payload_hash": "f" * 64})
    assert (refused.status_code, refused.json()["code"]) == (409, Reason.PAYLOAD_CHANGED)
    assert ben.post(f"/requests/{asked['id']}/approve", {"payload_hash": asked["payload_hash"]}).status_code == 200


def test_denial_and_withdrawal_end_it(world: World) -> None:
    ada, ben = Caller(world.cast.ada), Caller(world.cast.ben)
    first = ada.post("/requests", wish()).json()
    denied = ben.post(f"/requests/{first['id']}/deny", {"payload_hash": first["payload_hash"], "note": "No"}).json()
    assert (denied["state"], denied["reason"]["code"]) == ("denied", Reason.DENIED_BY_PERSON)
    second = ada.post("/requests", wish()).json()
    assert ada.post(f"/requests/{second['id']}/withdraw").json()["state"] == "withdrawn"
    late = ben.post(f"/requests/{second['id']}/approve", {"payload_hash": second["payload_hash"]})
    assert (late.status_code, late.json()["code"]) == (409, Reason.WITHDRAWN)
    assert not Grant.objects.exists()


def test_service_account_asks_by_token_and_approves_nothing(world: World) -> None:
    bot = Caller(world.cast.ci_bot)
    assert bot.post("/requests", wish(BASE)).json()["state"] == "approved"
    world.cast.ci_bot.groups.add(world.cast.ben.groups.get(name="model-owners"))
    asked = Caller(world.cast.ada).post("/requests", wish()).json()
    refused = bot.post(f"/requests/{asked['id']}/approve", {"payload_hash": asked["payload_hash"]})
    assert (refused.status_code, refused.json()["code"]) == (403, Reason.NOT_FOR_AGENTS)


def test_list_filters_by_state(world: World) -> None:
    ada = Caller(world.cast.ada)
    ada.post("/requests", wish(FRONTIER))
    ada.post("/requests", wish(BASE))
    assert [row["state"] for row in ada.get("/requests").json()["results"]] == ["approved", "pending"]
    assert len(ada.get("/requests", state="pending").json()["results"]) == 1
    assert ada.get("/requests", state="odd").status_code == 400


def test_nobody_and_a_password_alone_see_nothing(world: World) -> None:
    assert Client().get(f"{ROOT}/requests").status_code == 401
    refused = Caller(world.cast.ada, factor="none").get("/requests")
    assert refused.json()["code"] == Reason.SECOND_FACTOR_MISSING
    assert Caller(world.cast.ada).get("/requests").status_code == 200


def test_a_request_may_be_limited_to_files_where_there_are_any(world: World) -> None:
    ada = Caller(world.cast.ada)
    hub = Target.objects.create(slug="hub", kind=TargetKind.HF, display_name="Hub", base_url="https://hub.example")
    Repository.objects.create(target=hub, name="models/Org/Tiny", tier=Tier.STANDARD)
    part = {"repository": "models/Org/Tiny", "operations": ["pull"], "tags": ["main"], "files": ["*.safetensors"]}
    asked = ada.post("/requests", wish(target="hub", resources=[part]))
    assert asked.status_code == 201
    assert AccessRequest.objects.get().scope[0]["files"] == ["*.safetensors"]
    refused = ada.post("/requests", wish(resources=[{"repository": TINY, "operations": ["pull"], "files": ["*.bin"]}]))
    assert refused.status_code == 400
