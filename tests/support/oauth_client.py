"""A command line that signs in: its half of the code flow, by hand, so that each part can be bent."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from django.test import Client

REDIRECT = "http://127.0.0.1:49152/callback"
_FORM = "application/x-www-form-urlencoded"
_REFRESH = re.compile(r'http-equiv="refresh" content="0;url=([^"]+)"')


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass
class CommandLine:
    """`browser` is the session of whoever sits in front of it; None where only the token endpoint is met."""

    browser: Client | None = None
    client_id: str = "jit-cli"
    redirect_uri: str = REDIRECT
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    def question(self, **changes: str | None) -> dict[str, str]:
        """The parameters of the first message; None leaves one out."""
        asked: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "read act",
            "state": self.state,
            "code_challenge": challenge_of(self.verifier),
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in (asked | changes).items() if value is not None}

    def look(self, **changes: str | None) -> Any:
        """Open the page."""
        assert self.browser is not None
        return self.browser.get("/oauth/authorize", self.question(**changes))

    def answer(self, decision: str = "allow", **changes: str | None) -> Any:
        """Press a button on it."""
        assert self.browser is not None
        return self.browser.post("/oauth/authorize", self.question(**changes) | {"decision": decision})

    def code(self, **changes: str | None) -> str:
        """What comes back after a yes."""
        return sent_back(self.answer(**changes))["code"]

    def redeem(self, code: str, **changes: str | None) -> Any:
        """The second message, to the token endpoint."""
        sent: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
        }
        return send("/oauth/token", **(sent | changes))

    def sign_in(self, **changes: str | None) -> str:
        """Both messages; the token's text."""
        got = self.redeem(self.code(**changes))
        assert got.status_code == 200, got.content
        return str(got.json()["access_token"])


def send(path: str, headers: dict[str, str] | None = None, **fields: str | None) -> Any:
    """One form to an endpoint for machines."""
    body = urlencode({name: value for name, value in fields.items() if value is not None})
    return Client(enforce_csrf_checks=True).post(path, body, content_type=_FORM, headers=headers or {})


def sent_back(page: Any) -> dict[str, str]:
    """The parameters that the browser carries to the client."""
    if page.status_code == 302:
        address = page["Location"]
    else:
        assert page.status_code == 200, page.content
        found = _REFRESH.search(page.content.decode())
        assert found, page.content
        address = html.unescape(found[1])
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query, strict_parsing=True).items()}


def me(text: str) -> tuple[int, dict[str, Any]]:
    """Who a token is at the API."""
    answer = Client().get("/api/v1/me", headers={"Authorization": f"Bearer {text}"})
    return answer.status_code, answer.json()
