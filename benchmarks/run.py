"""The run: rounds of visits. Every round visits all candidates once, each started afresh, in a turning order."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from benchmarks.control.grants import seed
from benchmarks.control.plane import running_control_plane
from benchmarks.machine import load_average, machine_facts
from benchmarks.peers.bare import BareRelay
from benchmarks.peers.base import Peer, Visit, stopping
from benchmarks.peers.caddy import Caddy
from benchmarks.peers.direct import Direct
from benchmarks.peers.gateway import Gateway
from benchmarks.peers.haproxy import HAProxy
from benchmarks.peers.nginx import Nginx
from benchmarks.plan import Plan
from benchmarks.processes import CannotMeasure
from benchmarks.profiling import OCCASIONS, profile
from benchmarks.results import OURS, Failure, Results, Sample
from benchmarks.scenarios.base import Ground, Scenario
from benchmarks.scenarios.table import SCENARIOS
from benchmarks.site import MIB, Site, UpstreamPorts
from benchmarks.upstreams.base import Upstream
from benchmarks.upstreams.registry import fill, registry_upstream
from benchmarks.upstreams.sink import sink_upstream
from benchmarks.upstreams.static import static_upstream

_UPLOADS_AT_ONCE = 2  # what eight streams leave in the registry before it is taken back, in blobs


@dataclass(slots=True)
class Run:
    """Everything that lives as long as the run."""

    ground: Ground
    upstreams: Mapping[str, Upstream]
    peers: Mapping[str, Peer]
    results: Results = field(default_factory=Results)

    def go(self) -> None:
        """All rounds. A visit that fails is told and kept as a failure; the run goes on."""
        plan = self.ground.plan
        scenarios = [scenario for scenario in SCENARIOS if scenario.part in plan.parts]
        for number in range(plan.rounds):
            for scenario in scenarios:
                if number < min(scenario.rounds or plan.rounds, plan.rounds):
                    self._visit_all(scenario, number)
        self.results.notes |= self.ground.notes

    def look_inside(self) -> None:
        """The gateway under each load once more, with profilers that the measurements must not have."""
        for name, occasion in OCCASIONS.items():
            upstream = self.upstreams[occasion.upstream]
            try:
                with stopping(upstream.start()), self.peers[OURS].open(self.ground.site, upstream) as visit:
                    for tool, lines in profile(self.ground, visit, occasion).items():
                        self.results.profiles[f"{name}: {tool}"] = lines
            except (CannotMeasure, OSError, subprocess.SubprocessError) as exc:
                self.results.profiles[name] = [f"could not be looked at: {exc}"]

    def _visit_all(self, scenario: Scenario, number: int) -> None:
        names = [name for name in scenario.candidates if self.ground.plan.takes(name.removesuffix("-2"))]
        # Nobody always comes first: what warms up or tires over a round hits each in turn.
        turned = names[number % len(names) :] + names[: number % len(names)]
        for upstream in scenario.upstreams:
            for name in turned:
                self._visit(scenario, self.upstreams[upstream], self.peers[name], number)

    def _visit(self, scenario: Scenario, upstream: Upstream, peer: Peer, number: int) -> None:
        where = (scenario.name, upstream.name, peer.name, number)
        try:
            with stopping(upstream.start()), peer.open(self.ground.site, upstream) as visit:
                self._measure(scenario, upstream, visit, (peer.name, number))
        except (CannotMeasure, OSError, subprocess.SubprocessError) as exc:
            why = self.ground.site.hide_paths(str(exc))
            self.results.failures.append(Failure(*where, why))
            print(f"!! {' '.join(map(str, where))}: {why}", flush=True)

    def _measure(self, scenario: Scenario, upstream: Upstream, visit: Visit, who: tuple[str, int]) -> None:
        name, number = who
        try:
            for index, (case, values) in enumerate(scenario.measure(self.ground, visit)):
                at = number if scenario.rounds != 1 else index
                sample = Sample(case, upstream.name, name, at, values, load_average())
                self.results.samples.append(sample)
                _tell(sample)
        except CannotMeasure as exc:
            raise CannotMeasure(f"{exc} {visit.explain()}".strip()) from exc


def _tell(sample: Sample) -> None:
    words = " ".join(f"{name}={value:.3g}" for name, value in sample.values.items())
    place = f"{sample.case} {sample.upstream}"
    print(f"{sample.round + 1:>2} {place:<28} {sample.candidate:<15} {words}", flush=True)


@contextlib.contextmanager
def prepared(plan: Plan) -> Iterator[Run]:
    """Make the ground: upstreams filled, control plane up, everything of ours on the core that is not measured."""
    os.sched_setaffinity(0, {plan.cores.others})
    site = Site.make(plan.cores, plan.blob_bytes * (2 + _UPLOADS_AT_ONCE) + 256 * MIB)
    try:
        ports = UpstreamPorts.choose()
        registry = registry_upstream(site, ports.registry)
        blobs, manifest = fill(site, registry, (plan.blob_bytes, plan.shared_bytes))
        static = static_upstream(site, ports.static, blobs, manifest)
        upstreams = {item.name: item for item in (static, registry, sink_upstream(site.others, ports.sink))}
        with running_control_plane(site) as control:
            seed({name: upstream.port for name, upstream in upstreams.items()}, site.disk)
            peers: tuple[Peer, ...] = (
                Direct(), BareRelay(), Gateway(control), Gateway(control, processes=2, name="gateway-2"),
                Nginx(), Nginx(has_auth=True), HAProxy(), HAProxy(has_splice=True), Caddy(), Caddy(has_auth=True),
            )  # fmt: skip
            ground = Ground(site, plan, control, *blobs)
            yield Run(ground, upstreams, {peer.name: peer for peer in peers}, Results(facts=machine_facts()))
    finally:
        site.remove()
