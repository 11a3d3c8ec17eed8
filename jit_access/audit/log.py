"""Appending to the tree. The only code that writes entries and moves the head.

Callers hold an open transaction and take no further lock after this one: the head row is locked last everywhere, so
two transactions can wait for each other here but never in a circle. The head's signature is checked before it is
extended; otherwise whoever can write to the database could edit the past, leave a matching head behind and have the
next record sign it for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jit_access.audit.entries import Row, insert_rows, make_row
from jit_access.audit.errors import LogBroken
from jit_access.audit.merkle import EMPTY_ROOT, CompactRange, leaf_hash
from jit_access.audit.models import AuditEntry, AuditHead, Checkpoint
from jit_access.audit.signing import Signer, Verifier, head_text, load_signer
from jit_access.core import clock
from jit_access.domain.audit_record import AuditRecord

HEAD_ID = 1

# Given the instant of the append (as records write it), says what to append. Runs while the head is locked.
Written = tuple[AuditRecord, bytes]  # a record with its canonical bytes, so that nobody encodes twice
RecordsAt = Callable[[str], Sequence[Written]]


def append(records_at: RecordsAt) -> int:
    """Lock the head, append, sign once. Returns how many were appended.

    Raises: LogBroken when the head is not the one we signed.
    """
    head = _lock_head()
    signer = load_signer()
    tree = open_head(head, signer.verifier)
    now = clock.now()
    records = records_at(clock.format_instant(now))
    if not records:
        return 0
    insert_rows([_append_leaf(tree, record, body, signer) for record, body in records])
    head.at = now
    _write_head(head, tree, signer)
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


def _append_leaf(tree: CompactRange, record: AuditRecord, body: bytes, signer: Signer) -> Row:
    leaf = leaf_hash(body)
    row = make_row(tree.size, record, body, leaf_hex=leaf.hex(), mac=signer.mac(tree.size, leaf))
    tree.append(leaf)
    return row


def _lock_head() -> AuditHead:
    head = AuditHead.objects.select_for_update().filter(pk=HEAD_ID).first()
    if head is None:
        fresh = AuditHead(pk=HEAD_ID, size=0, peaks=[], root=EMPTY_ROOT.hex(), signature="", at=clock.now())
        AuditHead.objects.bulk_create([fresh], ignore_conflicts=True)  # whoever else made it meanwhile wins
        head = AuditHead.objects.select_for_update().get(pk=HEAD_ID)
    return head


def _write_head(head: AuditHead, tree: CompactRange, signer: Signer) -> None:
    head.size = tree.size
    head.peaks = [peak.hex() for peak in tree.peaks]
    head.root = tree.root().hex()
    head.signature = signer.sign(head_text(head.size, head.root, clock.format_instant(head.at)))
    head.save(update_fields=["size", "peaks", "root", "signature", "at"])
