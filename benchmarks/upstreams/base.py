"""An upstream as the peers see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jit_access.demo.stack.children import Child


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where it listens and how to start it. `name` is also the slug of the control plane's target."""

    name: str
    port: int
    start: Callable[[], Child]
