"""Break-glass in a real browser: from a request that waits, by name and code, to the token and the review."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jit_access.access_requests.models import BreakGlassReview
from jit_access.domain.lifecycle import GrantState
from jit_access.grants.models import Grant
from tests.e2e.conftest import Visitor
from tests.e2e.test_pages import AXE, RUN_AXE
from tests.support.lifecycles import TINY, World, ask
from tests.support.sessions import code_now

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WHY = "Production serves wrong answers until this model is rolled back"


def look(visitor: Visitor) -> None:
    """axe finds nothing, and nothing runs sideways."""
    visitor.page.evaluate(AXE)
    assert visitor.page.evaluate(RUN_AXE) == []
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("width", [1440, 390])
def test_a_request_that_waits_is_opened_at_once_and_reviewed(
    world: World, visit: Callable[..., Visitor], width: int
) -> None:
    request = ask(world, TINY)
    ada = visit(world.cast.ada, width=width)
    page = ada.go(f"/requests/{request.public_id}")
    page.get_by_role("link", name="Break the glass").click()
    look(ada)
    page.get_by_label("What harm does waiting do?").fill(WHY)
    page.get_by_label(f"Type {TINY} to confirm").fill(TINY)
    page.get_by_label("Code of your second factor").fill(code_now())
    page.get_by_role("button", name="Open for 30 min").click()
    page.get_by_text("Open for 30 min, without approval.").wait_for()
    look(ada)
    assert Grant.objects.get().state == GrantState.ACTIVE
    page.get_by_role("button", name="Get a token").click()
    page.get_by_text("jita_grant_").first.wait_for()
    dora = visit(world.cast.dora, width=width)
    dora.go("/access").get_by_role("link", name="Look at it").click()
    dora.page.get_by_text("It still runs.").wait_for()
    look(dora)
    dora.page.get_by_role("link", name="Revoke it").click()
    dora.page.get_by_label("Why? Ada reads this.").fill("It is rolled back now")
    dora.page.get_by_role("button", name="Revoke Ada").click()
    review = BreakGlassReview.objects.get()
    dora.go(f"/break-glass/{review.public_id}")
    dora.page.get_by_label("Your verdict").select_option("yes")
    dora.page.get_by_label("What did you find?").fill("Rolled back, nothing else was read")
    dora.page.get_by_role("button", name="Close the review").click()
    dora.page.get_by_text("The review is closed.").wait_for()
    look(dora)
    review.refresh_from_db()
    assert review.is_justified is True
    assert ada.complaints == dora.complaints == []
