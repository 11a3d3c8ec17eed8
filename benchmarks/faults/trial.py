"""One injection: a grant is opened, a part is broken, the grant is revoked in the middle, all is mended, and judged."""

from __future__ import annotations

import contextlib
import math
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from benchmarks.faults.witness import Asker, Seen, Stream, Streams, ask
from benchmarks.faults.world import PROXIES, World
from jit_access.domain.operations import Staleness
from jit_access.domain.session_view import RepositoryFacts, SessionView
from tests.support.processes import NeverHappened, wait_for
from tests.support.views import REPOSITORY, closed, make_lease, make_token, make_view

CONTROL, RELAXED, VICTIM, ENDED = "control", "relaxed", "victim", "ended"
# What is promised, and how much later this machine may have noticed without anybody having broken the promise.
NEW_BOUND_S = 1.0
STREAM_BOUND_S = 3.0
SLACK_S = 0.5
STREAM_SLACK_S = 2.0  # the clients' bytes are seen by a thread that waits for its turn, as the proxy's loop does
RECOVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Interval:
    """Half-open, by this process's monotonic clock."""

    begin: float
    end: float

    def holds(self, at: float) -> bool:
        return self.begin <= at < self.end


@dataclass(slots=True)
class Outcome:
    """What the model says about one injection. Seconds; negative: not after the revocation at all."""

    kind: str
    violations: list[str]
    admitted_lag_s: float
    stream_lag_s: float
    recovery_s: float
    cut_without_need: int


@dataclass(slots=True)
class Cast:
    """Grants that stay for the whole run: one strict, one that may outlive the control plane."""

    tokens: dict[str, str]
    streams: Streams

    @classmethod
    def make(cls, streams: Streams) -> Cast:
        cast = cls({CONTROL: make_token(), RELAXED: make_token()}, streams)
        relaxed = (RepositoryFacts(REPOSITORY, "standard", False, Staleness.BEST_EFFORT),)
        strict = (RepositoryFacts(REPOSITORY, "sensitive", False, Staleness.STRICT),)
        put(
            _long_view(cast.tokens[CONTROL], "grt_control", strict),
            _long_view(cast.tokens[RELAXED], "grt_relaxed", relaxed),
        )
        return cast


def _long_view(token: str, grant_id: str, facts: tuple[RepositoryFacts, ...]) -> SessionView:
    ends_at = time.time() + 12 * 3600
    lease = make_lease(token, valid_until=ends_at)
    return make_view(token, grant_id=grant_id, repositories=facts, valid_until=ends_at, leases=(lease,))


def _wait_for_answer(port: int, token: str, reason: str) -> None:
    wait_for(lambda: ask(port, token)[1] == reason, f"answer {reason}", timeout_s=RECOVERY_S)


def put(*views: SessionView) -> tuple[SessionView, ...]:
    from jit_access.proxy_sessions.services import put_views  # noqa: PLC0415  # needs django.setup()

    return put_views(list(views))


@dataclass(slots=True)
class Trial:
    """The state of one injection, as the kinds of faults use it."""

    world: World
    cast: Cast
    rng: random.Random
    number: int
    is_short: bool = False
    revoked_at: float = float("inf")
    silences: list[Interval] = field(default_factory=list)
    frozen: dict[int, Interval] = field(default_factory=dict)
    killed: set[int] = field(default_factory=set)
    mended_at: float = 0.0
    _view: SessionView | None = None
    _victim: str = ""
    _extra: dict[str, str] = field(default_factory=dict)
    _problems: list[str] = field(default_factory=list)

    # -- for the kinds

    def revoke(self) -> None:
        """Committed when this returns; the proxies are told, or not, as the fault will have it."""
        if self.revoked_at < float("inf") or self._view is None:
            return
        from django.db import transaction  # noqa: PLC0415  # needs django.setup()

        with transaction.atomic():
            transaction.on_commit(self._note_commit)  # runs before the one that tells the proxies
            put(closed(self._view))

    def _note_commit(self) -> None:
        self.revoked_at = time.monotonic()

    def some_time(self) -> float:
        """Seconds: often shorter than any bound, sometimes between them, now and then past both."""
        weights = (12, 3, 1) if self.is_short else (2, 1, 1)
        ((low, high),) = self.rng.choices(((0.1, 0.9), (1.7, 2.6), (5.2, 5.8)), weights)
        return self.rng.uniform(low, high)

    def hold(self, seconds: float) -> None:
        """Leave it broken for so long, and revoke at some moment of it."""
        ends_at = time.monotonic() + seconds
        time.sleep(self.rng.uniform(0, seconds))
        self.revoke()  # takes as long as Redis has the patience of who publishes
        time.sleep(max(0.0, ends_at - time.monotonic()))

    @contextlib.contextmanager
    def silence(self, at_most_s: float = math.inf) -> Iterator[None]:
        """From here to the end of the block, or until it ends by itself, no heartbeat can reach anybody."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.silences.append(Interval(began, min(time.monotonic(), began + at_most_s)))

    @contextlib.contextmanager
    def freezing(self, proxy: int) -> Iterator[None]:
        """Until the end of the block this proxy can decide nothing."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.frozen[proxy] = Interval(began, time.monotonic())

    def hold_ended_grant(self) -> None:
        """One more grant, which has just ended by the clock when this returns."""
        token, now = make_token(), time.time()
        put(make_view(token, grant_id=f"grt_e{self.number}", now=now, valid_until=now + 1.5))
        self._extra[ENDED] = token
        for port in self.world.ports:
            wait_for(lambda port=port: ask(port, token)[1] == "grant-expired", "the short grant ended")  # type: ignore[misc]

    def look_for_ended(self) -> None:
        """Is what ended by the clock still refused by everybody?"""
        for proxy, port in enumerate(self.world.ports):
            if ask(port, self._extra[ENDED])[0] == 200:
                self._problems.append(f"proxy {proxy} let what had ended through")

    # -- the whole of it

    def run(self, kind: str, inject: Callable[[Trial], None]) -> Outcome:
        try:
            self._open_victim()
            watched = self._open_streams()
        except NeverHappened as exc:
            self._close_victims()
            return Outcome(kind, [f"before it: {exc}"], 0.0, 0.0, 0.0, 0)
        tokens = {VICTIM: self._victim, CONTROL: self.cast.tokens[CONTROL]}
        asker = Asker(self.world.ports, tokens)
        problems = self._problems
        try:
            inject(self)
            self.revoke()
            self.mended_at = time.monotonic()
            problems += self._wait_for_recovery()
            self._wait_for_end(watched)
        finally:
            seen = asker.stop()
        problems += self._judge_requests(seen) + self._judge_streams(watched)
        lags = [self._decided_at(item) - self.revoked_at for item in seen if item.who == VICTIM and not item.reason]
        ends = [stream.last_at - self.revoked_at for stream in watched if stream.who == VICTIM]
        self._close_victims()
        return Outcome(
            kind, problems, max(lags, default=0.0), max(ends, default=0.0),
            time.monotonic() - self.mended_at, self._count_needless(watched),
        )  # fmt: skip

    def _open_victim(self) -> None:
        self._victim = make_token()
        (self._view,) = put(make_view(self._victim, grant_id=f"grt_v{self.number}"))
        for token in (self._victim, *self.cast.tokens.values()):
            for port in self.world.ports:
                wait_for(lambda port=port, token=token: ask(port, token)[0] == 200, "the grants are open")  # type: ignore[misc]

    def _open_streams(self) -> list[Stream]:
        streams = self.cast.streams
        for proxy in PROXIES:
            for who, token in (*self.cast.tokens.items(), (VICTIM, self._victim)):
                if (proxy, who) not in streams.running:
                    wait_for(partial(streams.open, proxy, self.world.ports[proxy], who, token), f"a download of {who}")
        return list(streams.running.values())

    def _close_victims(self) -> None:
        """The next victim is another one: what is left of this one would be taken for its stream."""
        streams = self.cast.streams
        for stream in [item for item in streams.running.values() if item.who == VICTIM]:
            streams.close(stream)

    def _wait_for_recovery(self) -> list[str]:
        """By itself, both ways: what was revoked is refused for just that, and what is open is let through."""
        problems = []
        for proxy, port in enumerate(self.world.ports):
            for who, token, wanted in (
                (VICTIM, self._victim, "grant-revoked"),
                (CONTROL, self.cast.tokens[CONTROL], ""),
            ):
                try:
                    _wait_for_answer(port, token, wanted)
                except NeverHappened:
                    problems.append(f"proxy {proxy} answers {ask(port, token)[1] or 'yes'} to {who} for ever")
            problems += [
                f"proxy {proxy} let {who} through" for who, token in self._extra.items() if not ask(port, token)[1]
            ]
        return problems

    def _wait_for_end(self, watched: list[Stream]) -> None:
        deadline = self.revoked_at + STREAM_BOUND_S + STREAM_SLACK_S
        while time.monotonic() < deadline and any(s.who == VICTIM and not s.ended_at for s in watched):
            time.sleep(0.01)

    # -- the model

    def _decided_at(self, item: Seen) -> float:
        """The earliest moment at which the proxy can have decided: not while it was frozen."""
        frozen = self.frozen.get(item.proxy)
        return frozen.end if frozen is not None and frozen.holds(item.sent_at) else item.sent_at

    def _judge_requests(self, seen: list[Seen]) -> list[str]:
        problems = []
        for item in seen:
            if item.reason:
                continue
            at = self._decided_at(item)
            if item.who == VICTIM and at > self.revoked_at + NEW_BOUND_S + SLACK_S:
                problems.append(f"proxy {item.proxy} let the victim through {at - self.revoked_at:.2f} s after")
            problems += [
                f"proxy {item.proxy} let {item.who} through {at - silence.begin:.2f} s into a silence"
                for silence in self.silences
                if silence.begin + NEW_BOUND_S + SLACK_S < at and item.answered_at < silence.end
            ]
        return problems

    def _judge_streams(self, watched: list[Stream]) -> list[str]:
        problems = []
        for stream in watched:
            name = f"the {stream.who}'s stream on proxy {stream.proxy}"
            ended_at = stream.ended_at or float("inf")
            if stream.who == VICTIM and ended_at > self.revoked_at + STREAM_BOUND_S + STREAM_SLACK_S:
                problems.append(f"{name} outlived the revocation")
            if stream.who == RELAXED and stream.ended_at and stream.proxy not in self.killed:
                problems.append(f"{name} was cut")
            for silence in self.silences:
                late = silence.begin + STREAM_BOUND_S + STREAM_SLACK_S
                if stream.who == CONTROL and silence.end > late and ended_at > late:
                    problems.append(f"{name} outlived a silence")
        return problems

    def _count_needless(self, watched: list[Stream]) -> int:
        """Against no promise, but worth knowing: strict streams that ended although nothing was silent for long."""
        if any(silence.end - silence.begin > STREAM_BOUND_S - SLACK_S for silence in self.silences):
            return 0
        return sum(s.who == CONTROL and s.ended_at > 0 and s.proxy not in self.killed for s in watched)
