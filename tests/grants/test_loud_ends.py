"""What is cut is cried out once; what ended in peace is not."""

from __future__ import annotations

import pytest

from jit_access.grants import services as grants
from jit_access.notifications.models import Alert
from tests.support.cast import Cast
from tests.support.lifecycles import BASE, World, active, make_world


@pytest.fixture
def world(cast: Cast) -> World:
    return make_world(cast)


def test_revocation_of_running_access_is_loud(world: World) -> None:
    grant = active(world, BASE)
    for _ in range(2):
        grants.revoke_grant(actor=world.cast.dora, grant=grant)
    alert = Alert.objects.get()
    assert alert.subject == "Cut: Ada Okafor’s access to demo-registry/tools/base-image"
    assert "grant-revoked" in alert.text


def test_own_end_is_not(world: World) -> None:
    grants.relinquish_grant(actor=world.cast.ada, grant=active(world, BASE))
    assert not Alert.objects.exists()
