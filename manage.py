#!/usr/bin/env python3
"""Django's command line."""

import os
import sys

DEVELOPMENT = "jit_access.config.settings.development"


def main() -> int:
    """In development the stack that `dev.py up` made is the one that is meant."""
    is_development = os.environ.setdefault("DJANGO_SETTINGS_MODULE", DEVELOPMENT) == DEVELOPMENT
    if is_development:
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
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415  # Django is there, as we know by now

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as exc:
        is_first = is_development and "is not set" in str(exc)
        hint = " `python3 dev.py up` makes what development needs: run it first." if is_first else ""
        sys.stderr.write(f"{exc}{hint}\n")
        return 1
    except BrokenPipeError:  # whoever read us has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter flushes once more at its end
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
