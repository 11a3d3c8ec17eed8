"""How much is measured. A full run with the defaults takes about 25 minutes, a quick one proves that all works."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.processes import Cores
from benchmarks.site import MIB

PARTS = ("requests", "down", "up", "tls", "memory", "cuts")
DOCS = Path("docs/benchmarks")
SCRATCH = Path("var/benchmarks")
_GIVEN = ("rounds", "seconds", "blob_mib", "out")  # options that win over --quick


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes and repetitions of one run."""

    parts: tuple[str, ...] = PARTS
    candidates: tuple[str, ...] = ()
    rounds: int = 3
    seconds: float = 2.0
    blob_mib: int = 1024
    idle: int = 1000
    single_cuts: int = 30
    group_cuts: int = 4
    out: Path = DOCS
    cores: Cores = field(default_factory=Cores)
    has_profile: bool = False

    @property
    def blob_bytes(self) -> int:
        return self.blob_mib * MIB

    @property
    def shared_bytes(self) -> int:
        """Of each stream when eight run at once: together they move twice of what one moves alone."""
        return self.blob_bytes // 4

    def takes(self, candidate: str) -> bool:
        """Is it asked for? The gateway always is: ratios need it."""
        return not self.candidates or candidate in (*self.candidates, "gateway")


def quick(plan: Plan) -> Plan:
    """The smallest run in which every candidate does everything once."""
    return replace(
        plan, rounds=1, seconds=1.0, blob_mib=64, idle=200, single_cuts=3, group_cuts=1
    )  # fmt: skip


def read_arguments(arguments: list[str]) -> tuple[Plan, argparse.Namespace]:
    """The command line. A quick or partial run leaves the published report alone unless `--out` says otherwise."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one small round, to see that everything works")
    parser.add_argument("--only", metavar="PART,…", default="", help="of: " + ", ".join(PARTS))
    parser.add_argument("--candidates", metavar="NAME,…", default="", help="beside the gateway, like nginx,caddy-auth")
    parser.add_argument("--rounds", type=int, help="visits per candidate and case")
    parser.add_argument("--seconds", type=float, help="of each load of small requests")
    parser.add_argument("--blob-mib", type=int, help="size of the large layer (1024; 64 with --quick)")
    parser.add_argument("--cores", default="1,0", help="core of the measured tree, core of everything else")
    parser.add_argument("--profile", action="store_true", help="also say where the gateway's time goes (py-spy, perf)")
    parser.add_argument("--out", type=Path, help="folder of the report")
    parser.add_argument("--report", action="store_true", help="only draw the report again from results.json")
    options = parser.parse_args(arguments)
    return _plan_of(parser, options), options


def _plan_of(parser: argparse.ArgumentParser, options: argparse.Namespace) -> Plan:
    parts = tuple(options.only.split(",")) if options.only else PARTS
    if unknown := set(parts) - set(PARTS):
        parser.error(f"--only knows {', '.join(PARTS)}; not {', '.join(sorted(unknown))}")
    measured, others = (int(core) for core in options.cores.split(","))
    if measured == others:
        parser.error("--cores needs two different cores")
    plan = Plan(
        parts=parts,
        candidates=tuple(filter(None, options.candidates.split(","))),
        cores=Cores(measured, others),
        has_profile=options.profile,
        out=SCRATCH if options.quick or options.only or options.candidates else DOCS,
    )
    plan = quick(plan) if options.quick else plan
    given = {name: value for name in _GIVEN if (value := getattr(options, name)) is not None}
    return replace(plan, **given)
