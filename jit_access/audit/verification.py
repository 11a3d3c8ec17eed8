"""Proving that the log is what was written, or naming the first record that is not.

Everything is recomputed from the records' own text: each leaf, each column, each record's code, the root at every
checkpoint and witness line, the head and its signature. What a thief of the database can do without the signing key
is found and named; what a thief of both can do is found by the witness.
"""

from __future__ import annotations

import heapq
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from jit_access.audit import scan, witness
from jit_access.audit.checkpoints import as_witness_line
from jit_access.audit.culprit import explain_wrong_leaf, explain_wrong_mac
from jit_access.audit.entries import COLUMN_CHARS, FIELDS
from jit_access.audit.errors import LogBroken
from jit_access.audit.faults import Fault, FaultFound, FaultKind, Report
from jit_access.audit.log import HEAD_ID, open_head
from jit_access.audit.merkle import EMPTY_ROOT, CompactRange
from jit_access.audit.models import AuditHead, Checkpoint
from jit_access.audit.signing import Signer, head_text, load_signer
from jit_access.audit.witness import WitnessLine, another_log
from jit_access.core import clock


@dataclass(frozen=True, slots=True, order=True)
class _Mark:
    """A signed head that the tree must pass through."""

    size: int
    is_from_witness: bool
    line: WitnessLine

    @property
    def label(self) -> str:
        return f"{'witness line' if self.is_from_witness else 'checkpoint'} at size {self.size}"


def verify(witness_path: str = "") -> Report:
    """Check the whole log. Streams; memory does not grow with the log.

    Raises: OSError when the witness file cannot be read. Everything that is wrong is in the report, not raised.
    """
    started = time.perf_counter()
    report = Report()
    signer = load_signer()
    seen: list[WitnessLine] = []
    if witness_path:
        seen, unreadable = witness.read_lines(witness_path)
        report.witness_lines = len(seen)
        report.warnings += [f"Line {number} of the witness cannot be read (torn by a crash?)." for number in unreadable]
    with scan.snapshot():
        try:
            _Walk(signer, report, _marks(seen)).run()
        except FaultFound as found:
            report.fault = found.fault
    report.duration_s = time.perf_counter() - started
    return report


def _marks(seen: Iterable[WitnessLine]) -> Iterator[_Mark]:
    return heapq.merge(
        _kept_marks(),
        (_Mark(line.size, True, line) for line in sorted(seen, key=lambda line: line.size)),
        key=lambda mark: mark.size,
    )


def _kept_marks() -> Iterator[_Mark]:
    try:
        for checkpoint in Checkpoint.objects.order_by("size").iterator():
            yield _Mark(checkpoint.size, False, as_witness_line(checkpoint))
    except (ValueError, AttributeError) as exc:  # SQLite keeps any text in any column
        raise FaultFound(Fault(FaultKind.CHECKPOINT_FORGED, "A checkpoint cannot be read.")) from exc


class _Walk:
    """One pass over the log."""

    def __init__(self, signer: Signer, report: Report, marks: Iterator[_Mark]) -> None:
        self.signer = signer
        self.report = report
        self.marks = marks
        self.next_mark = next(marks, None)
        self.good_size = 0  # up to here a signed root agreed
        self.tree = CompactRange()
        self.log = ""  # the leaf of the first record, once it proved to be ours
        self.head = _load_head()

    def run(self) -> None:
        try:
            self._walk_rows()
        finally:
            self.report.records = self.tree.size
        self._check_tail()
        self._check_head()

    def _walk_rows(self) -> None:
        for rows in scan.read_rows():
            leaves = self._leaves_if_sound(rows)
            if leaves is None:
                self._walk_slowly(rows)
            else:
                self._take(leaves)

    def _leaves_if_sound(self, rows: list[scan.Row]) -> list[bytes] | None:
        """The leaves of a whole chunk when nothing is wrong with it. None sends it the slow way, which says what is.

        The hot path of this room: everything of a chunk at once, compared by lists.
        """
        seqs, bodies, leaves_hex, macs, spelled = zip(*rows, strict=True)
        pick, separator = scan.pick_pieces, scan.SEPARATOR
        size = self.tree.size
        try:
            leaves = [sha256(b"\x00" + body.encode()).digest() for body in bodies]
            is_sound = (
                seqs == tuple(range(size, size + len(rows)))
                and leaves_hex == tuple([leaf.hex() for leaf in leaves])
                and macs == tuple(self.signer.macs_from(size, leaves))
                and not any(["\\" in body for body in bodies])  # noqa: C419  # a list is a third faster
                and spelled == tuple([separator.join(pick(body.split(separator))) for body in bodies])
            )
        except (AttributeError, TypeError, ValueError, IndexError):  # no text, or no record
            return None
        return leaves if is_sound else None

    def _walk_slowly(self, rows: list[scan.Row]) -> None:
        """One after the other: texts with escapes, cut columns, codes of older keys, and whatever is wrong."""
        for seq, body, leaf_hex, mac, _spelled in rows:
            if seq != self.tree.size:
                raise FaultFound(self._gap(self.tree.size, seq))
            leaf = sha256(b"\x00" + str(body).encode("utf-8", "surrogatepass")).digest()
            if leaf.hex() != leaf_hex:
                raise FaultFound(explain_wrong_leaf(seq, leaf.hex()))
            if self._is_wrong_mac(seq, leaf, mac):
                raise FaultFound(explain_wrong_mac(seq, leaf, mac, self.signer, head_size=self._head_size()))
            _check_columns(seq, body)
            self._take([leaf])

    def _take(self, leaves: list[bytes]) -> None:
        """Grow the tree, stopping wherever a signed head says what its root must be."""
        self.log = self.log or leaves[0].hex()
        start = 0
        while start < len(leaves):
            until_mark = self._mark_size() - self.tree.size
            end = start + until_mark if until_mark > 0 else len(leaves)
            self.tree.extend(leaves[start:end])
            start = end
            if self.tree.size == self._mark_size():
                self._pass_marks()

    def _is_wrong_mac(self, seq: int, leaf: bytes, mac: str) -> bool:
        return mac not in self.signer.macs(seq, leaf) and self.signer.knows_every_mac

    def _head_size(self) -> int:
        return self.head.size if self.head else 0

    def _mark_size(self) -> int:
        return self.next_mark.size if self.next_mark else -1

    def _gap(self, size: int, seq: int) -> Fault:
        if seq < size:
            return Fault(FaultKind.INSERTED, f"A record stands before the log's beginning, at {seq}.", seq)
        missing = f"Record {size} was" if seq == size + 1 else f"Records {size} to {seq - 1} were"
        return Fault(FaultKind.REMOVED, f"{missing} removed.", size)

    def _pass_marks(self) -> None:
        size, root = self.tree.size, self.tree.root().hex()
        while self.next_mark and self.next_mark.size <= size:
            self._check_mark(self.next_mark, root)
            self.next_mark = next(self.marks, None)
        self.good_size = size

    def _check_mark(self, mark: _Mark, root: str) -> None:
        self._check_mark_signature(mark)
        if mark.line.root != root:
            raise FaultFound(self._changed_before(mark))
        if not mark.is_from_witness:
            self.report.checkpoints += 1

    def _check_mark_signature(self, mark: _Mark) -> None:
        line = mark.line
        if line.log and self.log and line.log != self.log:
            said = another_log(line.log, self.log)
            raise FaultFound(Fault(FaultKind.WITNESS_DIFFERS, f"{said[0].upper()}{said[1:]}."))
        try:
            text = head_text(line.size, line.root, line.at)
        except UnicodeEncodeError:
            text = b""
        if mark.size <= 0 or not self.signer.verifier.holds(text, line.signature, line.key_id or "?"):
            kind = FaultKind.WITNESS_DIFFERS if mark.is_from_witness else FaultKind.CHECKPOINT_FORGED
            raise FaultFound(Fault(kind, f"The {mark.label} was not signed by us."))

    def _changed_before(self, mark: _Mark) -> Fault:
        place = f"Among records {self.good_size} to {mark.size - 1} one was changed"
        kind = FaultKind.WITNESS_DIFFERS if mark.is_from_witness else FaultKind.EDITED
        return Fault(kind, f"{place}: the root differs from the {mark.label}, which we signed.", self.good_size)

    def _check_tail(self) -> None:
        count, head_size = self.tree.size, self._head_size()
        if count < head_size:
            self._raise_cut(count, head_size, "the head")
        while mark := self.next_mark:
            self._check_mark_signature(mark)
            if mark.size > count:
                self._raise_cut(count, mark.size, f"the {mark.label}")
            self.next_mark = next(self.marks, None)

    def _raise_cut(self, count: int, known: int, by: str) -> None:
        missing = f"Record {count} is" if known == count + 1 else f"Records {count} to {known - 1} are"
        raise FaultFound(Fault(FaultKind.TAIL_CUT, f"The tail was cut: {missing} missing, which {by} knows.", count))

    def _check_head(self) -> None:
        head, count = self.head, self.tree.size
        self.report.size, self.report.root = count, self.tree.root().hex()
        if head is None:
            if count:
                raise FaultFound(Fault(FaultKind.HEAD_FORGED, f"The head is missing, but there are {count} records."))
            self.report.root = EMPTY_ROOT.hex()
            return
        self.report.at, self.report.key_id = clock.format_instant(head.at), self.signer.key_id
        if head.size != count:
            said = f"The head says {head.size} records, but there are {count}."
            raise FaultFound(Fault(FaultKind.HEAD_FORGED, said, head.size))
        try:
            open_head(head, self.signer.verifier)
        except LogBroken as broken:
            raise FaultFound(Fault(FaultKind.HEAD_FORGED, f"The head was forged: {broken.what}.")) from broken
        if head.root != self.report.root:
            said = (
                f"Among records {self.good_size} to {count - 1} one was changed: the root differs from the signed head."
            )
            raise FaultFound(Fault(FaultKind.EDITED, said, self.good_size))


def _load_head() -> AuditHead | None:
    try:
        return AuditHead.objects.filter(pk=HEAD_ID).first()
    except ValueError as exc:  # peaks that are no JSON, an instant that is none
        raise FaultFound(Fault(FaultKind.HEAD_FORGED, "The head was forged: it cannot be read.")) from exc


def _check_columns(seq: int, body: str) -> None:
    """The slow way, for texts with escapes and for columns that are not simply equal: cut to length, or wrong."""
    stored = scan.read_columns(seq)
    try:
        spoken = json.loads(body)
        wrong = [name for name in FIELDS if stored[name] != _as_column(name, spoken[name])]
    except (ValueError, TypeError, KeyError) as exc:
        raise FaultFound(Fault(FaultKind.EDITED, f"Record {seq} was edited: it is no record.", seq)) from exc
    if wrong:
        sentence = f"Record {seq} was edited: its column {wrong[0]} does not say what the record says."
        raise FaultFound(Fault(FaultKind.EDITED, sentence, seq, str(spoken["id"])))


def _as_column(name: str, value: object) -> object:
    limit = COLUMN_CHARS.get(name)
    return value if limit is None else str(value)[:limit]
