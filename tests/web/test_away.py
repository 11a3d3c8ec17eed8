"""The page on which somebody lets another answer, and what approvers and requesters read of it."""

from __future__ import annotations

from datetime import timedelta

from jit_access.access_requests.models import Delegation, Verdict
from jit_access.access_requests.services import standing_in
from jit_access.core import clock as core_clock
from tests.api.caller import Caller
from tests.support.lifecycles import TINY, World, ask
from tests.web.pages_of import hidden_value, text_of


def dates(days: int = 2) -> dict[str, str]:
    now = core_clock.now()
    return {
        "starts": f"{now - timedelta(minutes=5):%Y-%m-%dT%H:%M}",
        "ends": f"{now + timedelta(days=days):%Y-%m-%dT%H:%M}",
    }


def test_somebody_is_let_to_answer_and_the_pages_say_so(world: World, client_for) -> None:
    ben, cleo, ada = (client_for(one) for one in (world.cast.ben, world.cast.cleo, world.cast.ada))
    assert "Nobody answers for you" in text_of(ben.get("/settings/away"))
    assert "Let somebody answer for you?" in text_of(ben.get("/settings/away/stand-in"))
    wrong = ben.post("/settings/away/stand-in", dates() | {"to": "nobody-here"})
    assert (wrong.status_code, Delegation.objects.count()) == (422, 0)
    assert "Nobody here is called nobody-here." in text_of(wrong)
    done = ben.post("/settings/away/stand-in", dates() | {"to": "cleo"})
    assert (done.status_code, done["Location"]) == (302, "/settings/away")
    assert "Cleo Okafor answers for you" in text_of(ben.get("/settings/away"))
    assert "You answer for Ben Okafor" in text_of(cleo.get("/settings/away"))
    ben.post("/settings/away/absence", dates())
    request = ask(world, TINY)
    waiting = text_of(ada.get(f"/requests/{request.public_id}"))
    assert "Ben is away until" in waiting
    assert "Cleo answers for Ben" in waiting
    page = cleo.get(f"/approvals/{request.public_id}")
    assert "You answer for Ben Okafor (delegated until" in text_of(page)
    cleo.post(f"/approvals/{request.public_id}/approve", {"payload_hash": hidden_value(page, "payload_hash")})
    assert Verdict.objects.get().on_behalf_of == world.cast.ben
    assert "Cleo for Ben" in text_of(ada.get(f"/requests/{request.public_id}"))


def test_it_is_ended_by_either_and_by_nobody_else(world: World, client_for) -> None:
    now = core_clock.now()
    row = standing_in.delegate_answers(actor=world.cast.ben, to="cleo", starts_at=now, ends_at=now + timedelta(days=1))
    path = f"/settings/away/{row.public_id}/end"
    assert client_for(world.cast.ada).post(path).status_code == 404
    assert client_for(world.cast.ben).get(path).status_code == 405
    assert client_for(world.cast.cleo).post(path).status_code == 302
    assert Delegation.objects.get().ended_at is not None


def test_the_same_over_the_api(world: World) -> None:
    ben, now = Caller(world.cast.ben), core_clock.now()
    span = {"starts_at": now.isoformat(), "ends_at": (now + timedelta(days=1)).isoformat()}
    made = ben.post("/me/delegations", span | {"to": "cleo"})
    assert made.status_code == 201
    assert made.json()["delegate"]["name"] == world.cast.cleo.display_name
    assert ben.post("/me/delegations", span | {"to": "cleo"}).status_code == 400
    assert ben.post("/me/absences", span).status_code == 201
    request = ask(world, TINY)
    (step,) = ben.get(f"/requests/{request.public_id}").json()["steps"]
    assert step["away"][0]["stand_in"]["name"] == world.cast.cleo.display_name
    assert len(Caller(world.cast.cleo).get("/me/delegations").json()["results"]) == 1
