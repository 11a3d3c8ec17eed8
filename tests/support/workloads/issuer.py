"""A loopback issuer of workload tokens, as GitHub, GitLab, a cluster or SPIRE would be one: real keys, a real key set.

`sign` makes what the real one makes; `forge_…` make what an attacker would.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwk, jws

Claims = dict[str, Any]
AUDIENCE = "http://localhost:8000"
UID = "7a1f5f3e-1c52-4a8e-9a53-0c4f3a2b1d60"
# Shapes as the makers document them; GitHub's and GitLab's ids are texts.
GITHUB: Claims = {
    "sub": "repo:octo/models:environment:production",
    "repository": "octo/models",
    "repository_id": "74",
    "repository_owner": "octo",
    "repository_owner_id": "65",
    "environment": "production",
    "ref": "refs/heads/main",
    "job_workflow_ref": "octo/models/.github/workflows/eval.yml@refs/heads/main",
    "run_id": "30433642",
    "run_attempt": "1",
    "actor": "mona",
    "event_name": "push",
    "sha": "7d1f9d1c",
}
GITLAB: Claims = {
    "sub": "project_path:ml/eval:ref_type:branch:ref:main",
    "project_id": "22",
    "project_path": "ml/eval",
    "namespace_id": "72",
    "namespace_path": "ml",
    "ref": "main",
    "ref_type": "branch",
    "ref_protected": "true",
    "pipeline_id": "574",
    "job_id": "302",
    "user_login": "mona",
}
KUBERNETES: Claims = {
    "sub": "system:serviceaccount:train:eval",
    "kubernetes.io": {
        "namespace": "train",
        "serviceaccount": {"name": "eval", "uid": UID},
        "pod": {"name": "eval-7d9c", "uid": "0b6f0f4e-0d52-4a8e-9a53-0c4f3a2b1d61"},
        "node": {"name": "node-1", "uid": "1b6f0f4e-0d52-4a8e-9a53-0c4f3a2b1d62"},
    },
}
SPIFFE: Claims = {"sub": "spiffe://example.org/ns/train/sa/eval"}


@dataclass(slots=True)
class Issuer:
    """One issuer with its keys. `now` is the clock it signs by."""

    url: str = ""
    keys: list[jwk.RSAKey | jwk.ECKey] = field(default_factory=list)
    now: Callable[[], float] = time.time
    asked_for_keys: int = 0
    is_away: bool = False
    redirects_to: str = ""

    def rotate(self) -> None:
        """Another key signs from now on; the old one is withdrawn."""
        self.keys = [new_key()]

    def claims(self, about: Claims, **changes: Any) -> Claims:
        """What a token of this issuer says: five minutes of life, for us. None takes a claim out."""
        now = int(self.now())
        said = {
            "iss": self.url,
            "aud": AUDIENCE,
            "iat": now,
            "nbf": now,
            "exp": now + 300,
            "jti": secrets.token_hex(8),
            **about,
            **changes,
        }
        return {name: value for name, value in said.items() if value is not None}

    def token(self, about: Claims, **changes: Any) -> str:
        return self.sign(self.claims(about, **changes))

    def sign(self, claims: Claims | bytes, key: jwk.RSAKey | jwk.ECKey | None = None, **header: Any) -> str:
        """With the issuer's own key, unless another one is given. Bytes are signed as they are."""
        signer = key or self.keys[0]
        alg = "ES256" if isinstance(signer, jwk.ECKey) else "RS256"
        told = {"alg": alg, "typ": "JWT", "kid": self.keys[0].kid, **header}
        told = {name: value for name, value in told.items() if value is not None}
        body = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
        return sign_raw(told, body, signer, alg)


def new_key() -> jwk.RSAKey:
    return jwk.RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig", "alg": "RS256"})


def new_ec_key() -> jwk.ECKey:
    return jwk.ECKey.generate_key("P-256", {"kid": secrets.token_hex(4), "use": "sig", "alg": "ES256"})


def b64(value: bytes | Claims) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def sign_raw(header: Claims | bytes, body: bytes, key: jwk.RSAKey | jwk.ECKey, alg: str) -> str:
    """Any header and any bytes, signed: no library is asked whether that is wise."""
    head = f"{b64(header)}.{b64(body)}"
    signature = jws.JWSRegistry.algorithms[alg].sign(head.encode(), key)
    return f"{head}.{b64(signature)}"


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


def _handler_of(issuer: Issuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if issuer.is_away:
                self._send(503, {"error": "away"})
            elif issuer.redirects_to:
                self.send_response(302)
                self.send_header("Location", issuer.redirects_to)
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif self.path == "/.well-known/openid-configuration":
                algorithms = ["RS256", "ES256", "HS256", "none"]
                metadata = {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys"}
                self._send(200, {**metadata, "id_token_signing_alg_values_supported": algorithms})
            elif self.path == "/keys":
                issuer.asked_for_keys += 1
                self._send(200, {"keys": [key.as_dict(private=False) for key in issuer.keys]})
            else:
                self._send(404, {"error": "not_found"})

        def _send(self, status: int, found: object) -> None:
            body = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            pass

    return Handler
