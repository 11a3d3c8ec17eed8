"""`python -m benchmarks.faults [--count N] [--seed N] [--only WORD] [--database URL]`."""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence

from benchmarks.faults.kinds import KINDS
from benchmarks.faults.table import render
from benchmarks.faults.trial import Cast, Outcome, Trial
from benchmarks.faults.witness import running_streams
from benchmarks.faults.world import World, running_world

CLOCK = "clock back by two hours"  # SQLite asks the process for the time; a PostgreSQL would have to be faked itself


def main(arguments: Sequence[str]) -> int:
    """Returns 1 when the model was violated."""
    options = _parser().parse_args(arguments)
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    print(f"seed {seed}", flush=True)
    outcomes: list[Outcome] = []
    try:
        with running_world(options.database) as world, running_streams() as streams:
            cast = Cast.make(streams)
            for number, kind in enumerate(_plan(_possible(world, options.only), options.count, seed)):
                rng = random.Random(f"{seed}/{number}")  # noqa: S311  # to be repeated
                trial = Trial(world, cast, rng, number, is_short=options.short)
                outcomes.append(trial.run(kind, KINDS[kind]))
                _tell(number, outcomes[-1])
    except KeyboardInterrupt:
        print("stopped; the table holds what was done until now")
    print(render(outcomes))
    return 1 if any(outcome.violations for outcome in outcomes) else 0


def _tell(number: int, outcome: Outcome) -> None:
    for problem in outcome.violations:
        print(f"VIOLATION #{number} {outcome.kind}: {problem}", flush=True)
    print(f"#{number} {outcome.kind}", file=sys.stderr, flush=True)


def _possible(world: World, only: str) -> list[str]:
    kinds = [kind for kind in KINDS if only in kind]
    if not world.has_faketime or not world.env["JIT_DATABASE_URL"].startswith("sqlite"):
        print(f"left out: {CLOCK} (needs Debian's faketime, and SQLite)")
        kinds = [kind for kind in kinds if kind != CLOCK]
    return kinds


def _plan(kinds: Sequence[str], count: int, seed: int) -> list[str]:
    """Each kind as often as any other, in an order of the seed's choice."""
    rng = random.Random(seed)  # noqa: S311  # to be repeated
    plan: list[str] = []
    while len(plan) < count:
        plan += rng.sample(kinds, len(kinds))
    return plan[:count]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults")
    parser.add_argument("--count", type=int, default=1000, help="how many injections")
    parser.add_argument("--seed", type=int, help="what chooses them; a run prints its own")
    parser.add_argument("--short", action="store_true", help="long outages only now and then")
    parser.add_argument("--only", default="", help="kinds whose name holds this")
    parser.add_argument("--database", default="", help="an empty PostgreSQL database (default: an SQLite of its own)")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
