"""Wires one worker together and runs it until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import resource
import sys

import uvloop

from jit_access.domain.errors import GatewayError
from registry_proxy.audit_sink import AuditSink
from registry_proxy.control_client import ControlClient, PinBoard
from registry_proxy.gate import Gate
from registry_proxy.log_lines import begin_logging
from registry_proxy.metering import Meter
from registry_proxy.orders import Inherited
from registry_proxy.protocols.dialects import make_dialects
from registry_proxy.server.caching import open_cache
from registry_proxy.server.duty import Duty
from registry_proxy.server.process import ProxyServer
from registry_proxy.server.services import Services
from registry_proxy.settings import Settings, SettingsError
from registry_proxy.upstream.client import UpstreamClient
from registry_proxy.upstream.pool import ConnectionPool

_log = logging.getLogger("registry_proxy")


async def serve(settings: Settings, inherited: Inherited | None = None) -> None:
    """Everything between start and stop. Raises AuditUnavailable when there is no place for records."""
    meter = Meter()
    gate = Gate(meter)
    sink = AuditSink(settings, meter, now=gate.now)
    sink.start()
    control = ControlClient(settings, meter, gate.deliver, collect=gate.collect_usage)
    pool = ConnectionPool()
    dialects = make_dialects(settings.view_key, bucket_host=settings.bucket_host)
    upstream = UpstreamClient(pool, dialects.sign_ins)
    services = Services(gate, sink, upstream, meter, settings.limits, settings.public_url, dialects)
    services.cache = open_cache(settings)
    services.pins = pins = PinBoard(settings)
    server = ProxyServer(settings, services, pool)
    duty = Duty(server, settings.limits.drain_s)
    gate.start()
    control.start()
    try:
        if inherited is None:
            duty.obey_signals()
            await server.start()
        else:
            await server.start_inside(inherited.admin_path)
            duty.obey_parent(inherited)
        order = await duty.done()
        for door in inherited.doors if inherited is not None else ():
            for fd in door.descriptors:
                os.close(fd)
        await server.drain(order.within_s, is_handover=order.is_handover)
    finally:
        duty.close()
        await asyncio.to_thread(control.stop)
        await pins.close()
        gate.close()
        if services.cache is not None:
            await asyncio.to_thread(services.cache.close)
        await sink.close()


def _settle_in() -> None:
    """Ready for many requests and transfers.

    What is there when a worker starts stays until it ends, and little of a request goes in circles: looking for those
    less often is worth a fifth of the processor time. Every running transfer takes six descriptors.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def run_worker(inherited: Inherited | None = None) -> int:
    """Run one worker. Returns its exit code; a start that cannot work says why in one line."""
    try:
        settings = Settings.from_environ(os.environ)
    except SettingsError as exc:
        print(f"registry_proxy: {exc}", file=sys.stderr)  # noqa: T201 - the log is not set up yet
        return 2
    begin_logging(settings.log_level)
    _settle_in()
    try:
        uvloop.run(serve(settings, inherited))
    except GatewayError as exc:
        _log.error("the proxy cannot start: %s", exc.sentence)
        return 1
    except OSError as exc:
        _log.error("the proxy cannot listen: %s", exc.strerror)
        return 1
    return 0
