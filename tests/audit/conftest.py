"""What the tests of the log share: a way to write records, and records as a proxy sends them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jit_access.audit.recorder import audited
from jit_access.core.ids import new_record_id
from jit_access.domain.actors import ActorKind, ActorRef
from jit_access.domain.audit_record import AuditRecord, canonical_bytes

ADA = ActorRef(ActorKind.PERSON, "usr_ada", "Ada Okafor")
BEN = ActorRef(ActorKind.PERSON, "usr_ben", "Ben Adeyemi")


def write_records(count: int, *, actor: ActorRef = ADA, kind: str = "grant.started") -> list[str]:
    with audited(actor=actor) as audit:
        return [audit.record(kind, grant=f"grt_{number}") for number in range(count)]


def proxy_record(**fields: object) -> AuditRecord:
    values: dict[str, object] = {
        "id": new_record_id(),
        "at": "2026-11-23T13:55:10.123456Z",
        "source": "proxy/p1",
        "kind": "proxy.request.allowed",
        "decision": "allow",
        "reason": "granted",
        "actor_id": "usr_ada",
        "actor_name": "Ada Okafor",
        "grant": "grt_a",
    }
    return AuditRecord(**(values | fields))  # type: ignore[arg-type]


@pytest.fixture
def proxy_line() -> Callable[..., bytes]:
    return lambda **fields: canonical_bytes(proxy_record(**fields))
