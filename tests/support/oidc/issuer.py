"""A loopback identity provider that behaves like a real one, and, where a test says so, like a hostile one.

Real: discovery, an authorization endpoint with a login form, a token endpoint that checks client, redirect address,
PKCE and single use, a key set that rotates, logout tokens. Hostile: `bend` changes what the next ID token says, and
`forge` replaces how it is signed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwk, jwt

CLIENT_ID, CLIENT_SECRET = "jit-access", "the secret of the client at the provider"
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
Claims = dict[str, Any]
Signer = Callable[["Issuer", Claims], str]


@dataclass(slots=True)
class _Code:
    query: Mapping[str, str]
    subject: str
    proved_at: int

    def fits(self, form: Mapping[str, str], challenge: str) -> bool:
        """The client that began is the one that asks: PKCE, and the same address to come back to."""
        begun = (self.query.get("code_challenge"), self.query.get("redirect_uri"))
        return begun == (challenge, form.get("redirect_uri"))


@dataclass(slots=True)
class Issuer:
    """One provider. `people` maps a login name to the claims about that person."""

    url: str = ""
    people: dict[str, Claims] = field(default_factory=dict)
    keys: list[jwk.RSAKey] = field(default_factory=list)
    bend: Claims = field(default_factory=dict)  # claims to replace in every token; None takes one out
    forge: Signer | None = None
    names_itself: bool = True
    now: Callable[[], float] = time.time
    asked_for_keys: int = 0
    token_requests: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, _Code] = field(default_factory=dict)

    def rotate(self) -> jwk.RSAKey:
        """A new key signs from now on; the old ones are withdrawn."""
        self.keys = [new_key()]
        return self.keys[0]

    def id_token(self, code: _Code) -> str:
        now = int(self.now())
        claims: Claims = {
            "iss": self.url,
            "sub": code.subject,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": code.query["nonce"],
            "auth_time": code.proved_at,
            "sid": f"session-of-{code.subject}",
            **next(claims for claims in self.people.values() if claims["sub"] == code.subject),
        }
        return self.sign(claims)

    def logout_token(self, **changes: Any) -> str:
        now = int(self.now())
        claims = {"iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + 120, "jti": secrets.token_hex(8)}
        return self.sign({**claims, "events": {LOGOUT_EVENT: {}}, **changes}, typ="logout+jwt")

    def sign(self, claims: Claims, **header: Any) -> str:
        bent = {name: value for name, value in {**claims, **self.bend}.items() if value is not None}
        if self.forge is not None:
            return self.forge(self, bent)
        key = self.keys[0]
        return jwt.encode({"alg": "RS256", "kid": key.kid, **header}, bent, key, algorithms=["RS256"])

    def metadata(self) -> Claims:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "end_session_endpoint": f"{self.url}/leave",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "authorization_response_iss_parameter_supported": self.names_itself,
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
        }


def new_key() -> jwk.RSAKey:
    return jwk.RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig", "alg": "RS256"})


@contextmanager
def running_issuer() -> Iterator[Issuer]:
    """Serve one on a free port of this machine."""
    issuer = Issuer(keys=[new_key()])
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(issuer))
    issuer.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _handler_of(issuer: Issuer) -> type[BaseHTTPRequestHandler]:  # noqa: C901  # one small server, one class
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if parts.path == "/.well-known/openid-configuration":
                self._json(issuer.metadata())
            elif parts.path == "/keys":
                issuer.asked_for_keys += 1
                self._json({"keys": [key.as_dict(private=False) for key in issuer.keys]})
            elif parts.path == "/authorize":
                self._login_form(query)
            else:
                self._json({"error": "not_found"}, status=404)

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            form = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
            if self.path == "/login":
                self._log_in(form)
            elif self.path == "/token":
                self._token(form)
            else:
                self._json({"error": "not_found"}, status=404)

        def _login_form(self, query: dict[str, str]) -> None:
            hidden = "".join(
                f'<input type="hidden" name="{escape(n)}" value="{escape(v, quote=True)}">' for n, v in query.items()
            )
            page = f'<form method="post" action="/login">{hidden}<input name="login"><button>Sign in</button></form>'
            self._send(200, page.encode(), "text/html")

        def _log_in(self, form: dict[str, str]) -> None:
            person = issuer.people.get(form.pop("login"))
            back: dict[str, str] = {"state": form.get("state", "")}
            if issuer.names_itself:
                back["iss"] = issuer.url
            if person is None:
                back["error"] = "access_denied"
            else:
                back["code"] = secrets.token_urlsafe(16)
                issuer.codes[back["code"]] = _Code(form, person["sub"], int(issuer.now()))
            self.send_response(302)
            self.send_header("Location", f"{form['redirect_uri']}?{urlencode(back)}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _token(self, form: dict[str, str]) -> None:
            issuer.token_requests.append(form)
            basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
            code = issuer.codes.pop(form.get("code", ""), None)
            digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            if self.headers.get("Authorization") != f"Basic {basic}":
                self._json({"error": "invalid_client"}, status=401)
            elif code is None or not code.fits(form, challenge):
                self._json({"error": "invalid_grant"}, status=400)
            else:
                self._json({"access_token": "opaque", "token_type": "Bearer", "id_token": issuer.id_token(code)})

        def _json(self, body: object, status: int = 200) -> None:
            self._send(status, json.dumps(body).encode(), "application/json")

        def _send(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            pass

    return Handler
