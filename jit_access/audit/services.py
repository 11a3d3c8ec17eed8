"""Every write to the log that does not belong to a change: refusals, proxy records, checkpoints."""

from __future__ import annotations

from typing import Unpack

from jit_access.audit import recorder
from jit_access.audit.checkpoints import write_checkpoint
from jit_access.audit.ingest import MAX_BATCH_RECORDS, IngestResult, ingest_records
from jit_access.audit.recorder import RecordFacts, RecordFields
from jit_access.domain.actors import ActorRef
from jit_access.domain.reasons import Reason

__all__ = ["MAX_BATCH_RECORDS", "IngestResult", "ingest_records", "record_refusal", "write_checkpoint"]


def record_refusal(*, actor: ActorRef, kind: str, reason: Reason, **fields: Unpack[RecordFacts]) -> str:
    """Write that something was refused, whatever becomes of the caller's transaction. Returns the record's id.

    Inside `audited` it is written with the transaction, or after its rollback. Callers raise after it.
    """
    fields.setdefault("decision", "deny")
    record = recorder.make_record(actor, kind, RecordFields(**fields, reason=reason))
    if not recorder.keep_refusal(record):
        recorder.write_now([record])
    return record.id
