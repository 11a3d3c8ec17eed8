"""What this process knows: views by grant, tokens by hash, and how old that knowledge is.

Rules: an epoch only grows; a batch is applied as a whole; a token that lost its view keeps its precise reason for a
while, so that people read "This session was revoked" and not "unknown". A closed view is held until the latest end
that was ever told for its grant: until then an old signed view could be played back and must meet a higher epoch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jit_access.domain.reasons import Reason
from jit_access.domain.session_view import LeaseFacts, SessionView, ViewState
from registry_proxy.control_client.messages import Snapshot, StreamId, ViewNews
from registry_proxy.control_client.target_facts import TargetFacts

REMEMBERED_S = 3600.0  # how long an ended token keeps its precise reason


@dataclass(frozen=True, slots=True)
class Holder:
    """Where a token hash leads. `retired` says that the view no longer lists the token."""

    view: SessionView
    lease: LeaseFacts
    retired: bool = False

    def refusal_at(self, now: float) -> Reason | None:
        """None while this token acts at `now`; else why not."""
        reason = self.view.refusal_at(now, self.lease)
        if reason is None and self.retired:
            return Reason.TOKEN_REVOKED
        return reason


@dataclass(slots=True)
class _Held:
    view: SessionView
    at: StreamId  # the news (or snapshot position) that brought it
    until: float  # the latest end ever told
    hashes: set[str]  # every token hash that ever led here


class SessionTable:
    """Single-threaded: only the event loop's thread calls it."""

    def __init__(self) -> None:
        self._grants: dict[str, _Held] = {}
        self._by_hash: dict[str, Holder] = {}
        self._targets: dict[str, TargetFacts] = {}
        self.has_snapshot = False

    def __len__(self) -> int:
        return len(self._grants)

    def find(self, token_hash: str) -> Holder | None:
        """The view and lease behind a token."""
        return self._by_hash.get(token_hash)

    def view(self, grant_id: str) -> SessionView | None:
        """The newest view of a grant."""
        held = self._grants.get(grant_id)
        return held.view if held else None

    def target(self, slug: str) -> TargetFacts | None:
        """A registry by its slug."""
        return self._targets.get(slug)

    def apply_news(self, news: Iterable[ViewNews]) -> set[str]:
        """Take over views that are newer than what is held. Returns the grants whose tokens are answered anew."""
        touched: set[str] = set()
        for item in news:
            touched |= self._put(item.views, item.at)
        return touched

    def apply_snapshot(self, snapshot: Snapshot) -> None:
        """Replace everything that the snapshot can speak for.

        News after the snapshot's position may have told of views it could not know; those stay.
        """
        self._put(snapshot.views, snapshot.position.last)
        named = {view.grant_id for view in snapshot.views}
        for grant_id in [
            name for name, held in self._grants.items() if name not in named and held.at <= snapshot.position.last
        ]:
            self._drop(grant_id)
        self._targets = {target.slug: target for target in snapshot.targets}
        self.has_snapshot = True

    def forget_ended(self, now: float) -> list[str]:
        """Drop what ended long ago, so that memory follows what is alive. Returns the grants that were dropped."""
        ended = [name for name, held in self._grants.items() if held.until + REMEMBERED_S < now]
        for grant_id in ended:
            self._drop(grant_id)
        return ended

    def _put(self, views: Iterable[SessionView], at: StreamId) -> set[str]:
        touched: set[str] = set()
        for view in views:
            if self._is_newer(view):
                touched |= self._take(view, at)
        return touched

    def _is_newer(self, view: SessionView) -> bool:
        held = self._grants.get(view.grant_id)
        return held is None or view.epoch > held.view.epoch

    def _take(self, view: SessionView, at: StreamId) -> set[str]:
        """Returns its grant, and those that lost a token to it: exchanges under them lean on this one now."""
        touched = {view.grant_id}
        held = self._grants.get(view.grant_id)
        if held is None:
            held = self._grants[view.grant_id] = _Held(view, at, view.valid_until, set())
        held.view, held.at, held.until = view, max(at, held.at), max(held.until, view.valid_until)
        for token_hash in held.hashes:
            holder = self._by_hash.get(token_hash)
            if holder is not None and holder.view.grant_id == view.grant_id:
                self._by_hash[token_hash] = Holder(view, holder.lease, retired=True)
        for lease in view.leases:
            held.hashes.add(lease.token_hash)
            if self._may_claim(view, lease.token_hash):
                before = self._by_hash.get(lease.token_hash)
                if before is not None:
                    touched.add(before.view.grant_id)
                self._by_hash[lease.token_hash] = Holder(view, lease)
        return touched

    def _may_claim(self, view: SessionView, token_hash: str) -> bool:
        """A token that moved from an ended grant to its extension belongs to the open one, whoever is told of first."""
        holder = self._by_hash.get(token_hash)
        if holder is None or holder.view.grant_id == view.grant_id or view.state is ViewState.OPEN:
            return True
        return holder.retired or holder.view.state is not ViewState.OPEN

    def _drop(self, grant_id: str) -> None:
        held = self._grants.pop(grant_id)
        for token_hash in held.hashes:
            holder = self._by_hash.get(token_hash)
            if holder is not None and holder.view.grant_id == grant_id:
                del self._by_hash[token_hash]
