"""Every page: axe finds nothing, nothing runs sideways, the pages do not offend their own policy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from django.urls import resolve
from playwright.sync_api import Page

from jit_access.web import urls as web_urls
from tests.e2e.conftest import Visitor
from tests.e2e.stops import ELSEWHERE, ClientFor, stops
from tests.support.effort import at_length
from tests.support.lifecycles import TINY, World, ask

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
RUN_AXE = """async () => {
  const runOnly = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const found = await axe.run(document, { runOnly });
  return found.violations.map((one) => one.id + ": " + one.nodes.map((node) => node.target.join(" ")).join(" | "));
}"""


def sideways(page: Page, width: int) -> list[str]:
    wide = page.evaluate("document.documentElement.scrollWidth")
    return [f"sideways: {wide} px"] if wide > width else []


def violations(page: Page) -> list[str]:
    page.evaluate(AXE)
    return list(page.evaluate(RUN_AXE))


LOOKS = [(390, "dark"), (1440, "light")] if at_length(whole=True, part=False) else [(390, "dark")]


@pytest.mark.parametrize(("width", "theme"), LOOKS)
def test_pages_are_whole_and_accessible(
    world: World, visit: Callable[..., Visitor], client_for: ClientFor, width: int, theme: str
) -> None:
    visitors: dict[tuple[int, str], Visitor] = {}
    wrong: dict[str, list[str]] = {}
    # A set-up page exists for somebody without a factor only, so it is asked for before the others give one.
    for stop in sorted(stops(world, client_for), key=lambda item: item.factor != "none"):
        key = (stop.person.pk if stop.person else 0, stop.factor)
        if key not in visitors:
            # axe is put in by the test, which the policy of the pages rightly forbids to everybody else.
            visitors[key] = visit(stop.person, factor=stop.factor, width=width, theme=theme, bypass_csp=True)
        page = visitors[key].go(stop.path)
        if found := violations(page) + sideways(page, width):
            wrong[stop.path] = found
    assert wrong == {}


def test_no_page_is_left_out(world: World, client_for: ClientFor) -> None:
    names = {pattern.name for pattern in web_urls.urlpatterns}
    seen = {
        resolve(stop.path.partition("?")[0]).url_name for stop in stops(world, client_for) if stop.path != "/nothing"
    }
    assert names - seen == ELSEWHERE


def test_every_stop_is_a_page(world: World, client_for: ClientFor) -> None:
    clients: dict[tuple[int, str], Client] = {}
    answers: dict[str, int] = {}
    for stop in sorted(stops(world, client_for), key=lambda item: item.factor != "none"):
        key = (stop.person.pk if stop.person else 0, stop.factor)
        if key not in clients:
            clients[key] = client_for(stop.person, stop.factor) if stop.person else Client()
        answers[stop.path] = clients[key].get(stop.path).status_code
    assert {path for path, status in answers.items() if status != 200} == {"/nothing"}


def test_axe_does_find_what_is_wrong(world: World, visit: Callable[..., Visitor]) -> None:
    page = visit(None, bypass_csp=True).go("/sign-in")
    assert violations(page) == []
    page.evaluate("document.querySelector('label').remove()")
    assert any(found.startswith("label:") for found in violations(page))


def test_pages_do_not_offend_their_own_policy(
    world: World, visit: Callable[..., Visitor], client_for: ClientFor
) -> None:
    wrong: dict[str, list[str]] = {}
    visitors: dict[int, Visitor] = {}
    for stop in stops(world, client_for):
        if stop.factor != "fresh" or stop.path == "/nothing":
            continue
        key = stop.person.pk if stop.person else 0
        if key not in visitors:
            visitors[key] = visit(stop.person, width=768)
        visitor = visitors[key]
        found = sideways(visitor.go(stop.path), 768) + visitor.complaints
        if found:
            wrong[stop.path] = list(found)
            visitor.complaints.clear()
    assert wrong == {}


def test_the_answer_bar_covers_nothing_on_a_phone(world: World, visit: Callable[..., Visitor]) -> None:
    request = ask(world, TINY, ticket="EVAL-2231")
    page = visit(world.cast.ben, width=390).go(f"/approvals/{request.public_id}")
    page.get_by_text("Policy, other approvers, what you sign").focus()
    summary = page.get_by_text("Policy, other approvers, what you sign").bounding_box()
    bar = page.get_by_role("group", name="Your answer").bounding_box()
    assert summary
    assert bar
    assert summary["y"] + summary["height"] <= bar["y"]
