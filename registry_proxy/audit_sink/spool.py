"""Records on disk: segments of framed lines in a folder that belongs to one process.

A line is `crc32 in hex, space, canonical record, newline`: canonical JSON holds no raw newline, so a reader finds its
feet again after any damage. What fdatasync confirmed is never rewritten. The folder's `lock` is held by flock for the
life of the process; the kernel lets go of it at a SIGKILL, and then anybody may ship what was left (see orphans).
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import secrets
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import NewType

from jit_access.domain.errors import GatewayError
from jit_access.domain.reasons import Reason

SEGMENT_BYTES = 4 * 1024 * 1024
LOCK_NAME = "lock"
SEGMENT_SUFFIX = ".wal"
RUNNING_NAME = "running"  # see running.py
UNFINISHED_NAME = f"{RUNNING_NAME}.new"
UNBORN_PREFIX = ".new-"
_CRC_CHARS = 8

_log = logging.getLogger(__name__)


class AuditUnavailable(GatewayError):
    """The record is not durable, so what it would have recorded does not happen."""

    status = 503

    def __init__(self, sentence: str = "") -> None:
        super().__init__(Reason.AUDIT_UNAVAILABLE, sentence)


@dataclass(eq=False, slots=True)
class Segment:
    """One file. `size` is what is durable, `shipped` how much of it was taken; only a sealed one may be removed.

    `waiting` counts records that were not taken, `waits_since` is when the oldest of them was written, or before that.
    """

    path: Path
    size: int = 0
    shipped: int = 0
    is_sealed: bool = False
    waiting: int = 0
    waits_since: float = 0.0


Line = NewType("Line", bytes)  # one record as it stands in the spool


def frame(raw: bytes) -> Line:
    """One record as a line of the spool."""
    return Line(b"%08x %b\n" % (zlib.crc32(raw), raw))


def unframe(line: bytes) -> bytes | None:
    """The record of a line without its newline, or None when the line is damaged."""
    raw = line[_CRC_CHARS + 1 :]
    return raw if line[: _CRC_CHARS + 1] == b"%08x " % zlib.crc32(raw) else None


@dataclass(frozen=True, slots=True)
class Queue:
    """What is durable and was not taken yet. `oldest_s` is 0 when nothing waits."""

    records: int
    bytes: int
    oldest_s: float


class Spool:
    """This process's folder. One thread appends, another reads and removes."""

    def __init__(self, root: Path, owner: str, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._segment_bytes = segment_bytes
        self._lock = Lock()
        self._segments: list[Segment] = []
        self._size = 0
        self._fd = -1
        self._number = 0
        self.folder, self._lock_fd = _make_folder(root, owner)

    @property
    def size(self) -> int:
        """Durable bytes that nobody took yet. Asked before every request, so it is only read here."""
        return self._size

    def queue(self) -> Queue:
        """For those who watch. May be called from any thread."""
        with self._lock:
            waiting = [item for item in self._segments if item.shipped < item.size]
        since = min((item.waits_since for item in waiting), default=None)
        oldest_s = 0.0 if since is None else max(0.0, time.monotonic() - since)
        return Queue(sum(item.waiting for item in waiting), sum(item.size - item.shipped for item in waiting), oldest_s)

    def append(self, data: bytes) -> None:
        """Make whole lines durable. Raises OSError; then none of them counts as recorded."""
        segment = self._current()
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._fd, view) :]
            os.fdatasync(self._fd)
        except OSError:
            self._abandon(segment)
            raise
        if segment.shipped == segment.size:
            segment.waits_since = time.monotonic()
        with self._lock:
            segment.size += len(data)
            segment.waiting += data.count(b"\n")
            self._size += len(data)

    def took(self, segment: Segment, upto: int, records: int) -> None:
        """The log took so many records, up to this offset of a segment."""
        with self._lock:
            self._size -= upto - segment.shipped
            segment.shipped = upto
            segment.waiting -= records

    def segments(self) -> list[Segment]:
        """Oldest first."""
        with self._lock:
            return list(self._segments)

    def remove(self, segment: Segment) -> None:
        """Forget a sealed segment that was shipped."""
        segment.path.unlink(missing_ok=True)
        with self._lock:
            self._segments.remove(segment)

    def seal(self) -> None:
        """End the current segment, so that it can be removed once shipped."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        with self._lock:
            for segment in self._segments:
                segment.is_sealed = True

    def close(self) -> None:
        """Let go of the folder; it is removed when nothing is left in it to ship."""
        self.seal()
        if is_done(self.folder):
            remove_folder(self.folder)
        os.close(self._lock_fd)

    def _current(self) -> Segment:
        with self._lock:
            last = self._segments[-1] if self._segments and self._fd >= 0 else None
        if last is not None and last.size < self._segment_bytes:
            return last
        self.seal()
        self._number += 1
        segment = Segment(self.folder / f"{self._number:08d}{SEGMENT_SUFFIX}")
        self._fd = os.open(segment.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with self._lock:
            self._segments.append(segment)
        sync_folder(self.folder)
        return segment

    def _abandon(self, segment: Segment) -> None:
        """After a failed write nobody knows what is on disk behind `size`: cut it off, and never write there again.

        A second fdatasync on the same file would report success for pages that the first one lost (fsyncgate, 2018).
        """
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, segment.size)
        self.seal()
        if not segment.size:
            self.remove(segment)


def _make_folder(root: Path, owner: str) -> tuple[Path, int]:
    """A folder that is locked before its name can be seen, or an adopter could take it in between."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{owner}-{os.getpid()}-{secrets.token_hex(4)}"
    unborn = root / (UNBORN_PREFIX + name)
    unborn.mkdir(mode=0o700)
    lock_fd = os.open(unborn / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    folder = unborn.rename(root / name)
    sync_folder(root)
    return folder, lock_fd


def is_done(folder: Path) -> bool:
    """Nothing is left in it to ship, and nothing that its process would have had to end."""
    return not any(folder.glob(f"*{SEGMENT_SUFFIX}")) and not (folder / RUNNING_NAME).exists()


def remove_folder(folder: Path) -> None:
    """Remove a folder without segments. What cannot be removed now is found again as an orphan."""
    try:
        (folder / UNFINISHED_NAME).unlink(missing_ok=True)
        (folder / LOCK_NAME).unlink(missing_ok=True)
        folder.rmdir()
    except OSError as exc:
        _log.warning("a spool folder stays: %s", exc.strerror)


def sync_folder(folder: Path) -> None:
    """Make the names in it durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
