"""Two providers, and a browser that walks to one and back."""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest
from django.db import connection
from django.test import Client

from jit_access.core import clock as core_clock
from jit_access.core.secret import Secret
from jit_access.domain.actors import GATEWAY
from jit_access.jose import key_sets as keys
from jit_access.single_sign_on import services
from jit_access.single_sign_on.models import Provider
from tests.support.cast import Cast
from tests.support.oidc.issuer import CLIENT_ID, CLIENT_SECRET, Issuer, running_issuer

_HIDDEN = re.compile(r'name="([^"]+)" value="([^"]*)"')


@dataclass(slots=True)
class Walk:
    """One sign-in: the provider's answer is held back until the test sends it."""

    client: Client
    answer: str = ""

    def leave(self, slug: str = "corp", path: str = "", **form: str) -> str:
        page = self.client.post(path or f"/sign-in/with/{slug}", form)
        assert page.status_code == 200, page
        found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', page.content.decode())
        assert found
        return html.unescape(found[1])

    def log_in(self, address: str, login: str) -> str:
        """At the provider: read its form, fill it in, and keep where it sends us."""
        with httpx.Client(trust_env=False) as browser:
            page = browser.get(address)
            fields = {html.unescape(name): html.unescape(value) for name, value in _HIDDEN.findall(page.text)}
            sent = browser.post(page.url.join("/login"), data={**fields, "login": login})
        self.answer = httpx.URL(sent.headers["Location"]).raw_path.decode()
        return self.answer

    def sign_in(self, login: str = "ada@corp", slug: str = "corp") -> object:
        return self.client.get(self.log_in(self.leave(slug), login))


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Issuer, Issuer]]:
    with running_issuer() as one, running_issuer() as other:
        yield one, other


def _database_time() -> float:
    """The time that tests move. A provider's threads ask for it too, and nobody else closes what they opened."""
    try:
        return core_clock.now().timestamp()
    finally:
        if threading.current_thread() is not threading.main_thread():
            connection.close()


@pytest.fixture
def issuers(served: tuple[Issuer, Issuer], db: None) -> tuple[Issuer, Issuer]:
    keys.forget_keys()
    for issuer in served:
        issuer.people = {"ada@corp": {"sub": "S-ada", "preferred_username": "ada.corp", "name": "Ada Corp"}}
        issuer.bend, issuer.forge, issuer.names_itself = {}, None, True
        issuer.now = _database_time
        issuer.codes.clear()
        issuer.token_requests.clear()
        issuer.asked_for_keys = 0
    return served


@pytest.fixture
def issuer(issuers: tuple[Issuer, Issuer]) -> Issuer:
    return issuers[0]


def add(slug: str, issuer: Issuer) -> Provider:
    order = services.ProviderOrder(slug, slug.title(), issuer.url, CLIENT_ID, Secret(CLIENT_SECRET))
    return services.add_provider(actor=GATEWAY, order=order)


@pytest.fixture
def provider(issuer: Issuer) -> Provider:
    return add("corp", issuer)


@pytest.fixture
def linked(provider: Provider, cast: Cast, client_for: Callable[..., Client]) -> Client:
    """Ada, who linked her account from a session with a second factor."""
    walk = Walk(client_for(cast.ada))
    answer = walk.log_in(walk.leave(path=f"/settings/identities/{provider.slug}/link"), "ada@corp")
    assert walk.client.get(answer)["Location"] == "/settings"
    return walk.client
