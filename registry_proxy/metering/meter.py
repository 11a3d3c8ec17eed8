"""Counters and gauges of one worker process."""

from __future__ import annotations

import builtins

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Meter:
    """Counters and gauges of this process. Each process is scraped by itself."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "jit_proxy_requests", "Requests answered.", ["outcome", "reason"], registry=self._registry
        )
        self._bytes = Counter("jit_proxy_bytes", "Body bytes moved.", ["direction"], registry=self._registry)
        self._cuts = Counter("jit_proxy_cuts", "Running streams that were cut.", ["reason"], registry=self._registry)
        self._rejected_news = Counter(
            "jit_proxy_rejected_news", "Messages that were not signed by the control plane.", registry=self._registry
        )
        self._reloads = Counter("jit_proxy_reloads", "Snapshots loaded.", ["why"], registry=self._registry)
        self._lost_records = Counter(
            "jit_proxy_lost_audit_records", "Notes that found no room while the disk failed.", registry=self._registry
        )
        self.streams = Gauge("jit_proxy_streams", "Exchanges running now.", registry=self._registry)
        self.view_age = Gauge(
            "jit_proxy_view_age_seconds", "Age of the newest news from the control plane.", registry=self._registry
        )
        self.clock_ahead = Gauge(
            "jit_proxy_clock_ahead_seconds",
            "How far the time used for expiry is ahead of the database, after its clock went back.",
            registry=self._registry,
        )
        self.spool_bytes = Gauge(
            "jit_proxy_spool_bytes", "Audit records on disk, not yet taken by the log.", registry=self._registry
        )
        # A label look-up takes a lock and builds a tuple: too much for each slice of bytes.
        self._byte_children = {name: self._bytes.labels(name) for name in ("in", "out")}

    def request(self, outcome: str, reason: str) -> None:
        """One request was answered: `allow`, `deny` or `error`, and why."""
        self._requests.labels(outcome, reason).inc()

    def bytes(self, direction: str, n: int) -> None:
        """`in` is from the client, `out` is to the client."""
        self._byte_children[direction].inc(n)

    def cut(self, reason: str) -> None:
        """One running stream was cut."""
        self._cuts.labels(reason).inc()

    def rejected_news(self) -> None:
        """One message could not be trusted."""
        self._rejected_news.inc()

    def reload(self, why: str) -> None:
        """One snapshot was loaded. `why` is one of the listener's own words."""
        self._reloads.labels(why).inc()

    def lost_record(self) -> None:
        """One note was dropped; the spool writes a record that says so as soon as it can."""
        self._lost_records.inc()

    def render(self) -> builtins.bytes:
        """The page for the scraper."""
        return generate_latest(self._registry)
