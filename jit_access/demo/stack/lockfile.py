"""At most one stack per folder, held by a lock that the kernel releases when its holder is gone."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
from pathlib import Path

_STOP_WAIT_S = 60.0


class StackLock:
    """`var/run/dev.lock`; its content is the holder's pid."""

    def __init__(self, run: Path) -> None:
        self._path = run / "dev.lock"
        self._handle: int | None = None

    def take(self) -> bool:
        """True when it is ours now, until this process ends."""
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return False
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        self._handle = handle
        return True

    def is_held(self) -> bool:
        """Does a stack run here?"""
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(handle)
        return False

    def stop_holder(self) -> bool:
        """Ask the holder to end and wait for it. True when it is gone."""
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(self._path.read_text(encoding="ascii")), signal.SIGTERM)
        deadline = time.monotonic() + _STOP_WAIT_S
        while self.is_held():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True
