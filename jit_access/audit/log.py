"""Appending to the tree. The only code that writes entries and moves the head.

Callers hold an open transaction and take no further lock after this one: the head row is locked last everywhere, so
two transactions can wait for each other here but never in a circle. The head's signature is checked before it is
extended; otherwise whoever can write to the database could edit the past, leave a matching head behind and have the
next record sign it for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jit_access.audit.entries import Row, Values, insert_rows, values_of
from jit_access.audit.errors import LogBroken
from jit_access.audit.heads import HEAD_ID, lock_head, write_head
from jit_access.audit.merkle import CompactRange, leaf_hash
from jit_access.audit.models import AuditEntry, AuditHead, Checkpoint
from jit_access.audit.signing import Signer, Verifier, head_text, load_signer
from jit_access.core import clock
from jit_access.domain.audit_record import AuditRecord, canonical_bytes

__all__ = ["HEAD_ID", "RecordsAt", "Written", "append", "open_head", "write"]

Written = tuple[Values, bytes]  # a record's columns and its canonical bytes, so that nobody encodes twice
# Given the instant of the append (as records write it), says what to append. Runs while the head is locked.
RecordsAt = Callable[[str], Sequence[Written]]


def write(record: AuditRecord) -> Written:
    return values_of(record), canonical_bytes(record)


def append(records_at: RecordsAt) -> int:
    """Lock the head, append, sign once. Returns how many were appended.

    Raises: LogBroken when the head is not the one we signed.
    """
    head, now = lock_head()
    signer = load_signer()
    tree = open_head(head, signer.verifier)
    at = clock.format_instant(now)
    records = records_at(at)
    if not records:
        return 0
    insert_rows(_grow(tree, records, signer))
    head.size, head.peaks = tree.size, [peak.hex() for peak in tree.peaks]
    head.root, head.at = tree.root().hex(), now
    head.signature = signer.sign(head_text(head.size, head.root, at))
    write_head(head)
    return len(records)


def open_head(head: AuditHead, verifier: Verifier) -> CompactRange:
    """The tree at this head, once its signature and root hold. Raises: LogBroken."""
    try:
        tree = CompactRange(head.size, [bytes.fromhex(peak) for peak in head.peaks])
    except (ValueError, TypeError, AttributeError) as exc:
        raise LogBroken("the head's peaks do not fit its size") from exc
    if tree.root().hex() != head.root:
        raise LogBroken("the head's root does not fit its peaks")
    if head.size == 0:
        # A fresh head is made by a migration, which has no key. Only a truly empty log may stand behind it.
        if AuditEntry.objects.exists() or Checkpoint.objects.exists():
            raise LogBroken("the head says the log is empty, but it is not")
    elif head.at is None or not verifier.holds(
        head_text(head.size, head.root, clock.format_instant(head.at)), head.signature
    ):
        raise LogBroken("the head's signature is not ours")
    return tree


def _grow(tree: CompactRange, records: Sequence[Written], signer: Signer) -> list[Row]:
    """Append each record's leaf. Returns the rows that belong to them."""
    leaves = [leaf_hash(body) for _, body in records]
    macs = signer.macs_from(tree.size, leaves)
    facts = zip(records, leaves, macs, strict=True)
    rows = [
        (*values, seq, body.decode("utf-8"), leaf.hex(), mac)
        for seq, ((values, body), leaf, mac) in enumerate(facts, tree.size)
    ]
    tree.extend(leaves)
    return rows
