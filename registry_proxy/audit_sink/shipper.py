"""Carries durable records to the control plane, at least once, and removes them when they were taken."""

from __future__ import annotations

import json
import logging
import os
import ssl
import time
from collections.abc import Sequence
from threading import Event, Thread

import httpx

from registry_proxy.audit_sink.orphans import Orphan, adopt_orphans
from registry_proxy.audit_sink.reading import read_piece
from registry_proxy.audit_sink.running import Running
from registry_proxy.audit_sink.spool import Segment, Spool
from registry_proxy.metering import Meter
from registry_proxy.settings import Settings

IDLE_S = 5.0
GATHER_S = 0.5  # records that follow each other closely share one request: each costs both sides milliseconds
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0
REJECTED_NAME = "rejected.log"
_TIMEOUT = httpx.Timeout(10.0, connect=2.0)
_JOIN_S = 5.0

_log = logging.getLogger(__name__)


class NotTaken(Exception):
    """The control plane did not take the records now. They stay where they are."""


class Shipper:
    """One thread. It knows only files and HTTP: what it has to send is always on disk already."""

    def __init__(self, settings: Settings, spool: Spool, meter: Meter) -> None:
        self._root = settings.spool_dir
        self._spool = spool
        self._meter = meter
        self._orphans: list[Orphan] = []
        self._finder = settings.proxy_id
        self._running = Running()
        self._wake = Event()
        self._stop = Event()
        self._http = httpx.Client(
            base_url=settings.control_url,
            headers={
                "Authorization": f"Bearer {settings.proxy_secret.reveal()}",
                "Content-Type": "application/x-ndjson",
            },
            timeout=_TIMEOUT,
            verify=ssl.create_default_context(cafile=settings.control_ca),
            follow_redirects=False,  # the bearer goes to the address that operators wrote down, nowhere else
            trust_env=False,
        )
        self._thread = Thread(target=self._run, name="audit-shipper", daemon=True)

    def start(self) -> None:
        """Begin to ship, left-overs of dead processes first."""
        self._thread.start()

    def wake(self) -> None:
        """Something new is durable. May be called from any thread."""
        if not self._wake.is_set():
            self._wake.set()

    def stop(self) -> None:
        """One last try for what is there, then end. Blocks for seconds at most; the rest is found as an orphan."""
        self._stop.set()
        self._wake.set()
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        pause_s = 0.0
        while not self._stop.is_set():
            self._stop.wait(pause_s or GATHER_S)
            try:
                self._ship_all()
                pause_s = 0.0
            except NotTaken as exc:
                pause_s = min(max(FIRST_PAUSE_S, 2 * pause_s), LONGEST_PAUSE_S)
                _log.warning("audit records wait: %s", exc)
            except Exception:  # noqa: BLE001  # outermost loop of the thread: without it the spool fills and all is refused
                pause_s = LONGEST_PAUSE_S
                _log.exception("audit records wait")
            if not pause_s and not self._stop.is_set():
                self._wake.wait(IDLE_S)
            self._wake.clear()
        self._end()

    def _end(self) -> None:
        try:
            self._spool.seal()
            self._ship_all()
        except (NotTaken, OSError) as exc:
            _log.warning("audit records stay in the spool: %s", exc)
        for orphan in self._orphans:
            orphan.release()
        self._http.close()

    def _ship_all(self) -> None:
        self._orphans.extend(adopt_orphans(self._root))
        for orphan in list(self._orphans):
            try:
                orphan.end_what_ran(now=time.time(), finder=self._finder)
            except OSError as exc:  # a full disk, say; what is shipped below makes room
                _log.warning("a spool of a lost process waits: %s", exc.strerror)
                continue
            for segment in orphan.segments():
                self._ship(segment)
                segment.path.unlink(missing_ok=True)
            orphan.release()
            self._orphans.remove(orphan)
        for segment in self._spool.segments():
            # Read once: whoever seals it meanwhile may have written more before.
            is_sealed = segment.is_sealed
            self._ship(segment, self._running)
            if is_sealed:
                self._note_running()
                self._spool.remove(segment)

    def _note_running(self) -> None:
        try:
            self._running.save(self._spool.folder)
        except OSError as exc:  # the segment goes all the same: on a full disk nothing else makes room
            _log.error("what still runs could not be noted: %s", exc.strerror)

    def _ship(self, segment: Segment, running: Running | None = None) -> None:
        began, end, has_damage = time.monotonic(), segment.size, False
        while segment.shipped < end:
            piece = read_piece(segment.path, segment.shipped, end)
            has_damage |= bool(piece.damaged)
            self._send(piece.records)
            if running is not None:
                running.see(piece.records)
            self._spool.took(segment, piece.next_offset, len(piece.records) + piece.damaged)
        segment.waits_since = max(segment.waits_since, began)  # what is left was written after we looked
        if has_damage:
            self._keep_damaged(segment)

    def _keep_damaged(self, segment: Segment) -> None:
        """Whole lines that do not fit their checksum: the disk or a hand changed them. An operator has to look."""
        kept = self._root / f"damaged-{segment.path.parent.name}-{segment.path.name}"
        kept.write_bytes(segment.path.read_bytes())
        _log.error("a spool segment was damaged; it is kept as %s", kept.name)

    def _send(self, records: Sequence[bytes]) -> None:
        if not records:
            return
        try:
            answer = self._http.post("/internal/v1/audit", content=b"\n".join(records))
        except (httpx.HTTPError, OSError) as exc:
            raise NotTaken(f"the control plane does not answer ({type(exc).__name__})") from exc
        if answer.status_code == httpx.codes.OK:
            self._keep_rejected(records, _read_rejected(answer))
        elif answer.status_code in {httpx.codes.BAD_REQUEST, httpx.codes.REQUEST_ENTITY_TOO_LARGE}:
            self._send_halves(records, answer.status_code)
        else:
            raise NotTaken(f"the control plane answered with status {answer.status_code}")

    def _send_halves(self, records: Sequence[bytes], status: int) -> None:
        """One record that it never takes must not hold back all the others."""
        if len(records) == 1:
            _log.error("an audit record was refused with status %d", status)
            self._keep_rejected(records, ("#0",))
            return
        middle = len(records) // 2
        self._send(records[:middle])
        self._send(records[middle:])

    def _keep_rejected(self, records: Sequence[bytes], names: Sequence[str]) -> None:
        if not names:
            return
        _log.error("%d audit records were rejected; they are kept in %s", len(names), REJECTED_NAME)
        lines = [raw for index, raw in enumerate(records) if f"#{index}" in names or _name_of(raw) in names]
        fd = os.open(self._root / REJECTED_NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(b"".join(raw + b"\n" for raw in lines))


def _read_rejected(answer: httpx.Response) -> tuple[str, ...]:
    try:
        rejected = answer.json()["rejected"]
    except (ValueError, KeyError, TypeError) as exc:
        raise NotTaken("the control plane's answer could not be read") from exc
    return tuple(str(name) for name in rejected)


def _name_of(raw: bytes) -> str:
    try:
        return str(json.loads(raw)["id"])
    except (ValueError, KeyError, TypeError):
        return ""
