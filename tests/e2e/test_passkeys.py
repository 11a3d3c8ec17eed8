"""Passkeys in a real browser with a virtual authenticator: made, used to approve on a phone, refused, gone without."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from playwright.sync_api import CDPSession, Page, expect
from pytest_django.live_server_helper import LiveServer

from jit_access.core import clock
from jit_access.domain.lifecycle import RequestState
from jit_access.mfa.models import Passkey
from jit_access.mfa.session_keys import PROVED_AT
from jit_access.mfa.session_store import SessionStore
from tests.e2e.conftest import Visitor
from tests.support.lifecycles import TINY, World, ask, reload
from tests.support.sessions import code_now

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Visit = Callable[..., Visitor]


@pytest.fixture(autouse=True)
def site(settings: Any, live_server: LiveServer) -> None:
    settings.PUBLIC_URL = live_server.url


class Device:
    """The authenticator inside one browser; it answers by itself, or as if nobody touched it."""

    def __init__(self, visitor: Visitor) -> None:
        self._cdp: CDPSession = visitor.context.new_cdp_session(visitor.page)
        self._cdp.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        self._id = self._cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def knows_its_user(self, is_verified: bool) -> None:
        self._cdp.send("WebAuthn.setUserVerified", {"authenticatorId": self._id, "isUserVerified": is_verified})


def add_passkey(page: Page, name: str) -> None:
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_text(f"The passkey {name} is added.")).to_be_visible()


def make_stale(visitor: Visitor) -> None:
    """As after 25 minutes: the proof of this session is too old to approve with."""
    key = next(c["value"] for c in visitor.context.cookies() if c["name"] == django_settings.SESSION_COOKIE_NAME)
    session = SessionStore(key)
    session[PROVED_AT] = (clock.now() - timedelta(minutes=25)).timestamp()
    session.save()


def test_ben_approves_on_a_phone_with_two_presses(world: World, visit: Visit) -> None:
    ben = visit(world.cast.ben, width=390)
    Device(ben)
    page = ben.go("/settings")
    add_passkey(page, "Phone")
    expect(page.get_by_text("Passkey", exact=True)).to_be_visible()
    make_stale(ben)

    request = ask(world, TINY)
    page = ben.go(f"/approvals/{request.public_id}")
    expect(page.get_by_label("Code from your authenticator").first).to_be_hidden()
    page.get_by_role("button", name=re.compile("^Approve for")).click()
    expect(page.get_by_text("Ada can start now, and was told.")).to_be_visible()
    assert reload(request).state == RequestState.APPROVED
    assert Passkey.objects.get().last_used_at is not None
    assert ben.complaints == []


def test_a_code_is_one_press_away_and_comes_forward_when_the_key_fails(world: World, visit: Visit) -> None:
    ben = visit(world.cast.ben)
    device = Device(ben)
    add_passkey(ben.go("/settings"), "Laptop")
    make_stale(ben)
    device.knows_its_user(False)

    request = ask(world, TINY)
    page = ben.go(f"/approvals/{request.public_id}")
    page.get_by_role("button", name=re.compile("^Approve for")).click()
    expect(page.get_by_text("The passkey was not used. Try again, or type a code.")).to_be_visible()
    assert reload(request).state == RequestState.PENDING
    page.get_by_label("Code from your authenticator").first.fill(code_now())
    page.get_by_role("button", name=re.compile("^Approve for")).click()
    expect(page.get_by_text("Ada can start now, and was told.")).to_be_visible()


def test_it_completes_a_sign_in_and_goes_away(world: World, visit: Visit) -> None:
    ada = visit(world.cast.ada)
    Device(ada)
    add_passkey(ada.go("/settings"), "Laptop")
    make_stale(ada)
    page = ada.go("/second-factor?next=/settings")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Security settings")
    page.get_by_role("link", name="Manage Laptop").click()
    page.get_by_label("Name").fill("Old laptop")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The passkey is called Old laptop now.")).to_be_visible()
    page.get_by_role("link", name="Manage Old laptop").click()
    page.get_by_role("link", name="Remove…").click()
    page.get_by_role("button", name="Remove Old laptop").click()
    expect(page.get_by_text("The passkey Old laptop is removed.")).to_be_visible()
    assert not Passkey.objects.exists()


def test_without_script_the_code_field_is_there(world: World, visit: Visit) -> None:
    ben = visit(world.cast.ben)
    Device(ben)
    add_passkey(ben.go("/settings"), "Laptop")
    state = ben.context.storage_state()
    plain = visit(None, java_script_enabled=False, storage_state=state)
    page = plain.go("/second-factor")
    page.get_by_label("Code from your authenticator").fill(code_now())
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("My access")
