"""Writing records from the control plane: beside the change, in its transaction, or not at all.

    with audited(actor=user.ref) as audit:
        ...                                             # reads, locks, writes
        audit.record("grant.revoked", reason=Reason.GRANT_REVOKED, grant=grant.public_id)

The outermost `audited` collects what it and every nested one records and appends it just before it commits, so that
the log's head is locked last and one signature covers the transaction. A rollback drops the records with the change;
refusals (`services.record_refusal`) are kept and written after the rollback, because they are what happened.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TypedDict, Unpack

from django.db import transaction

from jit_access.audit import log
from jit_access.core.ids import new_record_id
from jit_access.core.request_id import current_request_id
from jit_access.domain.actors import ActorRef
from jit_access.domain.audit_record import MAX_RECORD_BYTES, AuditRecord, canonical_bytes, clean_text
from jit_access.domain.decisions import Decision
from jit_access.domain.reasons import Reason

SOURCE = "control"


class RecordFacts(TypedDict, total=False):
    """The fields of a record that a caller may set. `decision` takes a word or a whole Decision."""

    decision: Decision | str
    rule: str
    request: str
    grant: str
    lease: str
    target: str
    repository: str
    operation: str
    reference: str
    status: int
    bytes_in: int
    bytes_out: int
    duration_ms: int
    exchange: str
    address: str
    detail: Mapping[str, str | int | bool]


class RecordFields(RecordFacts, total=False):
    """The same, with why."""

    reason: Reason | str


@dataclass(slots=True)
class _Open:
    """What one outermost transaction has collected so far."""

    records: list[AuditRecord] = field(default_factory=list)
    refusals: list[AuditRecord] = field(default_factory=list)


_open: ContextVar[_Open | None] = ContextVar("audit_open", default=None)


@dataclass(frozen=True, slots=True)
class Recorder:
    """Collects records for one actor inside one transaction."""

    actor: ActorRef
    _into: _Open

    def record(self, kind: str, **fields: Unpack[RecordFields]) -> str:
        """Remember one record; it is written when the outermost transaction ends well. Returns its id."""
        record = make_record(self.actor, kind, fields)
        self._into.records.append(record)
        return record.id


@contextmanager
def audited(*, actor: ActorRef) -> Iterator[Recorder]:
    """One transaction with its records. Nested use joins the outermost one as a savepoint.

    Raises: LogBroken when the log's head was tampered with; the change is then rolled back too.
    """
    outer = _open.get()
    if outer is not None:
        with _nested(outer):
            yield Recorder(actor, outer)
        return
    collected = _Open()
    token = _open.set(collected)
    try:
        with transaction.atomic():
            yield Recorder(actor, collected)
            _append(collected.records + collected.refusals)
    except BaseException:
        write_now(collected.refusals)
        raise
    finally:
        _open.reset(token)


def keep_refusal(record: AuditRecord) -> bool:
    """Hand a refusal to the open transaction, to be written however that ends. False when none is open."""
    collected = _open.get()
    if collected is None:
        return False
    collected.refusals.append(record)
    return True


def write_now(records: list[AuditRecord]) -> None:
    """Append in a transaction of its own."""
    if records:
        with transaction.atomic():
            _append(records)


def make_record(actor: ActorRef, kind: str, fields: RecordFields) -> AuditRecord:
    """A record of the control plane with every text made safe; its instant is set when it is appended.

    Raises: ValueError when it would be larger than records may be (a bug: callers bound what they pass).
    """
    values: dict[str, object] = {
        name: clean_text(value) if isinstance(value, str) else value for name, value in fields.items()
    }
    decision = values.get("decision")
    if isinstance(decision, Decision):
        spoken = {"decision": "allow" if decision.is_allowed else "deny", "reason": str(decision.reason)}
        values = {"rule": clean_text(decision.rule)} | values | spoken
    if "reason" in values:
        values["reason"] = str(values["reason"])
    values["detail"] = {clean_text(key): _clean_item(item) for key, item in fields.get("detail", {}).items()}
    base = AuditRecord(
        id=new_record_id(),
        at="",
        source=SOURCE,
        kind=kind,
        actor_kind=str(actor.kind),
        actor_id=clean_text(actor.id),
        actor_name=clean_text(actor.name),
        trace=current_request_id(),
    )
    record = replace(base, **values)  # type: ignore[arg-type]  # the keys and types are those of RecordFields
    if len(canonical_bytes(record)) > MAX_RECORD_BYTES:
        raise ValueError(f"a record of kind {kind} is larger than records may be")
    return record


def _clean_item(item: str | bool | int) -> str | bool | int:
    if isinstance(item, str):
        return clean_text(item)
    if not isinstance(item, int):
        raise TypeError("details hold text, whole numbers and booleans")
    return item


@contextmanager
def _nested(outer: _Open) -> Iterator[None]:
    mark = len(outer.records)
    try:
        with transaction.atomic():
            yield
    except BaseException:
        del outer.records[mark:]  # the savepoint took the changes back, so they did not happen
        raise


def _append(records: list[AuditRecord]) -> None:
    if records:
        log.append(lambda at: [log.write(replace(record, at=at)) for record in records])
