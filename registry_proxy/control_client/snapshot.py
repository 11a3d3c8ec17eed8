"""The snapshot: everything the control plane's database says, over HTTP, in one answer."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from threading import Lock

import httpx

from jit_access.domain.errors import PeerError
from jit_access.domain.reasons import Reason
from jit_access.domain.session_view import SessionView, ViewRejected
from registry_proxy.control_client.channel import open_channel
from registry_proxy.control_client.hearing import STALE_S
from registry_proxy.control_client.messages import Delivery, Heartbeat, Snapshot, open_message, read_snapshot
from registry_proxy.control_client.ticks import read_ticks
from registry_proxy.settings import Settings

OFFSET_TRUSTED_S = 5.0
MAX_ANSWER_BYTES = 128 * 1024 * 1024  # about 60,000 live grants


class SnapshotSource:
    """Loads snapshots, one at a time, and hands them on in the order in which they were asked for.

    The order matters: an older snapshot handed on after a newer one would take views away that it did not know.
    """

    def __init__(self, settings: Settings, deliver: Callable[[Delivery], None]) -> None:
        self._key = settings.view_key
        self._deliver = deliver
        self._lock = Lock()
        self._known: dict[str, SessionView] = {}
        self._offset = -math.inf
        self._offset_at = -math.inf
        self._http = open_channel(settings)

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def hear(self, beat: Heartbeat) -> None:
        """A beat that counted: it says what time it is, so an old snapshot can be told from a new one."""
        self._offset, self._offset_at = beat.db_now - beat.heard, beat.heard

    def load(self, *, ends_doubt: bool) -> Snapshot:
        """Load, check, hand on. Raises PeerError (control-plane-lost) or ViewRejected; then nothing was handed on."""
        with self._lock:
            snapshot = replace(self._fetch(), ends_doubt=ends_doubt)
            self._deliver(snapshot)
            return snapshot

    def _fetch(self) -> Snapshot:
        asked = read_ticks()
        try:
            text, signature = self._ask()
        except (httpx.HTTPError, OSError) as exc:
            raise _lost("does not answer") from exc
        except (ValueError, KeyError, TypeError) as exc:
            raise _lost("sent something else than a snapshot") from exc
        heard = read_ticks()
        try:
            body = open_message(text, signature, self._key, limit=MAX_ANSWER_BYTES)
            snapshot = replace(read_snapshot(body, heard=heard, known=self._known), asked=asked)
        except ViewRejected:
            self._known = {}
            raise
        self._refuse_stale(snapshot)
        self._known = dict(zip(body["views"], snapshot.views, strict=True))
        return snapshot

    def _refuse_stale(self, snapshot: Snapshot) -> None:
        """A cache, or a database that lags behind, must not end a doubt.

        Not compared with beats of long ago: the gate is shut then, and the first new beat compares (Hearing).
        """
        is_known = snapshot.asked - self._offset_at < OFFSET_TRUSTED_S
        if is_known and snapshot.db_now < self._offset + snapshot.asked - STALE_S:
            raise _lost("sent an old snapshot")

    def _ask(self) -> tuple[str, str]:
        with self._http.stream("GET", "/internal/v1/snapshot") as answer:
            if answer.status_code != httpx.codes.OK:
                raise _lost(f"answered with status {answer.status_code}")
            raw = bytearray()
            for piece in answer.iter_bytes():
                raw += piece
                if len(raw) > MAX_ANSWER_BYTES:
                    raise _lost("sent a snapshot that is too large")
        envelope = json.loads(raw)
        text, signature = envelope["body"], envelope["signature"]
        if not isinstance(text, str) or not isinstance(signature, str):
            raise TypeError("envelope")
        return text, signature


def _lost(what: str) -> PeerError:
    return PeerError(Reason.CONTROL_PLANE_LOST, f"The control plane {what}.", retryable=True)
