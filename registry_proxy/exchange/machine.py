"""The machine of one exchange: the order of things, the same for every protocol.

    NEW -> (READING) -> ASKED -> (ASKED) -> (READING -> ASKED) -> RECORDING -> (PREPARING) -> (LOOKING) -> WAITING
        -> BUFFERING | RELAYING | TUNNELLING | (PREPARING) -> OVER

What a request means, what has to be learned first and how a refusal reads is asked of the dialect. An event that a
state does not expect is a bug of the shell and raises; the shell then resets both sides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import IntEnum, auto

from jit_access.domain.reasons import Reason, explain
from registry_proxy.exchange import commands as do
from registry_proxy.exchange import events as on
from registry_proxy.exchange import recording as rec
from registry_proxy.exchange.events import UnexpectedEvent
from registry_proxy.exchange.held import Held
from registry_proxy.protocols.answers import Answer
from registry_proxy.protocols.asked import Asked, ExchangeFacts
from registry_proxy.protocols.dialect import Dialect, Fetched, Judgement, Learned, Pinned, Preparation, Prepared
from registry_proxy.protocols.headers import forwarded_response
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.protocols.upgrades import SWITCHING, is_agreed, may_ask, with_handshake
from registry_proxy.protocols.wanted import Admission, Classified, Wanted

Commands = list[do.Command]


class State(IntEnum):
    """Where an exchange stands. Looked up for each event, and numbers are found faster than names."""

    NEW = auto()
    READING = auto()
    ASKED = auto()
    RECORDING = auto()
    PREPARING = auto()
    LOOKING = auto()
    WAITING = auto()
    BUFFERING = auto()
    RELAYING = auto()
    TUNNELLING = auto()
    OVER = auto()


# A running upload is reset when its allow ends; these are about the body itself, so its sender is told.
_TOLD_WHILE_UPLOADING = frozenset(
    {Reason.REQUEST_TOO_LARGE, Reason.MALFORMED_REQUEST, Reason.REQUEST_TOO_SLOW, Reason.DIGEST_MISMATCH,
     Reason.SIGNATURE_INVALID, Reason.REFERENCE_NOT_GRANTED}
)  # fmt: skip
_CONDITIONS = frozenset(b"range if-range if-match if-none-match if-modified-since if-unmodified-since".split())
_NO_JUDGEMENT = Judgement()
_EXPECTED: dict[State, tuple[type, ...]] = {
    State.NEW: (on.RequestRead,),
    State.READING: (on.BodyRead, on.CutOff),
    State.ASKED: (on.Admitted, on.Refused),
    State.RECORDING: (on.Recorded, on.NotRecorded, on.CutOff),
    State.PREPARING: (Fetched, Pinned, on.UpstreamFailed, on.CutOff),
    State.LOOKING: (on.Kept, on.NotKept, on.CutOff),
    State.WAITING: (on.UpstreamAnswered, on.UpstreamFailed, on.CutOff),
    State.BUFFERING: (on.Buffered, on.UpstreamFailed, on.CutOff),
    State.RELAYING: (on.RelayEnded,),
    State.TUNNELLING: (on.RelayEnded,),
    State.OVER: (),
}


class Exchange:
    """Events in, commands out. `has_kept`: some answers may be here already."""

    _held: Held  # these two from the first event on: the table lets no other one come before it
    _asked: Asked

    def __init__(self, facts: ExchangeFacts, dialect: Dialect, *, has_kept: bool = False) -> None:
        self.state = State.NEW
        self._facts, self._dialect, self._has_kept = facts, dialect, has_kept
        self._begun: Held | None = None
        self._preparation: Preparation | None = None
        self._judgement = _NO_JUDGEMENT

    @property
    def admission(self) -> Admission | None:
        """The gate's yes, once there is one."""
        return self._begun.asked.admission if self._begun else None

    @property
    def classified(self) -> Classified | None:
        """What the request turned out to be."""
        return self._begun.asked.classified if self._begun else None

    def receive(self, event: on.Event) -> Commands:
        """What to do now. Raises UnexpectedEvent for an event that the table does not expect here."""
        if not isinstance(event, _EXPECTED[self.state]):
            raise UnexpectedEvent(f"{type(event).__name__} in {self.state.name}")
        return _HANDLERS[type(event)](self, event)

    # -- before the gate

    def _on_request(self, event: on.RequestRead) -> Commands:
        head = event.head
        try:
            classified = self._dialect.classify(head)
            if not may_ask(head, classified):
                raise Unclassified(400, Reason.MALFORMED_REQUEST, "The gateway does not change protocols here.")
        except Unclassified as exc:
            self.state = State.OVER
            fields = rec.exchange_fields(self._facts, head.method, head.target)
            fields |= rec.denial_fields(exc.reason, exc.http_status)
            return [do.Note("proxy.request.refused", fields), do.SendAnswer(self._unclassified(exc), closes=True)]
        self._asked = Asked(self._facts, head, classified, self._dialect.read_token(head))
        self._begun = self._held = Held(self._asked)
        return self._read_body() or self._ask()

    def _read_body(self) -> Commands:
        """Nothing, or the command to read a body that decides."""
        limit = self._dialect.body_limit(self._asked)
        if not limit:
            return []
        self.state = State.READING
        return [do.ReadBody(limit)]

    def _on_body(self, event: on.BodyRead) -> Commands:
        self._asked.body = event.body
        try:
            self._dialect.read_body(self._asked)
        except Unclassified as exc:
            return self._refuse_with(self._unclassified(exc), exc.reason)
        return self._ask()

    def _ask(self) -> Commands:
        self.state = State.ASKED
        return [do.AskGate(self._asked.token, self._asked.classified.wanted, self._dialect.kind)]

    def _unclassified(self, exc: Unclassified) -> Answer:
        return self._dialect.error(exc.http_status, exc.reason, exc.sentence, code=exc.code)

    # -- the gate's answer

    def _on_refused(self, event: on.Refused) -> Commands:
        asked, refusal = self._asked, event.refusal
        if refusal.view is not None and refusal.view.envelope:
            self._facts = replace(self._facts, envelope=refusal.view.envelope)
        if asked.classified.fallback is not None and refusal.view is not None:
            # Not being let to read the source is no reason to refuse the push: the client uploads instead.
            asked.classified = asked.classified.fallback
            asked.notes["mount"] = Reason.MOUNT_SOURCE_NOT_GRANTED.value
            return self._ask()
        return self._deny(refusal.reason, rec.session_fields(refusal.view, refusal.lease), refusal.refused)

    def _on_admitted(self, event: on.Admitted) -> Commands:
        asked = self._asked
        asked.admission, asked.now = event.admission, event.now
        try:
            if self._dialect.admit(asked):
                return self._ask()
        except Unclassified as exc:
            return self._refuse_with(self._unclassified(exc), exc.reason)
        limit = asked.classified.body_limit
        if limit is not None and asked.head.length > limit:
            return self._refuse_with(self._dialect.error(413, Reason.REQUEST_TOO_LARGE), Reason.REQUEST_TOO_LARGE)
        if reading := self._read_body():
            return reading
        self.state = State.RECORDING
        fields = self._held.fields() | {"decision": "allow", "reason": Reason.GRANTED.value}
        return [do.Record("proxy.request.allowed", fields)]

    def _on_not_recorded(self, _event: on.NotRecorded) -> Commands:
        return self._deny(Reason.AUDIT_UNAVAILABLE, self._held.session())

    def _on_recorded(self, event: on.Recorded) -> Commands:
        if event.withdrawn is not None:
            return self._deny(event.withdrawn, self._held.session())
        if not self._asked.classified.upstream_target:
            return self._complete(self._dialect.answer_here(self._asked))
        self._preparation = self._dialect.preparation(self._asked)
        return self._prepare(None)

    # -- what has to be learned first

    def _on_learned(self, event: Learned) -> Commands:
        return self._prepare(event)

    def _prepare(self, learned: Learned | None) -> Commands:
        """One step of the dialect's preparation: something to learn, or its end."""
        if self._preparation is None:
            raise UnexpectedEvent("nothing is being prepared")
        try:
            step = next(self._preparation) if learned is None else self._preparation.send(learned)
        except StopIteration as end:
            return self._prepared(end.value)
        self.state = State.PREPARING
        return [do.Fetch(step, self._asked.admitted().view.grant_id)]

    def _prepared(self, prepared: Prepared) -> Commands:
        self._preparation = None
        if prepared.refusal is not None:
            return self._refuse(prepared.refusal, prepared.answer)
        if prepared.answer is not None:
            return self._complete(prepared.answer)
        if prepared.asks_again:
            return self._ask_again()
        if self._may_be_kept:
            self.state = State.LOOKING
            return [do.FindKept(self._dialect.upstream_request(self._asked))]
        return self._open()

    def _ask_again(self) -> Commands:
        if self._asked.asked_again:
            raise UnexpectedEvent("a preparation would go on for ever")
        self._asked.asked_again = True
        return self._ask()

    # -- bytes that are here already: only now, after everything that could refuse them

    @property
    def _may_be_kept(self) -> bool:
        """Whole bodies that never change. Whoever asks under a condition or for a part asks the registry."""
        head, classified = self._asked.head, self._asked.classified
        if not (self._has_kept and classified.is_immutable and classified.digest):
            return False
        return not head.upgrade and not any(name in _CONDITIONS for name, _ in head.headers)

    def _on_kept(self, _event: on.Kept) -> Commands:
        held = self._held
        held.status, held.digest = 200, self._asked.classified.digest
        self._asked.notes["cache"] = "hit"
        self.state = State.RELAYING
        return [do.SendKept()]

    def _on_not_kept(self, _event: on.NotKept) -> Commands:
        return self._open()

    def _open(self) -> Commands:
        self.state = State.WAITING
        request = self._dialect.upstream_request(self._asked)
        return [do.OpenUpstream(with_handshake(request, self._asked.head, self._asked.classified))]

    # -- the registry

    def _on_upstream_head(self, event: on.UpstreamAnswered) -> Commands:
        held = self._held
        held.status = event.head.status
        if event.head.status == SWITCHING:
            return self._switch(event)
        judged = self._judgement = self._dialect.judge_head(self._asked, event.head, event.upstream)
        held.digest = judged.digest_seen
        if judged.refusal is not None:
            return self._refuse(judged.refusal, judged.answer)
        if judged.settles is not None:
            self._preparation = judged.settles
            return self._prepare(None)
        if judged.answer is not None:
            return self._complete(judged.answer)
        if judged.buffer_limit:
            self.state = State.BUFFERING
            return [do.BufferBody(judged.buffer_limit)]
        self.state = State.RELAYING
        return [do.Relay(event.head.status, judged.headers, judged.verify, keeps=self._may_be_kept)]

    def _switch(self, event: on.UpstreamAnswered) -> Commands:
        """The registry changes protocols. Any other answer to such a request is relayed as what it is."""
        classified, head = self._asked.classified, self._asked.head
        if classified.upgrade is None or not is_agreed(event.head, head.upgrade):
            return self._refuse_with(self._dialect.error(502, Reason.UPSTREAM_BROKEN), Reason.UPSTREAM_BROKEN)
        self.state = State.TUNNELLING
        return [do.Tunnel(forwarded_response(event.head, more=classified.upgrade.response_fields))]

    def _on_buffered(self, event: on.Buffered) -> Commands:
        judged = self._dialect.judge_body(self._asked, self._judgement, self._held.status, event.body)
        self._held.digest = judged.digest_seen or self._held.digest
        if judged.refusal is None and judged.answer is not None:
            return self._complete(judged.answer)
        return self._refuse(judged.refusal or Reason.INTERNAL_ERROR, judged.answer)

    def _on_upstream_failed(self, event: on.UpstreamFailed) -> Commands:
        self._held.refused_origin = event.place
        sentence = f"{explain(event.reason)} Target: {self._asked.classified.target}."
        return self._refuse_with(self._dialect.error(event.http_status, event.reason, sentence), event.reason)

    def _on_relay_ended(self, event: on.RelayEnded) -> Commands:
        self.state = State.OVER
        fields = self._held.fields(status=self._held.status)
        if event.broken is None:
            return [do.Note("proxy.transfer.completed", fields), do.Finish()]
        fields |= {"decision": "deny", "reason": event.broken.value}
        return [do.Note("proxy.transfer.cut", fields), do.Reset()]

    def _on_cut_off(self, event: on.CutOff) -> Commands:
        is_uploading = self.state is State.WAITING and self._asked.head.length != 0
        if event.reason is Reason.CLIENT_WENT_AWAY or (is_uploading and event.reason not in _TOLD_WHILE_UPLOADING):
            self.state = State.OVER
            fields = self._held.fields() | {"reason": event.reason.value}
            return [do.Note("proxy.transfer.cut", fields), do.Reset()]
        return self._deny(event.reason, self._held.session())

    # -- ends

    def _complete(self, answer: Answer) -> Commands:
        self.state = State.OVER
        fields = self._held.fields(status=answer.status)
        return [do.Note("proxy.transfer.completed", fields), do.SendAnswer(answer)]

    def _refuse(self, reason: Reason, answer: Answer | None) -> Commands:
        """A dialect's refusal: in its own words where it has some, else in the gate's."""
        return self._refuse_with(answer, reason) if answer is not None else self._deny(reason, self._held.session())

    def _deny(self, reason: Reason, session: dict[str, object], refused: Wanted | None = None) -> Commands:
        """The question that was refused comes first: it is the one that an answer names."""
        classified = self._asked.classified
        if refused is not None:
            others = tuple(item for item in classified.wanted if item is not refused)
            classified = replace(classified, wanted=(refused, *others))
        answer = self._dialect.refusal(reason, self._facts, classified)
        return self._refuse_with(answer, reason, session)

    def _refuse_with(self, answer: Answer, reason: Reason, session: dict[str, object] | None = None) -> Commands:
        self.state = State.OVER
        fields = self._held.fields(session=session) | rec.denial_fields(reason, answer.status)
        return [do.Note("proxy.request.refused", fields), do.SendAnswer(answer)]


# Looked up for each event; built once and not for each request.
_HANDLERS: dict[type, Callable[..., Commands]] = {
    on.RequestRead: Exchange._on_request, on.BodyRead: Exchange._on_body, on.Admitted: Exchange._on_admitted,
    on.Refused: Exchange._on_refused, on.Recorded: Exchange._on_recorded, on.NotRecorded: Exchange._on_not_recorded,
    Fetched: Exchange._on_learned, Pinned: Exchange._on_learned, on.Kept: Exchange._on_kept,
    on.NotKept: Exchange._on_not_kept, on.UpstreamAnswered: Exchange._on_upstream_head,
    on.UpstreamFailed: Exchange._on_upstream_failed, on.Buffered: Exchange._on_buffered,
    on.RelayEnded: Exchange._on_relay_ended, on.CutOff: Exchange._on_cut_off,
}  # fmt: skip
