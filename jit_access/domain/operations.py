"""Verbs on resources. A grant names them; the proxy maps every request to exactly one of them."""

from __future__ import annotations

from enum import StrEnum


class Operation(StrEnum):
    """What is done to a repository. PUSH does not imply PULL; ask for both where a client needs both."""

    PULL = "pull"
    PUSH = "push"
    DELETE = "delete"


class Tier(StrEnum):
    """How much a repository matters. The tier steers policy, digest checks and staleness."""

    STANDARD = "standard"
    SENSITIVE = "sensitive"
    CRITICAL = "critical"


class Staleness(StrEnum):
    """What a running stream does when the control plane is lost: `STRICT` cuts it, `BEST_EFFORT` lets it end."""

    STRICT = "strict"
    BEST_EFFORT = "best_effort"
