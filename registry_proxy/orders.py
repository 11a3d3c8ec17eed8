"""What a parent and its workers say to each other: pure text, so that an old parent can start a newer worker.

A worker is started with what it inherits (`Inherited`): the listening sockets, a pipe, a place for its admin page.
Then orders come through the pipe, one line each; the pipe's end means that the parent is gone. Lines that a worker
does not know are passed over. The words may be added to, and never change their meaning.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

NO_SOCKET = -1


@dataclass(frozen=True, slots=True)
class Door:
    """Descriptors of the listening sockets of one slot; `NO_SOCKET` where there is no TLS listener."""

    plain: int
    tls: int = NO_SOCKET

    @property
    def descriptors(self) -> tuple[int, ...]:
        """Those that exist."""
        return tuple(fd for fd in (self.plain, self.tls) if fd != NO_SOCKET)


@dataclass(frozen=True, slots=True)
class Inherited:
    """What a worker finds open when it starts, and where its parent looks for its admin page (a unix socket)."""

    orders_fd: int
    admin_path: Path
    doors: tuple[Door, ...]

    def to_argument(self) -> str:
        """For the worker's command line."""
        doors = [[door.plain, door.tls] for door in self.doors]
        return json.dumps({"orders": self.orders_fd, "admin": str(self.admin_path), "doors": doors})

    @classmethod
    def from_argument(cls, text: str) -> Self:
        """Raises ValueError, KeyError or TypeError for what no parent wrote."""
        told = json.loads(text)
        doors = tuple(Door(int(plain), int(tls)) for plain, tls in told["doors"])
        return cls(int(told["orders"]), Path(told["admin"]), doors)


@dataclass(frozen=True, slots=True)
class Accept:
    """Take connections at exactly these doors."""

    doors: frozenset[int]


@dataclass(frozen=True, slots=True)
class Drain:
    """Take no more connections, let what runs end, cut what is left after `within_s` seconds.

    `is_handover`: somebody else serves already, so an idle connection may stay until its client comes back once more
    and is told to close it, or until it runs out. Otherwise idle connections are closed at once.
    """

    within_s: float
    is_handover: bool = False


Order = Accept | Drain


def write_order(order: Order) -> bytes:
    """One line."""
    match order:
        case Accept():
            words = ["accept", *map(str, sorted(order.doors))]
        case Drain():
            words = ["handover" if order.is_handover else "drain", f"{order.within_s:g}"]
    return (" ".join(words) + "\n").encode("ascii")


def read_order(line: bytes) -> Order | None:
    """None for a line of a newer parent. Raises ValueError for one that nobody wrote on purpose."""
    word, *rest = line.decode("ascii").split() or [""]
    match word:
        case "accept":
            return Accept(frozenset(int(item) for item in rest))
        case "drain" | "handover":
            return Drain(float(rest[0]) if rest else 0.0, is_handover=word == "handover")
    return None
