"""Stands between the proxies and web, and can be told to lie: errors, silence, half an answer, an old snapshot."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx


class Mood(StrEnum):
    """What it does with requests for a snapshot. Everything else always goes through."""

    HONEST = "honest"
    ERROR = "error"
    HANGING = "hanging"
    HALF = "half"
    GARBAGE = "garbage"
    STALE = "stale"  # signed, and true once


class Relay:
    """One server thread per request: a few a second."""

    def __init__(self, web_port: int) -> None:
        self.mood = Mood.HONEST
        self.recorded = b""
        self._web = httpx.Client(base_url=f"http://127.0.0.1:{web_port}", timeout=60, trust_env=False)
        self._calm = threading.Event()
        relay = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                relay.answer(self, b"")

            def do_POST(self) -> None:
                relay.answer(self, self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextlib.contextmanager
    def running(self) -> Iterator[Relay]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._calm.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def record(self, bearer: str) -> None:
        """Keep what web says now, to be told later as if it were new."""
        self.recorded = self._web.get("/internal/v1/snapshot", headers={"Authorization": f"Bearer {bearer}"}).content

    @contextlib.contextmanager
    def being(self, mood: Mood) -> Iterator[None]:
        self._calm.clear()
        self.mood = mood
        try:
            yield
        finally:
            self.mood = Mood.HONEST
            self._calm.set()

    def answer(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        mood = self.mood if handler.path.endswith("/snapshot") else Mood.HONEST
        if mood is Mood.HANGING:
            self._calm.wait(30)
        if mood is Mood.STALE:
            status, answer = 200, self.recorded
        elif mood is Mood.ERROR:
            status, answer = 500, b"{}"
        elif mood is Mood.GARBAGE:
            status, answer = 200, b'{"body": "{}", "signature": "00"}'
        else:
            status, answer = self._forward(handler, body)
        with contextlib.suppress(ConnectionError):
            handler.send_response(status)
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Length", str(len(answer)))
            handler.end_headers()
            handler.wfile.write(answer[: len(answer) // 2] if mood is Mood.HALF else answer)
            handler.close_connection = True

    def _forward(self, handler: BaseHTTPRequestHandler, body: bytes) -> tuple[int, bytes]:
        headers = {name: handler.headers[name] for name in ("Authorization", "Content-Type") if name in handler.headers}
        try:
            answer = self._web.request(handler.command, handler.path, headers=headers, content=body)
        except httpx.HTTPError:
            return 502, b"{}"
        return answer.status_code, answer.content
