"""The whole story in a browser: sign in, ask, approve, start, take a token, end. First without any script."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Route, expect

from jit_access.access_requests.models import AccessRequest
from jit_access.grants.models import Grant
from tests.e2e.conftest import Visitor
from tests.support.cast import PASSWORD
from tests.support.lifecycles import BASE, TINY, World, active, ask
from tests.support.sessions import code_now, give_factor

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Visit = Callable[..., Visitor]


def test_without_script_from_sign_in_to_token_and_end(world: World, visit: Visit) -> None:
    give_factor(world.cast.ada)
    ada = visit(None, java_script_enabled=False)
    page = ada.go("/access")
    page.get_by_label("User name").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Code from your authenticator").fill(code_now())
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("My access")

    page.get_by_role("link", name="Request access").first.click()
    page.get_by_role("searchbox").fill("tiny")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("radio", name=re.compile("tiny-llama")).check()
    page.get_by_role("radio", name="1 h", exact=True).check(force=True)
    page.get_by_label("Reason, as the approver will read it").fill("Smoke test of the loader")
    page.get_by_role("button", name="Show who decides").click()
    expect(page.get_by_text("One person decides: 1 of Model owners")).to_be_visible()
    page.get_by_role("button", name="Send request").click()
    expect(page.get_by_text("Sent. One person decides.")).to_be_visible()
    request = AccessRequest.objects.get()

    ben = visit(world.cast.ben, factor="stale", java_script_enabled=False, width=390)
    answer = ben.go(f"/approvals/{request.public_id}")
    expect(answer.get_by_role("heading", level=1)).to_have_text(
        "Ada Okafor asks to pull a sensitive repository for 1 hour"
    )
    answer.get_by_label("Code from your authenticator").first.fill(code_now())
    answer.get_by_role("button", name="Approve for 1 h").click()
    expect(answer.get_by_text("Ada can start now, and was told.")).to_be_visible()

    page.reload()
    page.get_by_role("link", name="Start now").click()
    page.get_by_role("button", name="Start now").click()
    expect(page.get_by_text("Started. It runs for 1 h.")).to_be_visible()
    page.get_by_role("button", name="Get a token").click()
    expect(page.locator("#token")).to_have_text(re.compile(r"^jita_grant_\w+$"))
    page.get_by_role("link", name="Back to my access").click()
    page.get_by_role("link", name="End now").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"End your pull on {TINY}?")
    page.get_by_role("button", name="End my pull").click()
    expect(page.get_by_text(f"Ended. Nothing is left of your access to {TINY}.")).to_be_visible()


def test_the_form_updates_who_decides_as_one_chooses(world: World, visit: Visit) -> None:
    ada = visit(world.cast.ada)
    page = ada.go("/requests/new")
    page.get_by_role("radio", name=re.compile("frontier")).check()
    expect(page.get_by_text("Two people decide")).to_be_visible()
    expect(page.get_by_role("radio", name="8 h")).to_be_disabled()
    page.get_by_label("Reason, as the approver will read it").fill("Kept while I choose")
    page.get_by_role("radio", name=re.compile("base-image")).check()
    expect(page.get_by_text("Nobody has to approve")).to_be_visible()
    expect(page.get_by_role("radio", name="8 h")).to_be_enabled()
    expect(page.get_by_label("Reason, as the approver will read it")).to_have_value("Kept while I choose")
    expect(page.get_by_role("radio", name=re.compile("base-image"))).to_be_focused()
    assert not AccessRequest.objects.exists()
    assert ada.complaints == []


def test_a_slow_answer_never_undoes_a_later_choice(world: World, visit: Visit) -> None:
    ada = visit(world.cast.ada)
    page = ada.go("/requests/new")
    held: list[Route] = []
    page.route("**/requests/preview", lambda route: held.append(route) if not held else route.continue_())
    page.get_by_role("radio", name=re.compile("tiny-llama")).check()
    page.wait_for_function("document.querySelector('.htmx-request') !== null")
    page.get_by_role("radio", name="1 h", exact=True).check(force=True)
    # With a queue the second question waits for the first answer, which then puts the old choice back.
    with contextlib.suppress(PlaywrightError):  # the browser gave the first question up
        held[0].continue_()
    expect(page.get_by_text("It ends by itself after 1 h")).to_be_visible()
    expect(page.get_by_role("radio", name="1 h", exact=True)).to_be_checked()


def test_the_waiting_page_tells_by_itself_when_it_is_approved(world: World, visit: Visit) -> None:
    request = ask(world, TINY)
    ada, ben = visit(world.cast.ada), visit(world.cast.ben, width=390)
    page = ada.go(f"/requests/{request.public_id}")
    expect(page.get_by_text("Waiting for an answer.")).to_be_visible()
    answer = ben.go(f"/approvals/{request.public_id}")
    answer.get_by_role("button", name=re.compile("^Approve for")).click()
    expect(page.locator("#state")).to_contain_text("Approved. Your 1 h start when you do.", timeout=60_000)
    expect(page).to_have_title(re.compile("^Approved"))
    expect(page.get_by_role("status")).to_contain_text("Approved.")
    assert ada.complaints == []


def test_script_adds_copy_popover_and_countdown(world: World, visit: Visit) -> None:
    grant = active(world, BASE)
    ada = visit(world.cast.ada, permissions=["clipboard-read", "clipboard-write"])
    page = ada.go("/access")
    page.get_by_role("button", name="Copy command").last.click()
    expect(page.get_by_role("status")).to_contain_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("skopeo copy --authfile ~/.config/jit/grt_")
    assert " --src-tls-verify=false docker://" in copied
    page.get_by_role("link", name="End now").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"End your pull on {BASE}?")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("link", name="End now")).to_be_focused()
    expect(page.locator("[data-countdown] .countdown__value")).to_have_text(re.compile("^(1 h|59 min)$"))
    assert Grant.objects.get(pk=grant.pk).state == "active"
    assert ada.complaints == []


def test_shortcuts_move_and_never_decide(world: World, visit: Visit) -> None:
    ask(world, TINY)
    ben = visit(world.cast.ben)
    page = ben.go("/access")
    page.keyboard.press("g")
    page.keyboard.press("p")
    expect(page.get_by_role("heading", level=1)).to_have_text("Approvals")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/approvals/req_"))
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    assert AccessRequest.objects.get().state == "pending"
    assert ben.complaints == []
