"""The one door to the audit pipeline: `accept` waits until a record is durable, `note` does not wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypedDict, Unpack, cast

from jit_access.domain.audit_record import MAX_RECORD_BYTES, AuditRecord, canonical_bytes, clean_text, plain_bytes
from jit_access.domain.reasons import Reason
from registry_proxy.audit_sink.committer import Committer
from registry_proxy.audit_sink.ids import random_hex
from registry_proxy.audit_sink.shipper import Shipper
from registry_proxy.audit_sink.spool import AuditUnavailable, Line, Queue, Spool, frame
from registry_proxy.metering import Meter
from registry_proxy.settings import Settings

# Refusals and endings are still recorded while new requests are refused because the spool is full.
NOTES_EXTRA_BYTES = 16 * 1024 * 1024


class RecordFields(TypedDict, total=False):
    """What a caller says about one record; id, instant and source are ours."""

    actor_kind: str
    actor_id: str
    actor_name: str
    request: str
    grant: str
    lease: str
    target: str
    repository: str
    operation: str
    reference: str
    decision: str
    reason: str
    rule: str
    status: int
    bytes_in: int
    bytes_out: int
    duration_ms: int
    exchange: str
    trace: str
    address: str
    detail: Mapping[str, str | int | bool]


class AuditSink:
    """One per process. `now` gives the instants of records, in epoch seconds of the database's clock."""

    def __init__(self, settings: Settings, meter: Meter, *, now: Callable[[], float]) -> None:
        self._settings = settings
        self._meter = meter
        self._now = now
        self._source = f"proxy/{settings.proxy_id}"
        self._limit = settings.limits.spool_bytes
        self._spool: Spool | None = None
        self._committer: Committer | None = None
        self._shipper: Shipper | None = None
        self._second, self._second_text = -1, ""

    def start(self) -> None:
        """Open the spool and start its threads. Raises AuditUnavailable when there is no place for records."""
        try:
            self._spool = Spool(self._settings.spool_dir, self._settings.proxy_id)
        except OSError as exc:
            raise AuditUnavailable(f"The spool folder cannot be used: {exc.strerror}.") from exc
        self._shipper = Shipper(self._settings, self._spool, self._meter)
        self._committer = Committer(self._spool, self._meter, on_commit=self._shipper.wake)
        self._committer.start()
        self._shipper.start()

    async def close(self) -> None:
        """Make everything durable, try to ship it, let go of the spool."""
        if self._spool is None or self._committer is None or self._shipper is None:
            return
        self._committer.flush()
        await asyncio.to_thread(self._committer.stop)
        await asyncio.to_thread(self._shipper.stop)
        self._spool.close()
        self._spool = self._committer = self._shipper = None

    def is_ready(self) -> Reason | None:
        """None while records can be accepted, as far as known before trying."""
        committer = self._committer
        if committer is None or committer.is_failing or self._used() >= self._limit:
            return Reason.AUDIT_UNAVAILABLE
        return None

    def accept(self, record: Line) -> asyncio.Future[None]:
        """Done when the record survives a SIGKILL of this process. Raises AuditUnavailable, now or when awaited."""
        committer = self._committer
        if committer is None or self._used() >= self._limit:
            raise AuditUnavailable
        return committer.put_and_wait(record)

    def note(self, record: Line) -> None:
        """Record what happened anyway (a refusal, an ending) without waiting. Kept in memory while the disk fails."""
        committer = self._committer
        if committer is None or self._used() >= self._limit + NOTES_EXTRA_BYTES:
            self._meter.lost_record()
            return
        committer.put(record)

    def new_record(self, kind: str, **fields: Unpack[RecordFields]) -> Line:
        """A record of now, as a line of the spool. Text that came from outside is made harmless here.

        Raises: AuditUnavailable when it would be larger than the log takes.
        """
        return self.record_of(kind, fields)

    def record_of(self, kind: str, fields: RecordFields) -> Line:
        """The same, for fields that stand together already. Raises AuditUnavailable."""
        at = self._clock_text(self._now())
        ours = {"id": f"rec_{random_hex()}", "at": at, "source": self._source, "kind": kind}
        return frame(plain_bytes({**fields, **ours}) or _careful_bytes(fields, ours))

    def _clock_text(self, now: float) -> str:
        """The date is spelled once a second."""
        second, micros = divmod(round(now * 1_000_000), 1_000_000)
        if second != self._second:
            self._second = second
            self._second_text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._second_text}.{str(1_000_000 + micros)[1:]}Z"  # a third of what a width costs

    def queue(self) -> Queue:
        """What the log has not taken yet, as far as it is on disk."""
        return self._spool.queue() if self._spool is not None else Queue(0, 0, 0.0)

    def _used(self) -> int:
        if self._spool is None or self._committer is None:
            return 0
        return self._spool.size + self._committer.waiting_bytes


def _make_harmless(fields: RecordFields) -> RecordFields:
    clean: dict[str, object] = {
        name: clean_text(value) if isinstance(value, str) else value for name, value in fields.items()
    }
    if "detail" in fields:
        clean["detail"] = {
            clean_text(key): clean_text(value) if isinstance(value, str) else value
            for key, value in fields["detail"].items()
        }
    return cast("RecordFields", clean)


def _careful_bytes(fields: RecordFields, ours: Mapping[str, str]) -> bytes:
    """For texts that need a second look."""
    raw = canonical_bytes(AuditRecord(**ours, **_make_harmless(fields)))
    if len(raw) > MAX_RECORD_BYTES:
        raise AuditUnavailable("An audit record grew larger than the log takes.")
    return raw
