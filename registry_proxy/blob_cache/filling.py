"""A body on its way to a client, kept beside it: hashed and stored in a thread, and given up before it slows anybody.

The client's bytes do not wait for the disk. When more than `MAX_WAITING_BYTES` wait for it, the newest fills are given
up; the transfer goes on.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections import Counter
from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread

from jit_access.domain.reasons import Reason
from registry_proxy.blob_cache.store import BlobKey, Draft, Store
from registry_proxy.protocols.http1 import Headers
from registry_proxy.stream.sides import BodySink, Source

MAX_WAITING_BYTES = 16 * 1024 * 1024
_JOIN_S = 5.0

_log = logging.getLogger(__name__)


class Fill:
    """One body. `take` and `end` belong to the event loop; the rest to the writer's thread."""

    def __init__(self, writer: Writer, key: BlobKey, size: int, headers: Headers) -> None:
        self.key, self.size, self.headers = key, size, headers
        self._writer = writer
        self._hash = hashlib.new(key.digest.partition(":")[0])
        self._draft: Draft | None = None
        self.is_given_up = False

    def take(self, data: bytes) -> None:
        """The next slice. Never waits."""
        if not self.is_given_up and not self._writer.put(self, data):
            self.is_given_up = True

    def end(self, *, is_complete: bool) -> None:
        """No more will come."""
        self._writer.end(self, is_complete=is_complete and not self.is_given_up)

    def begin(self, store: Store) -> bool:
        """Take the space."""
        self._draft = store.begin(self.size)
        return self._draft is not None

    def write(self, data: bytes) -> None:
        """Hash and store. Raises OSError."""
        if self._draft is not None:
            self._hash.update(data)
            self._draft.write(data)

    def close(self, store: Store, *, is_complete: bool) -> str:
        """Keep it if it is what it should be. Returns what became of it. Raises OSError."""
        draft, self._draft = self._draft, None
        if draft is None:
            return "dropped"
        if not is_complete or not draft.is_whole or self._hash.hexdigest() != self.key.digest.partition(":")[2]:
            draft.drop()
            return "mismatch" if is_complete else "dropped"
        try:
            store.keep(self.key, draft)
            store.prove(self.key, self.size, self.headers)
        finally:
            draft.close()
        return "stored"

    def drop(self) -> None:
        """The disk failed."""
        draft, self._draft = self._draft, None
        if draft is not None:
            draft.drop()


class Writer:
    """One thread for all fills of the process. `results` counts what became of them."""

    def __init__(self, store: Store, proof_s: float) -> None:
        self._store, self._proof_s = store, proof_s
        self._queue: SimpleQueue[tuple[Fill, bytes | bool] | None] = SimpleQueue()
        self._waiting_bytes = 0
        self._lock = Lock()
        self._running: set[BlobKey] = set()
        self.results: Counter[str] = Counter({"stored": 0, "dropped": 0, "mismatch": 0, "failed": 0})
        self._thread = Thread(target=self._run, name="cache-fill", daemon=True)
        self._thread.start()

    def begin(self, key: BlobKey, size: int, headers: Headers) -> Fill | None:
        """A new fill; None when the same body is on its way already."""
        if key in self._running:
            return None
        self._running.add(key)
        return Fill(self, key, size, headers)

    def put(self, fill: Fill, data: bytes) -> bool:
        """Queue a slice; False when too much waits."""
        with self._lock:
            if self._waiting_bytes + len(data) > MAX_WAITING_BYTES:
                return False
            self._waiting_bytes += len(data)
        self._queue.put((fill, data))
        return True

    def end(self, fill: Fill, *, is_complete: bool) -> None:
        """Queue the end."""
        self._running.discard(fill.key)
        self._queue.put((fill, is_complete))

    def close(self) -> None:
        """Finish what waits, then end. Blocks."""
        self._queue.put(None)
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        begun: set[Fill] = set()
        with contextlib.suppress(OSError):
            self._store.forget_old(self._proof_s)
        while (item := self._queue.get()) is not None:
            fill, what = item
            try:
                self._carry_out(fill, what, begun)
            except Exception as exc:  # noqa: BLE001  # outermost loop of the thread: one bad fill must not end the others
                self._give_up(fill, exc)
        for fill in begun:
            fill.drop()

    def _carry_out(self, fill: Fill, what: bytes | bool, begun: set[Fill]) -> None:
        if isinstance(what, bytes):
            with self._lock:
                self._waiting_bytes -= len(what)
        if fill not in begun and what is not False:
            begun.add(fill)
            fill.is_given_up |= not fill.begin(self._store)
        if isinstance(what, bytes):
            if not fill.is_given_up:
                fill.write(what)
        else:
            begun.discard(fill)
            self.results[fill.close(self._store, is_complete=what and not fill.is_given_up)] += 1

    def _give_up(self, fill: Fill, exc: Exception) -> None:
        fill.is_given_up = True
        fill.drop()
        self.results["failed"] += 1
        _log.warning("a body was not kept: %s", exc.strerror if isinstance(exc, OSError) else type(exc).__name__)


class Tap:
    """A registry's connection whose body goes to a fill as well. Through user space: the kernel path shows no bytes."""

    def __init__(self, source: Source, fill: Fill) -> None:
        self._source, self._fill = source, fill
        self._sink: BodySink | None = None
        self._is_over = False

    @property
    def descriptor(self) -> int:
        """None for the kernel."""
        return -1

    @property
    def bytes_left(self) -> int:
        """As the source says."""
        return self._source.bytes_left

    def deliver_to(self, sink: BodySink) -> None:
        """Give the body to both, from its first byte."""
        self._sink = sink
        self._source.deliver_to(self)

    def on_data(self, data: bytes) -> None:
        """Some payload."""
        self._fill.take(data)
        if self._sink is not None:
            self._sink.on_data(data)

    def on_end(self) -> None:
        """All of it was there, by its length; the fill looks at its digest."""
        self.end(is_complete=True)
        if self._sink is not None:
            self._sink.on_end()

    def on_broken(self, reason: Reason) -> None:
        """It will never be complete."""
        self.end()
        if self._sink is not None:
            self._sink.on_broken(reason)

    def abort(self) -> None:
        """End the connection; what was written is dropped."""
        self.end()
        self._source.abort()

    def skip(self, count: int) -> None:
        """Nothing goes past a tap."""
        self._source.skip(count)

    def write(self, data: bytes) -> None:
        """To the registry."""
        self._source.write(data)

    def when_flushed(self, action: Callable[[], None]) -> None:
        """Of the registry's connection."""
        self._source.when_flushed(action)

    def pause_reading(self) -> None:
        """Let TCP hold the registry back."""
        self._source.pause_reading()

    def resume_reading(self) -> None:
        """Take more."""
        self._source.resume_reading()

    def lend(self, recall: Callable[[], None] | None) -> None:
        """As the source does."""
        self._source.lend(recall)

    def end(self, *, is_complete: bool = False) -> None:
        """The fill ends; a repeat changes nothing."""
        if not self._is_over:
            self._is_over = True
            self._fill.end(is_complete=is_complete)
