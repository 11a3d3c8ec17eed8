"""Who acts, as a value that every floor can record: a person, a service account, or the gateway itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    PERSON = "person"
    SERVICE = "service"
    SYSTEM = "system"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ActorRef:
    """Immutable id (never a mail address) plus a name for display."""

    kind: ActorKind
    id: str
    name: str


GATEWAY = ActorRef(ActorKind.SYSTEM, "gateway", "The gateway")
NOBODY = ActorRef(ActorKind.UNKNOWN, "", "")
