"""The table of everything that a run does, and who takes part."""

from __future__ import annotations

from benchmarks.scenarios.base import Scenario
from benchmarks.scenarios.blobs import download, upload
from benchmarks.scenarios.cuts import measure_groups, measure_single
from benchmarks.scenarios.memory import measure_idle, measure_stalled, measure_streams
from benchmarks.scenarios.requests import measure_requests

_PROXIES = ("gateway", "nginx", "nginx-auth", "haproxy", "caddy", "caddy-auth")
_WITH_SPLICE = ("gateway", "nginx", "nginx-auth", "haproxy", "haproxy-splice", "caddy", "caddy-auth")
_HASHED = 4  # a registry hashes and stores what it is sent, far slower than any candidate: a part says the same
_CAN_CUT = ("nginx", "haproxy-splice")

SCENARIOS = (
    # Splice moves bodies; a small answer never meets it.
    Scenario("requests", "requests", ("static", "registry"), ("direct", "bare", *_PROXIES), measure_requests),
    Scenario("down", "down", ("static", "registry"), ("direct", *_WITH_SPLICE), download(is_tls=False)),
    Scenario("up", "up", ("sink",), ("direct", *_WITH_SPLICE), upload(is_tls=False)),
    Scenario("up", "up", ("registry",), ("direct", *_WITH_SPLICE), upload(is_tls=False, share=_HASHED)),
    # TLS ends splice, and is slow enough for everybody that two rounds must do where no goal is judged.
    Scenario("down-tls", "tls", ("registry",), _PROXIES, download(is_tls=True)),
    Scenario("down-tls", "tls", ("static",), _PROXIES, download(is_tls=True), rounds=2),
    Scenario("up-tls", "tls", ("sink",), _PROXIES, upload(is_tls=True), rounds=2),
    Scenario("up-tls", "tls", ("registry",), _PROXIES, upload(is_tls=True, share=_HASHED)),
    Scenario("streams", "memory", ("registry",), _WITH_SPLICE, measure_streams, rounds=1),
    Scenario("idle", "memory", ("static",), _PROXIES, measure_idle, rounds=1),
    Scenario("stalled", "memory", ("sink",), _PROXIES, measure_stalled, rounds=1),
    Scenario("cut", "cuts", ("static",), ("gateway", *_CAN_CUT), measure_single, rounds=1),
    Scenario("cut-groups", "cuts", ("static",), ("gateway-2", *_CAN_CUT), measure_groups, rounds=1),
)
