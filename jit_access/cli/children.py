"""A command that is run with access: it gets the signals that we get, and its exit status becomes ours."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from types import FrameType, TracebackType
from typing import Self

from jit_access.cli.troubles import Exit, Trouble

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_BY_THE_TERMINAL = frozenset({signal.SIGINT, signal.SIGQUIT})
_LOOK_EVERY_S = 5.0


class Stopped(BaseException):
    """A signal came while no command was running: put things in order, then end. Not to be caught by the way."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


class Signals:
    """While it is entered, signals go to the command that runs, or end what we do in an orderly way."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._before: dict[int, object] = {}
        self.is_deaf = False  # while things are put in order: a second Ctrl-C ends that too

    def __enter__(self) -> Self:
        for number in _PASSED_ON:
            self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal itself gave

    def run(self, command: Sequence[str], environment: Mapping[str, str], on_look: Callable[[], None]) -> int:
        """Its exit status, 128 + n for one that signal n ended. `on_look` is called every few seconds meanwhile.

        Raises: Trouble when it cannot be started.
        """
        try:
            child = subprocess.Popen(list(command), env=dict(environment))  # noqa: S603  # what the user typed, no shell
        except FileNotFoundError as exc:
            raise Trouble(f"There is no command {command[0]}.", Exit.NO_SUCH_COMMAND) from exc
        except OSError as exc:
            raise Trouble(f"{command[0]} cannot be run: {exc.strerror}.", Exit.NOT_EXECUTABLE) from exc
        self._child = child
        try:
            while True:
                try:
                    status = child.wait(timeout=_LOOK_EVERY_S)
                except subprocess.TimeoutExpired:
                    on_look()
                else:
                    return status if status >= 0 else 128 - status
        finally:
            self._child = None

    def _on_signal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  # the library's signature
        child = self._child
        if child is None:
            if self.is_deaf:
                self.is_deaf = False
                return
            raise KeyboardInterrupt if number == signal.SIGINT else Stopped(number)
        # Ctrl-C reaches everything in the foreground of the terminal by itself; twice would be once too often.
        if number in _BY_THE_TERMINAL and _is_in_foreground():
            return
        child.send_signal(number)


def _is_in_foreground() -> bool:
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
