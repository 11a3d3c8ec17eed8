"""Group commit: all records that wait share one write and one fdatasync, in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Lock, Thread

from registry_proxy.audit_sink.spool import AuditUnavailable, Spool
from registry_proxy.metering import Meter

RETRY_S = 1.0
MAX_WAITING_NOTES = 20_000  # at about 600 bytes each, 12 MB
MAX_GROUP = 2_000
_JOIN_S = 10.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Entry:
    """`done` is None for a note: nobody waits for it, so it is kept in memory while the disk fails."""

    line: bytes
    done: asyncio.Future[None] | None


class Committer:
    """Feeds the spool. `put` belongs to the event loop's thread."""

    def __init__(self, spool: Spool, meter: Meter, *, on_commit: Callable[[], None]) -> None:
        self._spool = spool
        self._meter = meter
        self._on_commit = on_commit
        self._entries: deque[_Entry] = deque()
        self._notes: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._bytes_lock = Lock()
        self._is_flush_planned = False
        self._wake = Event()
        self._stop = False
        self.is_failing = False
        self.lost_notes = 0
        self._thread = Thread(target=self._run, name="audit-commit", daemon=True)

    @property
    def waiting_bytes(self) -> int:
        """Bytes that are not on disk yet."""
        return self._waiting_bytes

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, line: bytes, done: asyncio.Future[None] | None) -> None:
        """Queue one line. The thread is woken once per tick of the loop, so that one tick shares one write."""
        self._entries.append(_Entry(line, done))
        self._count(len(line))
        if not self._is_flush_planned:
            self._is_flush_planned = True
            asyncio.get_running_loop().call_soon(self._flush)

    def stop(self) -> None:
        """Write what waits, then end. Blocks; call off the loop."""
        self._stop = True
        self._wake.set()
        self._thread.join(_JOIN_S)

    def _flush(self) -> None:
        self._is_flush_planned = False
        self._wake.set()

    def _count(self, n: int) -> None:
        with self._bytes_lock:
            self._waiting_bytes += n

    def _run(self) -> None:
        while True:
            self._wake.wait(RETRY_S if self._notes else None)
            self._wake.clear()
            is_last = self._stop
            if self._notes or self._entries:
                self._commit_group()
            while self._entries:
                self._commit_group()
            if is_last:
                return

    def _commit_group(self) -> None:
        group = [self._entries.popleft() for _ in range(min(len(self._entries), MAX_GROUP))]
        data = b"".join([*self._notes, *(entry.line for entry in group)])
        try:
            self._spool.append(data)
        except OSError as exc:
            self._fail(group, exc)
            return
        self._count(-len(data))
        self._notes.clear()
        self.is_failing = False
        self._resolve([entry.done for entry in group if entry.done is not None], is_durable=True)
        self._on_commit()

    def _fail(self, group: list[_Entry], exc: OSError) -> None:
        if not self.is_failing:
            _log.error("audit records cannot be written: %s", exc.strerror)
        self.is_failing = True
        for entry in group:
            if entry.done is None:
                self._keep(entry.line)
            else:
                self._count(-len(entry.line))
        self._resolve([entry.done for entry in group if entry.done is not None], is_durable=False)

    def _keep(self, line: bytes) -> None:
        self._notes.append(line)
        if len(self._notes) > MAX_WAITING_NOTES:
            self._count(-len(self._notes.popleft()))
            self.lost_notes += 1
            self._meter.lost_record()

    @staticmethod
    def _resolve(futures: list[asyncio.Future[None]], *, is_durable: bool) -> None:
        if not futures:
            return
        try:
            futures[0].get_loop().call_soon_threadsafe(_settle, futures, is_durable)
        except RuntimeError:
            _log.warning("the event loop ended before %d audit records were confirmed", len(futures))


def _settle(futures: list[asyncio.Future[None]], is_durable: bool) -> None:
    for future in futures:
        if future.done():  # the exchange gave up waiting
            continue
        if is_durable:
            future.set_result(None)
        else:
            future.set_exception(AuditUnavailable())
