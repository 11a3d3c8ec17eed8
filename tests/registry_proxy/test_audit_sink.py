"""Records survive what may happen: a SIGKILL, a full disk, a control plane that is away, a torn or damaged file."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from jit_access.audit.models import AuditEntry
from jit_access.domain.audit_record import AuditRecord, canonical_bytes, decode_record
from registry_proxy.audit_sink import AuditSink, AuditUnavailable
from registry_proxy.audit_sink.orphans import adopt_orphans
from registry_proxy.audit_sink.reading import MAX_BATCH_RECORDS, read_piece
from registry_proxy.audit_sink.spool import Line, Spool, frame, unframe
from registry_proxy.metering import Meter
from registry_proxy.settings import Limits, Settings
from tests.support.plane import Plane, proxy_settings, running_plane
from tests.support.processes import free_port, sizes_below, wait_for

ROOT = Path(__file__).resolve().parents[2]
REDIS = "unix:///nowhere"  # the sink never asks Redis


@pytest.fixture
def plane(transactional_db: None, live_server: Any, settings: Any) -> Iterator[Plane]:
    with running_plane(live_server.url, settings) as running:
        yield running


@pytest.fixture
def away(tmp_path: Path) -> Settings:
    """A proxy whose control plane does not answer."""
    return proxy_settings(tmp_path, control_url=f"http://127.0.0.1:{free_port()}", redis_url=REDIS)


def with_sink(settings: Settings, scenario: Callable[[AuditSink], Awaitable[None]]) -> None:
    async def run() -> None:
        sink = AuditSink(settings, Meter(), now=time.time)
        sink.start()
        try:
            await asyncio.wait_for(scenario(sink), timeout=60)
        finally:
            await sink.close()

    asyncio.run(run())


def spooled(folder: Path) -> list[AuditRecord]:
    """Every whole record under a spool root."""
    records = []
    for path in sorted(folder.rglob("*.wal")):
        piece = read_piece(path, 0, path.stat().st_size)
        records += [decode_record(raw) for raw in piece.records]
    return records


def as_record(line: Line) -> AuditRecord:
    raw = unframe(line.removesuffix(b"\n"))
    assert raw is not None
    return decode_record(raw)


def make_line(number: int = 0, **changes: Any) -> Line:
    return frame(canonical_bytes(make_record(number, **changes)))


def make_record(number: int = 0, **changes: Any) -> AuditRecord:
    facts = {
        "id": f"rec_{number:032x}",
        "at": "2026-11-23T13:55:10.123456Z",
        "source": "proxy/proxy-1",
        "kind": "proxy.request.allowed",
    }
    return AuditRecord(**(facts | changes))


def ids_in_log() -> list[str]:
    return list(
        AuditEntry.objects.filter(source__startswith="proxy/").order_by("seq").values_list("record_id", flat=True)
    )


def test_accepted_record_is_on_disk_before_accept_returns(away: Settings) -> None:
    async def scenario(sink: AuditSink) -> None:
        record = sink.new_record("proxy.request.allowed", grant="grt_x", decision="allow", detail={"route": "blob"})
        await sink.accept(record)
        assert spooled(away.spool_dir) == [as_record(record)]

    with_sink(away, scenario)
    assert len(spooled(away.spool_dir)) == 1  # nobody took it, so it stays


def test_records_of_one_tick_share_one_write(away: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[int] = []
    append = Spool.append

    def counting(self: Spool, data: bytes) -> None:
        writes.append(data.count(b"\n"))
        append(self, data)

    monkeypatch.setattr(Spool, "append", counting)

    async def scenario(sink: AuditSink) -> None:
        await asyncio.gather(*(sink.accept(sink.new_record("proxy.request.allowed")) for _ in range(64)))

    with_sink(away, scenario)
    assert writes == [64]


def test_text_from_outside_is_made_harmless(away: Settings) -> None:
    async def scenario(sink: AuditSink) -> None:
        line = sink.new_record("proxy.request.denied", reference="v1\r\nSet-Cookie: x\u202e", detail={"a\x1b": "\x00"})
        record = as_record(line)
        assert record.reference == "v1\\u000d\\u000aSet-Cookie: x\\u202e"
        assert record.detail == {"a\\u001b": "\\u0000"}
        await sink.accept(line)

    with_sink(away, scenario)


def test_shipped_records_are_in_the_log_once_and_gone_from_disk(plane: Plane, tmp_path: Path) -> None:
    settings = proxy_settings(tmp_path, control_url=plane.url, redis_url=REDIS)
    wanted: list[str] = []

    async def scenario(sink: AuditSink) -> None:
        for number in range(3):
            record = sink.new_record("proxy.request.allowed", status=200, bytes_out=number)
            await sink.accept(record)
            wanted.append(as_record(record).id)
        note = sink.new_record("proxy.request.completed")
        sink.note(note)
        wanted.append(as_record(note).id)

    with_sink(settings, scenario)
    assert ids_in_log() == wanted
    assert spooled(settings.spool_dir) == []
    assert list(settings.spool_dir.iterdir()) == []


def test_control_plane_that_comes_back_gets_everything(
    plane: Plane, settings: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    proxy = proxy_settings(tmp_path, control_url=plane.url, redis_url=REDIS)
    good, settings.PROXY_SECRET = settings.PROXY_SECRET, "something else, so that nothing is taken"

    async def scenario(sink: AuditSink) -> None:
        record = sink.new_record("proxy.request.allowed")
        await sink.accept(record)
        await asyncio.to_thread(wait_for, lambda: "status 401" in caplog.text, "a batch was refused")
        assert spooled(proxy.spool_dir) == [as_record(record)]
        settings.PROXY_SECRET = good
        await asyncio.to_thread(wait_for, lambda: ids_in_log_of_thread() == [as_record(record).id], "it was taken")

    with_sink(proxy, scenario)
    assert len(ids_in_log()) == 1


def ids_in_log_of_thread() -> list[str]:
    try:
        return ids_in_log()
    finally:
        connection.close()


KILLED = """
import asyncio, sys, time
from pathlib import Path
from registry_proxy.audit_sink import AuditSink
from registry_proxy.metering import Meter
from registry_proxy.settings import Settings

async def main():
    sink = AuditSink(Settings.from_environ(__import__("os").environ), Meter(), now=time.time)
    sink.start()
    async def one():
        record = sink.new_record("proxy.request.allowed")
        await sink.accept(record)
        print(record[9:].decode().partition('"id":"')[2][:36], flush=True)
    while True:
        await asyncio.gather(*(one() for _ in range(8)))

asyncio.run(main())
"""


def environ_of(settings: Settings) -> dict[str, str]:
    return {
        "PYTHONPATH": str(ROOT),
        "JIT_CONTROL_URL": settings.control_url,
        "JIT_PUBLIC_URL": settings.public_url,
        "JIT_SPOOL_DIR": str(settings.spool_dir),
        "JIT_REDIS_URL": REDIS,
        "JIT_PROXY_SECRET": settings.proxy_secret.reveal(),
        "JIT_VIEW_KEY": settings.view_key.hex(),
        "JIT_PROXY_ID": settings.proxy_id,
    }


def test_every_accepted_record_survives_a_sigkill(plane: Plane, away: Settings, tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", KILLED], env=environ_of(away), stdout=subprocess.PIPE)
    assert child.stdout is not None
    accepted = [child.stdout.readline().decode().strip() for _ in range(100)]
    child.send_signal(signal.SIGKILL)
    accepted += [line.decode().strip() for line in child.stdout if line.endswith(b"\n")]
    child.stdout.close()
    child.wait()
    assert len(set(accepted)) >= 100

    async def scenario(_sink: AuditSink) -> None:
        """Another process of the same machine ships what the dead one left."""
        await asyncio.to_thread(wait_for, lambda: not sizes_below(away.spool_dir, "*.wal"), "the orphan was shipped")

    with_sink(proxy_settings(tmp_path, control_url=plane.url, redis_url=REDIS), scenario)
    logged = ids_in_log()
    assert set(accepted) <= set(logged)
    assert len(logged) == len(set(logged))


def test_records_shipped_twice_count_once(plane: Plane, away: Settings, tmp_path: Path) -> None:
    async def fill(sink: AuditSink) -> None:
        await asyncio.gather(*(sink.accept(sink.new_record("proxy.request.allowed")) for _ in range(5)))

    with_sink(away, fill)
    (folder,) = away.spool_dir.iterdir()
    shutil.copytree(folder, folder.with_name("copy-of-it"))

    async def ship(_sink: AuditSink) -> None:
        await asyncio.to_thread(wait_for, lambda: not sizes_below(away.spool_dir, "*.wal"), "both were shipped")

    with_sink(proxy_settings(tmp_path, control_url=plane.url, redis_url=REDIS), ship)
    assert len(ids_in_log()) == 5


def test_spool_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "proxy-1")
    spool.append(frame(canonical_bytes(make_record())))
    assert list(adopt_orphans(tmp_path)) == []
    spool.seal()
    spool.close()
    (orphan,) = adopt_orphans(tmp_path)
    assert len(orphan.segments()) == 1
    assert list(adopt_orphans(tmp_path)) == []  # adopted once
    orphan.release()


def test_spool_without_room_refuses_and_opens_again_when_shipped(plane: Plane, settings: Any, tmp_path: Path) -> None:
    refusing = settings.PROXY_SECRET
    proxy = proxy_settings(tmp_path, control_url=plane.url, redis_url=REDIS, limits=Limits(spool_bytes=2_000))
    settings.PROXY_SECRET = "something else, so that nothing is taken"

    async def scenario(sink: AuditSink) -> None:
        while sink.is_ready() is None:
            await sink.accept(sink.new_record("proxy.request.allowed"))
        with pytest.raises(AuditUnavailable):
            await sink.accept(sink.new_record("proxy.request.allowed"))
        assert sink.is_ready() is not None
        sink.note(sink.new_record("proxy.request.denied"))  # what is refused is still recorded
        settings.PROXY_SECRET = refusing
        await asyncio.to_thread(wait_for, lambda: sink.is_ready() is None, "there is room again")
        await sink.accept(sink.new_record("proxy.request.allowed"))

    with_sink(proxy, scenario)
    assert "proxy.request.denied" in AuditEntry.objects.values_list("kind", flat=True)


FULL = """
import asyncio, os, resource, signal, time
from registry_proxy.audit_sink import AuditSink, AuditUnavailable
from registry_proxy.metering import Meter
from registry_proxy.settings import Settings

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

def allow(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

async def main():
    sink = AuditSink(Settings.from_environ(os.environ), Meter(), now=time.time)
    sink.start()
    first = sink.new_record("proxy.request.allowed", reference="first")
    await sink.accept(first)
    allow(700)  # room for one record and a half
    for name in ("second", "third"):
        try:
            await sink.accept(sink.new_record("proxy.request.allowed", reference=name))
            print(name, "accepted")
        except AuditUnavailable as exc:
            print(name, exc.reason)
    allow(10)
    sink.note(sink.new_record("proxy.request.denied", reference="note"))
    try:
        await sink.accept(sink.new_record("proxy.request.allowed", reference="fourth"))
        print("fourth accepted")
    except AuditUnavailable as exc:
        print("fourth", exc.reason, sink.is_ready())
    allow(resource.RLIM_INFINITY)
    await sink.accept(sink.new_record("proxy.request.allowed", reference="fifth"))
    print("fifth accepted", sink.is_ready())
    await sink.close()

asyncio.run(main())
"""


def test_full_disk_refuses_until_a_write_succeeds(away: Settings) -> None:
    child = subprocess.run(
        [sys.executable, "-c", FULL], env=environ_of(away), capture_output=True, text=True, timeout=60, check=True
    )
    lines = child.stdout.split("\n")
    assert lines[2] == "fourth audit-unavailable audit-unavailable"
    assert lines[3] == "fifth accepted None"
    # A failing batch leaves nothing behind: what was refused is not in the record, the note is, once there was room.
    accepted = {line.split()[0] for line in lines if "accepted" in line}
    assert {record.reference for record in spooled(away.spool_dir)} == {"first", "note"} | accepted
    assert "third audit-unavailable" in lines or "second audit-unavailable" in lines


def test_failed_sync_is_a_refusal_and_leaves_no_record(away: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    async def scenario(sink: AuditSink) -> None:
        before, refused, after = (sink.new_record("proxy.request.allowed") for _ in range(3))
        await sink.accept(before)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", fail)
            with pytest.raises(AuditUnavailable):
                await sink.accept(refused)
            assert sink.is_ready() is not None
        await sink.accept(after)
        assert sink.is_ready() is None
        assert spooled(away.spool_dir) == [as_record(before), as_record(after)]

    with_sink(away, scenario)


def test_spool_folder_that_cannot_be_made_is_told_at_the_start(away: Settings, tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file where the folder should be")
    with pytest.raises(AuditUnavailable, match="spool folder"):
        AuditSink(away, Meter(), now=time.time).start()


def test_torn_last_record_is_skipped_and_the_others_are_shipped(plane: Plane, tmp_path: Path) -> None:
    proxy = proxy_settings(tmp_path, control_url=plane.url, redis_url=REDIS)
    folder = proxy.spool_dir / "proxy-1-1-dead"
    folder.mkdir(parents=True)
    whole, torn = frame(canonical_bytes(make_record(1))), frame(canonical_bytes(make_record(2)))
    (folder / "00000001.wal").write_bytes(whole + torn[:-20])
    (folder / "lock").touch()

    async def scenario(_sink: AuditSink) -> None:
        await asyncio.to_thread(wait_for, lambda: not folder.exists(), "the orphan was shipped")

    with_sink(proxy, scenario)
    assert ids_in_log() == [make_record(1).id]
    assert not list(proxy.spool_dir.glob("damaged-*"))


def test_damaged_record_is_kept_aside_and_the_others_are_shipped(plane: Plane, tmp_path: Path) -> None:
    proxy = proxy_settings(tmp_path, control_url=plane.url, redis_url=REDIS)
    folder = proxy.spool_dir / "proxy-1-1-dead"
    folder.mkdir(parents=True)
    lines = [frame(canonical_bytes(make_record(number))) for number in range(3)]
    lines[1] = lines[1].replace(b"allowed", b"ALLOWED")
    (folder / "00000001.wal").write_bytes(b"".join(lines))

    async def scenario(_sink: AuditSink) -> None:
        await asyncio.to_thread(wait_for, lambda: not folder.exists(), "the orphan was shipped")

    with_sink(proxy, scenario)
    assert ids_in_log() == [make_record(0).id, make_record(2).id]
    (kept,) = proxy.spool_dir.glob("damaged-*")
    assert kept.read_bytes() == b"".join(lines)


def test_record_that_the_log_rejects_is_kept_and_holds_nothing_back(plane: Plane, tmp_path: Path) -> None:
    proxy = proxy_settings(tmp_path, control_url=plane.url, redis_url=REDIS)

    async def scenario(sink: AuditSink) -> None:
        await sink.accept(make_line(1))
        await sink.accept(make_line(2, kind="Not A Kind"))
        await sink.accept(make_line(3))

    with_sink(proxy, scenario)
    assert ids_in_log() == [make_record(1).id, make_record(3).id]
    assert (proxy.spool_dir / "rejected.log").read_bytes() == canonical_bytes(make_record(2, kind="Not A Kind")) + b"\n"


def test_pieces_are_no_larger_than_a_request(tmp_path: Path) -> None:
    path = tmp_path / "00000001.wal"
    lines = [frame(canonical_bytes(make_record(number, detail={"pad": "x" * 900}))) for number in range(3_000)]
    path.write_bytes(b"".join(lines))
    offset, seen = 0, 0
    while offset < path.stat().st_size:
        piece = read_piece(path, offset, path.stat().st_size)
        assert 0 < len(piece.records) <= MAX_BATCH_RECORDS
        assert sum(map(len, piece.records)) <= 2 * 1024 * 1024
        offset, seen = piece.next_offset, seen + len(piece.records)
    assert seen == len(lines)


@pytest.mark.parametrize("spoil", [lambda line: b"0" * 8 + line[8:], lambda line: line[:-1], lambda line: line[:4]])
def test_frame_shows_damage(spoil: Callable[[bytes], bytes]) -> None:
    raw = canonical_bytes(make_record())
    line = frame(raw).removesuffix(b"\n")
    assert unframe(line) == raw
    assert unframe(spoil(line)) is None
