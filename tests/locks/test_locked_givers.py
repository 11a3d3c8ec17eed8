"""Whoever is locked counts nowhere: not through a stand-in, and not in another part of a bundle."""

from __future__ import annotations

import pytest

from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.locks import LockAxis
from jit_access.domain.reasons import Reason
from jit_access.grants.models import Grant
from jit_access.targets.models import Target
from tests.access_requests.test_bundles import other, send, states  # noqa: F401 - a fixture
from tests.access_requests.test_stand_ins import lend
from tests.support.cast import make_person
from tests.support.lifecycles import FRONTIER, TINY, World, answer, ask
from tests.support.locking import lift, place


def refused(request, who) -> None:
    with pytest.raises(PolicyRefusal) as refusal:
        answer(request, who)
    assert refusal.value.reason is Reason.LOCKED


def test_a_stand_in_does_not_answer_for_a_locked_giver(world: World) -> None:
    lend(world.cast.ben, "cleo")
    request = ask(world, TINY)
    lock = place(world.cast.dora, LockAxis.PERSON, world.cast.ben.public_id)
    refused(request, world.cast.cleo)
    lift(world.cast.dora, lock)
    assert answer(request, world.cast.cleo).state == "approved"


def test_a_stand_in_answers_for_another_giver_beside_a_locked_one(world: World) -> None:
    """Of two givers the locked one would be chosen first, by name."""
    zed = make_person("zed", "model-owners")
    lend(world.cast.ben, "cleo")
    lend(zed, "cleo")
    request = ask(world, TINY)
    place(world.cast.dora, LockAxis.PERSON, world.cast.ben.public_id)
    assert answer(request, world.cast.cleo).state == "approved"
    assert request.verdicts.get().counted == zed


def test_what_was_said_for_a_locked_giver_decides_nothing(world: World) -> None:
    lend(world.cast.ben, "cleo")
    request = answer(ask(world, FRONTIER), world.cast.cleo)
    gus = make_person("gus", "security")
    lock = place(world.cast.dora, LockAxis.PERSON, world.cast.ben.public_id)
    refused(request, gus)
    lift(world.cast.dora, lock)
    assert answer(request, gus).state == "approved"


def test_a_held_part_is_not_granted_on_the_word_of_a_locked_approver(world: World, other: Target) -> None:  # noqa: F811
    gus = make_person("gus", "model-owners")
    parts = send(world, other)
    answer(parts[0], world.cast.ben)
    lock = place(world.cast.dora, LockAxis.PERSON, world.cast.ben.public_id)
    refused(parts[1], gus)
    assert (states(parts), Grant.objects.count()) == (["pending", "pending"], 0)
    lift(world.cast.dora, lock)
    answer(parts[1], gus)
    assert states(parts) == ["approved", "approved"]
