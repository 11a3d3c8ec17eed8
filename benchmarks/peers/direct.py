"""No gateway at all: what client and upstream reach on their own core."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from benchmarks.peers.base import Door, Visit
from benchmarks.site import Site
from benchmarks.upstreams.base import Upstream


class Direct:
    """The upstream itself. It has no process tree of its own, so it gives rates and delays but no CPU."""

    name = "direct"
    title = "direct connection"

    @contextlib.contextmanager
    def open(self, _site: Site, upstream: Upstream) -> Iterator[Visit]:
        yield Visit(Door(upstream.port), [])
