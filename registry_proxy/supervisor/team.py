"""The workers: one current for each slot, and those that hand over or drain.

Rules: every open door has somebody who serves it, as long as anybody serves; a worker that follows another takes
connections only once it is ready; the old ones leave only after all new ones took over, else nothing changes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from itertools import cycle
from pathlib import Path

from registry_proxy.log_lines import log_fields
from registry_proxy.orders import Accept, Drain
from registry_proxy.supervisor.doors import Doors
from registry_proxy.supervisor.pacing import Pacing
from registry_proxy.supervisor.patience import wait_for_silence
from registry_proxy.supervisor.plan import Plan
from registry_proxy.supervisor.worker import Worker, start_worker

READY_WITHIN_S = 60.0
LAST_RECORDS_S = 20.0  # what a worker may take beyond its drain, to record and ship
_LOOK_EVERY_S = 0.05

_log = logging.getLogger(__name__)


class Team:
    """Owns the workers. `exits` and `handovers` count by kind, for the metrics."""

    def __init__(self, plan: Plan, doors: Doors, folder: Path) -> None:
        self._plan, self._doors, self._folder = plan, doors, folder
        self._current: dict[int, Worker] = {}
        self._pacing: dict[int, Pacing] = {}
        self._lives: Counter[int] = Counter()
        self._watchers: dict[Worker, asyncio.Task[None]] = {}
        self._starts: set[asyncio.Task[None]] = set()
        self.is_stopping = False
        self.exits: Counter[str] = Counter()
        self.handovers: Counter[str] = Counter()

    @property
    def workers(self) -> tuple[Worker, ...]:
        """Every process that runs, also those that are about to leave."""
        return tuple(self._watchers)

    @property
    def serving(self) -> tuple[Worker, ...]:
        """Those that take connections."""
        return tuple(worker for worker in self._current.values() if worker.is_serving)

    async def start(self) -> None:
        """Fill every slot; all of them serve at once, because a refusal with a reason beats silence. Raises OSError."""
        self._doors.grow(self._plan.workers)
        self._doors.open()
        for slot in range(self._plan.workers):
            worker = self._current[slot] = await self._spawn(slot, self._plan)
            worker.is_serving = True
        self._share_doors()

    async def hand_over(self, plan: Plan) -> bool:
        """Replace every worker without losing a connection. False, and nothing changed, when the new ones fail."""
        _log.info("restart.begins", extra=log_fields(workers=plan.workers))
        fresh: list[Worker] = []
        try:
            self._doors.grow(plan.workers)
            for slot in range(plan.workers):
                fresh.append(await self._spawn(slot, plan))  # noqa: PERF401  # what was started counts when one fails
            is_ready = await self._all_ready(fresh)
        except OSError as exc:
            _log.error("restart.failed", extra=log_fields(why=str(exc.strerror)))
            is_ready = False
        except asyncio.CancelledError:
            self._dismiss(fresh)
            raise
        if not is_ready:
            self._dismiss(fresh)
            self._doors.forget_unopened()
            self.handovers["failed"] += 1
            _log.error("restart.failed", extra=log_fields(why="the new workers were not ready; the old ones go on"))
            return False
        self._take_over(plan, fresh)
        self.handovers["done"] += 1
        _log.info("restart.done", extra=log_fields(workers=len(fresh)))
        return True

    async def stop(self) -> None:
        """Drain all, then return. `hurry` may shorten it at any time."""
        self.is_stopping = True
        for task in self._starts:
            task.cancel()
        drain_s = self._plan.settings.limits.drain_s
        self._tell_all(Drain(drain_s))
        self._doors.close()
        watchers = list(self._watchers.values())
        if watchers:
            await asyncio.wait(watchers, timeout=drain_s + LAST_RECORDS_S)
        for worker in self.workers:
            _log.error("worker.killed", extra=log_fields(worker=worker.name, why="it did not end in time"))
            worker.kill()
        await asyncio.gather(*self._watchers.values())

    def hurry(self) -> None:
        """Cut what still runs, now."""
        self._tell_all(Drain(0))

    # -- one worker

    async def _fill(self, slot: int) -> None:
        worker = await self._spawn(slot, self._plan)
        if slot in self._current or slot >= self._plan.workers:  # all were replaced meanwhile
            self._dismiss([worker])
            return
        self._current[slot] = worker
        await self._serve_when_ready(worker)

    async def _spawn(self, slot: int, plan: Plan) -> Worker:
        self._lives[slot] += 1
        name = f"{slot + 1}.{self._lives[slot]}"
        worker = await start_worker(name, slot, self._doors.all, self._folder, plan.worker_environment(slot))
        self._watchers[worker] = asyncio.create_task(self._watch(worker))
        _log.info("worker.started", extra=log_fields(worker=name, pid=worker.process.pid))
        return worker

    async def _serve_when_ready(self, worker: Worker) -> None:
        """While others serve it may take its time; when nobody does, its refusals are better than silence."""
        while worker in self._watchers and self.serving and not await worker.is_ready():  # noqa: ASYNC110 - no event
            await asyncio.sleep(_LOOK_EVERY_S)
        if worker in self._watchers and self._current.get(worker.slot) is worker and not worker.is_leaving:
            worker.is_serving = True
            self._share_doors()

    async def _attend(self, worker: Worker) -> None:
        longest_s = self._plan.settings.limits.worker_silence_s
        await wait_for_silence(worker.is_alive, lambda: worker.has_answered, longest_s)
        _log.error("worker.killed", extra=log_fields(worker=worker.name, why="it stopped answering"))
        worker.kill()

    async def _watch(self, worker: Worker) -> None:
        attending = asyncio.create_task(self._attend(worker))
        status = await worker.process.wait()
        attending.cancel()
        worker.forget()
        del self._watchers[worker]
        is_expected = worker.is_leaving or self.is_stopping
        self.exits["expected" if is_expected and not status else "unexpected"] += 1
        if is_expected:
            _log.info("worker.left", extra=log_fields(worker=worker.name, status=status))
            return
        _log.error("worker.died", extra=log_fields(worker=worker.name, status=status))
        if self._current.get(worker.slot) is worker:
            del self._current[worker.slot]
            self._share_doors()
            task = asyncio.create_task(self._replace(worker))
            self._starts.add(task)
            task.add_done_callback(self._starts.discard)

    async def _replace(self, dead: Worker) -> None:
        slot = dead.slot
        pause_s = self._pacing.setdefault(slot, Pacing()).next(dead.lived_s)
        await asyncio.sleep(pause_s)
        while slot < self._plan.workers and slot not in self._current:
            try:
                await self._fill(slot)
            except OSError as exc:
                _log.error("worker.not-started", extra=log_fields(why=str(exc.strerror)))
                await asyncio.sleep(self._pacing[slot].next(0))

    # -- all workers

    def _share_doors(self) -> None:
        """Each serving worker has the door of its slot; vacant slots' doors go round among them."""
        serving = self.serving
        if not serving:
            return
        doors: dict[Worker, set[int]] = {worker: set() for worker in serving}
        others = cycle(serving)
        for door in range(len(self._doors)):
            own = self._current.get(door)
            doors[own if own is not None and own.is_serving else next(others)].add(door)
        for worker, numbers in doors.items():
            worker.tell(Accept(frozenset(numbers)))

    async def _all_ready(self, fresh: list[Worker]) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(READY_WITHIN_S):
                for worker in fresh:
                    while not await worker.is_ready():
                        if not all(other in self._watchers for other in fresh):
                            return False
                        await asyncio.sleep(_LOOK_EVERY_S)
                return all(worker in self._watchers for worker in fresh)
        return False

    def _take_over(self, plan: Plan, fresh: list[Worker]) -> None:
        old = [worker for worker in self._current.values() if worker not in fresh]
        self._plan = plan
        self._current = {worker.slot: worker for worker in fresh}
        for worker in fresh:
            worker.is_serving = True
        self._doors.open()
        self._share_doors()
        for worker in old:
            worker.is_serving, worker.is_leaving = False, True
            worker.tell(Drain(plan.settings.limits.handover_s, is_handover=True))

    def _dismiss(self, workers: list[Worker]) -> None:
        for worker in workers:
            worker.is_leaving = True
            worker.tell(Drain(0))

    def _tell_all(self, order: Drain) -> None:
        for worker in self.workers:
            worker.tell(order)
