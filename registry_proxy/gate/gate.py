"""The gate of one process. All methods belong to the event loop's thread, except `deliver` and `collect_usage`."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from threading import Lock

from jit_access.domain.reasons import Reason
from jit_access.domain.session_view import SessionView
from jit_access.domain.tokens import TOKEN_CHARS_MAX, hash_token, parse_token
from registry_proxy.control_client import Batch, Counts, Delivery, Doubt, Snapshot, TargetFacts, UsageTold
from registry_proxy.control_client.ticks import read_ticks
from registry_proxy.gate.budgets import Budgets
from registry_proxy.gate.questions import find_refused, refuse_wanted, weigh
from registry_proxy.gate.watches import Cut, Standing, Watch, Watches
from registry_proxy.metering import Meter
from registry_proxy.protocols.wanted import Admission, Refusal, Wanted
from registry_proxy.session_table import Holder, NewsClock, SessionTable
from registry_proxy.session_table.clock import NEW_REQUEST_MAX_AGE_S, STREAM_MAX_AGE_S

TICK_S = 0.1
FORGET_EVERY_S = 60.0
_LONGEST_TIMER_S = 3600.0  # a timer further away is set again: no event loop promises weeks
_TIMER_GRAIN_S = 0.001  # uvloop's timers count milliseconds and may round down


class Gate:
    """Decides requests, re-decides streams, and cuts those that lost their ground.

    `epoch` grows at every change of any view and of the staleness state. It grows in the listener's thread, before
    the event loop has even woken: a stream that compares it between slices asks again at once.
    """

    def __init__(self, meter: Meter, *, ticks: Callable[[], float] = read_ticks) -> None:
        self.epoch = 0
        self._epoch_lock = Lock()  # += from two threads can lose a step
        self._meter = meter
        self._table = SessionTable()
        self._ticks = ticks
        self._clock = NewsClock(ticks)
        self._budgets = Budgets()
        self._watches = Watches(self._judge, self._count_cut)
        self._pending: deque[tuple[Delivery, float]] = deque()  # and when it was heard
        self._told_at: float | None = None
        self._is_woken = False
        self._in_doubt = False
        self._staleness = 0
        self._forget_at = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ticker: asyncio.TimerHandle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_end = math.inf

    def start(self) -> None:
        """Begin to watch the clock. Call on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._tick()

    def close(self) -> None:
        """Stop the timers. Running exchanges are the server's to end."""
        for handle in (self._ticker, self._timer):
            if handle is not None:
                handle.cancel()
        self._loop = None

    def deliver(self, item: Delivery) -> None:
        """Take verified news. May be called from any thread."""
        self._pending.append((item, self._ticks()))
        if _may_end_something(item):
            self._grow_epoch()
        loop = self._loop
        if loop is None or self._is_woken:
            return
        self._is_woken = True
        try:
            loop.call_soon_threadsafe(self._take_pending)
        except RuntimeError:
            self._is_woken = False  # the loop is closing: nobody is left to be told

    def is_ready(self) -> Reason | None:
        """None while new requests may be let through."""
        if self._pending:
            self._take_pending()
        is_stale = self._clock.age() > NEW_REQUEST_MAX_AGE_S
        if is_stale or self._in_doubt or not self._table.has_snapshot:
            return Reason.CONTROL_PLANE_LOST
        return None

    def authenticate(self, token: str | None) -> Admission | Refusal:
        """Is this a live token? Asks nothing about a repository."""
        return self.decide(token, ())

    def decide(
        self, token: str | None, wanted: tuple[Wanted, ...], kind: str = "", *, is_counted: bool = False
    ) -> Admission | Refusal:
        """May this token do all of this now? `kind`, when given, is what its target must be.

        `is_counted`: `count_request` was called for this request already; it asks about something else now.
        """
        lost = self.is_ready()
        if lost is not None:
            return Refusal(lost)
        if not token:
            return Refusal(Reason.TOKEN_MISSING)
        if len(token) > TOKEN_CHARS_MAX or not token.isascii():
            return Refusal(Reason.TOKEN_MALFORMED)
        # Looked up before its shape is read: a hash that is known cannot belong to a malformed token.
        token_hash = hash_token(token)
        holder = self._table.find(token_hash)
        if holder is None:
            return Refusal(Reason.TOKEN_UNKNOWN if parse_token(token) else Reason.TOKEN_MALFORMED)
        reason = (
            self._speaks_otherwise(holder.view, kind)
            or self._refuse(holder, wanted)
            or self._budgets.refusal(holder.view, is_counted=is_counted)
        )
        if reason is not None:
            return Refusal(reason, holder.view, holder.lease, find_refused(holder.view, wanted))
        strict, verify = weigh(holder.view, wanted)
        return Admission(holder.view, holder.lease, token_hash, holder.view.rule, strict, verify)

    def count_request(self, admission: Admission) -> None:
        """What was admitted begins. Call it before anything else is decided, once for each request."""
        self._budgets.count_request(admission.view)

    def recheck(self, admission: Admission, wanted: tuple[Wanted, ...]) -> Reason | None:
        """May what was admitted go on? Asks by token hash, so a token that moved to an extension keeps its stream."""
        if self._pending:
            self._take_pending()
        holder = self._table.find(admission.token_hash)
        if holder is None:
            return Reason.TOKEN_UNKNOWN
        reason = self._refuse(holder, wanted)
        if reason is None and self._clock.age() > STREAM_MAX_AGE_S and weigh(holder.view, wanted)[0]:
            return Reason.CONTROL_PLANE_LOST
        return reason

    def watch(
        self,
        admission: Admission,
        wanted: tuple[Wanted, ...],
        cut: Cut,
        moved: Callable[[], int] = lambda: 0,
        *,
        decided_at: int = -1,
    ) -> Watch:
        """Have `cut(reason)` called on the loop as soon as this exchange may not go on, until `unwatch`.

        `decided_at`: the epoch of the decision. The world may have changed since (a body may have been awaited); what
        it has left alone is not asked a second time, and time itself is watched by the timer.
        """
        view = admission.view
        ends_at = min(view.valid_until, admission.lease.valid_until)
        watch = Watch(admission, wanted, cut, moved, self._stand(view, ends_at))
        if decided_at != self.epoch:
            answer = self._judge(watch)
            if isinstance(answer, Standing):
                watch.standing = answer
            elif self._loop is not None:
                self._loop.call_soon(self._sweep, {view.grant_id})
        self._watches.add(watch)
        self._set_timer()
        return watch

    def unwatch(self, watch: Watch) -> None:
        """The exchange has ended. A repeat changes nothing."""
        watch.spend()
        self._watches.remove(watch)

    def collect_usage(self) -> dict[str, Counts]:
        """Counters of budgets that are due for a report. May be called from any thread."""
        return self._budgets.collect()

    def _speaks_otherwise(self, view: SessionView, kind: str) -> Reason | None:
        """A grant opens nothing by the door of another protocol: the same name would mean another thing there."""
        target = self._table.target(view.target) if kind else None
        return Reason.OUT_OF_SCOPE if target is not None and target.kind != kind else None

    def target(self, slug: str) -> TargetFacts | None:
        """The registry behind a slug."""
        if self._pending:
            self._take_pending()
        return self._table.target(slug)

    def now(self) -> float:
        """Database time in epoch seconds as far as known, else this machine's: for the instants of audit records."""
        if self._pending:
            self._take_pending()
        now = self._clock.now()
        return now if now > -math.inf else time.time()

    def _refuse(self, holder: Holder, wanted: tuple[Wanted, ...]) -> Reason | None:
        view = holder.view
        reason = holder.refusal_at(self._clock.now()) or refuse_wanted(view, wanted)
        if reason is None and wanted and self._table.target(view.target) is None:
            return Reason.TARGET_UNKNOWN
        return reason

    def _judge(self, watch: Watch) -> Standing | Reason:
        watch.spend()
        reason = self.recheck(watch.admission, watch.wanted)
        holder = self._table.find(watch.admission.token_hash)
        if reason is not None or holder is None:
            return reason or Reason.TOKEN_UNKNOWN
        return self._stand(holder.view, min(holder.view.valid_until, holder.lease.valid_until))

    def _stand(self, view: SessionView, ends_at: float) -> Standing:
        return Standing(view.grant_id, ends_at, self._budgets.find(view))

    def _take_pending(self) -> None:
        self._is_woken = False
        touched: set[str] = set()
        is_all = False
        told_at = math.inf
        while self._pending:
            item, heard = self._pending.popleft()
            changed = self._apply(item)
            is_all |= changed is None
            touched |= changed or set()
            if changed is None or changed:
                told_at = min(told_at, heard)
        if is_all or touched:
            self._told_at = told_at
            self._sweep(None if is_all else touched)
            self._told_at = None

    def _apply(self, item: Delivery) -> set[str] | None:
        """Returns the grants whose running exchanges have to be judged again; None means all of them."""
        if isinstance(item, Doubt):
            self._in_doubt = True
            return set()
        if isinstance(item, UsageTold):
            self._budgets.learn(item.told, item.used)
            return set()
        if isinstance(item, Snapshot):
            self._meter.clock_ahead.set(self._clock.hear_time(item.db_now, heard=item.heard))
            self._table.apply_snapshot(item)
            self._in_doubt = self._in_doubt and not item.ends_doubt
            return None
        touched = self._table.apply_news(item.news)
        if item.heartbeat is not None:
            beat = item.heartbeat
            self._meter.clock_ahead.set(self._clock.hear_time(beat.db_now, heard=beat.heard) + beat.ahead)
            self._clock.hear_beat(beat.fresh_at)
            self._note_staleness()
        return touched

    def _sweep(self, grant_ids: set[str] | None = None) -> None:
        self._watches.sweep(grant_ids)
        self._set_timer()

    def _set_timer(self) -> None:
        """Wake exactly when the first of the running exchanges ends. A timer that is early enough already stays."""
        end = self._watches.earliest_end
        if self._loop is None or (self._timer is not None and self._timer_end <= end):
            return
        if self._timer is not None:
            self._timer.cancel()
        delay = max(0.0, end - self._clock.now()) + _TIMER_GRAIN_S
        self._timer_end = end
        self._timer = self._loop.call_later(min(delay, _LONGEST_TIMER_S), self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._watches.sweep_ended(self._clock.now())
        self._set_timer()

    def _tick(self) -> None:
        if self._loop is None:
            return
        self._ticker = self._loop.call_later(TICK_S, self._tick)
        if self._pending:
            self._take_pending()
        now = self._clock.now()
        if self._note_staleness():
            self._sweep()
        elif now >= self._watches.earliest_end:  # the database's clock may be set forward
            self._watches.sweep_ended(now)
            self._set_timer()
        if now > self._forget_at:
            for grant_id in self._table.forget_ended(now):
                self._budgets.forget(grant_id)
            self._forget_at = now + FORGET_EVERY_S

    def _note_staleness(self) -> bool:
        """Returns whether it changed: fresh, nothing new, strict streams end."""
        age = self._clock.age()
        self._meter.view_age.set(age)
        staleness = (age > NEW_REQUEST_MAX_AGE_S) + (age > STREAM_MAX_AGE_S)
        has_changed = staleness != self._staleness
        if has_changed:
            self._staleness = staleness
            self._grow_epoch()
        return has_changed

    def _count_cut(self, reason: Reason) -> None:
        """How long it took counts only where somebody told of the end: one that time brought was known before."""
        self._meter.cut(reason, None if self._told_at is None else self._ticks() - self._told_at)

    def _grow_epoch(self) -> None:
        with self._epoch_lock:
            self.epoch += 1


def _may_end_something(item: Delivery) -> bool:
    """Beats and sums of usage come every quarter of a second: no stream is asked to look up for them."""
    if isinstance(item, Batch):
        return bool(item.news)
    return not isinstance(item, UsageTold)
