"""Wires one process together and runs it until it is told to stop."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from datetime import UTC, datetime

import uvloop

from jit_access.domain.errors import GatewayError
from registry_proxy.audit_sink import AuditSink
from registry_proxy.control_client import ControlClient
from registry_proxy.gate import Gate
from registry_proxy.metering import Meter
from registry_proxy.server.process import ProxyServer
from registry_proxy.server.services import Services
from registry_proxy.settings import Settings, SettingsError
from registry_proxy.upstream.client import UpstreamClient
from registry_proxy.upstream.pool import ConnectionPool

_log = logging.getLogger("registry_proxy")


class _JSONLines(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(), "level": record.levelname,
            "event": record.getMessage(), "logger": record.name, **getattr(record, "fields", {}),
        }  # fmt: skip
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True)


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Everything between start and stop. Raises AuditUnavailable when there is no place for records."""
    meter = Meter()
    gate = Gate(meter)
    sink = AuditSink(settings, meter, now=gate.now)
    sink.start()
    control = ControlClient(settings, meter, gate.deliver, collect=gate.collect_usage)
    pool = ConnectionPool()
    services = Services(gate, sink, UpstreamClient(pool), meter, settings.limits, settings.public_url)
    server = ProxyServer(settings, services, pool)
    gate.start()
    control.start()
    try:
        await server.start()
        await stop.wait()
        await server.drain(settings.limits.drain_s)
    finally:
        await asyncio.to_thread(control.stop)
        gate.close()
        await sink.close()


async def _serve_until_signal(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(settings, stop)


def main() -> int:
    """Run one proxy process. Returns its exit code; a start that cannot work says why in one line."""
    try:
        settings = Settings.from_environ(os.environ)
    except SettingsError as exc:
        print(f"registry_proxy: {exc}", file=sys.stderr)  # noqa: T201 - the log is not set up yet
        return 2
    handler = logging.StreamHandler()
    handler.setFormatter(_JSONLines())
    logging.basicConfig(level=settings.log_level, handlers=[handler])
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells of every shipped batch
    try:
        uvloop.run(_serve_until_signal(settings))
    except GatewayError as exc:
        _log.error("the proxy cannot start: %s", exc.sentence)
        return 1
    except OSError as exc:
        _log.error("the proxy cannot listen: %s", exc.strerror)
        return 1
    return 0
