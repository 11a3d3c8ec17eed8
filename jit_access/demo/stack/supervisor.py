"""Starts services in order, waits until each works, watches them, and stops them in reverse."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable, Mapping
from types import FrameType

from jit_access.demo.bootstrap.errors import CannotGoOn
from jit_access.demo.bootstrap.terminal import Mark, Terminal
from jit_access.demo.stack.children import Child, start, write_pids
from jit_access.demo.stack.layout import Layout
from jit_access.demo.stack.services import Service

READY_WITHIN_S = 90.0
_LOOK_EVERY_S = 0.1
_RESTARTS = 3  # within _RESTART_WINDOW_S; more often than that is not an accident
_RESTART_WINDOW_S = 60.0


class Stopped(Exception):
    """Somebody asked us to end."""


class Supervisor:
    """Owns the children. One thread, no event loop: there is nothing here but waiting."""

    def __init__(self, layout: Layout, env: Mapping[str, str], terminal: Terminal) -> None:
        self._layout = layout
        self._env = env
        self._terminal = terminal
        self._running: list[tuple[Service, Child]] = []
        self._ended_at: dict[str, list[float]] = {}
        self._asked_to_stop = False

    def obey_signals(self) -> None:
        """The first signal stops everything in order, the second one at once."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._asked_to_stop:
            for _, child in self._running:
                child.signal_group(signal.SIGKILL)
        self._asked_to_stop = True

    def set_environment(self, env: Mapping[str, str]) -> None:
        """Some of it is known only once the lowest services run."""
        self._env = env

    def run_to_end(self, service: Service) -> None:
        """Run something that must finish before the rest may start. Raises: CannotGoOn, Stopped."""
        child = self._start(service)
        while child.status is None:
            self._pause()
        self._forget(child)
        if child.status:
            self._show_log(child)
            raise CannotGoOn(f"{service.name} failed. The whole log: {child.log}")

    def bring_up(self, services: Iterable[Service]) -> None:
        """Start all, then wait until all work. Raises: CannotGoOn, Stopped."""
        began = time.monotonic()
        waiting = {service.name: (service, self._start(service)) for service in services}
        while waiting:
            for name, (service, child) in list(waiting.items()):
                if child.status is not None:
                    self._show_log(child)
                    raise CannotGoOn(f"{name} ended while starting. The whole log: {child.log}")
                if service.is_ready():
                    self._terminal.say(Mark.DONE, f"{name} is ready")
                    del waiting[name]
            if waiting and time.monotonic() - began > READY_WITHIN_S:
                late = next(iter(waiting))
                self._show_log(waiting[late][1])
                raise CannotGoOn(f"{late} was not ready after {READY_WITHIN_S:.0f} s. Its log: {waiting[late][1].log}")
            self._pause()

    def watch(self) -> None:
        """Until somebody asks to stop: start again what ends by itself. Raises: Stopped, CannotGoOn."""
        while True:
            self._pause()
            for service, child in list(self._running):
                if child.status is not None:
                    self._revive(service, child)

    def stop_all(self) -> None:
        """In reverse, so that nobody loses what it stands on before it has ended itself."""
        while self._running:
            _, child = self._running.pop()
            child.stop()
            self._terminal.say(Mark.WAITING, f"{child.name} stopped")
        write_pids(self._layout.run / "children.json", [])

    def child(self, name: str) -> Child:
        """The running process with this name."""
        return next(child for service, child in self._running if service.name == name)

    def start_again(self, name: str) -> None:
        """Start a service that was killed, and wait until it works. Raises: CannotGoOn."""
        service, child = next(entry for entry in self._running if entry[0].name == name)
        child.stop()
        self._forget(child)
        self.bring_up([service])

    def _start(self, service: Service) -> Child:
        log = self._layout.log / f"{service.name}.log"
        log.unlink(missing_ok=True)
        child = start(service.name, service.command, log=log, env={**self._env, **service.extra_env})
        self._running.append((service, child))
        write_pids(self._layout.run / "children.json", [child for _, child in self._running])
        return child

    def _revive(self, service: Service, child: Child) -> None:
        self._forget(child)
        child.stop()  # whatever it left in its group
        self._show_log(child)
        now = time.monotonic()
        recent = [at for at in self._ended_at.get(service.name, []) if now - at < _RESTART_WINDOW_S]
        self._ended_at[service.name] = [*recent, now]
        if len(recent) >= _RESTARTS:
            raise CannotGoOn(f"{service.name} keeps ending, so everything stops. Its log: {child.log}")
        self._terminal.say(Mark.ATTENTION, f"{service.name} ended with status {child.status}; starting it again")
        kept = child.log.with_suffix(".log.1")
        child.log.replace(kept)
        self._start(service)

    def _forget(self, child: Child) -> None:
        self._running = [(service, other) for service, other in self._running if other is not child]

    def _show_log(self, child: Child) -> None:
        self._terminal.say(Mark.REFUSED, f"{child.name}, the end of its log:")
        for line in child.log_tail():
            self._terminal.write(f"    {line}")

    def _pause(self) -> None:
        if self._asked_to_stop:
            raise Stopped
        time.sleep(_LOOK_EVERY_S)
