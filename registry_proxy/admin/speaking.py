"""One request per connection, one answer, then the connection is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from http import HTTPStatus
from typing import Protocol

from registry_proxy.edge.head import find_head_end, read_head
from registry_proxy.edge.limits import EdgeLimits
from registry_proxy.edge.refusal import EdgeRefusal
from registry_proxy.protocols.answers import Answer, json_answer
from registry_proxy.protocols.http1 import render_head

_DEADLINE_S = 10.0


class AdminPage(Protocol):
    """Who knows what to say."""

    async def answer(self, path: bytes) -> Answer:
        """The answer to a GET of this path."""


def readiness_answer(reasons: Iterable[str], **more: object) -> Answer:
    """200 when there is nothing against it, else 503 with what is."""
    against = sorted(set(reasons))
    body = json_answer({"status": "not ready" if against else "ready", "reasons": against, **more})
    return Answer(503 if against else 200, body.headers, body.body)


class AdminConnection(asyncio.Protocol):
    """Reads a head as strictly as the clients' listener does: it is the same parser."""

    def __init__(self, page: AdminPage) -> None:
        self._page = page
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called once, by the loop."""
        self._transport = transport  # type: ignore[assignment]  # a stream's transport, by create_server
        self._timer = self._loop.call_later(_DEADLINE_S, transport.close)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Called once, by the loop."""
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Whatever follows the first head is not looked at."""
        if self._task is not None:
            return
        self._buffer += data
        limits = EdgeLimits()
        try:
            end = find_head_end(self._buffer, limits)
            if end:
                head = read_head(bytes(self._buffer[:end]), limits)
                self._task = self._loop.create_task(self._say(head.method, head.target))
        except EdgeRefusal as refusal:
            self._write(Answer(refusal.http_status))

    async def _say(self, method: str, path: bytes) -> None:
        self._write(await self._page.answer(path) if method == "GET" else Answer(405))

    def _write(self, answer: Answer) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        line = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}".encode("ascii")
        fields = (
            *answer.headers, (b"x-content-type-options", b"nosniff"),
            (b"content-length", b"%d" % len(answer.body)), (b"connection", b"close"),
        )  # fmt: skip
        self._transport.write(render_head(line, fields) + answer.body)
        self._transport.close()
