"""`python -m registry_proxy [--workers N]`: one worker by itself, or a parent with N of them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from registry_proxy.orders import Inherited
from registry_proxy.settings import SettingsError
from registry_proxy.supervisor.plan import ENV_FILE, read_workers


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code. A parent never loads what only workers need."""
    options = _parser().parse_args(arguments)
    try:
        is_parent = bool(options.workers or read_workers(os.environ) or os.environ.get(ENV_FILE))
    except SettingsError as exc:
        print(f"registry_proxy: {exc}", file=sys.stderr)  # noqa: T201 - the log is not set up yet
        return 2
    if is_parent and options.inherit is None:
        from registry_proxy.supervisor import supervise  # noqa: PLC0415  # the parent stays small

        return supervise(options.workers)
    from registry_proxy.server import run_worker  # noqa: PLC0415  # see above

    return run_worker(options.inherit)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m registry_proxy", allow_abbrev=False)
    parser.add_argument("--workers", type=_count, help="worker processes under one parent; none: one, by itself")
    parser.add_argument("--inherit", type=Inherited.from_argument, help=argparse.SUPPRESS)
    return parser


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return count


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
