"""A Valkey of a test's own, which it may stop, kill and flush."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import redis

from tests.support.processes import Child, start, wait_ready
from tests.support.redis_of_run import valkey_binary


@dataclass(slots=True)
class Valkey:
    """A server on a unix socket. It keeps nothing over a restart: what a lost Redis looks like."""

    folder: Path
    child: Child | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.folder}/valkey.sock"

    def start(self) -> None:
        socket = self.folder / "valkey.sock"
        command = [valkey_binary(), "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no"]
        self.child = wait_ready(start("valkey", command, folder=self.folder), self._answers)

    def stop(self) -> None:
        if self.child is not None:
            self.child.stop()

    def kill(self) -> None:
        if self.child is not None:
            self.child.kill()

    @contextlib.contextmanager
    def client(self) -> Iterator[redis.Redis]:
        client = redis.Redis.from_url(self.url, decode_responses=True, protocol=2)
        try:
            yield client
        finally:
            client.close()

    def _answers(self) -> bool:
        with contextlib.suppress(redis.ConnectionError), self.client() as client:
            return bool(client.ping())
        return False


@contextlib.contextmanager
def running_valkey() -> Iterator[Valkey]:
    """Its folder is short-lived and short-named: a socket path ends at 107 bytes."""
    valkey = Valkey(Path(tempfile.mkdtemp(prefix="jit-vk-")))
    valkey.start()
    try:
        yield valkey
    finally:
        valkey.stop()
        shutil.rmtree(valkey.folder, ignore_errors=True)


def start_valkey(folder: Path) -> Valkey:
    """For a caller that ends it itself. `folder` must have a short path."""
    valkey = Valkey(folder)
    valkey.start()
    return valkey
