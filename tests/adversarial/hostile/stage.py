"""The stage of every case: a running gateway, one grant, a target that is hostile and one that is not.

What holds for all cases is checked here: the control request passes afterwards, and neither our credential nor the
client's token shows up in an answer, a record or a log line.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
from dataclasses import dataclass, field

from jit_access.domain.scopes import ResourceScope
from tests.adversarial.hostile.upstream import HostileUpstream
from tests.support.gateway import ALL, Gateway, Held
from tests.support.raw import RawAnswer, read_all, split_answers

BODY = b"layer bytes " * 1000
D = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
USERNAME = "robot"
PASSWORD = "canary-upstream-password"
BASIC = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode())
OK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
BLOB = f"/v2/demo/a/blobs/{D}"
_REQUEST_ID = re.compile(rb"\r\nx-request-id: exc_[0-9a-f]{32}\r\n")
_TRACE = re.compile(rb"\r\ntraceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-01\r\n")


@dataclass(slots=True)
class Stage:
    """One case's view of the gateway."""

    gateway: Gateway
    control: HostileUpstream
    seen: list[bytes] = field(default_factory=list)  # everything that clients got
    held: Held = field(init=False)

    def target(self, upstream: HostileUpstream, **facts: object) -> None:
        """Put the hostile registry behind `demo`."""
        given: dict[str, object] = {"username": USERNAME, "password": PASSWORD} | facts
        self.gateway.add_target("demo", upstream.url, **given)  # type: ignore[arg-type]  # names of add_target
        self.held = self.gateway.grant("demo", ResourceScope("a", ALL))

    def send(self, raw: bytes) -> bytes:
        """Raw bytes in, everything out until the gateway hangs up."""
        with socket.create_connection(("127.0.0.1", self.gateway.port), timeout=60) as client:
            client.sendall(raw)
            received = read_all(client)
        self.seen.append(received)
        return received

    def ask(self, method: str = "GET", path: str = BLOB, *fields: str, body: bytes = b"") -> RawAnswer:
        """One request on a connection of its own, and its one answer."""
        received = self.send(self.request(method, path, "Connection: close", *fields, body=body))
        answers = split_answers(received)
        assert len(answers) == 1, received[:200]
        return answers[0]

    def request(self, method: str, path: str, *fields: str, body: bytes = b"") -> bytes:
        """The bytes of a request with the grant's token."""
        lines = [f"{method} {path} HTTP/1.1", "Host: gw.example", f"Authorization: Bearer {self.held.token}", *fields]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def refused(self, answer: RawAnswer, reason: str, status: int = 502) -> dict[str, object]:
        """An upstream failure as it must look: status, target, reason, one record. Returns the record."""
        assert answer.status == status, answer
        (error,) = json.loads(answer.body)["errors"]
        assert error["detail"] == {"reason": reason}
        assert "Target: demo." in error["message"]
        assert not {b"location", b"www-authenticate", b"set-cookie"} & answer.headers.keys()
        exchange = answer.headers[b"x-request-id"].decode()
        record = self.gateway.wait_record("proxy.request.refused", exchange=exchange)
        assert (record["reason"], record["status"], record["target"]) == (reason, status, "demo")
        return record

    def cut(self, reason: str) -> dict[str, object]:
        """The record of a stream that was broken off."""
        record = self.gateway.wait_record("proxy.transfer.cut", grant=self.held.view.grant_id)
        assert (record["reason"], record["target"]) == (reason, "demo")
        return record

    def check_afterwards(self, log: str) -> None:
        """A good request passes, and no secret got out."""
        self.gateway.add_target("control", self.control.url)
        held, self.held = self.held, self.gateway.grant("control", ResourceScope("a", ALL))
        assert self.ask("GET", f"/v2/control/a/blobs/{D}").body == BODY
        everything = b"".join(self.seen) + json.dumps(self.gateway.records()).encode() + log.encode()
        for secret in (PASSWORD.encode(), BASIC, held.token.encode()):
            assert secret not in everything


def plain(received: bytes) -> bytes:
    """What an upstream got, with our random request ids taken out."""
    return _TRACE.sub(b"\r\ntraceparent: ID\r\n", _REQUEST_ID.sub(b"\r\nx-request-id: ID\r\n", received))


def head_at_home(upstream: HostileUpstream, method: bytes, path: bytes, *own: bytes, auth: bytes = b"") -> bytes:
    """Exactly what the registry itself is to get."""
    lines = [
        method + b" " + path + b" HTTP/1.1", *own, b"host: 127.0.0.1:%d" % upstream.port,
        b"accept-encoding: identity", b"authorization: " + (auth or b"Basic " + BASIC),
        b"x-request-id: ID", b"x-forwarded-proto: http", b"x-forwarded-host: gw.example", b"traceparent: ID",
    ]  # fmt: skip
    return b"\r\n".join(lines) + b"\r\n\r\n"


def head_elsewhere(upstream: HostileUpstream, path: bytes, *own: bytes) -> bytes:
    """Exactly what any other place is to get: nothing of ours but the wish for plain bytes."""
    host = b"host: 127.0.0.1:%d" % upstream.port
    return b"\r\n".join([b"GET " + path + b" HTTP/1.1", *own, host, b"accept-encoding: identity"]) + b"\r\n\r\n"
