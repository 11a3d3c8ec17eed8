"""What a killed process left running is ended by whoever finds its spool: once, and only what had no end."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jit_access.audit.models import AuditEntry
from jit_access.domain.audit_record import AuditRecord, canonical_bytes, decode_record
from jit_access.domain.reasons import Reason
from registry_proxy.audit_sink import AuditSink, running
from registry_proxy.audit_sink.orphans import adopt_orphans
from registry_proxy.audit_sink.reading import read_piece
from registry_proxy.audit_sink.running import ENDS_NAME, Running, write_ends
from registry_proxy.audit_sink.spool import RUNNING_NAME, Spool, frame
from registry_proxy.metering import Meter
from registry_proxy.settings import Settings
from tests.support.plane import Plane, proxy_settings, running_plane
from tests.support.processes import sizes_below, wait_for

ROOT = Path(__file__).resolve().parents[2]
ALLOWED, COMPLETED, CUT = "proxy.request.allowed", "proxy.transfer.completed", "proxy.transfer.cut"
NOW = 1_795_000_000.25


@pytest.fixture
def plane(transactional_db: None, live_server: Any, settings: Any) -> Iterator[Plane]:
    with running_plane(live_server.url, settings) as running_one:
        yield running_one


def record(number: int, kind: str = ALLOWED, **fields: Any) -> bytes:
    facts = {
        "id": f"rec_{abs(hash((number, kind))):032x}",
        "at": "2026-11-23T13:55:10.123456Z",
        "source": "proxy/proxy-1",
        "kind": kind,
        "actor_id": "usr_ada",
        "grant": "grt_a",
        "repository": "llm/tiny-llama",
        "decision": "allow",
        "reason": "granted",
        "exchange": f"exc_{number}",
        "detail": {"path": "/v2/", "exchange": "exc_0"},
    }
    return canonical_bytes(AuditRecord(**(facts | fields)))


def left_behind(folder: Path, *segments: list[bytes]) -> None:
    """The folder of a process that is gone."""
    folder.mkdir(parents=True)
    (folder / "lock").touch()
    for number, records in enumerate(segments, start=1):
        (folder / f"{number:08d}.wal").write_bytes(b"".join(map(frame, records)))


def ends_in(folder: Path) -> list[AuditRecord]:
    path = folder / ENDS_NAME
    if not path.exists():
        return []
    return [decode_record(raw) for raw in read_piece(path, 0, path.stat().st_size).records]


def test_what_was_allowed_and_has_no_end_gets_one(tmp_path: Path) -> None:
    folder = tmp_path / "proxy-1-1-dead"
    left_behind(folder, [record(1), record(2), record(3)], [record(2, COMPLETED), record(3, "proxy.request.refused")])
    assert write_ends(folder, now=NOW, finder="proxy-2") == 1
    (end,) = ends_in(folder)
    assert (end.exchange, end.kind, end.reason) == ("exc_1", CUT, Reason.PROXY_LOST)
    assert (end.source, end.actor_id, end.grant, end.repository) == (
        "proxy/proxy-1",
        "usr_ada",
        "grt_a",
        "llm/tiny-llama",
    )
    assert (end.at, end.decision, end.detail) == ("2026-11-18T11:06:40.250000Z", "", {"found_by": "proxy-2"})


def test_a_second_look_finds_nothing_to_end(tmp_path: Path) -> None:
    folder = tmp_path / "proxy-1-1-dead"
    left_behind(folder, [record(1)])
    assert write_ends(folder, now=NOW, finder="proxy-2") == 1
    first = ends_in(folder)
    assert write_ends(folder, now=NOW + 60, finder="proxy-3") == 0
    assert ends_in(folder) == first


def test_an_end_has_the_same_id_whoever_writes_it(tmp_path: Path) -> None:
    for name in ("a", "b"):
        left_behind(tmp_path / name, [record(1)])
        write_ends(tmp_path / name, now=NOW, finder=name)
    (one,), (other,) = ends_in(tmp_path / "a"), ends_in(tmp_path / "b")
    assert one.id == other.id


def test_records_without_an_exchange_leave_nothing_to_end(tmp_path: Path) -> None:
    folder = tmp_path / "dead"
    left_behind(folder, [record(1, exchange="")])
    assert write_ends(folder, now=NOW, finder="x") == 0
    assert ends_in(folder) == []


def test_allows_of_segments_that_are_gone_are_still_known(tmp_path: Path) -> None:
    folder = tmp_path / "dead"
    left_behind(folder)
    seen = Running()
    seen.see([record(1), record(2)])
    seen.save(folder)
    (folder / "00000002.wal").write_bytes(frame(record(2, COMPLETED)))
    assert write_ends(folder, now=NOW, finder="x") == 1
    assert [end.exchange for end in ends_in(folder)] == ["exc_1"]
    assert not (folder / RUNNING_NAME).exists()


def test_what_ended_is_no_longer_kept(tmp_path: Path) -> None:
    seen = Running()
    seen.see([record(1)])
    seen.save(tmp_path)
    assert (tmp_path / RUNNING_NAME).exists()
    seen.see([record(1, CUT)])
    seen.save(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_to_end_is_not_thrown_away(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "proxy-1")
    (spool.folder / RUNNING_NAME).write_bytes(frame(record(1)))
    spool.close()
    (orphan,) = adopt_orphans(tmp_path)
    orphan.release()
    assert orphan.folder.exists()
    (orphan,) = adopt_orphans(tmp_path)
    orphan.end_what_ran(now=NOW, finder="x")
    (segment,) = orphan.segments()
    segment.path.unlink()
    orphan.release()
    assert list(tmp_path.iterdir()) == []


def serve(settings: Settings, until: Any) -> None:
    """Another process of this machine, until the condition holds."""

    async def run() -> None:
        sink = AuditSink(settings, Meter(), now=time.time)
        sink.start()
        try:
            await asyncio.to_thread(wait_for, until, "the spool of the dead process was shipped")
        finally:
            await sink.close()

    asyncio.run(run())


def test_a_full_disk_holds_back_the_ends_and_nothing_else(
    plane: Plane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = proxy_settings(tmp_path, control_url=plane.url, redis_url="unix:///nowhere")
    folder = settings.spool_dir / "proxy-1-1-dead"
    left_behind(folder, [record(1)])

    def fail(*_args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async def scenario() -> None:
        sink = AuditSink(settings, Meter(), now=time.time)
        sink.start()
        with monkeypatch.context() as patch:
            patch.setattr(running, "_replace_file", fail)
            await sink.accept(sink.new_record(ALLOWED))
            await asyncio.to_thread(wait_for, lambda: sink._used() == 0, "our own record was shipped")
            assert folder.exists()
        await sink.accept(sink.new_record(ALLOWED))  # wakes the shipper
        await asyncio.to_thread(wait_for, lambda: not folder.exists(), "the ends were written")
        await sink.close()

    asyncio.run(scenario())
    assert AuditEntry.objects.get(kind=CUT).exchange == "exc_1"


KILLED = """
import asyncio, os, time
from registry_proxy.audit_sink import AuditSink, spool
from registry_proxy.audit_sink.ids import random_hex
from registry_proxy.metering import Meter
from registry_proxy.settings import Settings

async def main():
    sink = AuditSink(Settings.from_environ(os.environ), Meter(), now=time.time)
    sink.start()
    sink._spool._segment_bytes = 4000  # a few records, so that many segments are shipped and removed
    async def transfer(number):
        exchange = f"exc_{random_hex()}"
        await sink.accept(sink.new_record("proxy.request.allowed", exchange=exchange, actor_id="usr_ada", grant="g"))
        print(exchange, flush=True)
        if number % 5:
            sink.note(sink.new_record("proxy.transfer.completed", exchange=exchange, actor_id="usr_ada", grant="g"))
    number = 0
    while True:
        await asyncio.gather(*(transfer(number + more) for more in range(8)))
        number += 8
        await asyncio.sleep(0.01)

asyncio.run(main())
"""


def test_every_allow_of_a_killed_process_has_one_end_in_the_log(plane: Plane, tmp_path: Path) -> None:
    settings = proxy_settings(tmp_path, control_url=plane.url, redis_url="unix:///nowhere")
    environ = {
        "PYTHONPATH": str(ROOT),
        "JIT_CONTROL_URL": settings.control_url,
        "JIT_PUBLIC_URL": settings.public_url,
        "JIT_SPOOL_DIR": str(settings.spool_dir),
        "JIT_REDIS_URL": "unix:///nowhere",
        "JIT_PROXY_SECRET": settings.proxy_secret.reveal(),
        "JIT_VIEW_KEY": settings.view_key.hex(),
        "JIT_PROXY_ID": settings.proxy_id,
    }
    child = subprocess.Popen([sys.executable, "-c", KILLED], env=environ, stdout=subprocess.PIPE)
    assert child.stdout is not None
    for _ in range(150):
        child.stdout.readline()
    wait_for(lambda: sizes_below(settings.spool_dir, RUNNING_NAME), "segments were shipped and removed")
    os.kill(child.pid, signal.SIGKILL)
    child.stdout.close()
    child.wait()

    serve(settings, lambda: not sizes_below(settings.spool_dir, "*.wal"))
    kinds: dict[str, list[str]] = {}
    for entry in AuditEntry.objects.exclude(exchange="").order_by("seq"):
        kinds.setdefault(entry.exchange, []).append(entry.kind)
    assert len(kinds) >= 150
    assert all(len(found) == 2 and found[0] == ALLOWED for found in kinds.values())
    lost = AuditEntry.objects.filter(kind=CUT)
    assert {json.loads(entry.body)["reason"] for entry in lost} == {"proxy-lost"}
    assert lost.count() >= 30  # every fifth, at the least
    assert list(settings.spool_dir.iterdir()) == []
