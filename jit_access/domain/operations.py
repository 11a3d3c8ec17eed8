"""Verbs on resources. A grant names them; the proxy maps every request to exactly one of them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Operation(StrEnum):
    """What is done to a repository. None implies another; ask for two where a client needs both.

    A protocol that has no route for one of them never asks for it, so it opens nothing there.
    """

    PULL = "pull"
    PUSH = "push"
    DELETE = "delete"
    PROMOTE = "promote"  # point an alias or a stage at a version: what others load under that name
    ADMIN = "admin"  # create, rename, move, delete or configure a repository itself

    @property
    def verb(self) -> str:
        """As people say it."""
        return "administer" if self is Operation.ADMIN else self.value


_EVERYWHERE = frozenset({Operation.PULL, Operation.PUSH, Operation.DELETE})
_MORE: Mapping[str, frozenset[Operation]] = {
    "hf": frozenset({Operation.ADMIN}),
    "mlflow": frozenset({Operation.PROMOTE, Operation.ADMIN}),
}


def operations_of(kind: str, repository: str = "") -> frozenset[Operation]:
    """What there is to do at a kind of target. To ask for anything else is refused before anybody has to answer."""
    if kind == "mlflow" and repository.startswith("experiments/"):
        return frozenset({Operation.PULL, Operation.PUSH})  # where models are logged, and nothing else
    return _EVERYWHERE | _MORE.get(kind, frozenset())


class Tier(StrEnum):
    """How much a repository matters. The tier steers policy, digest checks and staleness."""

    STANDARD = "standard"
    SENSITIVE = "sensitive"
    CRITICAL = "critical"


class Staleness(StrEnum):
    """What a running stream does when the control plane is lost: `STRICT` cuts it, `BEST_EFFORT` lets it end."""

    STRICT = "strict"
    BEST_EFFORT = "best_effort"
