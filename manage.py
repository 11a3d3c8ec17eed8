#!/usr/bin/env python3
"""Django's command line."""

import os
import sys

DEVELOPMENT = "jit_access.config.settings.development"


def main() -> int:
    """In development the stack that `dev.py up` made is the one that is meant."""
    if os.environ.setdefault("DJANGO_SETTINGS_MODULE", DEVELOPMENT) == DEVELOPMENT:
        from jit_access.demo.stack.memory import adopt  # noqa: PLC0415  # the demo's room is no part of an image

        adopt()
    try:
        from django.core.management import execute_from_command_line  # noqa: PLC0415  # may be missing, see below
    except ModuleNotFoundError as exc:
        if exc.name != "django":
            raise
        given = " ".join(sys.argv[1:])
        sys.stderr.write(f"Django is not installed for this Python. Use: python3 dev.py manage {given}".rstrip() + "\n")
        return 1
    execute_from_command_line(sys.argv)
    return 0


if __name__ == "__main__":
    sys.exit(main())
