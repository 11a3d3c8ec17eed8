"""What one process has learned: which names stand for what under a grant, and which experiment an id belongs to.

It only saves asking again. Pins are settled at the control plane (ADR 0017); runs and logged models never move.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TypeVar

MAX_KEYS = 4096
T = TypeVar("T")
FILES = "files/"  # a pin of a version's folder is named so, which no alias can be


class Memory:
    """Bounded, one per process."""

    def __init__(self) -> None:
        self._pins: OrderedDict[tuple[str, str], Mapping[str, str]] = OrderedDict()  # by grant and repository
        self._places: OrderedDict[tuple[str, str], str] = OrderedDict()  # by target and id

    def pins(self, grant: str, repository: str) -> Mapping[str, str]:
        """What is settled, as far as known here."""
        return self._pins.get((grant, repository), {})

    def settle(self, grant: str, repository: str, names: Mapping[str, str]) -> None:
        """All that is settled by now."""
        _put(self._pins, (grant, repository), names)

    def experiment(self, target: str, identity: str) -> str:
        """Where a run or a logged model belongs, or "" when it was not asked yet."""
        return self._places.get((target, identity), "")

    def place(self, target: str, identity: str, experiment: str) -> None:
        """The tracking server said so."""
        _put(self._places, (target, identity), experiment)


def _put(kept: OrderedDict[tuple[str, str], T], key: tuple[str, str], value: T) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > MAX_KEYS:
        kept.popitem(last=False)
