"""The mark of the last proof repeats what a session holds, and falls with it."""

from __future__ import annotations

import pytest
from django.urls import reverse

from jit_access.accounts import services as accounts
from jit_access.core.clock import now as clock_now
from jit_access.domain.actors import GATEWAY
from jit_access.domain.locks import LockAxis
from jit_access.mfa.assurance import NO_ASSURANCE, Level
from jit_access.mfa.marks import last_proof
from jit_access.mfa.session_keys import DEVICE, PUBLIC_ID
from tests.support.cast import Cast, sign_in
from tests.support.locking import place
from tests.support.sessions import code_now, give_factor

pytestmark = pytest.mark.django_db


def proved(cast: Cast):
    give_factor(cast.ben)
    client = sign_in(cast.ben)
    client.post(reverse("web:prove"), {"code": code_now()})
    return client


def test_password_alone_leaves_none(cast: Cast) -> None:
    give_factor(cast.ben)
    sign_in(cast.ben)
    assert last_proof(cast.ben) == NO_ASSURANCE


def test_proof_in_a_session_is_marked_for_that_person_only(cast: Cast, clock) -> None:
    proved(cast)
    clock.advance(seconds=40)
    mark = last_proof(cast.ben)
    assert (mark.level, mark.age_s) == (Level.SECOND_FACTOR, 40)
    assert last_proof(cast.ada) == NO_ASSURANCE


def test_sign_out_takes_it(cast: Cast) -> None:
    client = proved(cast)
    assert last_proof(cast.ben).is_proved
    client.post(reverse("web:sign-out"))
    assert last_proof(cast.ben) == NO_ASSURANCE


def test_end_of_sessions_and_lock_take_it(cast: Cast) -> None:
    proved(cast)
    accounts.end_sessions(actor=GATEWAY, user=cast.ben)
    assert last_proof(cast.ben) == NO_ASSURANCE
    cast.ben.refresh_from_db()


def test_lock_takes_it(cast: Cast) -> None:
    proved(cast)
    accounts.lock_account(actor=GATEWAY, user=cast.ben)
    assert last_proof(cast.ben) == NO_ASSURANCE


@pytest.mark.parametrize("axis", [LockAxis.SESSION, LockAxis.DEVICE])
def test_lock_on_its_session_or_device_takes_it_while_it_stands(cast: Cast, axis: LockAxis) -> None:
    session = proved(cast).session
    keys = {LockAxis.SESSION: (session[PUBLIC_ID], ""), LockAxis.DEVICE: ("dev_ben", session[DEVICE])}
    assert last_proof(cast.ben).is_proved
    lock = place(cast.dora, axis, *keys[axis])
    assert last_proof(cast.ben) == NO_ASSURANCE
    lock.lifted_at = clock_now()
    lock.save()
    assert last_proof(cast.ben).is_proved
