"""The machine of one exchange.

    NEW -> READING (a token form only) -> ASKED -> RECORDING -> (REACHING) -> WAITING
        -> BUFFERING | RELAYING | TUNNELLING -> OVER

An event that a state does not expect is a bug of the shell and raises; the shell then resets both sides.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum, auto

from jit_access.domain.reasons import Reason, explain
from registry_proxy.exchange import commands as do
from registry_proxy.exchange import events as on
from registry_proxy.exchange import recording as rec
from registry_proxy.exchange.events import UnexpectedEvent
from registry_proxy.exchange.held import Held
from registry_proxy.exchange.local import catalog_answer, ping_answer, token_answer
from registry_proxy.exchange.reach import ReachStore
from registry_proxy.exchange.refusing import gate_answer
from registry_proxy.exchange.responses import Judgement, judge_body, judge_head
from registry_proxy.protocols.answers import Answer, error_answer, unknown_answer
from registry_proxy.protocols.credentials import MAX_FORM_BYTES, read_form_token, read_token
from registry_proxy.protocols.headers import forwarded_response
from registry_proxy.protocols.manifests import MAX_MANIFEST_BYTES
from registry_proxy.protocols.query import QueryError
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.protocols.table import OCI, Protocol
from registry_proxy.protocols.upgrades import SWITCHING, is_agreed, may_ask
from registry_proxy.protocols.wanted import Admission, Classified, Wanted, needs_reach

Commands = list[do.Command]


class State(Enum):
    """Where an exchange stands."""

    NEW = auto()
    READING = auto()
    ASKED = auto()
    RECORDING = auto()
    REACHING = auto()
    WAITING = auto()
    BUFFERING = auto()
    RELAYING = auto()
    TUNNELLING = auto()
    OVER = auto()


# A running upload is reset when its allow ends; these are about the body itself, so its sender is told.
_TOLD_WHILE_UPLOADING = frozenset({Reason.REQUEST_TOO_LARGE, Reason.MALFORMED_REQUEST, Reason.REQUEST_TOO_SLOW})
_EXPECTED: dict[State, tuple[type, ...]] = {
    State.NEW: (on.RequestRead,),
    State.READING: (on.BodyRead, on.CutOff),
    State.ASKED: (on.Admitted, on.Refused),
    State.RECORDING: (on.Recorded, on.NotRecorded, on.CutOff),
    State.REACHING: (on.ReachResolved, on.UpstreamFailed, on.CutOff),
    State.WAITING: (on.UpstreamAnswered, on.UpstreamFailed, on.CutOff),
    State.BUFFERING: (on.Buffered, on.UpstreamFailed, on.CutOff),
    State.RELAYING: (on.RelayEnded,),
    State.TUNNELLING: (on.RelayEnded,),
    State.OVER: (),
}


class Exchange:
    """Events in, commands out. `monotonic` is only used to age the reach store's entries."""

    def __init__(
        self,
        facts: do.ExchangeFacts,
        reach: ReachStore,
        monotonic: Callable[[], float] = time.monotonic,
        protocol: Protocol = OCI,
    ) -> None:
        self.state = State.NEW
        self._facts = facts
        self._protocol = protocol
        self._reach = reach
        self._monotonic = monotonic
        self._begun: Held | None = None
        self._judgement = Judgement()
        self._handlers: dict[type, Callable[..., Commands]] = {
            on.RequestRead: self._on_request, on.BodyRead: self._on_body, on.Admitted: self._on_admitted,
            on.Refused: self._on_refused, on.Recorded: self._on_recorded, on.NotRecorded: self._on_not_recorded,
            on.ReachResolved: self._on_reach, on.UpstreamAnswered: self._on_upstream_head,
            on.UpstreamFailed: self._on_upstream_failed, on.Buffered: self._on_buffered,
            on.RelayEnded: self._on_relay_ended, on.CutOff: self._on_cut_off,
        }  # fmt: skip

    @property
    def admission(self) -> Admission | None:
        """The gate's yes, once there is one."""
        return self._begun.admission if self._begun else None

    @property
    def classified(self) -> Classified | None:
        """What the request turned out to be."""
        return self._begun.classified if self._begun else None

    def receive(self, event: on.Event) -> Commands:
        """What to do now. Raises UnexpectedEvent for an event that the table does not expect here."""
        if not isinstance(event, _EXPECTED[self.state]):
            raise UnexpectedEvent(f"{type(event).__name__} in {self.state.name}")
        return self._handlers[type(event)](event)

    @property
    def _held(self) -> Held:
        if self._begun is None:
            raise UnexpectedEvent("no request was read")
        return self._begun

    # -- before the gate

    def _on_request(self, event: on.RequestRead) -> Commands:
        head = event.head
        try:
            classified = self._protocol.classify(head.method, head.target, head.get(b"content-type") or b"")
            if not may_ask(head, classified):
                raise Unclassified(400, Reason.MALFORMED_REQUEST, "The gateway does not change protocols here.")
        except Unclassified as exc:
            self.state = State.OVER
            answer = error_answer(exc.http_status, exc.reason, exc.sentence, code=exc.code)
            fields = rec.exchange_fields(self._facts, head.method, head.target)
            fields |= rec.denial_fields(exc.reason, exc.http_status)
            return [do.Note("proxy.request.refused", fields), do.SendAnswer(answer, closes=True)]
        self._begun = Held(self._facts, head, classified, read_token(head.get(b"authorization")))
        if classified.route == "token" and head.method == "POST":
            self.state = State.READING
            return [do.ReadBody(MAX_FORM_BYTES)]
        if classified.route == "token":
            query = dict(classified.query)
            self._held.is_offline = "true" in query.get("offline_token", "") or query.get("access_type") == "offline"
        return self._ask(classified)

    def _on_body(self, event: on.BodyRead) -> Commands:
        held = self._held
        try:
            token, held.is_offline = read_form_token(event.body)
        except QueryError:
            return self._refuse_with(error_answer(400, Reason.INVALID_INPUT), Reason.INVALID_INPUT)
        held.token = token or held.token
        return self._ask(held.classified)

    def _ask(self, classified: Classified) -> Commands:
        self.state = State.ASKED
        return [do.AskGate(self._held.token, classified.wanted)]

    # -- the gate's answer

    def _on_refused(self, event: on.Refused) -> Commands:
        held, refusal = self._held, event.refusal
        if held.classified.fallback is not None and refusal.view is not None:
            # Not being let to read the source is no reason to refuse the push: the client uploads instead.
            held.classified, held.mount_refused = held.classified.fallback, True
            return self._ask(held.classified)
        return self._deny(refusal.reason, rec.session_fields(refusal.view, refusal.lease))

    def _on_admitted(self, event: on.Admitted) -> Commands:
        held = self._held
        held.admission, held.now = event.admission, event.now
        if held.classified.route == "manifest" and held.head.length > MAX_MANIFEST_BYTES:
            return self._refuse_with(error_answer(413, Reason.REQUEST_TOO_LARGE), Reason.REQUEST_TOO_LARGE)
        self.state = State.RECORDING
        fields = held.fields() | {"decision": "allow", "reason": Reason.GRANTED.value}
        return [do.Record("proxy.request.allowed", fields)]

    def _on_not_recorded(self, _event: on.NotRecorded) -> Commands:
        return self._deny(Reason.AUDIT_UNAVAILABLE, self._held.session())

    def _on_recorded(self, event: on.Recorded) -> Commands:
        if event.withdrawn is not None:
            return self._deny(event.withdrawn, self._held.session())
        if self._held.classified.upstream_target:
            return self._reach_or_open()
        return self._answer_locally()

    def _answer_locally(self) -> Commands:
        held, admission = self._held, self._held.admitted()
        match held.classified.route:
            case "token":
                answer = token_answer(held.token or "", admission, held.now, is_offline=held.is_offline)
            case "catalog":
                answer = catalog_answer(held.classified, admission, self._facts.origin)
            case _:
                answer = ping_answer()
        return self._complete(answer)

    # -- reach of a restricted scope

    def _reach_or_open(self) -> Commands:
        wanted = self._unreached()
        if wanted is None:
            return self._open()
        self.state = State.REACHING
        return [do.ResolveReach(self._held.admitted(), wanted)]

    def _unreached(self) -> Wanted | None:
        """The first digest that is open only by reach, and not known to be reachable yet."""
        now = self._monotonic()
        for wanted in self._held.classified.wanted:
            resource = self._held.resource(wanted)
            key = self._held.reach_key(resource)
            if needs_reach(resource, wanted) and not self._reach.knows(key, wanted.reference, now):
                return wanted
        return None

    def _on_reach(self, event: on.ReachResolved) -> Commands:
        held = self._held
        if event.is_reachable:
            self.state = State.RECORDING
            return self._reach_or_open()
        if held.classified.fallback is not None:
            held.classified, held.mount_refused = held.classified.fallback, True
            return self._open()
        answer = unknown_answer(held.classified.route, held.classified.digest)
        return self._refuse_with(answer, Reason.REFERENCE_NOT_GRANTED)

    # -- the registry

    def _open(self) -> Commands:
        self.state = State.WAITING
        return [do.OpenUpstream(self._held.upstream_request())]

    def _on_upstream_head(self, event: on.UpstreamAnswered) -> Commands:
        held = self._held
        if event.head.status == SWITCHING:
            return self._switch(event)
        verifies = held.admitted().verify_digests
        self._judgement = judge_head(event, held.head, held.classified, held.restricted(), verifies=verifies)
        held.status, held.digest = event.head.status, self._judgement.digest_seen
        if self._judgement.refusal is not None:
            return self._refuse_judged(self._judgement)
        if event.head.status == 416 and held.classified.route == "blob":
            # docker-registry 2.8 announces the blob's length for the few bytes of this answer.
            return self._complete(Answer(416, self._judgement.headers))
        if self._judgement.buffers:
            self.state = State.BUFFERING
            return [do.BufferBody(MAX_MANIFEST_BYTES)]
        self.state = State.RELAYING
        return [do.Relay(event.head.status, self._judgement.headers, self._judgement.verify)]

    def _switch(self, event: on.UpstreamAnswered) -> Commands:
        """The registry changes protocols. Any other answer to such a request is relayed as what it is."""
        held = self._held
        if held.classified.upgrade is None or not is_agreed(event.head, held.head.upgrade):
            return self._refuse_with(error_answer(502, Reason.UPSTREAM_BROKEN), Reason.UPSTREAM_BROKEN)
        self.state, held.status = State.TUNNELLING, SWITCHING
        return [do.Tunnel(forwarded_response(event.head, handshake=held.classified.upgrade.response_fields))]

    def _on_buffered(self, event: on.Buffered) -> Commands:
        held, resource = self._held, self._held.restricted()
        if resource is None:
            raise UnexpectedEvent("only bodies of restricted scopes are buffered")
        key, now = held.reach_key(resource), self._monotonic()
        judged = judge_body(
            event.body, held.classified, resource, lambda digest: self._reach.knows(key, digest, now)
        )  # fmt: skip
        if judged.refusal is not None:
            return self._refuse_judged(judged)
        self._reach.remember(key, judged.reachable, now)
        held.digest = judged.digest_seen or held.digest
        return self._complete(Answer(held.status, self._judgement.headers, judged.body))

    def _refuse_judged(self, judged: Judgement) -> Commands:
        reason = judged.refusal or Reason.INTERNAL_ERROR
        if judged.answer is not None:
            return self._refuse_with(judged.answer, reason)
        return self._deny(reason, self._held.session())

    def _on_upstream_failed(self, event: on.UpstreamFailed) -> Commands:
        self._held.refused_origin = event.place
        sentence = f"{explain(event.reason)} Target: {self._held.classified.target}."
        return self._refuse_with(error_answer(event.http_status, event.reason, sentence), event.reason)

    def _on_relay_ended(self, event: on.RelayEnded) -> Commands:
        self.state = State.OVER
        fields = self._held.fields(status=self._held.status)
        if event.broken is None:
            return [do.Note("proxy.transfer.completed", fields), do.Finish()]
        fields |= {"decision": "deny", "reason": event.broken.value}
        return [do.Note("proxy.transfer.cut", fields), do.Reset()]

    def _on_cut_off(self, event: on.CutOff) -> Commands:
        is_uploading = self.state is State.WAITING and self._held.head.length != 0
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

    def _deny(self, reason: Reason, session: dict[str, object]) -> Commands:
        held = self._held
        answer = gate_answer(reason, self._facts, held.classified)
        return self._refuse_with(answer, reason, session)

    def _refuse_with(self, answer: Answer, reason: Reason, session: dict[str, object] | None = None) -> Commands:
        self.state = State.OVER
        fields = self._held.fields(session=session) | rec.denial_fields(reason, answer.status)
        return [do.Note("proxy.request.refused", fields), do.SendAnswer(answer)]
