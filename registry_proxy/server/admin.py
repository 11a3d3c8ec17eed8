"""The operators' own small page: alive, ready, metrics. It listens apart from the clients' ports."""

from __future__ import annotations

import asyncio

from registry_proxy.edge.head import find_head_end, read_head
from registry_proxy.edge.limits import EdgeLimits
from registry_proxy.edge.refusal import EdgeRefusal
from registry_proxy.metering import CONTENT_TYPE
from registry_proxy.protocols.answers import Answer, json_answer
from registry_proxy.server.responding import render_answer
from registry_proxy.server.services import Services

_DEADLINE_S = 5.0


class AdminPage:
    """Answers one request per connection."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.is_draining = False

    def protocol(self) -> asyncio.Protocol:
        """A protocol for one connection."""
        return _AdminConnection(self)

    def answer(self, path: bytes) -> Answer:
        """The answer to a path."""
        if path == b"/healthz":
            return json_answer({"status": "ok"})
        if path == b"/readyz":
            return self._readiness()
        if path == b"/metrics":
            return Answer(200, ((b"content-type", CONTENT_TYPE.encode("ascii")),), self._services.meter.render())
        return Answer(404)

    def _readiness(self) -> Answer:
        gate, sink = self._services.gate.is_ready(), self._services.sink.is_ready()
        reasons = [reason.value for reason in (gate, sink) if reason is not None]
        if self.is_draining:
            reasons.append("draining")
        body = json_answer({"status": "not ready" if reasons else "ready", "reasons": reasons})
        return Answer(503 if reasons else 200, body.headers, body.body)


class _AdminConnection(asyncio.Protocol):
    def __init__(self, page: AdminPage) -> None:
        self._page = page
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream's transport, by create_server
        asyncio.get_running_loop().call_later(_DEADLINE_S, transport.close)

    def data_received(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._buffer += data
        limits = EdgeLimits()
        try:
            end = find_head_end(self._buffer, limits)
            if not end:
                return
            head = read_head(bytes(self._buffer[:end]), limits)
            answer = self._page.answer(head.target) if head.method == "GET" else Answer(405)
        except EdgeRefusal as refusal:
            answer = Answer(refusal.http_status)
        self._transport.write(render_answer(answer, "GET", "admin", closes=True))
        self._transport.close()
