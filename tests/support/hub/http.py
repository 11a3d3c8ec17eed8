"""The little of HTTP that the hub and its store share."""

from __future__ import annotations

import contextlib
import json
from http.server import BaseHTTPRequestHandler
from typing import ClassVar

from tests.support.hub.repositories import Hub, Seen
from tests.support.processes import LONGEST_WAIT_S

TOKEN = "hf_upstream_secret"


class HubRequest(BaseHTTPRequestHandler):
    """One connection. `answer` is what a kind of server does with a request."""

    protocol_version = "HTTP/1.1"
    hub: ClassVar[Hub]
    who: ClassVar[str]
    body = b""

    def answer(self) -> None:
        raise NotImplementedError

    def log_message(self, *args: object) -> None:
        """Quiet."""

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # whoever was cut off does not say goodbye
            super().handle()

    def handle_any(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fields = {name.lower(): value for name, value in self.headers.items()}
        self.hub.seen.append(Seen(self.who, self.command, self.path, fields))
        self.answer()

    do_HEAD = do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815 - the names that the base class calls

    def say(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            with contextlib.suppress(OSError):
                self._write(body)

    def _write(self, body: bytes) -> None:
        hold, half = self.hub.hold, len(body) // 2
        if hold is None or len(body) < self.hub.large_from:
            self.wfile.write(body)
            return
        self.wfile.write(body[:half])
        self.hub.halves += 1
        hold.wait(LONGEST_WAIT_S)
        self.wfile.write(body[half:])

    def say_json(self, document: object, **headers: str) -> None:
        self.say(200, json.dumps(document).encode(), Content_Type="application/json", **headers)

    def fail(self, status: int, code: str) -> None:
        """With an address in the message, as the real one does."""
        self.say(status, b"{}", X_Error_Code=code, X_Error_Message=f"see {self.hub.base_url}")
