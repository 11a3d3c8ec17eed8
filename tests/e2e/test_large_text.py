"""Text at 200 %, as somebody sets it in the browser: nothing runs sideways, the actions stay in reach."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.conftest import Visitor
from tests.e2e.stops import ClientFor, stops
from tests.e2e.test_pages import sideways
from tests.support.effort import at_length
from tests.support.lifecycles import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def more_arguments() -> tuple[str, ...]:
    return ("--blink-settings=defaultFontSize=32,defaultFixedFontSize=26",)


@pytest.mark.parametrize("width", [390, 1440] if at_length(whole=True, part=False) else [390])
def test_nothing_runs_sideways(world: World, visit: Callable[..., Visitor], client_for: ClientFor, width: int) -> None:
    visitors: dict[tuple[int, str], Visitor] = {}
    wrong: dict[str, list[str]] = {}
    for stop in sorted(stops(world, client_for), key=lambda item: item.factor != "none"):
        key = (stop.person.pk if stop.person else 0, stop.factor)
        if key not in visitors:
            visitors[key] = visit(stop.person, factor=stop.factor, width=width)
        page = visitors[key].go(stop.path)
        assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "32px"
        if found := sideways(page, width):
            wrong[stop.path] = found
    assert wrong == {}
