"""The way back to a command line, as a real browser goes it under the policy of our pages."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.e2e.conftest import Visitor
from tests.e2e.test_pages import sideways, violations
from tests.support.lifecycles import World
from tests.support.oauth_client import CommandLine, me, send
from tests.support.processes import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@dataclass
class Ear:
    """What a command line listens with."""

    redirect_uri: str
    heard: list[dict[str, list[str]]] = field(default_factory=list)


class _IPv6Server(HTTPServer):
    address_family = socket.AF_INET6


@pytest.fixture(params=["127.0.0.1", "::1"])
def ear(request: pytest.FixtureRequest) -> Iterator[Ear]:
    heard: list[dict[str, list[str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/callback?"):
                heard.append(parse_qs(urlsplit(self.path).query))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"You can close this page.")

        def log_message(self, *args: object) -> None:
            """The suite's output is not its log."""

    kind = _IPv6Server if ":" in request.param else HTTPServer
    server = kind((request.param, 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    host = f"[{request.param}]" if ":" in request.param else request.param
    yield Ear(f"http://{host}:{server.server_port}/callback", heard)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("verb", "word"), [("Let it in", "code"), ("Refuse", "error")])
def test_the_answer_arrives(world: World, visit: Callable[..., Visitor], ear: Ear, verb: str, word: str) -> None:
    cli = CommandLine(redirect_uri=ear.redirect_uri)
    visitor = visit(world.cast.ada)
    page = visitor.go(f"/oauth/authorize?{urlencode(cli.question())}")
    page.get_by_role("button", name=verb).click()
    wait_for(lambda: bool(ear.heard), "the command line heard the answer")
    assert visitor.complaints == []
    assert ear.heard[0]["state"] == [cli.state]
    assert word in ear.heard[0]
    if word == "code":
        got = cli.redeem(ear.heard[0]["code"][0]).json()
        assert me(got["access_token"])[1]["person"]["name"] == "ada"


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (390, "dark")])
def test_a_code_is_typed_and_the_device_goes_on(
    world: World, visit: Callable[..., Visitor], settings: Any, width: int, theme: str
) -> None:
    settings.OAUTH_DEVICE_GRANT = True
    begun = send("/oauth/device_authorization", client_id="jit-cli").json()
    page = visit(world.cast.ada, width=width, theme=theme, bypass_csp=True).go("/oauth/device")
    assert violations(page) + sideways(page, width) == []
    page.get_by_label("Code that the device shows").fill(begun["user_code"].lower())
    page.get_by_role("button", name="Look it up").click()
    page.get_by_role("button", name="Let it in").wait_for()
    assert violations(page) + sideways(page, width) == []
    page.get_by_role("button", name="Let it in").click()
    page.get_by_role("heading", name="The device is signed in as you").wait_for()
    assert violations(page) + sideways(page, width) == []
    asked = {"client_id": "jit-cli", "device_code": begun["device_code"]}
    got = send("/oauth/token", grant_type="urn:ietf:params:oauth:grant-type:device_code", **asked).json()
    assert me(got["access_token"])[1]["person"]["name"] == "ada"
