"""`python -m jit_access.demo.registry --folder F --port N [--username U --password-file P]`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from jit_access.demo.registry.server import DemoRegistry


def main() -> int:
    parser = argparse.ArgumentParser(prog="demo-registry", description="DEMO ONLY: a small OCI registry.")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--username", default="")
    parser.add_argument("--password-file", type=Path)
    options = parser.parse_args()
    if os.environ.get("JIT_ENV") == "production":
        sys.stderr.write("The demo registry never runs in production.\n")
        return 2
    login = f"{options.username}:{options.password_file.read_text().strip()}" if options.password_file else ""
    DemoRegistry(options.port, options.folder, login).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
