#!/usr/bin/env python3
"""One door for people who work on the gateway: `python3 dev.py up`, `python3 dev.py test`. See README.md.

This file must stay readable for Pythons that are too old to run the rest, so that they can say so.
"""

import sys


def main():  # type: ignore[no-untyped-def]  # annotations of today are syntax errors of yesterday
    """Check the Python, then hand over."""
    if sys.version_info < (3, 11):  # noqa: UP036  # the whole point of this file
        found = ".".join(str(part) for part in sys.version_info[:3])
        sys.stderr.write("Python 3.11 or newer is needed, this one is %s. Try: python3.12 dev.py up\n" % found)  # noqa: UP031
        return 2
    from jit_access.demo.bootstrap.commands import run  # noqa: PLC0415  # only a new enough Python can read it

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())  # type: ignore[no-untyped-call]
