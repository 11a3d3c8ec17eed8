"""`python -m benchmarks [--quick] [--only …]`: the gateway beside its peers, in one go, with a report."""

from __future__ import annotations

import sys

from benchmarks.packages import MissingPart, ensure_packages
from benchmarks.plan import read_arguments
from benchmarks.run import prepared


def main(arguments: list[str]) -> int:
    plan, _ = read_arguments(arguments)
    try:
        ensure_packages()
    except MissingPart as exc:
        print(exc, file=sys.stderr)
        return 1
    with prepared(plan) as run:
        try:
            run.go()
        except KeyboardInterrupt:
            print("stopped; the report holds what was measured until now", file=sys.stderr)
    run.results.save(plan.out / "results.json")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
