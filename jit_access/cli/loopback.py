"""One page on a loopback port, where the browser brings the answer of the sign-in. One answer, then it is gone."""

from __future__ import annotations

import hmac
import http.server
import select
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, TextIO
from urllib.parse import parse_qsl, urlsplit

from jit_access.cli.troubles import Exit, Trouble

PATH = "/callback"
_LONGEST_QUERY = 4096
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>jit</title>
<body style="font:18px/1.5 system-ui,sans-serif;max-width:34em;margin:4em auto;padding:0 1em;color-scheme:light dark">
<h1>{title}</h1><p>{text}</p></body></html>"""


class Listener:
    """Listens on 127.0.0.1 alone, on whatever port is free."""

    def __init__(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{PATH}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.server_close()

    def wait(self, state: str, seconds: float, *, pasted: TextIO | None = None) -> Mapping[str, str]:
        """What the page answered to the question with this state: here, or pasted from a browser on another machine.

        Raises: Trouble when nothing came in time.
        """
        self._server.expected = state
        until = time.monotonic() + seconds
        sources: list[Any] = [self._server, *([pasted] if pasted is not None else [])]
        while self._server.answer is None:
            left_s = until - time.monotonic()
            if left_s <= 0:
                raise Trouble("Nobody signed in within 5 min.", Exit.SIGNED_OUT, advice="Try again: jit login")
            ready, _, _ = select.select(sources, [], [], left_s)
            if self._server in ready:
                self._server.handle_request()
            elif pasted in ready and pasted is not None:
                line = pasted.readline()
                sources = sources if line else [self._server]  # its end: nothing more comes from there
                self._server.take(line.strip())
        return self._server.answer


class _Server(http.server.HTTPServer):
    expected = ""
    answer: Mapping[str, str] | None = None

    def take(self, address: str) -> bool:
        """True when this address holds the answer. Any page in the browser can send requests here: it has to know."""
        parts = urlsplit(address)
        given = dict(parse_qsl(parts.query, keep_blank_values=True)) if len(parts.query) <= _LONGEST_QUERY else {}
        is_ours = hmac.compare_digest(given.get("state", "").encode(), self.expected.encode())
        if parts.path != PATH or not is_ours or not self.expected or self.answer is not None:
            return False
        self.answer = given
        return True

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that goes away is nothing to talk about."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server
    timeout = 5  # a connection that says nothing holds nobody up
    server_version = "jit"
    sys_version = ""

    def do_GET(self) -> None:  # the library's name
        if not self.server.take(self.path):
            self._say(404, "Nothing here", "This page belongs to a sign-in of the jit command.")
        elif "code" in (self.server.answer or {}):
            self._say(200, "You can close this page", "The jit command goes on in your terminal.")
        else:
            self._say(200, "Not signed in", "Your terminal says why.")

    def _say(self, status: int, title: str, text: str) -> None:
        body = _PAGE.format(title=title, text=text).encode()
        self.send_response(status)
        for name, value in (
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
            ("Referrer-Policy", "no-referrer"),  # the address of this page holds the code
            ("Connection", "close"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # the library's name
        """Nothing: the address of the request holds the code."""
