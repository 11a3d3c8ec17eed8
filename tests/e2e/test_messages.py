"""The browser's own notifications: only after the person said so, and each message once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from jit_access.accounts.models import User
from jit_access.notifications.services import tell
from tests.e2e.conftest import Visitor
from tests.support.cast import Cast

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
# What the browser would show, where a test can read it: headless Chromium has no desktop to show it on.
WATCHED = """
window.shown = [];
window.Notification = class extends EventTarget {
  static permission = localStorage.getItem("permission") || "default";
  static async requestPermission() {
    localStorage.setItem("permission", "granted");
    return (Notification.permission = "granted");
  }
  constructor(subject, options) { super(); window.shown.push([subject, options.tag]); }
};
"""


def said(user: User, word: str) -> None:
    tell(user, kind="test", subject=word, text=word, path="/access", dedupe_key=word)


def test_they_are_shown_once_the_person_wants_them(cast: Cast, visit: Callable[..., Visitor]) -> None:
    visitor = visit(cast.ada)
    visitor.context.add_init_script(WATCHED)
    said(cast.ada, "Before")
    page = visitor.go("/settings")
    assert page.evaluate("window.shown") == []
    with page.expect_response("**/messages/new*"):
        page.get_by_role("button", name="Show them here").click()
    expect(page.get_by_role("button", name="Stop showing them")).to_be_visible()
    said(cast.ada, "Ben agreed")
    with page.expect_response("**/messages/new*"):
        page.reload()
    page.wait_for_function("window.shown.length > 0")
    assert [subject for subject, _tag in page.evaluate("window.shown")] == ["Ben agreed"]
    with page.expect_response("**/messages/new*"):
        page.reload()
    assert page.evaluate("window.shown") == []
    page.get_by_role("button", name="Stop showing them").click()
    said(cast.ada, "Cleo asks")
    page.reload()
    expect(page.get_by_role("button", name="Show them here")).to_be_visible()
    assert page.evaluate("window.shown") == []
    assert visitor.complaints == []


def test_what_the_browser_blocks_is_said(cast: Cast, visit: Callable[..., Visitor]) -> None:
    visitor = visit(cast.ada)
    visitor.context.add_init_script(WATCHED + 'Notification.permission = "denied";')
    page = visitor.go("/settings")
    expect(page.get_by_text("This browser blocks notifications from here.")).to_be_visible()
