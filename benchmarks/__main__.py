"""`python -m benchmarks [--quick] [--only …]`: the gateway beside its peers, in one go, with a report."""

from __future__ import annotations

import signal
import sys
import time

from benchmarks.packages import MissingPart, ensure_packages
from benchmarks.plan import Plan, read_arguments
from benchmarks.report.document import plan_facts, write_report
from benchmarks.report.goals import judge_goals
from benchmarks.results import Results
from benchmarks.run import prepared


def main(arguments: list[str]) -> int:
    """Returns 0 when there is a report, whether the goals were met or not."""
    plan, options = read_arguments(arguments)
    file = plan.out / "results.json"
    if not options.report:
        try:
            ensure_packages()
            measure(plan).save(file)
        except MissingPart as exc:
            print(exc, file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("stopped before anything was measured", file=sys.stderr)
            return 130
    results = Results.load(file)
    write_report(results, plan.out)
    for verdict in judge_goals(results):
        print(f"{verdict.words.replace('*', ''):<16} {verdict.goal}: {verdict.measured}")
    print(f"The report: {plan.out / 'README.md'}")
    return 0


def measure(plan: Plan) -> Results:
    """The whole run; what an interrupted one measured until then is kept."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever stops us leaves no servers behind
    began = time.monotonic()
    with prepared(plan) as run:
        run.results.facts |= plan_facts(plan)
        try:
            run.go()
            if plan.has_profile:
                run.look_inside()
        except KeyboardInterrupt:
            print("stopped; the report holds what was measured until now", file=sys.stderr)
    run.results.facts["the run took"] = f"{(time.monotonic() - began) / 60:.0f} minutes"
    return run.results


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
