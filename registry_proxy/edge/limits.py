"""Sizes that the edge accepts. The process's settings give the values; these are the house defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from registry_proxy.protocols.paths import NO_RULES, PathRule


@dataclass(frozen=True, slots=True)
class EdgeLimits:
    """Bytes and counts of one request."""

    head_bytes: int = 32 * 1024
    target_bytes: int = 8 * 1024
    header_count: int = 100
    body_bytes: int = 512 * 1024**3
    upgrades: frozenset[bytes] = frozenset()  # what any protocol of the listener may change into
    # By first segment; every other path is plain.
    paths: Mapping[bytes, PathRule] = field(default_factory=lambda: NO_RULES)
    deleting: frozenset[bytes] = frozenset()  # first segments below which DELETE has a body
