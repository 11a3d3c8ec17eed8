"""What the parts of a worker know about themselves, for its page of metrics."""

from __future__ import annotations

from registry_proxy.audit_sink import AuditSink
from registry_proxy.blob_cache import BlobCache
from registry_proxy.metering import Meter
from registry_proxy.server.listener import Crowd
from registry_proxy.upstream.pool import ConnectionPool


def tell_of_clients(meter: Meter, crowd: Crowd) -> None:
    """Connections, and what moves in them right now: a pull of hours must not be seen only when it is over."""

    def running_bytes() -> tuple[int, int]:
        running = [item.running_bytes for item in crowd.connections.values() if item is not None]
        return sum(pair[0] for pair in running), sum(pair[1] for pair in running)

    meter.running_bytes = running_bytes
    meter.gauge("jit_proxy_connections", "Client connections.", lambda: len(crowd.connections))


def tell_of_registries(meter: Meter, pool: ConnectionPool) -> None:
    """How often a connection to a registry had to be made."""
    meter.gauge("jit_proxy_upstream_idle_connections", "Kept for the next request.", lambda: pool.idle)
    meter.counter("jit_proxy_upstream_connections", "Taken for a request, by kind.", lambda: pool.taken, "kind")


def tell_of_cache(meter: Meter, cache: BlobCache) -> None:
    """How much of what was asked for was here."""
    meter.counter("jit_proxy_cache_requests", "Requests that could be answered here.", lambda: cache.requests, "result")
    meter.counter("jit_proxy_cache_fills", "Bodies on their way into the cache.", lambda: cache.fills, "result")
    meter.gauge("jit_proxy_cache_bytes", "Kept on disk by all workers, as last seen.", lambda: cache.used_bytes)


def tell_of_audit(meter: Meter, sink: AuditSink) -> None:
    """What is on disk and not in the log yet."""
    meter.gauge("jit_proxy_spool_records", "Audit records on disk, not yet in the log.", lambda: sink.queue().records)
    meter.gauge("jit_proxy_spool_bytes", "Their bytes.", lambda: sink.queue().bytes)
    meter.gauge("jit_proxy_spool_oldest_seconds", "How long the oldest of them waits.", lambda: sink.queue().oldest_s)
