"""Once a record is known to be wrong: was it edited, swapped, inserted, or did another one go missing?

A record's code binds its leaf to its place under the signer's key. So for any leaf one can ask where it belongs, and
for any place which leaf belongs there, even when the attacker recomputed everything that needs no key.
"""

from __future__ import annotations

from jit_access.audit import scan
from jit_access.audit.faults import Fault, FaultKind
from jit_access.audit.models import AuditEntry
from jit_access.audit.signing import Signer


def explain_wrong_leaf(seq: int, leaf_hex: str) -> Fault:
    """The text does not fit the stored leaf. `leaf_hex` is the hash of the text that is there."""
    record_id = _record_id(seq)
    other = AuditEntry.objects.filter(leaf_hash=leaf_hex).exclude(seq=seq).values_list("seq", flat=True).first()
    if other is not None:
        return Fault(
            FaultKind.SWAPPED, f"Record {seq} was swapped: it holds the text of record {other}.", seq, record_id
        )
    sentence = f"Record {seq} was edited: its text does not hash to its leaf."
    return Fault(FaultKind.EDITED, sentence, seq, record_id)


def explain_wrong_mac(seq: int, leaf: bytes, mac: str, signer: Signer, *, head_size: int) -> Fault:
    """Text and leaf fit each other, but we never wrote them at this place."""
    record_id = _record_id(seq)
    home, original = _search(seq, leaf, mac, signer)
    if home is not None and home > seq and _follows(seq + 1, home - seq, signer):
        missing = f"Record {seq} was" if home == seq + 1 else f"Records {seq} to {home - 1} were"
        return Fault(FaultKind.REMOVED, f"{missing} removed, and those after renumbered.", seq, record_id)
    if home is not None:
        return Fault(FaultKind.SWAPPED, f"Record {seq} was swapped: it belongs at {home}.", seq, record_id)
    if original is not None:
        sentence = f"Record {seq} was inserted: what we wrote there now stands at {original}."
        return Fault(FaultKind.INSERTED, sentence, seq, record_id)
    if seq >= head_size:
        return Fault(FaultKind.INSERTED, f"Record {seq} was inserted after the end of the log.", seq, record_id)
    sentence = f"Record {seq} was edited: its leaf was recomputed, its code was not made by us."
    return Fault(FaultKind.EDITED, sentence, seq, record_id)


def _record_id(seq: int) -> str:
    return AuditEntry.objects.filter(seq=seq).values_list("record_id", flat=True).first() or ""


def _search(seq: int, leaf: bytes, mac: str, signer: Signer) -> tuple[int | None, int | None]:
    """Where this leaf belongs, and where the leaf that belongs here has gone. One pass, done once per verification."""
    home = original = None
    for other, other_leaf, other_mac in scan.read_marks():
        codes = signer.macs(other, leaf)
        if other != seq and (mac in codes or other_mac in codes):
            home = other
        if other != seq and other_mac in signer.macs(seq, _raw(other_leaf)):
            original = other
    if home is None and mac in signer.macs(_beyond(), leaf):
        home = _beyond()  # the log's last record moved up into a gap
    return home, original


def _beyond() -> int:
    """The place just after the last row."""
    last = AuditEntry.objects.order_by("-seq").values_list("seq", flat=True).first()
    return 0 if last is None else last + 1


def _follows(seq: int, shift: int, signer: Signer) -> bool:
    """True when the row at `seq` moved by the same shift, or there is none: the mark of a removal."""
    row = AuditEntry.objects.filter(seq=seq).values_list("leaf_hash", "mac").first()
    return row is None or row[1] in signer.macs(seq + shift, _raw(row[0]))


def _raw(leaf_hex: str) -> bytes:
    """A leaf as bytes; what is no hex belongs nowhere."""
    try:
        return bytes.fromhex(leaf_hex)
    except ValueError:
        return b""
