"""Several records of one proxied request, read as one line: who did what with which blob, and how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from jit_access.audit.models import AuditEntry
from jit_access.domain.audit_record import AuditRecord, decode_record

TRANSFER_CUT = "proxy.transfer.cut"
TRANSFER_ENDS = frozenset({"proxy.transfer.completed", TRANSFER_CUT})
REQUEST_ALLOWED = "proxy.request.allowed"


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """One exchange, or one record that belongs to none. `ended_at` is None while it runs."""

    seq: int  # of the newest record: the place in the list
    first: AuditRecord
    last: AuditRecord
    started_at: datetime
    ended_at: datetime | None
    ended: str  # "completed", "cut", "refused", "running" or "" where nothing runs
    rule: str
    bytes_in: int
    bytes_out: int
    record_ids: tuple[str, ...]

    @property
    def is_running(self) -> bool:
        return self.ended == "running"


def build_rows(heads: Iterable[AuditEntry]) -> list[ActivityRow]:
    """Rows for these newest records, in their order. One query for all the exchanges together."""
    ordered = list(heads)
    exchanges = {head.exchange for head in ordered if head.exchange}
    members: dict[str, list[AuditEntry]] = {name: [] for name in exchanges}
    if exchanges:
        for entry in AuditEntry.objects.filter(exchange__in=exchanges).order_by("seq"):
            members[entry.exchange].append(entry)
    # An exchange id comes from the proxy: only records of the same actor and source are one exchange.
    return [
        build_row([item for item in members.get(head.exchange, [head]) if _belongs(item, head)]) for head in ordered
    ]


def build_row(entries: Sequence[AuditEntry]) -> ActivityRow:
    """One row from all records of one exchange in order of seq, or from a single record."""
    records = [decode_record(entry.body.encode("utf-8")) for entry in entries]
    ended = _ending(records)
    return ActivityRow(
        seq=entries[-1].seq,
        first=records[0],
        last=records[-1],
        started_at=entries[0].at,
        ended_at=None if ended == "running" else entries[-1].at,
        ended=ended,
        rule=next((record.rule for record in records if record.rule), ""),
        bytes_in=max(record.bytes_in for record in records),
        bytes_out=max(record.bytes_out for record in records),
        record_ids=tuple(record.id for record in records),
    )


def _belongs(entry: AuditEntry, head: AuditEntry) -> bool:
    return (entry.actor_id, entry.source) == (head.actor_id, head.source)


def _ending(records: Sequence[AuditRecord]) -> str:
    kinds = {record.kind for record in records}
    if TRANSFER_CUT in kinds:
        return "cut"
    if kinds & TRANSFER_ENDS:
        return "completed"
    if REQUEST_ALLOWED in kinds:
        return "refused" if records[-1].decision == "deny" else "running"
    return "refused" if records[-1].decision == "deny" else ""
