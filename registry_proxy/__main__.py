"""`python -m registry_proxy`: one proxy process."""

from __future__ import annotations

import sys

from registry_proxy.server.main import main

if __name__ == "__main__":
    sys.exit(main())
