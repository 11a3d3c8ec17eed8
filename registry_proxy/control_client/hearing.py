"""What one life of the listener has heard: how far it read, and which heartbeats count.

A heartbeat counts when its database time is newer than any heard before (so a recorded one cannot be played back),
and it is as old as its database time says (so a delayed one does not make old news look fresh).
"""

from __future__ import annotations

from dataclasses import replace

from registry_proxy.control_client.messages import Heartbeat, Snapshot, StreamId

_MAX_SLEW = 500e-6  # drift between this machine's clock and the database's, as ntp_adjtime(2) bounds it
LATE_S = 1.0


class Hearing:
    """Starts at a snapshot. Pure bookkeeping; reads no clock."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.cursor: StreamId = snapshot.position.last
        self.last_beat = snapshot.heard  # our ticks, when the newest heartbeat in time came
        self._added = snapshot.position.added
        self._birth = snapshot.position.birth
        self._newest_db = snapshot.db_now
        self._offset = snapshot.db_now - snapshot.heard
        self._told_at = snapshot.heard

    def count(self, at: StreamId) -> None:
        """One entry of the news stream was read, whatever it held."""
        self.cursor = at
        self._added += 1

    def hear(self, beat: Heartbeat) -> Heartbeat | None:
        """The heartbeat with its true age, or None when it was played back or came too late to say anything."""
        if beat.db_now <= self._newest_db:
            return None
        self._newest_db = beat.db_now
        slewed = self._offset - _MAX_SLEW * (beat.heard - self._told_at)
        self._offset, self._told_at = max(beat.db_now - beat.heard, slewed), beat.heard
        fresh_at = min(beat.heard, beat.db_now - self._offset)
        if beat.heard - fresh_at > LATE_S:
            return None
        self.last_beat = fresh_at
        return replace(beat, fresh_at=fresh_at)

    def find_gap(self, beat: Heartbeat | None) -> str | None:
        """Why something must have been missed, or None. Ask after the news of the same read were counted."""
        if beat is None:
            return None
        position = beat.position
        if position.birth != self._birth:
            return "birth"  # flushed or restarted: the old position means nothing any more
        if position.last > self.cursor:
            return "gap"
        if position.last == self.cursor and position.added != self._added:
            return "gap"  # an entry before the last was deleted or trimmed away
        return None
