"""A token service for a real registry, on an origin of its own, as Docker Hub and GitLab have one.

Source: distribution docs/spec/auth/jwt. It issues what a robot account may have; a real one would ask who it is for.
"""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.support.certificates import make_certificate

ISSUER, SERVICE = "test-issuer", "test-registry"


@dataclass(slots=True)
class TokenService:
    """`asked` holds the path of every request, `credentials` what came with it."""

    username: str
    password: str
    certificate: Path
    key: ec.EllipticCurvePrivateKey
    port: int = 0
    asked: list[str] = field(default_factory=list)
    credentials: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def registry_config(self) -> str:
        """How a registry is told to believe this service."""
        return (
            f"auth:\n  token:\n    realm: {self.url}/token\n    service: {SERVICE}\n    issuer: {ISSUER}\n"
            f"    rootcertbundle: {self.certificate}\n"
        )

    def issue(self, scopes: list[str]) -> str:
        """A token that covers what was asked for."""
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        der = x509.load_pem_x509_certificate(self.certificate.read_bytes()).public_bytes(serialization.Encoding.DER)
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": SERVICE, "sub": self.username, "exp": now + 300, "nbf": now - 10, "iat": now,
                  "jti": str(now), "access": access}  # fmt: skip
        header = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(der).decode()]}
        signed = f"{_encode(json.dumps(header).encode())}.{_encode(json.dumps(claims).encode())}"
        r, s = decode_dss_signature(self.key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@contextlib.contextmanager
def running_token_service(folder: Path, username: str, password: str) -> Iterator[TokenService]:
    """Serves until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key_file = make_certificate(folder)
    key = serialization.load_pem_private_key(key_file.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    service = TokenService(username, password, certificate, key)
    good = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            service.asked.append(self.path)
            service.credentials.append(self.headers.get("Authorization", ""))
            is_good = service.credentials[-1] == good
            scopes = parse_qs(urlsplit(self.path).query).get("scope", [])
            body = json.dumps({"token": service.issue(scopes), "expires_in": 300}).encode() if is_good else b"{}"
            self.send_response(200 if is_good else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()
