"""Signing in at a company's provider in a real browser, and the pages about one's sessions, devices and resets."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from jit_access.accounts.models import User
from jit_access.core import clock as core_clock
from jit_access.core.ids import new_id
from jit_access.core.secret import Secret
from jit_access.domain.actors import GATEWAY
from jit_access.jose import key_sets as keys
from jit_access.mfa.models import Device, FactorReset
from jit_access.single_sign_on import services
from jit_access.single_sign_on.models import Identity, Provider
from tests.e2e.conftest import Visitor
from tests.e2e.test_pages import AXE, RUN_AXE
from tests.support.cast import Cast, make_person
from tests.support.oidc.issuer import CLIENT_ID, CLIENT_SECRET, Issuer, running_issuer
from tests.support.sessions import code_now, give_factor

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Visit = Callable[..., Visitor]
SHOTS = os.environ.get("SHOTS", "")


@pytest.fixture
def provider(live_server: LiveServer, settings: Any, cast: Cast) -> Iterator[tuple[Issuer, Provider]]:
    settings.PUBLIC_URL = live_server.url
    keys.forget_keys()
    with running_issuer() as issuer:
        issuer.people = {"ada@corp": {"sub": "S-ada"}}
        order = services.ProviderOrder("corp", "Example ID", issuer.url, CLIENT_ID, Secret(CLIENT_SECRET))
        yield issuer, services.add_provider(actor=GATEWAY, order=order)


@dataclass
class Look:
    """One page at one size and theme: nothing runs sideways, axe finds nothing, nothing complains."""

    visitor: Visitor

    def at(self, name: str, path: str = "") -> Page:
        page = self.visitor.go(path) if path else self.visitor.page
        if SHOTS:
            page.wait_for_timeout(150)
            page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
        page.evaluate(AXE)
        assert page.evaluate(RUN_AXE) == [], name
        assert self.visitor.complaints == []
        return page


def ada_comes_by_the_provider(visitor: Visitor) -> Page:
    page = visitor.go("/sign-in?next=/settings")
    page.get_by_role("button", name="Sign in with Example ID").click()
    page.locator("input[name=login]").fill("ada@corp")
    page.get_by_role("button", name="Sign in").click()
    return page


def test_a_company_sign_in_goes_there_and_back(provider: tuple[Issuer, Provider], cast: Cast, visit: Visit) -> None:
    now = core_clock.now()
    give_factor(cast.ada)
    Identity.objects.create(
        public_id=new_id("idn"), provider=provider[1], user=cast.ada, subject="S-ada", linked_at=now
    )
    stranger = visit(width=390)
    Look(stranger).at("sign-in-390", "/sign-in")
    page = ada_comes_by_the_provider(stranger)
    expect(page.get_by_role("heading", name="Prove it is you")).to_be_visible()
    page.get_by_label("Code from your authenticator").fill(code_now())
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="Security settings")).to_be_visible()
    expect(page.get_by_text("by Example ID")).to_be_visible()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("link", name="Sign out of Example ID too")).to_be_visible()


def more_of(user: User) -> None:
    """A second device, as of last week."""
    now = core_clock.now()
    facts = {"public_id": new_id("dev"), "name": "Safari on iPhone", "first_seen_at": now, "seen_at": now}
    Device.objects.create(user=user, device_hash="0" * 64, **facts)


@pytest.mark.parametrize(("width", "theme"), [(390, "light"), (390, "dark"), (1440, "light"), (1440, "dark")])
def test_the_pages_of_people(
    provider: tuple[Issuer, Provider], cast: Cast, visit: Visit, width: int, theme: str
) -> None:
    size = f"{width}-{theme}"
    eli = make_person("eli", "security")
    visit(cast.ada)
    more_of(cast.ada)
    dora = Look(visit(cast.dora, width=width, theme=theme))
    dora.at(f"resets-empty-{size}", "/resets")
    dora.visitor.page.get_by_label("User name").fill("ada")
    dora.visitor.page.get_by_label("How do you know").fill("Called her on the number that I have known for years.")
    dora.visitor.page.get_by_role("button", name="Ask for the reset").click()
    expect(dora.visitor.page.get_by_text("Somebody else of security confirms it.")).to_be_visible()
    dora.at(f"reset-asked-{size}")
    dora.at(f"resets-{size}", "/resets")
    ada = Look(visit(cast.ada, width=width, theme=theme))
    ada.at(f"settings-{size}", "/settings")
    device = Device.objects.filter(user=cast.ada).latest("pk")
    ada.at(f"device-{size}", f"/settings/devices/{device.public_id}")
    ada.at(f"link-{size}", "/settings/identities/corp/link")
    reset = FactorReset.objects.get()
    ada.at(f"reset-mine-{size}", f"/resets/{reset.public_id}")
    FactorReset.objects.update(not_before=core_clock.now())
    other = Look(visit(eli, width=width, theme=theme))
    page = other.at(f"reset-confirm-{size}", f"/resets/{reset.public_id}")
    page.get_by_role("button", name="Reset Ada Okafor's factor").click()
    expect(page.get_by_text("It is not shown again.")).to_be_visible()
    other.at(f"reset-code-{size}")
    back = Look(visit(cast.ada, factor="none", width=width, theme=theme))
    back.at(f"reset-redeem-{size}", "/access")
    Look(visit(width=width, theme=theme)).at(f"sign-in-{size}", "/sign-in")
