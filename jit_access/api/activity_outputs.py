"""Activity as the API shows it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from jit_access.audit.exchanges import ActivityRow
from jit_access.audit.models import AuditEntry
from jit_access.audit.proofs import InclusionProof
from jit_access.audit.selectors import LogState
from jit_access.core import clock
from jit_access.domain.audit_record import AuditRecord, decode_record
from jit_access.domain.reasons import Reason, explain


class ActorOutput(serializers.Serializer[Any]):
    id = serializers.CharField(allow_blank=True)
    name = serializers.CharField(allow_blank=True)
    kind = serializers.CharField(allow_blank=True)


class ActivityReasonOutput(serializers.Serializer[Any]):
    code = serializers.CharField(allow_blank=True)
    sentence = serializers.CharField(allow_blank=True)


class ActivityOutput(serializers.Serializer[Any]):
    """One exchange through the gateway, or one record outside of any."""

    seq = serializers.IntegerField(help_text="Place of the newest record in the log.")
    kind = serializers.CharField()
    started_at = serializers.CharField()
    ended_at = serializers.CharField(allow_null=True)
    ended = serializers.CharField(allow_blank=True, help_text="completed, cut, refused, running, or empty.")
    actor = ActorOutput()
    target = serializers.CharField(allow_blank=True)
    repository = serializers.CharField(allow_blank=True)
    operation = serializers.CharField(allow_blank=True)
    reference = serializers.CharField(allow_blank=True)
    request = serializers.CharField(allow_blank=True)
    grant = serializers.CharField(allow_blank=True)
    lease = serializers.CharField(allow_blank=True)
    decision = serializers.CharField(allow_blank=True)
    reason = ActivityReasonOutput()
    rule = serializers.CharField(allow_blank=True)
    status = serializers.IntegerField()
    bytes_in = serializers.IntegerField()
    bytes_out = serializers.IntegerField()
    duration_ms = serializers.IntegerField()
    exchange = serializers.CharField(allow_blank=True)
    records = serializers.ListField(child=serializers.CharField(), help_text="Ids of all its records, oldest first.")


class RecordOutput(serializers.Serializer[Any]):
    seq = serializers.IntegerField()
    id = serializers.CharField()
    record = serializers.DictField(help_text="The record, field by field.")
    canonical = serializers.CharField(help_text="The very text that is hashed: leaf = SHA-256(0x00 || text).")
    leaf_hash = serializers.CharField()
    reason = ActivityReasonOutput()


class SignedHeadOutput(serializers.Serializer[Any]):
    size = serializers.IntegerField()
    root = serializers.CharField()  # type: ignore[assignment]  # DRF takes fields out of the class before that matters
    at = serializers.CharField()
    key_id = serializers.CharField()
    public_key = serializers.CharField(help_text="Ed25519, hex.")
    signature = serializers.CharField(help_text="Over `jit-audit-head v1`, size, root and at, one per line. Base64.")


class ProofOutput(serializers.Serializer[Any]):
    seq = serializers.IntegerField()
    record = serializers.CharField()
    path = serializers.ListField(child=serializers.CharField(), help_text="Audit path of RFC 6962, leaf to root.")
    head = SignedHeadOutput()


class LogStateOutput(SignedHeadOutput):
    checkpoint_size = serializers.IntegerField()
    checkpoint_at = serializers.CharField(allow_blank=True)


def describe_row(row: ActivityRow) -> dict[str, object]:
    last, first = row.last, row.first
    return {
        "seq": row.seq,
        "kind": last.kind,
        "started_at": clock.format_instant(row.started_at),
        "ended_at": clock.format_instant(row.ended_at) if row.ended_at else None,
        "ended": row.ended,
        "actor": {"id": last.actor_id, "name": last.actor_name, "kind": last.actor_kind},
        **{name: getattr(last, name) or getattr(first, name) for name in _EITHER},
        "reason": describe_reason(last.reason or first.reason),
        "rule": row.rule,
        "bytes_in": row.bytes_in,
        "bytes_out": row.bytes_out,
        "records": list(row.record_ids),
    }


# The last record of an exchange says most; what it leaves out, the first one said.
_EITHER = (
    "target", "repository", "operation", "reference", "request", "grant", "lease", "decision", "status",
    "duration_ms", "exchange",
)  # fmt: skip


def describe_record(entry: AuditEntry) -> dict[str, object]:
    record = decode_record(entry.body.encode("utf-8"))
    return {
        "seq": entry.seq,
        "id": entry.record_id,
        "record": {name: getattr(record, name) for name in AuditRecord.__slots__},
        "canonical": entry.body,
        "leaf_hash": entry.leaf_hash,
        "reason": describe_reason(record.reason),
    }


def describe_proof(proof: InclusionProof) -> dict[str, object]:
    head = {name: getattr(proof.head, name) for name in proof.head.__slots__}
    return {"seq": proof.seq, "record": proof.record, "path": list(proof.path), "head": head}


def describe_state(state: LogState) -> dict[str, object]:
    return {name: getattr(state, name) for name in state.__slots__}


def describe_reason(code: str) -> dict[str, str]:
    """A code that this version does not know (an older proxy's, say) keeps its code and has no sentence."""
    return {"code": code, "sentence": explain(Reason(code)) if code in set(Reason) else ""}
