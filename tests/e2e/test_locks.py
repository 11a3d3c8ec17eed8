"""The pages of locks in a real browser: from the story of a grant to its lock and back, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jit_access.domain.lifecycle import GrantState
from tests.e2e.conftest import Visitor
from tests.e2e.test_break_glass import look
from tests.support.lifecycles import BASE, World, active, reload

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (390, "dark")])
def test_from_the_story_of_a_grant_to_its_lock_and_back(
    world: World, visit: Callable[..., Visitor], width: int, theme: str
) -> None:
    grant = active(world, BASE)
    dora = visit(world.cast.dora, width=width, theme=theme)
    page = dora.go(f"/activity?grant={grant.public_id}")
    page.get_by_role("link", name="Lock…").click()
    page.get_by_text("It would stop 1 live grant").wait_for()
    look(dora)
    page.get_by_label("Why?").fill("Her laptop was stolen on the train")
    page.get_by_role("button", name="Lock the grant").click()
    page.get_by_text("It stopped 1 grant").wait_for()
    look(dora)
    assert reload(grant).state == GrantState.SUSPENDED
    page.get_by_role("link", name="Lift").click()
    look(dora)
    page.get_by_role("button", name="Lift the lock").click()
    page.get_by_text("What no other lock stops goes on.").wait_for()
    assert reload(grant).state == GrantState.ACTIVE
    dora.go("/locks")
    look(dora)
    assert dora.complaints == []
