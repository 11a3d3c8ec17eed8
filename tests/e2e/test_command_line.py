"""The way back to a command line, as a real browser goes it under the policy of our pages."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.e2e.conftest import Visitor
from tests.support.lifecycles import World
from tests.support.oauth_client import CommandLine, me
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
