"""The parent from start to stop.

SIGTERM drains, a second one cuts at once; SIGHUP replaces all workers without a gap.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from registry_proxy.admin import AdminConnection
from registry_proxy.log_lines import begin_logging, log_fields
from registry_proxy.settings import Address, SettingsError
from registry_proxy.supervisor.doors import Doors
from registry_proxy.supervisor.page import TeamPage
from registry_proxy.supervisor.plan import Plan, make_plan
from registry_proxy.supervisor.team import Team

_log = logging.getLogger(__name__)


class _Wishes:
    """What signals asked for."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.hurry = asyncio.Event()
        self.restart = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_stop)
        loop.add_signal_handler(signal.SIGHUP, self.restart.set)

    def _on_stop(self) -> None:
        (self.hurry if self.stop.is_set() else self.stop).set()


def supervise(workers: int | None) -> int:
    """Run until told to stop. Returns the exit code; a start that cannot work says why in one line."""
    try:
        plan = make_plan(os.environ, workers)
    except SettingsError as exc:
        print(f"registry_proxy: {exc}", file=sys.stderr)  # noqa: T201 - the log is not set up yet
        return 2
    begin_logging(plan.settings.log_level)
    folder = Path(tempfile.mkdtemp(prefix="jit-proxy-"))
    try:
        asyncio.run(_supervise(plan, folder, workers))
    except OSError as exc:
        _log.error("the proxy cannot start: %s", exc.strerror)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


async def _supervise(plan: Plan, folder: Path, workers: int | None) -> None:
    settings = plan.settings
    wishes = _Wishes()
    doors = Doors(settings.listen, settings.tls_listen)
    await doors.wait_until_free()
    team = Team(plan, doors, folder)
    await team.start()
    admin = await _show_page(team, settings.admin_listen)
    plain, tls = doors.ports
    _log.info("proxy.listening", extra=log_fields(plain=plain, tls=tls, workers=plan.workers))
    try:
        await _obey(wishes, team, workers)
    finally:
        hurrying = asyncio.create_task(_hurry(wishes, team))
        await team.stop()
        hurrying.cancel()
        if admin is not None:
            admin.close()


async def _show_page(team: Team, address: Address | None) -> asyncio.Server | None:
    if address is None:
        return None
    page, loop = TeamPage(team), asyncio.get_running_loop()
    return await loop.create_server(lambda: AdminConnection(page), address.host, address.port)


async def _obey(wishes: _Wishes, team: Team, workers: int | None) -> None:
    """Returns when it is time to stop. Wishes for a restart that come while one runs make one more."""
    stop = asyncio.create_task(wishes.stop.wait())
    while not stop.done():
        restart = asyncio.create_task(_restart_once(wishes, team, workers))
        await asyncio.wait({stop, restart}, return_when=asyncio.FIRST_COMPLETED)
        restart.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await restart


async def _restart_once(wishes: _Wishes, team: Team, workers: int | None) -> None:
    await wishes.restart.wait()
    wishes.restart.clear()
    try:
        plan = make_plan(os.environ, workers)
    except SettingsError as exc:
        team.handovers["failed"] += 1
        _log.error("restart.failed", extra=log_fields(why=str(exc)))
        return
    try:
        await team.hand_over(plan)
    except Exception:  # noqa: BLE001  # outermost: a restart that breaks must not take the running workers along
        _log.exception("restart.failed")


async def _hurry(wishes: _Wishes, team: Team) -> None:
    await wishes.hurry.wait()
    team.hurry()
