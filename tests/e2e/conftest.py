"""A real browser against the real pages, on this machine only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from jit_access.accounts.models import User
from tests.support.cast import Cast
from tests.support.lifecycles import World, make_world

CHROMIUM = Path("/usr/bin/chromium")
# No sandbox inside containers; no service of the vendor is asked for anything.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def more_arguments() -> tuple[str, ...]:
    """What a module wants to tell the browser beside the usual."""
    return ()


@pytest.fixture(scope="module")  # no longer: while it lives its event loop runs, and other tests start their own
def browser(more_arguments: tuple[str, ...]) -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.fail(f"{CHROMIUM} is missing: install the package chromium, or leave these out with -m 'not browser'")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Its loop lives in this thread from here on, so Django would take every query of a test for a coroutine's.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        launched = playwright.chromium.launch(executable_path=str(CHROMIUM), args=[*ARGUMENTS, *more_arguments])
        yield launched
        launched.close()


@pytest.fixture
def world(cast: Cast) -> World:
    return make_world(cast)


@dataclass
class Visitor:
    """One person at one browser. `complaints` are the errors that the page itself reported."""

    context: BrowserContext
    page: Page
    base_url: str
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> Page:
        self.page.goto(self.base_url + path)
        return self.page


@pytest.fixture
def visit(
    browser: Browser, live_server: LiveServer, client_for: Callable[..., Client]
) -> Iterator[Callable[..., Visitor]]:
    """`visit(cast.ada, width=390, theme="dark")`; without a person nobody is signed in."""
    contexts: list[BrowserContext] = []

    def open_browser(user: User | None = None, *, factor: str = "fresh", **options: object) -> Visitor:
        width = int(options.pop("width", 1440))  # type: ignore[call-overload]  # a number in every test
        context = browser.new_context(
            viewport={"width": width, "height": 844 if width < 500 else 900},
            color_scheme=options.pop("theme", "light"),
            reduced_motion="reduce",
            **options,
        )
        contexts.append(context)
        context.set_default_timeout(60_000)
        if user is not None:
            cookies = client_for(user, factor).cookies
            names = (settings.SESSION_COOKIE_NAME, settings.DEVICE_COOKIE_NAME)
            context.add_cookies([{"name": n, "value": cookies[n].value, "url": live_server.url} for n in names])
        visitor = Visitor(context, context.new_page(), live_server.url)
        visitor.page.on(
            "console", lambda message: visitor.complaints.append(message.text) if message.type == "error" else None
        )
        visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
        return visitor

    yield open_browser
    for context in contexts:
        context.close()
