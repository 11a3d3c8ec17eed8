"""Every page: axe finds nothing, nothing runs sideways, the pages do not offend their own policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page

from jit_access.accounts.models import User
from jit_access.accounts.services import issue_api_token
from jit_access.audit.models import AuditEntry
from jit_access.domain.actors import GATEWAY
from jit_access.grants import services as grants
from tests.e2e.conftest import Visitor
from tests.support.lifecycles import BASE, FRONTIER, TINY, World, active, answer, ask, scheduled, scope_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
RUN_AXE = """async () => {
  const runOnly = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const found = await axe.run(document, { runOnly });
  return found.violations.map((one) => one.id + ": " + one.nodes.map((node) => node.target.join(" ")).join(" | "));
}"""


@dataclass(frozen=True)
class Stop:
    """One page, and who looks at it with which proof."""

    path: str
    person: User | None
    factor: str = "fresh"


def stops(world: World) -> list[Stop]:
    """Each kind of page once, with something on it."""
    cast = world.cast
    grant, plan = active(world, TINY), scheduled(world, BASE)
    lease = grants.issue_token(actor=cast.ada, grant=grant, label="laptop").lease
    narrow = ask(world, scope=scope_of(TINY, tags=("v1", "v2.*")))
    issue_api_token(actor=GATEWAY, user=cast.ci_bot, name="nightly", lasts=timedelta(days=7))
    request, half = ask(world, TINY, ticket="EVAL-2231"), ask(world, FRONTIER)
    answer(half, cast.ben)
    denied = answer(ask(world, BASE, TINY), cast.ben, is_approval=False, note="Not now.")
    record = AuditEntry.objects.filter(kind="grant.activated").latest("seq").record_id
    ada = (
        "/access",
        f"/access/{grant.public_id}/end",
        f"/access/{plan.public_id}/start",
        "/requests/new",
        f"/requests/new?again={half.public_id}",
        f"/requests/new?again={narrow.public_id}",
        f"/requests/{half.public_id}",
        f"/requests/{denied.public_id}",
        "/settings",
        "/settings/tokens/new",
        "/settings/password",
        f"/settings/agents/{cast.ci_bot.public_id}",
        f"/settings/agents/{cast.ci_bot.public_id}/tokens/new",
        f"/access/{grant.public_id}/tokens",
        f"/access/{grant.public_id}/tokens/{lease.public_id}/rotate",
        "/nothing",
    )
    ben = (
        "/approvals",
        f"/approvals/{request.public_id}",
        f"/approvals/{request.public_id}/deny",
        f"/approvals/{narrow.public_id}",
        "/targets",
        f"/targets/{world.target.public_id}",
        "/targets/new",
    )
    dora = (
        "/activity?q=ada",
        f"/activity?grant={grant.public_id}",
        f"/activity/{record}",
        "/policy",
        f"/policy/why?resource=demo-registry/{TINY}&person=cleo",
        "/policy/proposals/new",
        "/reviews",
        "/reviews/new",
    )
    return [
        *(Stop(path, cast.ada) for path in ada),
        *(Stop(path, cast.ben) for path in ben),
        *(Stop(path, cast.dora) for path in dora),
        Stop(f"/approvals/{request.public_id}", cast.ben, "stale"),
        Stop("/second-factor", cast.ada, "stale"),
        Stop("/second-factor/set-up", cast.cleo, "none"),
        Stop("/sign-in", None),
    ]


def sideways(page: Page, width: int) -> list[str]:
    wide = page.evaluate("document.documentElement.scrollWidth")
    return [f"sideways: {wide} px"] if wide > width else []


def violations(page: Page) -> list[str]:
    page.evaluate(AXE)
    return list(page.evaluate(RUN_AXE))


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (390, "dark")])
def test_pages_are_whole_and_accessible(world: World, visit: Callable[..., Visitor], width: int, theme: str) -> None:
    visitors: dict[tuple[int, str], Visitor] = {}
    wrong: dict[str, list[str]] = {}
    # A set-up page exists for somebody without a factor only, so it is asked for before the others give one.
    for stop in sorted(stops(world), key=lambda item: item.factor != "none"):
        key = (stop.person.pk if stop.person else 0, stop.factor)
        if key not in visitors:
            # axe is put in by the test, which the policy of the pages rightly forbids to everybody else.
            visitors[key] = visit(stop.person, factor=stop.factor, width=width, theme=theme, bypass_csp=True)
        page = visitors[key].go(stop.path)
        if found := violations(page) + sideways(page, width):
            wrong[stop.path] = found
    assert wrong == {}


def test_axe_does_find_what_is_wrong(world: World, visit: Callable[..., Visitor]) -> None:
    page = visit(None, bypass_csp=True).go("/sign-in")
    assert violations(page) == []
    page.evaluate("document.querySelector('label').remove()")
    assert any(found.startswith("label:") for found in violations(page))


def test_pages_do_not_offend_their_own_policy(world: World, visit: Callable[..., Visitor]) -> None:
    wrong: dict[str, list[str]] = {}
    visitors: dict[int, Visitor] = {}
    for stop in stops(world):
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
