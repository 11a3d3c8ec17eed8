"""What the listener speaks: one protocol's classifier, and what that protocol may change into.

OCI has no route that changes protocols, so the edge refuses every `Upgrade` before anything is classified.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from registry_proxy.protocols import oci
from registry_proxy.protocols.wanted import Classified

Classify = Callable[[str, bytes, bytes], Classified]


@dataclass(frozen=True, slots=True)
class Protocol:
    """`upgrades` is all that any of its routes may change into, lower case; each route names its own again."""

    classify: Classify  # method, target, content type; raises Unclassified
    upgrades: frozenset[bytes] = frozenset()


OCI = Protocol(oci.classify)
