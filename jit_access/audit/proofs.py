"""Proofs that leave the house: one record's place under a signed root, and an export that carries its own.

Whoever holds the public key can check them without us: recompute the root (RFC 6962), compare, check one signature.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass

from jit_access.audit import scan
from jit_access.audit.log import HEAD_ID, open_head
from jit_access.audit.merkle import CompactRange, consistency_path, inclusion_holds, inclusion_path, leaf_hash, root_of
from jit_access.audit.models import AuditEntry, AuditHead
from jit_access.audit.signing import Verifier, head_text, load_signer
from jit_access.core import clock
from jit_access.domain.errors import NotFound

PROOF_VERSION = 1


@dataclass(frozen=True, slots=True)
class SignedHead:
    """What stands at the end of every proof."""

    size: int
    root: str
    at: str
    key_id: str
    public_key: str
    signature: str

    def holds(self, verifier: Verifier) -> bool:
        try:
            text = head_text(self.size, self.root, self.at)
        except UnicodeEncodeError:
            return False
        return verifier.holds(text, self.signature, self.key_id)


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """That one record stands at one place of a signed log."""

    seq: int
    record: str  # canonical text; its leaf hash is SHA-256(0x00 || text)
    path: tuple[str, ...]
    head: SignedHead

    def holds(self, verifier: Verifier) -> bool:
        path, root = [bytes.fromhex(step) for step in self.path], bytes.fromhex(self.head.root)
        leaf = leaf_hash(self.record.encode("utf-8"))
        return self.head.holds(verifier) and inclusion_holds(leaf, self.seq, self.head.size, path, root)

    def to_json(self) -> str:
        return json.dumps({"v": PROOF_VERSION, "kind": "inclusion"} | asdict(self), ensure_ascii=False, indent=2)


def signed_head() -> SignedHead:
    """The head, once its signature holds. Raises: LogBroken, NotFound for an empty log."""
    head = AuditHead.objects.filter(pk=HEAD_ID).first()
    if head is None or head.size == 0:
        raise NotFound("The log is empty.")
    signer = load_signer()
    open_head(head, signer.verifier)
    at = clock.format_instant(head.at)
    # Signed again by the present key: after a rotation the stored signature may be the older key's.
    signature = signer.sign(head_text(head.size, head.root, at))
    return SignedHead(head.size, head.root, at, signer.key_id, signer.public_key_hex, signature)


def prove_record(record_id: str) -> InclusionProof:
    """Reads every leaf hash once. Raises: NotFound, LogBroken. Callers check `holds`: the log may have been edited."""
    with scan.snapshot():
        head = signed_head()
        entry = AuditEntry.objects.filter(record_id=record_id, seq__lt=head.size).first()
        if entry is None:
            raise NotFound("There is no such record.")
        path = inclusion_path(entry.seq, head.size, _range_root)
        return InclusionProof(entry.seq, entry.body, tuple(step.hex() for step in path), head)


def prove_growth(old_size: int) -> tuple[tuple[str, ...], SignedHead]:
    """That today's log begins with the log of `old_size` records. Raises: ValueError, NotFound, LogBroken."""
    with scan.snapshot():
        head = signed_head()
        return tuple(step.hex() for step in consistency_path(old_size, head.size, _range_root)), head


def export_lines(start: int) -> Iterator[str]:
    """The records from `start` on, as text that proves itself: header with peaks before them, bodies, signed head."""
    with scan.snapshot():
        head = signed_head()
        start = min(max(start, 0), head.size)
        before = CompactRange()
        for leaf in scan.read_leaves(0, start):
            before.append(leaf)
        peaks = [peak.hex() for peak in before.peaks]
        header = {"v": PROOF_VERSION, "kind": "export", "start": start, "peaks": peaks, "head": asdict(head)}
        yield json.dumps(header, separators=(",", ":"))
        bodies = AuditEntry.objects.filter(seq__gte=start, seq__lt=head.size).order_by("seq")
        yield from bodies.values_list("body", flat=True).iterator(chunk_size=scan.CHUNK_ROWS)


def check_export(lines: Iterable[str], verifier_of: Callable[[SignedHead], Verifier]) -> int:
    """How many records a file proves. Needs no database. Raises: ValueError with what is wrong."""
    source = iter(lines)
    try:
        header = json.loads(next(source))
        head = SignedHead(**header["head"])
        tree = CompactRange(header["start"], [bytes.fromhex(peak) for peak in header["peaks"]])
    except (StopIteration, ValueError, TypeError, KeyError) as exc:
        raise ValueError("the first line is not the header of an export") from exc
    for line in source:
        tree.append(leaf_hash(line.rstrip("\n").encode("utf-8")))
    if tree.size != head.size:
        raise ValueError(f"{head.size - header['start']} records are named, {tree.size - header['start']} are there")
    if tree.root().hex() != head.root:
        raise ValueError("the records do not lead to the signed root: one was changed, moved or replaced")
    if not head.holds(verifier_of(head)):
        raise ValueError("the head was not signed by the known key")
    return tree.size - int(header["start"])


def _range_root(start: int, end: int) -> bytes:
    return root_of(scan.read_leaves(start, end))
