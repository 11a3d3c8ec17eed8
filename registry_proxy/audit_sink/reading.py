"""Records back from disk, in pieces small enough to send."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from registry_proxy.audit_sink.spool import unframe

MAX_BATCH_RECORDS = 500
MAX_BATCH_BYTES = 2 * 1024 * 1024
_READ_BYTES = MAX_BATCH_BYTES - 64 * 1024  # frames are larger than what is sent, so this many always fit


@dataclass(frozen=True, slots=True)
class Piece:
    """Some records of a segment. `damaged` lines were skipped; a torn last line was never acknowledged."""

    records: tuple[bytes, ...]
    next_offset: int
    damaged: int


def read_piece(path: Path, offset: int, end: int) -> Piece:
    """Records between two offsets, as many as one request takes. `end` is the durable end, or the file's."""
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read(min(end - offset, _READ_BYTES))
    records: list[bytes] = []
    damaged, position = 0, 0
    while len(records) < MAX_BATCH_RECORDS:
        newline = data.find(b"\n", position)
        if newline < 0:
            break
        raw = unframe(data[position:newline])
        position = newline + 1
        if raw is None:
            damaged += 1
        else:
            records.append(raw)
    if not position:
        position = len(data)  # torn: the process died in the middle of this write
    return Piece(tuple(records), offset + position, damaged)
