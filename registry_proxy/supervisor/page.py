"""One admin page for all workers: ready when they are, and their metrics as one page with a label each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from registry_proxy.admin import readiness_answer
from registry_proxy.metering import CONTENT_TYPE, merge_pages
from registry_proxy.protocols.answers import Answer, json_answer
from registry_proxy.supervisor.team import Team
from registry_proxy.supervisor.worker import Worker


class TeamPage:
    """Asks the workers when it is asked."""

    def __init__(self, team: Team) -> None:
        self._team = team

    async def answer(self, path: bytes) -> Answer:
        """The answer to a path."""
        if path == b"/healthz":
            return json_answer({"status": "ok"})
        if path == b"/readyz":
            return await self._readiness()
        if path == b"/metrics":
            return await self._metrics()
        return Answer(404)

    async def _readiness(self) -> Answer:
        """Each worker that takes connections must be ready: a client cannot choose which one it gets."""
        serving = self._team.serving
        found = await asyncio.gather(*(self._reasons(worker) for worker in serving))
        workers = {worker.name: reasons or ["ready"] for worker, reasons in zip(serving, found, strict=True)}
        against = [reason for reasons in found for reason in reasons]
        if self._team.is_stopping:
            against.append("draining")
        elif not serving:
            against.append("no-worker")
        return readiness_answer(against, workers=workers)

    @staticmethod
    async def _reasons(worker: Worker) -> list[str]:
        status, body = await worker.ask("/readyz")
        if status == 200:
            return []
        try:
            return [str(reason) for reason in json.loads(body)["reasons"]]
        except (ValueError, KeyError, TypeError):
            return ["no-answer"]

    async def _metrics(self) -> Answer:
        workers = self._team.workers
        pages = await asyncio.gather(*(worker.ask("/metrics") for worker in workers))
        by_name = {
            worker.name: body for worker, (status, body) in zip(workers, pages, strict=True) if status == 200
        }  # fmt: skip
        return Answer(200, ((b"content-type", CONTENT_TYPE.encode("ascii")),), merge_pages(by_name, self._own()))

    def _own(self) -> list[Metric]:
        team = self._team
        leaving = sum(worker.is_leaving for worker in team.workers)
        states = {
            "serving": len(team.serving), "leaving": leaving,
            "starting": len(team.workers) - len(team.serving) - leaving,
        }  # fmt: skip
        return own_families(states, team.exits, team.handovers)


def own_families(
    states: Mapping[str, int], exits: Mapping[str, int], restarts: Mapping[str, int]
) -> list[Metric]:  # fmt: skip
    """What only the parent knows. Every label is there from the start, or a first rise would go unseen."""
    workers = GaugeMetricFamily("jit_proxy_workers", "Worker processes by what they do.", labels=["state"])
    for state in ("serving", "starting", "leaving"):
        workers.add_metric([state], states.get(state, 0))
    ended = CounterMetricFamily(
        "jit_proxy_worker_exits", "Workers that ended, and whether they should.", labels=["kind"]
    )
    for kind in ("expected", "unexpected"):
        ended.add_metric([kind], exits.get(kind, 0))
    replaced = CounterMetricFamily(
        "jit_proxy_restarts", "Restarts without a gap, by how they went.", labels=["outcome"]
    )
    for outcome in ("done", "failed"):
        replaced.add_metric([outcome], restarts.get(outcome, 0))
    return [workers, ended, replaced]
