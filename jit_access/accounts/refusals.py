"""Each refusal leaves a record, even though what it refused is rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from jit_access.audit.services import record_refusal
from jit_access.domain.actors import ActorRef
from jit_access.domain.errors import CallerError, PolicyRefusal


@contextmanager
def refusals_recorded(*, actor: ActorRef, kind: str, account: str = "") -> Iterator[None]:
    """Wrap a whole service: when it refuses, `<kind>-refused` is recorded after its transaction is gone."""
    try:
        yield
    except (CallerError, PolicyRefusal) as refusal:
        detail = {"account": account} if account else {}
        record_refusal(actor=actor, kind=f"{kind}-refused", reason=refusal.reason, detail=detail)
        raise
