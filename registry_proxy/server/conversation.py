"""Carries out what one exchange's machine commands, and reports back. It decides nothing by itself."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any, cast

from jit_access.domain.errors import GatewayError
from jit_access.domain.reasons import Reason
from registry_proxy.audit_sink import AuditUnavailable
from registry_proxy.audit_sink.sink import RecordFields
from registry_proxy.exchange import commands as do
from registry_proxy.exchange import events as on
from registry_proxy.exchange.machine import Exchange
from registry_proxy.gate import Watch
from registry_proxy.protocols.asked import ExchangeFacts
from registry_proxy.protocols.http1 import RequestHead
from registry_proxy.protocols.wanted import Classified, Refusal
from registry_proxy.server.client_connection import ClientConnection
from registry_proxy.server.collecting import CollectedBody
from registry_proxy.server.registry_side import RegistrySide
from registry_proxy.server.responding import CONTINUE, render_answer
from registry_proxy.server.services import Services, log_fields
from registry_proxy.upstream.failure import UpstreamError

_log = logging.getLogger(__name__)
_OUTCOMES = {"proxy.request.refused": "deny", "proxy.transfer.completed": "allow", "proxy.transfer.cut": "cut"}
_TOO_MUCH = frozenset({Reason.RATE_LIMITED.value, Reason.TOO_MANY_STREAMS.value})


class Conversation:
    """One request and its response. `cut` may come at any moment, from the gate, the drain or the client's leaving."""

    def __init__(self, services: Services, client: ClientConnection, head: RequestHead, facts: ExchangeFacts) -> None:
        self._services, self._client, self._head, self._facts = services, client, head, facts
        self._exchange = Exchange(facts, services.dialects.choose(head), has_kept=services.cache is not None)
        self._began = time.monotonic()
        self._epoch = services.gate.epoch
        self._registry = RegistrySide(services, client, head, facts)
        self._registry.bind(self._guard, self._classified)
        self._body_out = 0
        self._counted_grant = ""
        self._is_request_counted = False
        self._waiting: asyncio.Task[Any] | None = None
        self._cut: Reason | None = None
        self._said_close = False
        self._is_noted = False
        self._watch: Watch | None = None

    async def run(self) -> None:
        """From the head to the last record. Never raises: what breaks here is a refusal too."""
        self._services.meter.streams.inc()
        event: on.Event | None = on.RequestRead(self._head)
        try:
            while event is not None:
                commands, event = self._exchange.receive(event), None
                for command in commands:
                    prompt = _PROMPT.get(type(command))
                    event = (prompt(self, command) if prompt else await self._carry_out(command)) or event
        except asyncio.CancelledError:
            self._reset()
            raise
        except Exception:  # noqa: BLE001 - outermost: a bug of ours must end as a refusal with a record
            self._on_bug()
        finally:
            self._unwatch()
            self._services.meter.streams.dec()
            self._registry.let_go()
            self._watch = None
            if self._counted_grant:
                self._services.throttle.end(self._counted_grant)

    # -- called from outside while running

    @property
    def running_bytes(self) -> tuple[int, int]:
        """Body bytes so far, in and out, while nobody counted them; zero once they are counted."""
        if self._is_noted:
            return 0, 0
        return self._registry.bytes_in, self._registry.bytes_out

    def cut(self, reason: Reason) -> None:
        """The allow ended: stop both sides now, or answer with the reason if nothing was sent yet."""
        if self._cut is not None:
            return
        self._cut = reason
        is_waiting = self._waiting is not None and self._waiting is not asyncio.current_task()
        if not self._registry.cut(reason) and self._waiting is not None and is_waiting:
            self._waiting.cancel()

    def on_client_gone(self) -> None:
        """Nobody is left to answer."""
        self.cut(Reason.CLIENT_WENT_AWAY)

    def on_client_paused(self) -> None:
        """The client is slower than the registry."""
        self._registry.on_client_paused()

    def on_client_resumed(self) -> None:
        """The client caught up."""
        self._registry.on_client_resumed()

    # -- commands

    async def _carry_out(self, command: do.Command) -> on.Event | None:
        """What has to be waited for. What has not is in `_PROMPT`."""
        match command:
            case do.Record():
                return await self._record(command)
            case do.OpenUpstream():
                return await self._guarded(self._registry.open(command.request))
            case do.Relay() | do.SendKept() | do.Tunnel():
                return await self._pass_on(command)
            case do.ReadBody():
                return await self._read_body(command.limit)
            case do.Fetch() | do.FindKept() | do.BufferBody():
                return await self._guarded(self._registry.ask(command))
        return None

    def _ask_gate(self, command: do.AskGate) -> on.Event:
        gate = self._services.gate
        self._epoch = gate.epoch
        answer = gate.decide(command.token, command.wanted, command.kind, is_counted=self._is_request_counted)
        too_much = self._count(answer.view.grant_id) if answer.view is not None else None
        if too_much is not None:
            answer = Refusal(too_much, answer.view, answer.lease)
        if isinstance(answer, Refusal):
            self._services.meter.decision("deny", answer.reason)
            return on.Refused(answer)
        self._services.meter.decision("allow", Reason.GRANTED)
        return on.Admitted(answer, gate.now())

    def _count(self, grant: str) -> Reason | None:
        """Once for each exchange, refused ones too: a mount that falls back to an upload asks the gate twice."""
        if self._counted_grant:
            return None
        too_much = self._services.throttle.begin(grant)
        if too_much is None:
            self._counted_grant = grant
        return too_much

    async def _record(self, command: do.Record) -> on.Event:
        admission, classified = self._exchange.admission, self._exchange.classified
        if admission is not None and classified is not None:
            self._unwatch()
            if not self._is_request_counted:  # nothing is awaited between the gate's yes and here
                self._services.gate.count_request(admission)
                self._is_request_counted = True
            self._watch = self._services.gate.watch(
                admission, classified.wanted, self.cut, self._moved, decided_at=self._epoch
            )
        sink = self._services.sink
        try:
            await sink.accept(sink.record_of(command.kind, cast("RecordFields", command.fields)))
        except AuditUnavailable:
            return on.NotRecorded()
        if self._cut is Reason.CLIENT_WENT_AWAY:
            return on.CutOff(self._cut)
        return on.Recorded(self._cut or self._guard())

    def _note(self, command: do.Note) -> None:
        record: RecordFields = {
            **command.fields,  # type: ignore[typeddict-item]  # the machine names fields of records only
            "bytes_in": self._registry.bytes_in,
            "bytes_out": self._registry.bytes_out + self._body_out,
            "duration_ms": int((time.monotonic() - self._began) * 1000),
        }
        meter = self._services.meter
        self._is_noted = True
        self._write_note(command.kind, record)
        reason = record.get("reason", "")
        meter.request(_OUTCOMES[command.kind], reason or "ok")
        meter.bytes("in", record["bytes_in"])
        meter.bytes("out", record["bytes_out"])
        # The audit trail holds every exchange; the log tells what an operator may want to look at.
        level = logging.DEBUG if command.kind == "proxy.transfer.completed" else logging.INFO
        if not _log.isEnabledFor(level):
            return
        _log.log(level, command.kind, extra=log_fields(
            request_id=self._facts.exchange_id, trace=self._facts.trace, method=self._head.method,
            status=record.get("status", 0), reason=reason, repository=record.get("repository", ""),
            duration_ms=record["duration_ms"]))  # fmt: skip

    def _write_note(self, kind: str, record: RecordFields) -> None:
        """What a stranger causes, or a grant that asks too much, is not worth a record each time."""
        grant, services = record.get("grant", ""), self._services
        if not grant or record.get("reason") in _TOO_MUCH:
            services.strangers.note(kind, grant or self._client.network, **record)
        else:
            services.sink.note(services.sink.record_of(kind, record))

    async def _read_body(self, limit: int) -> on.Event:
        if self._head.length > limit:
            return on.CutOff(Reason.REQUEST_TOO_LARGE)
        collected = CollectedBody(limit, self._services.limits.idle_body_deadline_s)
        if self._head.expects_continue:
            self._client.write(CONTINUE)
        self._client.deliver_to(collected)
        reason = await collected.done
        return on.BodyRead(collected.body) if reason is None else on.CutOff(reason)

    async def _pass_on(self, command: do.Relay | do.SendKept | do.Tunnel) -> on.Event:
        if self._cut is not None:
            return on.RelayEnded(self._cut)
        self._said_close = self._closes()
        if isinstance(command, do.Tunnel):
            return await self._registry.tunnel(command)
        if isinstance(command, do.SendKept):
            return await self._registry.send_kept(closes=self._said_close)
        return await self._registry.relay(command, closes=self._said_close)

    # -- ends

    def _answer(self, command: do.SendAnswer) -> None:
        closes = command.closes or self._closes()
        self._body_out = len(command.answer.body)
        self._registry.drop()
        self._client.write(render_answer(command.answer, self._head.method, self._facts.exchange_id, closes=closes))
        if closes:
            self._client.close_after_answer()

    def _finish(self, _command: do.Finish) -> None:
        self._registry.release()
        if self._said_close:  # what the head said holds: a drain may have begun since
            self._client.close_after_answer()

    def _reset(self, _command: do.Reset | None = None) -> None:
        self._registry.drop()
        self._client.abort()

    def _closes(self) -> bool:
        """True when the connection cannot carry another request after this one."""
        return not self._head.keep_alive or not self._client.body_is_read or self._client.is_last

    def _on_bug(self) -> None:
        _log.exception("proxy.internal-error", extra=log_fields(request_id=self._facts.exchange_id))
        fields: dict[str, Any] = {
            "exchange": self._facts.exchange_id, "trace": self._facts.trace, "address": self._facts.address,
            "decision": "deny", "reason": Reason.INTERNAL_ERROR.value, "status": 500,
        }  # fmt: skip
        self._services.strangers.note("proxy.request.refused", self._client.network, **cast("RecordFields", fields))
        self._registry.abort()
        self._reset()

    # -- helpers

    def _guard(self) -> Reason | None:
        """Asked before every slice: one comparison, until something changed; and what is left of a budget."""
        gate, spent = self._services.gate, self._watch.spend() if self._watch is not None else None
        if spent is not None or gate.epoch == self._epoch:
            return spent
        self._epoch = gate.epoch
        admission, classified = self._exchange.admission, self._exchange.classified
        if admission is None or classified is None:
            return Reason.INTERNAL_ERROR
        return gate.recheck(admission, classified.wanted)

    def _moved(self) -> int:
        """Body bytes of this exchange so far, both ways."""
        return self._registry.bytes_in + self._registry.bytes_out + self._body_out

    def _unwatch(self) -> None:
        if self._watch is not None:
            self._services.gate.unwatch(self._watch)

    def _classified(self) -> Classified:
        classified = self._exchange.classified
        if classified is None:
            raise GatewayError(Reason.INTERNAL_ERROR, "no request was classified")
        return classified

    async def _guarded(self, work: Coroutine[Any, Any, on.Event]) -> on.Event:
        """Wait for the registry, but never longer than the allow lasts."""
        if self._cut is not None:
            work.close()
            return on.CutOff(self._cut)
        task = self._waiting = asyncio.current_task()
        event: on.Event | None = None
        try:
            event = await work
        except UpstreamError as error:
            event = on.UpstreamFailed(error.reason, error.http_status, error.place)
        except asyncio.CancelledError:
            if self._ended_by() is None or task is None or task.uncancel():
                raise  # not our cut: somebody ends the whole exchange
        finally:
            self._waiting = None
        reason = self._ended_by()
        if reason is not None or event is None:
            self._registry.abort()
            return on.CutOff(reason or Reason.INTERNAL_ERROR)
        return event

    def _ended_by(self) -> Reason | None:
        """Why the registry's answer does not count any more."""
        return self._cut or self._registry.broken_upload


# Carried out at once: nothing is waited for, and no coroutine is made for it. Only the gate's answer is an event.
_PROMPT: dict[type, Callable[..., on.Event | None]] = {
    do.AskGate: Conversation._ask_gate, do.Note: Conversation._note, do.SendAnswer: Conversation._answer,
    do.Finish: Conversation._finish, do.Reset: Conversation._reset,
}  # fmt: skip
