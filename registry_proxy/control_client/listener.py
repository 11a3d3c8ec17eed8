"""One read over both Redis streams, in a thread of its own (ADR 0002).

A life of the listener: load a snapshot, read on from its position, hand on what comes. Whatever is odd (a gap, another
birth, a message that is not signed, silence, a lost connection) ends that life, and the next begins with a snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from threading import Event
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from jit_access.domain.session_view import ViewRejected
from registry_proxy.control_client.hearing import Hearing
from registry_proxy.control_client.messages import (
    Batch,
    Delivery,
    Heartbeat,
    Snapshot,
    StreamId,
    TargetNews,
    ViewNews,
    format_stream_id,
    open_message,
    parse_stream_id,
    read_heartbeat,
    read_news,
)
from registry_proxy.control_client.ticks import read_ticks
from registry_proxy.settings import Settings

NEWS = b"jit:news"
HEARTBEAT = b"jit:heartbeat"
BLOCK_MS = 250
SOCKET_S = 2.0
LONGEST_SILENCE_S = 8.0

Entries = Iterable[tuple[bytes, Mapping[bytes, bytes]]]


class Resync(Exception):
    """This life of the listener is over: load everything again. `is_doubt`: serve nothing new until then."""

    def __init__(self, why: str, *, is_doubt: bool) -> None:
        self.why = why
        self.is_doubt = is_doubt
        super().__init__(why)


class Listener:
    """Reads until something is odd. Knows no backoff: that is the client's."""

    def __init__(
        self, settings: Settings, deliver: Callable[[Delivery], None], on_beat: Callable[[Heartbeat], None],
        on_targets: Event,
    ) -> None:  # fmt: skip
        self._url = settings.redis_url
        self._key = settings.view_key
        self._deliver = deliver
        self._on_beat = on_beat
        self._on_targets = on_targets
        self._heart_cursor: StreamId = (0, 0)
        self._silence_s = 1.0

    def listen(self, snapshot: Snapshot, stop: Event) -> None:
        """Hand on news until `stop`. Raises Resync or redis.RedisError."""
        hearing = Hearing(snapshot)
        client = redis.Redis.from_url(
            self._url.reveal(),
            socket_timeout=SOCKET_S,
            socket_connect_timeout=SOCKET_S,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
        try:
            # Only beats from now on: an old forged one would end each new life again. Asked of this Redis, because
            # a cursor from before its restart may be ahead of its clock.
            newest: Any = client.xrevrange(HEARTBEAT, count=1)
            self._heart_cursor = parse_stream_id(newest[0][0].decode()) if newest else (0, 0)
            while not stop.is_set():
                cursors = {NEWS: format_stream_id(hearing.cursor), HEARTBEAT: format_stream_id(self._heart_cursor)}
                self._take(dict(client.xread(cursors, block=BLOCK_MS)), hearing)  # type: ignore[arg-type]  # sync reply
        finally:
            client.close()

    def _take(self, reply: Mapping[bytes, Entries], hearing: Hearing) -> None:
        heard = read_ticks()
        news, bad_news = self._read_news(reply.get(NEWS, ()), hearing, heard)
        beats, bad_beats = self._read_beats(reply.get(HEARTBEAT, ()), heard)
        heartbeat = None
        for beat in beats:
            heartbeat = hearing.hear(beat) or heartbeat
        if heartbeat is not None:
            self._on_beat(heartbeat)
        is_bad, gap = bad_news or bad_beats, hearing.find_gap(heartbeat)
        is_sound = not is_bad and gap is None
        if news or (heartbeat and is_sound):
            self._deliver(Batch(tuple(news), heartbeat if is_sound else None))
        if is_bad:
            raise Resync("forged", is_doubt=True)
        if gap is not None:
            raise Resync(gap, is_doubt=True)
        self._check_silence(heartbeat, hearing, heard)

    def _check_silence(self, heartbeat: Heartbeat | None, hearing: Hearing, heard: float) -> None:
        if heartbeat is not None:
            self._silence_s = 1.0
        elif heard - hearing.last_beat > self._silence_s:
            # Each further silence is borne longer: while the publisher is away, snapshots are load without use.
            self._silence_s = min(2 * self._silence_s, LONGEST_SILENCE_S)
            raise Resync("silence", is_doubt=False)

    def _read_news(self, entries: Entries, hearing: Hearing, heard: float) -> tuple[list[ViewNews], bool]:
        """Good entries are used even beside a bad one: one of them may be a revocation."""
        news, is_bad = [], False
        for raw_id, fields in entries:
            at = parse_stream_id(raw_id.decode())
            hearing.count(at, heard=heard)
            try:
                item = read_news(self._open(fields), at=at)
            except ViewRejected:
                is_bad = True
                continue
            if isinstance(item, TargetNews):
                self._on_targets.set()
            else:
                news.append(item)
        return news, is_bad

    def _read_beats(self, entries: Entries, heard: float) -> tuple[list[Heartbeat], bool]:
        beats, is_bad = [], False
        for raw_id, fields in entries:
            self._heart_cursor = parse_stream_id(raw_id.decode())
            try:
                beats.append(read_heartbeat(self._open(fields), heard=heard))
            except ViewRejected:
                is_bad = True
        return beats, is_bad

    def _open(self, fields: Mapping[bytes, bytes]) -> Mapping[str, Any]:
        text, signature = fields.get(b"m", b""), fields.get(b"s", b"")
        return open_message(text.decode("utf-8", "replace"), signature.decode("utf-8", "replace"), self._key)
