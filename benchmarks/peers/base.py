"""What every candidate looks like to the loads: a door, and a process tree that is measured."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks.meters import TreeMeter
from benchmarks.processes import meter_of
from benchmarks.site import MANIFEST_TYPE, REPOSITORY, Site
from benchmarks.upstreams.base import Upstream
from jit_access.demo.stack.children import Child


@dataclass(frozen=True, slots=True)
class Door:
    """Where clients knock, and with what. Everybody is sent the same headers; only the gateway reads the token."""

    port: int
    tls_port: int = 0
    slug: str = ""
    token: str = "jita_grant_" + "0" * 65

    def path(self, tail: str) -> str:
        """The address of something in the repository."""
        return f"{self.prefix}/{tail}"

    @property
    def prefix(self) -> str:
        """The gateway's names begin with the target."""
        return f"/v2/{self.slug}/{REPOSITORY}" if self.slug else f"/v2/{REPOSITORY}"

    @property
    def headers(self) -> dict[str, str]:
        """Of every request. The registry hides a manifest from who does not ask for its type."""
        return {"Authorization": f"Bearer {self.token}", "User-Agent": "bench/1", "Accept": f"{MANIFEST_TYPE}, */*"}


@dataclass(slots=True)
class Visit:
    """A candidate that was started afresh and serves.

    `cut` ends every running transfer, None where nobody can; `explain` says what it refused, for a visit that failed.
    """

    door: Door
    children: list[Child]
    cut: Callable[[], float] | None = None
    explain: Callable[[], str] = str
    meter: TreeMeter = field(init=False)

    def __post_init__(self) -> None:
        self.meter = meter_of(*self.children)


class Peer(Protocol):
    """One candidate."""

    name: str
    title: str

    def open(self, site: Site, upstream: Upstream) -> contextlib.AbstractContextManager[Visit]:
        """Start it before an upstream that already runs; everything it started ends with the block."""


@contextlib.contextmanager
def stopping(*children: Child) -> Iterator[None]:
    """End them in reverse, whatever happens."""
    try:
        yield
    finally:
        for child in reversed(children):
            child.stop()
