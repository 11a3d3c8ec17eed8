"""What a protocol looks at while a body goes up: it takes what the client sends, and gives what the registry gets."""

from __future__ import annotations

from typing import Protocol

from jit_access.domain.reasons import Reason


class BodyRefused(Exception):
    """The body is not what was promised; `reason` is what the client hears. The registry has not got the end of it."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(reason)


class HeldEnd:
    """A `BodyCheck` that looks at nothing: it keeps the last piece here until it is known that the end may go on."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """One piece behind."""
        given, self._held = self._held, data
        return given

    def finish(self) -> bytes:
        """The last piece."""
        return self._held


class BodyCheck(Protocol):
    """Holds something back until the whole is known to be right, so that a wrong body never ends at the registry."""

    def feed(self, data: bytes) -> bytes:
        """Some of the body; returns what may go on. Raises BodyRefused."""

    def finish(self) -> bytes:
        """The client sent all of it; returns the rest. Raises BodyRefused."""
