"""`python -m jit_access.cli`, the same as `jit`."""

from __future__ import annotations

import sys

from jit_access.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
