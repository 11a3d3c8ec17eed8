"""The same attempt twice: one thing, two answers; never a secret twice, never a guess about what nobody knows."""

from __future__ import annotations

import json

import pytest

from jit_access.access_requests.models import AccessRequest, Comment
from jit_access.api import idempotency
from jit_access.api.models import KeyedAnswer
from jit_access.core import clock as core_clock
from jit_access.locks.models import Lock
from tests.api.caller import ROOT, Caller, wish
from tests.conftest import Clock
from tests.support.lifecycles import BASE, World, active, make_world
from tests.support.racing import race
from tests.support.sessions import code_now

pytestmark = pytest.mark.django_db
LOCK = {"axis": "person", "name": "cleo", "reason": "Her laptop was stolen"}


@pytest.fixture
def world(cast) -> World:
    return make_world(cast)


def test_the_same_again_is_answered_again_and_done_once(world: World) -> None:
    dora = Caller(world.cast.dora)
    first, again = (dora.post("/locks", LOCK, key="k-1") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert (first.get("Idempotency-Replayed"), again["Idempotency-Replayed"]) == (None, "true")
    assert Lock.objects.count() == 1
    assert dora.post("/locks", LOCK, key="k-2").json()["id"] != first.json()["id"]


def test_another_body_or_address_under_the_key_is_refused(world: World) -> None:
    dora = Caller(world.cast.dora)
    assert dora.post("/locks", LOCK, key="k-1").status_code == 201
    for path, body in (("/locks", LOCK | {"name": "ada"}), ("/locks/preview", {"axis": "person", "name": "cleo"})):
        refused = dora.post(path, body, key="k-1")
        assert (refused.status_code, refused.json()["code"]) == (409, "key-reused")
    assert Lock.objects.count() == 1


def test_a_key_is_its_owners(world: World) -> None:
    request = Caller(world.cast.ada).post("/requests", wish()).json()
    path = f"/requests/{request['id']}/comments"
    for who in (world.cast.ada, world.cast.ben):
        assert Caller(who).post(path, {"text": "Why?"}, key="k-1").status_code == 201
    assert Comment.objects.count() == 2


def test_what_was_refused_may_be_mended_and_sent_again(world: World) -> None:
    dora = Caller(world.cast.dora, factor="stale")
    refused = dora.post("/locks", LOCK, key="k-1")
    assert (refused.status_code, refused.json()["code"]) == (403, "second-factor-stale")
    proved = dora.post("/locks", LOCK | {"code": code_now()}, key="k-1")
    assert proved.status_code == 201
    # The code is another one each time; the attempt is the same.
    assert dora.post("/locks", LOCK | {"code": "000000"}, key="k-1").content == proved.content


def test_a_secret_is_shown_once_and_kept_nowhere(world: World) -> None:
    ada, grant = Caller(world.cast.ada), active(world, BASE)
    path = f"/grants/{grant.public_id}/tokens"
    issued = ada.post(path, {"label": "laptop"}, key="k-1")
    assert issued.status_code == 201
    again = ada.post(path, {"label": "laptop"}, key="k-1")
    assert (again.status_code, again.json()["code"]) == (409, "secret-shown-once")
    assert again.json()["fields"] == {"made": issued.json()["id"]}
    assert KeyedAnswer.objects.get().sealed_answer == ""
    assert len(ada.get(path).json()["results"]) == 1


def test_what_is_kept_is_sealed_to_its_row(world: World) -> None:
    dora = Caller(world.cast.dora)
    dora.post("/locks", LOCK, key="k-1")
    dora.post("/locks", LOCK | {"name": "ben"}, key="k-2")
    first, second = KeyedAnswer.objects.order_by("pk")
    assert "stolen" not in first.sealed_answer + first.fingerprint
    KeyedAnswer.objects.filter(pk=first.pk).update(sealed_answer=second.sealed_answer)
    assert dora.post("/locks", LOCK, key="k-1").status_code == 500


def test_after_a_day_the_key_is_new(world: World, clock: Clock) -> None:
    dora = Caller(world.cast.dora)
    first = dora.post("/locks", LOCK, key="k-1").json()["id"]
    KeyedAnswer.objects.update(expires_at=core_clock.now())
    assert dora.post("/locks", LOCK, key="k-1").json()["id"] != first
    KeyedAnswer.objects.update(expires_at=core_clock.now())
    assert (idempotency.forget_old(), idempotency.forget_old()) == (1, 0)


def _begun(world: World, path: str, body: dict[str, object], *, is_lost: bool) -> None:
    """A row as a worker that died leaves it."""
    caller = Caller(world.cast.dora if path == "/locks" else world.cast.ada)
    assert caller.post(path, body, key="k-1").status_code == 201
    until = core_clock.now() + (-idempotency.RUNS if is_lost else idempotency.RUNS)
    KeyedAnswer.objects.update(status=None, sealed_answer="", running_until=until)


def test_while_the_first_runs_the_second_is_told_to_wait(world: World) -> None:
    _begun(world, "/locks", LOCK, is_lost=False)
    waits = Caller(world.cast.dora).post("/locks", LOCK, key="k-1")
    assert (waits.status_code, waits.json()["code"], waits["Retry-After"]) == (409, "still-running", "2")


def test_what_nobody_knows_the_end_of_is_not_done_again(world: World) -> None:
    _begun(world, "/locks", LOCK, is_lost=True)
    refused = Caller(world.cast.dora).post("/locks", LOCK, key="k-1")
    assert (refused.status_code, refused.json()["code"]) == (409, "outcome-unknown")
    assert Lock.objects.count() == 1


def test_where_the_service_knows_the_key_it_is_run_again(world: World) -> None:
    _begun(world, "/requests", wish(), is_lost=True)
    again = Caller(world.cast.ada).post("/requests", wish(), key="k-1")
    assert again.status_code == 201
    assert AccessRequest.objects.count() == 1


@pytest.mark.parametrize(("key", "status"), [("k" * 80, 201), ("k" * 81, 400), ("a b", 400), ("ä", 400), (" ", 201)])
def test_what_a_key_may_be(world: World, key: str, status: int) -> None:
    answer = Caller(world.cast.dora).post("/locks", LOCK, key=key)
    assert answer.status_code in {status, 400}
    if key.strip():
        assert answer.status_code == status


def test_nobody_has_no_keys(world: World) -> None:
    answer = (
        Caller(world.cast.dora)
        .client.__class__()
        .post(f"{ROOT}/session", {"username": "x"}, "application/json", headers={"Idempotency-Key": "k-1"})
    )
    assert answer.status_code == 400
    assert not KeyedAnswer.objects.exists()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_make_one(world: World) -> None:
    """Without the row that is written first, each of them would place a lock."""
    callers = [Caller(world.cast.dora) for _ in range(20)]

    def sender(caller: Caller):
        return lambda: caller.post("/locks", LOCK, key="k-1")

    answers = race([sender(caller) for caller in callers])
    assert Lock.objects.count() == 1
    codes = {(answer.status_code, json.loads(answer.content).get("code", "")) for answer in answers}
    assert (201, "") in codes
    assert codes <= {(201, ""), (409, "still-running")}
    assert {answer.json()["id"] for answer in answers if answer.status_code == 201} == {Lock.objects.get().public_id}
