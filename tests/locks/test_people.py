"""A locked person, session or device: nothing of it works while the lock stands, and all of it afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client

from jit_access.accounts import services as accounts
from jit_access.accounts.models import User
from jit_access.audit.models import AuditEntry
from jit_access.domain.actors import GATEWAY
from jit_access.domain.locks import LockAxis
from jit_access.domain.reasons import Reason
from jit_access.mfa.device_binding import hash_of
from jit_access.mfa.session_keys import DEVICE, PUBLIC_ID
from tests.support.cast import PASSWORD
from tests.support.lifecycles import World
from tests.support.locking import lift, place

pytestmark = pytest.mark.django_db
PAGE = "/access"


def session_of(client: Client) -> str:
    return str(client.session[PUBLIC_ID])


def test_a_locked_person_is_nobody_until_the_lock_is_lifted(world: World, client_for) -> None:
    ada, ben = client_for(world.cast.ada), client_for(world.cast.ben)
    lock = place(world.cast.dora, LockAxis.PERSON, world.cast.ada.public_id)
    refused = ada.get(PAGE)
    assert refused.status_code == 302
    assert refused["Location"].startswith("/sign-in?")
    assert "because=locked" in refused["Location"]
    assert "security team has locked this" in ada.get(refused["Location"]).content.decode()
    answer = ada.get("/api/v1/grants")
    assert (answer.status_code, answer.json()["code"]) == (401, Reason.LOCKED)
    assert ben.get(PAGE).status_code == 200
    assert AuditEntry.objects.filter(kind="session.refused", reason=Reason.LOCKED).exists()
    lift(world.cast.dora, lock)
    assert ada.get(PAGE).status_code == 200  # the session was not ended


def test_a_locked_person_signs_in_as_little_as_a_stranger(world: World, client: Client) -> None:
    lock = place(world.cast.dora, LockAxis.PERSON, world.cast.ada.public_id)
    form = {"username": "ada", "password": PASSWORD}
    refused = client.post("/sign-in", form)
    wrong = client.post("/sign-in", form | {"password": "wrong"})
    assert refused.status_code == wrong.status_code
    assert Reason.SIGN_IN_FAILED in refused.content.decode()
    assert AuditEntry.objects.filter(kind="sign-in.refused", reason=Reason.LOCKED).count() == 1
    lift(world.cast.dora, lock)
    assert client.post("/sign-in", form).status_code == 302


@pytest.mark.parametrize(("axis", "who"), [(LockAxis.PERSON, "ada"), (LockAxis.AGENT, "ci_bot")])
def test_api_tokens_of_what_is_locked_are_refused(world: World, client: Client, axis: LockAxis, who: str) -> None:
    def call(user: User) -> tuple[int, str]:
        issued = accounts.issue_api_token(
            actor=GATEWAY, user=user, name=f"t{len(user.api_tokens.all())}", lasts=timedelta(hours=1)
        )
        answer = client.get("/api/v1/grants", headers={"Authorization": f"Bearer {issued.text.reveal()}"})
        return answer.status_code, answer.json().get("code", "")

    assert call(world.cast.ci_bot) == (200, "")
    lock = place(world.cast.dora, axis, getattr(world.cast, who).public_id)
    assert call(world.cast.ci_bot) == (403, Reason.LOCKED)  # Ada's lock is her bot's, too
    assert call(world.cast.ben) == (200, "")
    lift(world.cast.dora, lock)
    assert call(world.cast.ci_bot) == (200, "")


def test_one_session_is_locked_and_the_other_goes_on(world: World, client_for) -> None:
    stolen, own = client_for(world.cast.ada), client_for(world.cast.ada)
    assert session_of(stolen) != session_of(own)
    lock = place(world.cast.dora, LockAxis.SESSION, session_of(stolen))
    assert stolen.get(PAGE).status_code == 302
    assert own.get(PAGE).status_code == 200
    lift(world.cast.dora, lock)
    assert stolen.get(PAGE).status_code == 200


def test_a_device_is_locked_and_the_other_goes_on(world: World, client_for) -> None:
    lost, own = client_for(world.cast.ada), client_for(world.cast.ada)
    session = own.session
    session[DEVICE] = hash_of("another")
    session.save()
    own.cookies[settings.DEVICE_COOKIE_NAME] = "another"
    lock = place(world.cast.dora, LockAxis.DEVICE, "dev_lost", lost.session[DEVICE])
    assert lost.get(PAGE).status_code == 302
    assert own.get(PAGE).status_code == 200
    form = {"username": "ada", "password": PASSWORD}
    assert lost.post("/sign-in", form).status_code != 302  # nor does it help to begin anew there
    lift(world.cast.dora, lock)
    assert lost.post("/sign-in", form).status_code == 302


def test_a_lock_that_ran_out_lets_people_in_by_itself(world: World, client_for, clock) -> None:
    ada = client_for(world.cast.ada)
    lock = place(world.cast.dora, LockAxis.PERSON, world.cast.ada.public_id, lasts_s=60)
    assert ada.get(PAGE).status_code == 302
    assert lock.until is not None
    clock.set(lock.until)
    assert ada.get(PAGE).status_code == 200
