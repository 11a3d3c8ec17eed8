"""One worker process as its parent sees it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from registry_proxy.orders import Door, Inherited, Order, write_order

_ASK_S = 3.0
MAX_PAGE_BYTES = 16 * 1024 * 1024
_GONE = 0
_CLOSED = -1


@dataclass(eq=False, slots=True)
class Worker:
    """`name` is slot and life, `2.1`: unique as long as the parent lives, so it can label a worker's metrics."""

    name: str
    slot: int
    process: asyncio.subprocess.Process
    admin_path: Path
    _orders_fd: int
    is_serving: bool = False
    is_leaving: bool = False
    has_answered: bool = False
    began: float = field(default_factory=time.monotonic)

    @property
    def lived_s(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.began

    def tell(self, order: Order) -> None:
        """Give an order. One that died meanwhile hears nothing, and somebody else waits for its end."""
        if self._orders_fd == _CLOSED:
            return
        with contextlib.suppress(BrokenPipeError, BlockingIOError):
            os.write(self._orders_fd, write_order(order))

    def kill(self) -> None:
        """For one that does not end by itself."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    def forget(self) -> None:
        """It ended: let go of what is left of it."""
        os.close(self._orders_fd)
        self._orders_fd = _CLOSED  # the number may soon be somebody else's
        self.admin_path.unlink(missing_ok=True)

    async def ask(self, path: str) -> tuple[int, bytes]:
        """Status and body of its own admin page; status 0 when it does not answer."""
        try:
            async with asyncio.timeout(_ASK_S):
                reader, writer = await asyncio.open_unix_connection(str(self.admin_path), limit=MAX_PAGE_BYTES)
                try:
                    writer.write(f"GET {path} HTTP/1.1\r\nHost: worker\r\n\r\n".encode("ascii"))
                    answer = await reader.read(MAX_PAGE_BYTES)
                    while piece := await reader.read(MAX_PAGE_BYTES):
                        answer += piece
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return _GONE, b""
        self.has_answered |= bool(answer)
        head, _, body = answer.partition(b"\r\n\r\n")
        words = head.split(b" ", 2)
        return int(words[1]) if len(words) > 1 and words[1].isdigit() else _GONE, body

    async def is_alive(self) -> bool:
        """Its loop turns. Ready or not: who lost the control plane refuses with a reason, and that is an answer."""
        status, _ = await self.ask("/healthz")
        return status != _GONE

    async def is_ready(self) -> bool:
        """It heard the control plane lately and can record."""
        status, _ = await self.ask("/readyz")
        return status == 200


async def start_worker(name: str, slot: int, doors: tuple[Door, ...], folder: Path, env: dict[str, str]) -> Worker:
    """A new process of whatever code is on disk now. Raises OSError."""
    orders_out, orders_in = os.pipe()
    admin_path = folder / f"{name}.sock"
    inherited = Inherited(orders_out, admin_path, doors)
    try:
        os.set_blocking(orders_in, False)  # a worker that hangs must not hang its parent too
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "registry_proxy", "--inherit", inherited.to_argument(),
            stdin=asyncio.subprocess.DEVNULL, env=env,
            pass_fds=(orders_out, *(fd for door in doors for fd in door.descriptors)),
        )  # fmt: skip
    except OSError:
        os.close(orders_in)
        raise
    finally:
        os.close(orders_out)
    return Worker(name, slot, process, admin_path, orders_in)
