"""Group commit: all records that wait share one write and one fdatasync, in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread

from registry_proxy.audit_sink.spool import AuditUnavailable, Spool
from registry_proxy.metering import Meter

RETRY_S = 1.0
NOTE_LATEST_S = 0.05  # nobody waits for a note: it goes with the next record that somebody waits for, or then
MAX_WAITING_NOTES = 20_000  # at about 600 bytes each, 12 MB
MAX_GROUP = 2_000
_JOIN_S = 10.0

_log = logging.getLogger(__name__)


# A line, and the future of whoever waits for it; nobody waits for a note, so it is kept in memory while the disk fails.
_Entry = tuple[bytes, asyncio.Future[None] | None]


class Committer:
    """Feeds the spool. `put` and `put_and_wait` belong to the event loop's thread.

    What one tick of the loop put in, and the notes before it, go to the thread as one list: handing over costs more
    than all the rest.
    """

    def __init__(self, spool: Spool, meter: Meter, *, on_commit: Callable[[], None]) -> None:
        self._spool = spool
        self._meter = meter
        self._on_commit = on_commit
        self._tick: list[_Entry] = []
        self._is_flush_planned = False
        self._note_timer: asyncio.TimerHandle | None = None
        self._ticks: SimpleQueue[list[_Entry] | None] = SimpleQueue()  # None ends the thread
        self._notes: deque[bytes] = deque()
        # Each is written by one thread only, so neither needs a lock.
        self._put_bytes = self._settled_bytes = 0
        self.is_failing = False
        self.lost_notes = 0
        self._thread = Thread(target=self._run, name="audit-commit", daemon=True)

    @property
    def waiting_bytes(self) -> int:
        """Bytes that are not on disk yet."""
        return self._put_bytes - self._settled_bytes

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, line: bytes) -> None:
        """Queue a note."""
        self._put(line, None, asyncio.get_running_loop())

    def put_and_wait(self, line: bytes) -> asyncio.Future[None]:
        """Done when the line is durable, else it raises AuditUnavailable."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._put(line, done, loop)
        return done

    def stop(self) -> None:
        """Write what was handed over, then end. Blocks; call `flush` on the loop before it, and this off the loop."""
        self._ticks.put(None)
        self._thread.join(_JOIN_S)

    def _put(self, line: bytes, done: asyncio.Future[None] | None, loop: asyncio.AbstractEventLoop) -> None:
        self._tick.append((line, done))
        self._put_bytes += len(line)
        if done is None:
            if self._note_timer is None:
                self._note_timer = loop.call_later(NOTE_LATEST_S, self._flush_notes)
        elif not self._is_flush_planned:
            self._is_flush_planned = True
            loop.call_soon(self.flush)

    def flush(self) -> None:
        """Hand over what was put in so far."""
        self._is_flush_planned = False
        tick, self._tick = self._tick, []
        if tick:
            self._ticks.put(tick)

    def _flush_notes(self) -> None:
        self._note_timer = None
        self.flush()

    def _run(self) -> None:
        is_last = False
        while not is_last:
            group, is_last = self._next_group()
            if group or self._notes:
                self._commit(group)

    def _next_group(self) -> tuple[list[_Entry], bool]:
        """Everything that was handed over, as far as it fits; and whether nothing will follow."""
        try:
            tick = self._ticks.get(timeout=RETRY_S if self._notes else None)
        except Empty:
            return [], False
        group: list[_Entry] = []
        while tick is not None:
            group += tick
            if len(group) >= MAX_GROUP or self._ticks.empty():
                return group, False
            tick = self._ticks.get()
        return group, True

    def _commit(self, group: list[_Entry]) -> None:
        data = b"".join([*self._notes, *[line for line, _ in group]])
        try:
            self._spool.append(data)
        except OSError as exc:
            self._fail(group, exc)
            return
        self._settled_bytes += len(data)
        self._notes.clear()
        self.is_failing = False
        self._resolve([done for _, done in group if done is not None], is_durable=True)
        self._on_commit()

    def _fail(self, group: list[_Entry], exc: OSError) -> None:
        if not self.is_failing:
            _log.error("audit records cannot be written: %s", exc.strerror)
        self.is_failing = True
        for line, done in group:
            if done is None:
                self._keep(line)
            else:
                self._settled_bytes += len(line)
        self._resolve([done for _, done in group if done is not None], is_durable=False)

    def _keep(self, line: bytes) -> None:
        self._notes.append(line)
        if len(self._notes) > MAX_WAITING_NOTES:
            self._settled_bytes += len(self._notes.popleft())
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
