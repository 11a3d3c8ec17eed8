"""Spools whose process died: their lock is free, their records are not lost."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from registry_proxy.audit_sink.running import write_ends
from registry_proxy.audit_sink.spool import (
    LOCK_NAME,
    SEGMENT_SUFFIX,
    UNBORN_PREFIX,
    Segment,
    is_done,
    remove_folder,
)


@dataclass(slots=True)
class Orphan:
    """A folder that we locked. Keep it until everything in it was shipped, the ends of what it left running too."""

    folder: Path
    lock_fd: int
    has_ends: bool = False

    def end_what_ran(self, *, now: float, finder: str) -> None:
        """Write the ends that its process could not. Raises OSError."""
        if not self.has_ends:
            write_ends(self.folder, now=now, finder=finder)
            self.has_ends = True

    def segments(self) -> list[Segment]:
        """Oldest first; all of them are final."""
        paths = sorted(self.folder.glob(f"*{SEGMENT_SUFFIX}"))
        return [Segment(path, size=path.stat().st_size, is_sealed=True) for path in paths]

    def release(self) -> None:
        """Let go; the folder is removed when nothing is left in it to ship."""
        if is_done(self.folder):
            remove_folder(self.folder)
        os.close(self.lock_fd)


def adopt_orphans(root: Path) -> Iterator[Orphan]:
    """Lock and give every folder whose owner is gone."""
    for folder in sorted(root.iterdir()):
        if folder.is_dir() and not folder.name.startswith(UNBORN_PREFIX):
            orphan = _adopt(folder)
            if orphan is not None:
                yield orphan


def _adopt(folder: Path) -> Orphan | None:
    path = folder / LOCK_NAME
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return _adopt_without_lock(folder)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Somebody may have shipped and removed it between our open and our lock.
        is_same = path.exists() and path.stat().st_ino == os.fstat(fd).st_ino
    except OSError:
        is_same = False
    if is_same:
        return Orphan(folder, fd)
    os.close(fd)
    return None


def _adopt_without_lock(folder: Path) -> Orphan | None:
    """The lock is removed just before its folder: what is left is empty, or was damaged by hand and still counts."""
    if is_done(folder):
        remove_folder(folder)
        return None
    fd = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return Orphan(folder, fd)
