"""Signed heads that stay: in a table, and with a witness outside the database.

The tree proves that nothing changed between two heads; only a head that somebody else holds proves that the log was
not cut back to an earlier state, which was validly signed once. That somebody is the witness file.
"""

from __future__ import annotations

from django.conf import settings
from django.db import IntegrityError, transaction

from jit_access.audit import log, witness
from jit_access.audit.errors import LogBroken
from jit_access.audit.models import AuditEntry, AuditHead, Checkpoint
from jit_access.audit.signing import head_text, load_signer
from jit_access.audit.witness import WitnessLine, another_log
from jit_access.core import clock


def write_checkpoint() -> Checkpoint | None:
    """Keep the present head and tell the witness what it does not know yet. None when the log did not grow.

    Raises: LogBroken when the head is not ours, or when the witness has seen more than the log holds, or another log.
    """
    made = _keep_head()
    if settings.AUDIT_WITNESS_FILE:
        _tell_witness(settings.AUDIT_WITNESS_FILE)
    return made


def as_witness_line(checkpoint: Checkpoint, log: str = "") -> WitnessLine:
    return WitnessLine(
        size=checkpoint.size,
        root=checkpoint.root,
        at=clock.format_instant(checkpoint.at),
        key_id=checkpoint.key_id,
        signature=checkpoint.signature,
        log=log,
    )


def name_of_log() -> str:
    """The leaf of the first record; empty while there is none."""
    return AuditEntry.objects.filter(seq=0).values_list("leaf_hash", flat=True).first() or ""


def _keep_head() -> Checkpoint | None:
    head = AuditHead.objects.filter(pk=log.HEAD_ID).first()
    if head is None or Checkpoint.objects.filter(size=head.size).exists():
        return None
    signer = load_signer()
    log.open_head(head, signer.verifier)
    if head.size == 0:
        return None
    signature = signer.sign(head_text(head.size, head.root, clock.format_instant(head.at)))
    try:
        with transaction.atomic():
            return Checkpoint.objects.create(
                size=head.size, root=head.root, at=head.at, key_id=signer.key_id, signature=signature
            )
    except IntegrityError:
        return None  # another worker kept this head at the same moment


def _tell_witness(path: str) -> None:
    with witness.opened(path) as book:
        last, log = book.last_line(), name_of_log()
        if last is not None and last.log and log and last.log != log:
            raise LogBroken(another_log(last.log, log))
        known = last.size if last else 0
        newest = Checkpoint.objects.order_by("-size").values_list("size", flat=True).first() or 0
        if known > newest:
            raise LogBroken(f"the witness has seen {known} records, the checkpoints end at {newest}")
        unknown = Checkpoint.objects.filter(size__gt=known).order_by("size")
        book.append([as_witness_line(checkpoint, log) for checkpoint in unknown.iterator()])
