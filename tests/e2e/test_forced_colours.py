"""The reader's own colours: what is chosen, what is main and how far a rail is still tell themselves apart."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.e2e.conftest import Visitor
from tests.e2e.test_pages import violations
from tests.support.lifecycles import TINY, World, active, ask

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def style(page: Page, selector: str, name: str) -> str:
    return str(page.eval_on_selector(selector, f"element => getComputedStyle(element)['{name}']"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_state_never_hangs_on_a_colour_of_ours(world: World, visit: Callable[..., Visitor], theme: str) -> None:
    active(world, TINY)
    request = ask(world, TINY, ticket="EVAL-2231")
    ada = visit(world.cast.ada, theme=theme, forced_colors="active", bypass_csp=True).go("/access")
    assert violations(ada) == []
    assert style(ada, ".nav__link[aria-current]", "outlineStyle") == "solid"
    assert style(ada, ".nav__link:not([aria-current])", "outlineStyle") == "none"
    assert style(ada, ".rail__done", "fill") != style(ada, ".rail__rest", "fill")
    tabs = ".command-tabs__tab"
    assert style(ada, f"{tabs}[aria-current]", "borderBottomColor") != style(
        ada, f"{tabs}:not([aria-current])", "borderBottomColor"
    )
    ben = visit(world.cast.ben, width=390, theme=theme, forced_colors="active", bypass_csp=True)
    page = ben.go(f"/approvals/{request.public_id}")
    assert violations(page) == []
    main, other = ".decision__buttons .button--primary", ".decision__buttons .button:not(.button--primary)"
    assert style(page, main, "backgroundColor") != style(page, other, "backgroundColor")
    assert style(page, ".decision__answer", "borderTopStyle") == "solid"
