"""What one worker says on its admin page."""

from __future__ import annotations

from registry_proxy.admin import readiness_answer
from registry_proxy.metering import CONTENT_TYPE
from registry_proxy.protocols.answers import Answer, json_answer
from registry_proxy.server.services import Services


class WorkerPage:
    """Alive, ready, metrics."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.is_draining = False

    async def answer(self, path: bytes) -> Answer:
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
        return readiness_answer(reasons)
