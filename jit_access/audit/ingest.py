"""Taking in what the proxies recorded: exactly once, whatever they send, and poison never stops the rest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from django.db import transaction

from jit_access.audit import log, recorder
from jit_access.audit.entries import find_leaves
from jit_access.audit.lines import line_reader, record_id_of
from jit_access.audit.log import Written, write
from jit_access.audit.merkle import leaf_hash
from jit_access.domain.actors import GATEWAY
from jit_access.domain.audit_record import RECORD_ID, AuditRecord
from jit_access.domain.errors import CallerError
from jit_access.domain.reasons import Reason

MAX_BATCH_RECORDS = 500


@dataclass(frozen=True, slots=True)
class IngestResult:
    """What became of one batch. `rejected` names records by id, or by their place in the batch (`#0`)."""

    accepted: int
    duplicates: int
    rejected: tuple[str, ...]


@dataclass(slots=True)
class _Batch:
    """One batch while it is sorted: what can be stored, and what is poison."""

    good: dict[str, Written] = field(default_factory=dict)
    poison: list[tuple[str, bytes]] = field(default_factory=list)
    duplicates: int = 0


def ingest_records(raw_lines: Iterable[bytes]) -> IngestResult:
    """Append what a proxy recorded. At least once in, exactly once stored: a known record id is a duplicate.

    A record that cannot be stored is never fatal to the others: it is reported, and a record of the refusal with the
    hash of what was sent takes its place in the log.
    Raises: CallerError when the batch is too large; LogBroken.
    """
    lines = list(raw_lines)
    if len(lines) > MAX_BATCH_RECORDS:
        raise CallerError(Reason.REQUEST_TOO_LARGE, f"A batch holds at most {MAX_BATCH_RECORDS} records.")
    batch = _sort(lines)
    with transaction.atomic():
        accepted = 0

        def still_new(at: str) -> Sequence[Written]:
            # Asked while the head is locked: no other ingest can be between this question and its insert.
            nonlocal accepted
            new = _drop_known(batch)
            accepted = len(new)
            return [*new, *_drop_known_refusals([_rejection(line, at) for _, line in batch.poison])]

        if lines:
            log.append(still_new)
    return IngestResult(accepted, batch.duplicates, tuple(name for name, _ in batch.poison))


def _sort(lines: list[bytes]) -> _Batch:
    batch, read = _Batch(), line_reader()
    for index, line in enumerate(lines):
        try:
            new = (read(line), line)
        except CallerError:
            batch.poison.append((_name_of(line, index), line))
            continue
        record_id = record_id_of(new[0])
        held = batch.good.setdefault(record_id, new)
        if held is new:
            continue
        if held[1] == line:
            batch.duplicates += 1
        else:
            batch.poison.append((record_id, line))
    return batch


def _name_of(line: bytes, index: int) -> str:
    try:
        named = json.loads(line)["id"]
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return f"#{index}"
    return named if isinstance(named, str) and RECORD_ID.fullmatch(named) else f"#{index}"


def _drop_known(batch: _Batch) -> list[Written]:
    known = find_leaves(batch.good)
    if not known:
        return list(batch.good.values())
    new: list[Written] = []
    for record_id, (values, line) in batch.good.items():
        stored = known.get(record_id)
        if stored is None:
            new.append((values, line))
        elif stored == leaf_hash(line).hex():  # a reader accepts the canonical form only, so the line is the body
            batch.duplicates += 1
        else:
            batch.poison.append((record_id, line))
    return new


def _drop_known_refusals(records: list[AuditRecord]) -> list[Written]:
    by_id = {record.id: record for record in records}
    known = find_leaves(by_id)
    return [write(record) for record in by_id.values() if record.id not in known]


def _rejection(line: bytes, at: str) -> AuditRecord:
    digest = sha256(line).hexdigest()
    return AuditRecord(
        id=f"rec_{digest[:32]}",  # from the content, so that a batch sent twice leaves one trace
        at=at,
        source=recorder.SOURCE,
        kind="audit.record_rejected",
        actor_kind=str(GATEWAY.kind),
        actor_id=GATEWAY.id,
        actor_name=GATEWAY.name,
        decision="deny",
        reason=str(Reason.INVALID_INPUT),
        detail={"sha256": digest, "bytes": len(line)},
    )
