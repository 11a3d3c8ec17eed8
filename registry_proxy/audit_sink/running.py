"""Which exchanges of one process were let through and did not end yet, as far as its records tell.

A process that is killed cannot say how its transfers ended, and the log would show them as running for ever. Whoever
adopts its spool writes that end: exactly one for each, durable before it is sent, under an id made from the exchange.
While the process lives, a shipped segment is removed only after the allows in it that still run were noted beside it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from jit_access.domain.audit_record import AuditRecord, canonical_bytes, decode_record
from jit_access.domain.errors import CallerError
from jit_access.domain.reasons import Reason
from registry_proxy.audit_sink.reading import read_piece
from registry_proxy.audit_sink.spool import RUNNING_NAME, SEGMENT_SUFFIX, UNFINISHED_NAME, frame, sync_folder

ENDS_NAME = f"99999999{SEGMENT_SUFFIX}"  # behind all others, so it is shipped last and removed last
_ALLOWED = b'"kind":"proxy.request.allowed"'
# Canonical text: what stands after `detail` holds no quote that is not escaped, so from the back these are the fields.
_EXCHANGE, _AFTER_EXCHANGE = b',"exchange":"', b'","grant":"'


class Running:
    """Fed with every record of one process in order. Parses nothing: the records are our own, byte for byte."""

    def __init__(self) -> None:
        self._allowed: dict[bytes, bytes] = {}
        self._is_saved = True

    def see(self, records: Iterable[bytes]) -> None:
        """An allow begins an exchange, any other record of it is its end."""
        for raw in records:
            exchange = _exchange_of(raw)
            if not exchange:
                continue
            if _ALLOWED in raw:
                self._allowed[exchange] = raw
                self._is_saved = False
            elif self._allowed.pop(exchange, None) is not None:
                self._is_saved = False

    def save(self, folder: Path) -> None:
        """Make it durable beside the segments. Raises OSError."""
        if self._is_saved:
            return
        path = folder / RUNNING_NAME
        if self._allowed:
            _replace_file(path, self._allowed.values())
        else:
            path.unlink(missing_ok=True)
        self._is_saved = True

    def ends(self, now: float, finder: str) -> list[bytes]:
        """The records that end what is left, in the words of the process that let it through."""
        at = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return [canonical_bytes(_end_of(record, at, finder)) for record in _decoded(self._allowed.values())]


def write_ends(folder: Path, *, now: float, finder: str) -> int:
    """End what a dead process left running. Once its ends are written, a repeat finds nothing. Raises OSError."""
    running = Running()
    for path in (folder / RUNNING_NAME, *sorted(folder.glob(f"*{SEGMENT_SUFFIX}"))):
        for records in _records_of(path):
            running.see(records)
    ends = running.ends(now, finder)
    if ends:
        _replace_file(folder / ENDS_NAME, ends)
    (folder / RUNNING_NAME).unlink(missing_ok=True)
    return len(ends)


def _end_of(allowed: AuditRecord, at: str, finder: str) -> AuditRecord:
    name = sha256(f"proxy-lost {allowed.source} {allowed.exchange}".encode()).hexdigest()[:32]
    return replace(
        allowed,
        id=f"rec_{name}",
        at=at,
        kind="proxy.transfer.cut",
        decision="",
        reason=Reason.PROXY_LOST.value,
        detail={"found_by": finder},
    )


def _decoded(raws: Iterable[bytes]) -> Iterable[AuditRecord]:
    for raw in raws:
        try:
            yield decode_record(raw)
        except CallerError:
            continue  # the log refuses such an allow as well, and an end of nothing would be wrong


def _exchange_of(raw: bytes) -> bytes:
    start = raw.rfind(_EXCHANGE) + len(_EXCHANGE)
    return raw[start : raw.find(_AFTER_EXCHANGE, start)] if start >= len(_EXCHANGE) else b""


def _records_of(path: Path) -> Iterable[tuple[bytes, ...]]:
    try:
        end, offset = path.stat().st_size, 0
    except FileNotFoundError:
        return
    while offset < end:
        piece = read_piece(path, offset, end)
        yield piece.records
        offset = piece.next_offset


def _replace_file(path: Path, records: Iterable[bytes]) -> None:
    """Whole or not at all, and durable."""
    unborn = path.with_name(UNFINISHED_NAME)
    fd = os.open(unborn, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(b"".join(map(frame, records)))
        file.flush()
        os.fdatasync(file.fileno())
    unborn.replace(path)
    sync_folder(path.parent)
