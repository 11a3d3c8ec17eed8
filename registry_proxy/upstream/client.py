"""Requests to a registry: a connection, the credential, redirects followed here and never handed out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from jit_access.domain.reasons import Reason
from registry_proxy.control_client import TargetFacts
from registry_proxy.protocols.http1 import Headers, ResponseHead
from registry_proxy.protocols.origins import Origin
from registry_proxy.protocols.signing_in import SignIn
from registry_proxy.protocols.upstream_request import UpstreamRequest
from registry_proxy.upstream.calls import (
    Call,
    Leg,
    OnConnection,
    SendBody,
    is_inside,
    nobody,
    render_call,
    small_request,
    with_kept,
)
from registry_proxy.upstream.connection import UpstreamConnection
from registry_proxy.upstream.credential import (
    CredentialBook,
    CredentialState,
    Scheme,
    learn,
)
from registry_proxy.upstream.failure import UpstreamError, away, broken
from registry_proxy.upstream.pool import FRESH_S, IDLE_S, ConnectionPool
from registry_proxy.upstream.sinks import CollectingSink

RESPONSE_TIMEOUT_S = 60.0
# After the last byte of an upload a registry hashes and stores it before it answers.
UPLOAD_RESPONSE_TIMEOUT_S = 300.0
MAX_REDIRECTS = 3
MAX_TOKEN_BODY_BYTES = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# What a store may answer. Its errors name buckets and keys, and its 401 asks for what it does not get.
_FROM_A_STORE = frozenset({200, 206, 304, 416})


class UpstreamClient:
    """Shared by all exchanges of a process. `sign_ins`: how each kind of registry is shown the credential."""

    def __init__(self, pool: ConnectionPool, sign_ins: Mapping[str, SignIn]) -> None:
        self._pool = pool
        self._book = CredentialBook(sign_ins)

    async def open(
        self,
        target: TargetFacts,
        request: UpstreamRequest,
        send_body: SendBody | None = None,
        on_connection: OnConnection = nobody,
    ) -> Leg:
        """Send the request and wait for the head of the answer that counts.

        `on_connection` is told of each connection used, so that a cut reaches it. Raises UpstreamError.
        """
        state = self._book.state(target)
        if request.signer is not None:
            return await self._call(_signed_call(target, request, state.places.home, send_body), on_connection)
        if request.elsewhere:
            return await self._open_elsewhere(target, request, state, send_body, on_connection)
        if request.length != 0 and state.has_to_learn and target.username:
            await self._probe(target, request, state)
        authorization = state.own if state.challenge is None else await self._authorization(target, request, state)
        call = Call(
            request, state.places.home, request.target, target.allow_private,
            is_home=True, authorization=authorization, send_body=send_body,
        )  # fmt: skip
        leg = await self._call(call, on_connection)
        if leg.head.status == 401:
            leg = await self._answer_challenge(call, leg, target, on_connection)
        elif state.has_to_learn and target.username:
            state.scheme = Scheme.BASIC
        if leg.head.status in _REDIRECTS:
            leg = await self._follow(call, leg, state, on_connection)
        return leg

    async def _open_elsewhere(
        self, target: TargetFacts, request: UpstreamRequest, state: CredentialState,
        send_body: SendBody | None, on_connection: OnConnection,
    ) -> Leg:  # fmt: skip
        """Where the registry said that something belongs: with no credential, even back at the registry itself."""
        origin, path = state.places.next_place(str(state.places.home), request.elsewhere.encode("ascii", "replace"))
        call = Call(
            request, origin, path.encode("ascii"), target.allow_private,
            is_home=origin == state.places.home, send_body=send_body,
        )  # fmt: skip
        leg = await self._call(call, on_connection)
        leg.is_redirected = True
        if leg.head.status >= 300:
            leg.connection.abort()
            moves = leg.head.status in _REDIRECTS
            raise UpstreamError(Reason.UPSTREAM_REDIRECT_REFUSED) if moves else broken()
        return leg

    async def fetch(
        self, target: TargetFacts, request: UpstreamRequest, limit: int, on_connection: OnConnection = nobody
    ) -> tuple[ResponseHead, bytes]:
        """A small body, whole. Raises UpstreamError."""
        leg = await self.open(target, request, None, on_connection)
        return leg.head, await self.collect(leg, limit)

    async def collect(self, leg: Leg, limit: int) -> bytes:
        """The body of a leg, at most `limit` bytes; the connection goes back. Raises UpstreamError."""
        sink = CollectingSink(limit)
        leg.connection.deliver_to(sink)
        try:
            async with asyncio.timeout(RESPONSE_TIMEOUT_S):
                body = await sink.body()
        except TimeoutError as exc:
            leg.connection.abort()
            raise away(504) from exc
        except (UpstreamError, asyncio.CancelledError):
            leg.connection.abort()
            raise
        self.release(leg)
        return body

    def release(self, leg: Leg) -> None:
        """Give the connection back; the pool drops it when it is not exactly in step."""
        self._pool.release(leg.connection, leg.origin, allow_private=leg.allow_private)

    # -- one call

    async def _call(self, call: Call, on_connection: OnConnection) -> Leg:
        for is_last in (False, True):
            # A kept connection may have been closed by the registry just now: what is safe to repeat is repeated once.
            max_idle_s = 0.0 if is_last or call.request.upgrade else IDLE_S if call.is_repeatable else FRESH_S
            connection, was_used = await self._pool.acquire(
                call.origin, allow_private=call.allow_private, max_idle_s=max_idle_s
            )
            on_connection(connection)
            try:
                head = await self._exchange(connection, call)
            except UpstreamError as exc:
                connection.abort()
                if is_last or not was_used or not exc.retryable or not call.is_repeatable:
                    raise
            except asyncio.CancelledError:
                connection.abort()
                raise
            else:
                return Leg(head, connection, call.origin, call.allow_private)
        raise away()

    async def _exchange(self, connection: UpstreamConnection, call: Call) -> ResponseHead:
        request = call.request
        connection.begin(render_call(call), request.method, has_body=request.length != 0, upgrade=request.upgrade)
        response = connection.response()
        if request.length != 0 and call.send_body is not None:
            # A registry may answer before it has the whole body (it refuses); then nothing more is sent.
            both: tuple[asyncio.Future[Any], ...] = (response, call.send_body(connection))
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        # Not asyncio.timeout: this is awaited for every request.
        connection.deadline.set(
            UPLOAD_RESPONSE_TIMEOUT_S if request.length else RESPONSE_TIMEOUT_S, connection.time_out
        )  # fmt: skip
        try:
            head = await response
        finally:
            connection.deadline.clear()
        if head.status < 300 and not connection.is_request_sent:
            raise broken()  # it says that it took what it does not have
        return head

    # -- credential

    async def _authorization(
        self, target: TargetFacts, request: UpstreamRequest, state: CredentialState
    ) -> bytes | None:
        own, service = state.own, state.token_service
        if service is None or state.scheme is not Scheme.BEARER or state.challenge is None:
            return own
        token = state.token_for(request.scopes)
        if token is None:
            origin, path = state.places.token_place(state.challenge)
            asked = small_request(request, service.target_for(path, state.challenge, request.scopes))
            call = Call(
                asked, origin, asked.target, target.allow_private,
                is_home=origin == state.places.home, authorization=own,
            )  # fmt: skip
            leg = await self._call(call, nobody)
            body = await self.collect(leg, MAX_TOKEN_BODY_BYTES)
            if leg.head.status != 200:
                refused = leg.head.status in (400, 401, 403)
                raise UpstreamError(Reason.UPSTREAM_REFUSED_CREDENTIAL) if refused else broken()
            try:
                token, lasts_s = service.token_in(body)
            except ValueError as exc:
                raise broken() from exc
            state.keep(request.scopes, token, lasts_s)
        return b"Bearer " + token.encode("ascii")

    async def _probe(self, target: TargetFacts, request: UpstreamRequest, state: CredentialState) -> None:
        """Learn the scheme with a ping, because a body cannot be sent twice."""
        if state.token_service is None:
            return
        ping = small_request(request, state.token_service.ping)
        call = Call(
            ping, state.places.home, ping.target, target.allow_private,
            is_home=True, authorization=state.own,
        )  # fmt: skip
        leg = await self._call(call, nobody)
        await self.collect(leg, MAX_TOKEN_BODY_BYTES)
        if leg.head.status == 401:
            learn(state, leg.head)
        else:
            state.scheme = Scheme.BASIC

    async def _answer_challenge(self, call: Call, leg: Leg, target: TargetFacts, on_connection: OnConnection) -> Leg:
        leg.connection.abort()
        state = self._book.state(target)
        learn(state, leg.head)
        if call.request.length != 0:
            raise UpstreamError(Reason.UPSTREAM_REFUSED_CREDENTIAL, retryable=True)
        authorization = await self._authorization(target, call.request, state)
        leg = await self._call(replace(call, authorization=authorization, send_body=None), on_connection)
        if leg.head.status == 401:
            leg.connection.abort()
            raise UpstreamError(Reason.UPSTREAM_REFUSED_CREDENTIAL)
        return leg

    # -- redirects

    async def _follow(self, call: Call, leg: Leg, state: CredentialState, on_connection: OnConnection) -> Leg:
        """Go where the registry points, without any credential: not even back to itself (CVE-2018-20060).

        Only a protocol that says to which of the registry's own paths takes the credential along, and nowhere else.
        """
        redirects, kept = call.request.redirects, dict[bytes, bytes]()
        for _ in range(MAX_REDIRECTS):
            leg.connection.abort()
            if not call.request.follows_redirects:
                raise UpstreamError(Reason.UPSTREAM_REDIRECT_REFUSED)
            origin, path = state.places.next_place(call.url, leg.head.get(b"location"))
            is_home = redirects is not None and origin == state.places.home
            if redirects is not None:
                if is_home and not (call.is_home and is_inside(path, redirects.inside)):
                    raise UpstreamError(Reason.UPSTREAM_REDIRECT_REFUSED)
                kept |= {name: value for name, value in leg.head.headers if call.is_home and name in redirects.kept}
                if call.request.method == "HEAD" and not is_home:
                    return leg
            call = Call(
                call.request, origin, path.encode("ascii"), call.allow_private,
                is_home=is_home, authorization=call.authorization if is_home else None,
            )  # fmt: skip
            leg = await self._call(call, on_connection)
            leg.is_redirected = not is_home
            if leg.head.status not in _REDIRECTS:
                break
        if leg.head.status in _REDIRECTS or (leg.is_redirected and leg.head.status not in _FROM_A_STORE):
            leg.connection.abort()
            is_still_moving = leg.head.status in _REDIRECTS
            raise UpstreamError(Reason.UPSTREAM_REDIRECT_REFUSED) if is_still_moving else broken()
        leg.head = with_kept(leg.head, kept)
        return leg


def _signed_call(target: TargetFacts, request: UpstreamRequest, home: Origin, send_body: SendBody | None) -> Call:
    """To the registry alone: whatever it answers is the answer, it asks for no other proof and sends nobody away."""
    signed: Headers = ()
    if request.signer is not None:
        signed = request.signer.fields(request, home.authority, target.username, target.password.reveal())
    return Call(request, home, request.target, target.allow_private, is_home=True, send_body=send_body, signed=signed)
