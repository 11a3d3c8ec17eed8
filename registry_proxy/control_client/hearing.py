"""What one life of the listener has heard: how far it read, and which heartbeats count.

A heartbeat counts when its database time is newer than any heard before (so a recorded one cannot be played back),
and it is as old as its database time says (so a delayed one does not make old news look fresh).
"""

from __future__ import annotations

from dataclasses import replace

from registry_proxy.control_client.messages import Heartbeat, Snapshot, StreamId

_MAX_SLEW = 500e-6  # drift between this machine's clock and the database's, as ntp_adjtime(2) bounds it
LATE_S = 1.0
# A snapshot tells the database's time. One that is so much older than when it was asked for was made for somebody else.
STALE_S = 1.0
_CHECKED_S = 10.0  # later on it is drift that shows
# A beat that is so much newer than the newest entry that was read must point at that entry or beyond it.
BEHIND_S = 0.5


class Hearing:
    """Starts at a snapshot. Pure bookkeeping; reads no clock."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.cursor: StreamId = snapshot.position.last
        self._read_at = snapshot.heard
        self._begun_at = snapshot.heard
        self._asked_offset = snapshot.db_now - snapshot.asked
        self.last_beat = snapshot.heard  # our ticks, when the newest heartbeat in time came
        self._added = snapshot.position.added
        self._birth = snapshot.position.birth
        self._newest_db = snapshot.db_now
        self._offset = snapshot.db_now - snapshot.heard
        self._told_at = snapshot.heard

    def count(self, at: StreamId, *, heard: float) -> None:
        """One entry of the news stream was read, whatever it held."""
        self.cursor = at
        self._read_at = heard
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
        if beat.heard - self._begun_at < _CHECKED_S and beat.db_now - beat.heard > self._asked_offset + STALE_S:
            return "stale"
        position = beat.position
        if position.birth != self._birth:
            return "birth"  # flushed or restarted: the old position means nothing any more
        # A difference in the count alone: an entry before the last was deleted or trimmed away.
        if position.last > self.cursor or (position.last == self.cursor and position.added != self._added):
            return "gap"
        if position.last < self.cursor and beat.fresh_at > self._read_at + BEHIND_S:
            return "behind"  # another stream took its place: what is added there has ids that we would never read
        return None
