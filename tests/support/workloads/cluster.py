"""A loopback Kubernetes API server, as far as TokenReview goes: its own authority, RBAC, audiences, deleted pods.

Faithful to authentication.k8s.io/v1: 201 for a review, `status.authenticated`, `status.audiences` as the part of the
asked audiences that the token is for, `user.extra` with lists; 401 for an unknown caller, 403 without the right.
"""

from __future__ import annotations

import json
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.certificates import make_certificate
from tests.support.workloads.issuer import KUBERNETES, Claims, Issuer, new_key

REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
_EXTRA = "authentication.kubernetes.io/"


@dataclass(slots=True)
class Cluster:
    """One cluster. It issues tokens for pods, and knows which of them still live."""

    server: str = ""
    ca_pem: str = ""
    reviewer: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    issuer: Issuer = field(default_factory=lambda: Issuer(url="https://kubernetes.default.svc", keys=[new_key()]))
    now: Callable[[], float] = time.time
    deleted_pods: set[str] = field(default_factory=set)
    reviews: list[dict[str, Any]] = field(default_factory=list)
    knows_audiences: bool = True
    bend: Claims = field(default_factory=dict)  # changes of the status in the next answers
    valid: dict[str, Claims] = field(default_factory=dict)
    status_code: int = 201

    def pod_token(self, **changes: Any) -> str:
        """What the kubelet projects into a pod."""
        self.issuer.now = self.now
        claims = self.issuer.claims(KUBERNETES, **{"aud": ["http://localhost:8000"], **changes})
        text = self.issuer.sign(claims, typ=None)
        self.valid[text] = claims
        return text

    def review(self, spec: Claims) -> Claims:
        """`status` for one token."""
        claims = self.valid.get(str(spec.get("token")))
        if claims is None or claims["exp"] <= self.now():
            return {"authenticated": False, "error": "[invalid bearer token, unknown]"}
        told = claims["kubernetes.io"]
        if told.get("pod", {}).get("uid") in self.deleted_pods:
            return {
                "authenticated": False,
                "error": "[invalid bearer token, service account token has been invalidated]",
            }
        asked, held = spec.get("audiences") or [], claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        shared = [name for name in asked if name in held]
        if self.knows_audiences and asked and not shared:
            return {"authenticated": False, "error": "[invalid bearer token, token audiences is invalid]"}
        user = {
            "username": claims["sub"],
            "uid": told["serviceaccount"]["uid"],
            "groups": ["system:serviceaccounts", "system:authenticated"],
            "extra": {
                _EXTRA + "pod-name": [told["pod"]["name"]],
                _EXTRA + "pod-uid": [told["pod"]["uid"]],
                _EXTRA + "node-name": [told["node"]["name"]],
            },
        }
        status: Claims = {"authenticated": True, "user": user}
        return status | ({"audiences": shared} if self.knows_audiences else {})


@contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """Serve one over TLS on a free port of this machine."""
    certificate, key = make_certificate(folder)
    cluster = Cluster(ca_pem=certificate.read_text(encoding="ascii"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(cluster))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    cluster.server = f"https://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield cluster
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _handler_of(cluster: Cluster) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            question = json.loads(self.rfile.read(length))
            if self.headers.get("Authorization") != f"Bearer {cluster.reviewer}":
                self._send(401, {"kind": "Status", "status": "Failure", "reason": "Unauthorized"})
            elif self.path != REVIEWS or question.get("kind") != "TokenReview":
                self._send(404, {"kind": "Status", "status": "Failure", "reason": "NotFound"})
            else:
                cluster.reviews.append(question["spec"])
                status = {**cluster.review(question["spec"]), **cluster.bend}
                self._send(cluster.status_code, {**question, "metadata": {}, "status": status})

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
