"""The registry's side of one exchange: the connection, the body that goes up and the body that comes down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from jit_access.domain.errors import GatewayError, PeerError
from jit_access.domain.reasons import Reason
from registry_proxy.blob_cache import Sending
from registry_proxy.control_client import TargetFacts
from registry_proxy.exchange import commands as do
from registry_proxy.exchange import events as on
from registry_proxy.protocols.asked import ExchangeFacts
from registry_proxy.protocols.dialect import Fetched, Pin, Pinned
from registry_proxy.protocols.http1 import CHUNKED, RequestHead
from registry_proxy.protocols.upstream_request import LastQuestion, UpstreamRequest
from registry_proxy.protocols.wanted import Classified
from registry_proxy.server.client_connection import ClientConnection
from registry_proxy.server.idling import IdleWatch
from registry_proxy.server.kept_side import KeptSide, Written
from registry_proxy.server.responding import CONTINUE, render_relay_head, render_switch
from registry_proxy.server.services import Services
from registry_proxy.stream.download import Download
from registry_proxy.stream.sides import Guard
from registry_proxy.stream.tunnel import Tunnel
from registry_proxy.stream.upload import Upload
from registry_proxy.upstream.calls import Leg, SendBody
from registry_proxy.upstream.connection import UpstreamConnection
from registry_proxy.upstream.failure import UpstreamError


def _over() -> Reason | None:
    """What a guard says before there is one, and after."""
    return Reason.INTERNAL_ERROR


class RegistrySide:
    """Owned by one conversation. `cut` is safe at any moment and leaves no half that could pass for a whole."""

    def __init__(self, services: Services, client: ClientConnection, head: RequestHead, facts: ExchangeFacts) -> None:
        self._services, self._client, self._head, self._facts = services, client, head, facts
        self._guard: Guard = _over
        self._classified: Callable[[], Classified] = self._nothing_yet
        self._connection: UpstreamConnection | None = None
        self._leg: Leg | None = None
        self.upload: Upload | None = None
        self.download: Download | Sending | None = None
        self._kept: KeptSide | None = None
        self._written = 0  # of a kept body that went out at once
        self.raw: Tunnel | None = None

    def bind(self, guard: Guard, classified: Callable[[], Classified]) -> None:
        """Who is asked between slices, and what the request turned out to be."""
        self._guard, self._classified = guard, classified

    @staticmethod
    def _nothing_yet() -> Classified:
        raise GatewayError(Reason.INTERNAL_ERROR, "no request was classified")

    # -- what the machine commands

    async def ask(self, command: do.Fetch | do.FindKept | do.BufferBody) -> on.Event:
        """What the registry has to answer before anything can be sent to the client. Raises UpstreamError."""
        match command:
            case do.Fetch():
                return await self.fetch(command)
            case do.FindKept():
                return await self.find_kept(command.request)
            case do.BufferBody():
                return await self.buffer(command.limit)

    async def fetch(self, command: do.Fetch) -> on.Event:
        """Something small that is needed first. Raises UpstreamError."""
        step = command.step
        if isinstance(step, Pin):
            return await self._pin(step, command.grant_id)
        target = self._target(self._classified().target)
        return Fetched(*await self._services.upstream.fetch(target, step.request, step.limit, self._hold))

    async def _pin(self, step: Pin, grant_id: str) -> on.Event:
        if self._services.pins is None:
            raise GatewayError(Reason.INTERNAL_ERROR, "there is nobody to ask for pins")
        try:
            return Pinned(await self._services.pins.settle(grant_id, step.repository, step.names))
        except PeerError as exc:
            raise UpstreamError(exc.reason, 503) from exc

    async def find_kept(self, request: UpstreamRequest) -> on.Event:
        """Whether the answer is here. Raises UpstreamError."""
        kept, target = self._kept_side(), self._target(self._classified().target)
        is_here = kept is not None and await kept.find(self._services.upstream, target, request, self._hold)
        return on.Kept() if is_here else on.NotKept()

    async def open(self, request: UpstreamRequest) -> on.Event:
        """Send the request and its body; wait for the head of the answer. Raises UpstreamError."""
        target = self._target(self._classified().target)
        if request.method == "DELETE" and (kept := self._kept_side()) is not None:
            kept.forget()
        try:
            leg = self._leg = await self._services.upstream.open(target, request, self._sender(request), self._hold)
        finally:
            if self.upload is not None:
                self.upload.stop()
        return on.UpstreamAnswered(leg.head, None if leg.is_redirected else leg.origin)

    def _sender(self, request: UpstreamRequest) -> SendBody:
        return lambda connection: self._send_body(connection, request)

    def _send_body(self, connection: UpstreamConnection, request: UpstreamRequest) -> asyncio.Future[None]:
        limit = self._classified().body_limit or self._services.limits.upload_bytes
        upload = Upload(
            self._client, connection, self._guard, self._services.pipes,
            is_chunked=request.length == CHUNKED, limit=limit,
        )  # fmt: skip
        upload.check = request.check
        if request.last is not None:
            upload.last_question = partial(self._ask_last, request.last)
        self.upload, connection.write_listener = upload, upload
        idle = IdleWatch(
            self._services.limits, lambda: upload.moved,
            lambda: upload.cut(Reason.UPSTREAM_AWAY if upload.is_held_back else Reason.REQUEST_TOO_SLOW),
        )  # fmt: skip
        upload.sent.add_done_callback(lambda _: idle.stop())
        if self._head.expects_continue:
            self._client.write(CONTINUE)
        upload.begin()
        return upload.sent

    async def _ask_last(self, question: LastQuestion) -> Reason | None:
        """On a connection of its own: the body's is still in use, and it is that one which a cut has to reach."""
        try:
            target = self._target(self._classified().target)
            head, body = await self._services.upstream.fetch(target, question.request, question.limit)
        except UpstreamError as exc:
            return exc.reason
        return question.refuses(head.status, body)

    async def buffer(self, limit: int) -> on.Event:
        """Collect a small body. Raises UpstreamError."""
        leg = self._require_leg()
        body = await self._services.upstream.collect(leg, limit)
        self._leg = None
        return on.Buffered(body)

    async def relay(self, command: do.Relay, *, closes: bool) -> on.Event:
        """Send the head, then the body as it comes."""
        leg, client = self._require_leg(), self._client
        is_chunked = leg.head.length == CHUNKED
        kept = self._kept_side() if command.keeps else None
        source = kept.tap(leg) if kept is not None else None
        download = Download(
            client, source or leg.connection, self._guard, self._services.pipes,
            is_chunked=is_chunked, digest=command.digest,
        )  # fmt: skip
        self.download = download
        head = render_relay_head(
            command.status, command.headers, leg.head, self._head.method, self._facts.exchange_id, closes=closes
        )  # fmt: skip
        download.begin(head)
        if download.done.done():  # small: all of it was here
            return on.RelayEnded(download.done.result())
        idle = IdleWatch(
            self._services.limits, lambda: download.moved - client.unsent_bytes,
            lambda: download.cut(Reason.REQUEST_TOO_SLOW if download.is_held_back else Reason.UPSTREAM_AWAY),
        )  # fmt: skip
        try:
            return on.RelayEnded(await download.done)
        finally:
            idle.stop()

    async def send_kept(self, *, closes: bool) -> on.Event:
        """Send the body that was found: at once when it is small, else in slices that can be cut."""
        kept, client = self._kept_side(), self._client
        if kept is None:
            raise GatewayError(Reason.INTERNAL_ERROR, "nothing is kept")
        reason = self._guard()
        if reason is not None:
            return on.RelayEnded(reason)
        answer = kept.send(client, self._guard, self._facts.exchange_id, closes=closes)
        if isinstance(answer, Written):
            client.write(answer.data)
            self._written = answer.size
            return on.RelayEnded()
        self.download = answer
        idle = IdleWatch(
            self._services.limits, lambda: answer.moved - client.unsent_bytes,
            lambda: answer.cut(Reason.REQUEST_TOO_SLOW),
        )  # fmt: skip
        try:
            return on.RelayEnded(await answer.done)
        finally:
            idle.stop()

    def _kept_side(self) -> KeptSide | None:
        cache, classified = self._services.cache, self._classified()
        if self._kept is None and cache is not None and classified.digest:
            self._kept = KeptSide(cache, self._target(classified.target), classified)
        return self._kept

    async def tunnel(self, command: do.Tunnel) -> on.Event:
        """Say yes to the client, then let raw bytes pass until both sides are through."""
        leg, client, limits = self._require_leg(), self._client, self._services.limits
        tunnel = self.raw = Tunnel(client, leg.connection, self._guard)
        leg.connection.write_listener = tunnel
        client.write(render_switch(command.headers, self._head.upgrade, self._facts.exchange_id))
        client.expect_raw()
        silence = replace(limits, idle_body_deadline_s=limits.idle_tunnel_s, least_bytes_per_s=0)
        idle = IdleWatch(silence, lambda: tunnel.moved_up + tunnel.moved_down, lambda: tunnel.cut(Reason.STREAM_IDLE))
        tunnel.begin()
        try:
            broken = await tunnel.done
        finally:
            idle.stop()
        if broken is None:
            self._leg = None
            leg.connection.close()
        return on.RelayEnded(broken)

    def _hold(self, connection: UpstreamConnection) -> None:
        self._connection = connection

    def _target(self, slug: str) -> TargetFacts:
        target = self._services.gate.target(slug)
        if target is None:
            raise UpstreamError(Reason.UPSTREAM_AWAY)
        return target

    def _require_leg(self) -> Leg:
        if self._leg is None:
            raise GatewayError(Reason.INTERNAL_ERROR, "no answer of a registry is held")
        return self._leg

    # -- ends

    def cut(self, reason: Reason) -> bool:
        """Stop both directions. True when a response was running, so that nothing else can be said any more."""
        if self.upload is not None:
            self.upload.cut(reason)
        if self.download is not None:
            self.download.cut(reason)
        if self.raw is not None:
            self.raw.cut(reason)
        return self.download is not None or self.raw is not None

    def on_client_paused(self) -> None:
        """The client takes no more for now."""
        for stream in (self.download, self.raw):
            if stream is not None:
                stream.on_client_paused()

    def on_client_resumed(self) -> None:
        """The client caught up."""
        for stream in (self.download, self.raw):
            if stream is not None:
                stream.on_client_resumed()

    @property
    def bytes_in(self) -> int:
        """From the client, of a body or raw."""
        return (self.upload.moved if self.upload else 0) + (self.raw.moved_up if self.raw else 0)

    @property
    def bytes_out(self) -> int:
        """To the client, of a body or raw."""
        return self._written + (self.download.moved if self.download else 0) + (self.raw.moved_down if self.raw else 0)

    @property
    def broken_upload(self) -> Reason | None:
        """Why the client's body did not get through."""
        return self.upload.broken if self.upload is not None else None

    def release(self) -> None:
        """The response was relayed to its end: the connection may serve another request."""
        if self._leg is not None:
            self._services.upstream.release(self._leg)
            self._leg = None

    def let_go(self) -> None:
        """The exchange is over, however it went. Nothing that it made may point back here in a circle: only the
        garbage collector would free that, and until then every request would walk through cold memory.
        """
        if self._kept is not None:
            self._kept.drop()
        self._guard, self._classified = _over, self._nothing_yet
        self.upload = self.download = self.raw = None

    def drop(self) -> None:
        """The response is not wanted any more."""
        if self._leg is not None:
            self._leg.connection.abort()
            self._leg = None

    def abort(self) -> None:
        """Whatever connection there is: end it."""
        if self._connection is not None:
            self._connection.abort()
