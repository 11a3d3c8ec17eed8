"""What happens to a body on its way: a cut, a spent budget, a registry that breaks off, one that points elsewhere.

Whatever ends a transfer early ends it by a reset, so that nobody takes a part for the whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from dataclasses import replace

import pytest

from jit_access.domain.reasons import Reason
from tests.adversarial.hostile.upstream import HostileUpstream, Peer, answering
from tests.conformance.conftest import Serve
from tests.conformance.profile import BODY
from tests.conformance.stage import ALLOWED, CUT, REFUSED, Stage
from tests.support.gateway import PUSH, Held
from tests.support.processes import wait_for

HALF = len(BODY) // 2
REDIRECTS = (301, 302, 303, 307, 308)


class Slow:
    """A registry that sends half of the body, and the rest when it is told to."""

    def __init__(self, stage: Stage) -> None:
        self._registry = stage.registry
        self._goes_on = asyncio.Event()
        self.peers: list[Peer] = []
        stage.registry.play = self.play

    async def play(self, peer: Peer, _head: bytes) -> None:
        self.peers.append(peer)
        whole = self._registry.whole()
        await peer.send(whole[: len(whole) - HALF])
        await self._goes_on.wait()
        with contextlib.suppress(ConnectionError):
            await peer.send(whole[len(whole) - HALF :])

    def go_on(self) -> None:
        self._registry.upstream.call(self._goes_on.set)


def read_half(client: socket.socket) -> bytes:
    """The head, and half of the body."""
    received = b""
    while b"\r\n\r\n" not in received or len(received.partition(b"\r\n\r\n")[2]) < HALF:
        piece = client.recv(65536)
        assert piece, received
        received += piece
    return received


def drain(client: socket.socket) -> bytes:
    """What still comes before the reset. An end in good order fails: it would pass for the end of the body."""
    received = b""
    while True:
        try:
            piece = client.recv(65536)
        except ConnectionResetError:
            return received
        assert piece, "the connection ended as if all had been sent"
        received += piece


def check_cut(stage: Stage, held: Held, reason: Reason) -> dict[str, object]:
    """Allowed before, cut after; no end in good order was recorded."""
    *allowed, cut = [item for item in stage.new_records() if item["grant"] == held.view.grant_id]
    assert [item["kind"] for item in allowed] == [ALLOWED] * stage.profile.allows
    assert (cut["kind"], cut["decision"], cut["reason"]) == (CUT, "deny", reason)
    assert cut["exchange"] == allowed[-1]["exchange"]
    return cut


def test_whole_body_arrives_when_nobody_ends_it(stage: Stage) -> None:
    """The twin of every cut."""
    slow, held = Slow(stage), stage.grant()
    with stage.connect() as client:
        client.sendall(stage.raw(stage.key(held), stage.profile.read))
        received = read_half(client)
        slow.go_on()
        while len(received.partition(b"\r\n\r\n")[2]) < len(BODY):
            received += client.recv(65536)
    assert received.partition(b"\r\n\r\n")[2] == BODY
    stage.check_allowed(held)


def test_running_read_is_cut_at_half(stage: Stage) -> None:
    slow, held = Slow(stage), stage.grant()
    with stage.connect() as client:
        client.sendall(stage.raw(stage.key(held), stage.profile.read))
        received = read_half(client)
        stage.gateway.revoke(held)
        received += drain(client)
    assert len(received.partition(b"\r\n\r\n")[2]) == HALF
    slow.go_on()
    wait_for(lambda: slow.peers[0].is_over, "the gateway hung up on the registry")
    cut = check_cut(stage, held, Reason.GRANT_REVOKED)
    assert cut["bytes_out"] == HALF
    stage.check_refused(stage.ask(held, stage.profile.read), Reason.GRANT_REVOKED)


def test_connection_beside_a_cut_one_is_refused_its_next_request(stage: Stage) -> None:
    held = stage.grant()
    with stage.connect() as kept, stage.connect() as running:
        assert stage.ask_on(kept, held, stage.profile.read).status == 200
        slow = Slow(stage)
        running.sendall(stage.raw(stage.key(held), stage.profile.read))
        read_half(running)
        stage.gateway.revoke(held)
        drain(running)
        slow.go_on()
        stage.new_records()
        weight = stage.registry.weight
        stage.check_refused(stage.ask_on(kept, held, stage.profile.read), Reason.GRANT_REVOKED)
        assert stage.registry.weight == weight


def test_expiry_cuts_as_a_revocation_does(stage: Stage) -> None:
    slow, held = Slow(stage), stage.grant()
    with stage.connect() as client:
        client.sendall(stage.raw(stage.key(held), stage.profile.read))
        read_half(client)
        stage.gateway.change(held, valid_until=held.view.valid_from + 0.001)
        drain(client)
    slow.go_on()
    check_cut(stage, held, Reason.GRANT_EXPIRED)


def test_registry_that_breaks_off_leaves_no_whole(stage: Stage) -> None:
    async def breaks_off(peer: Peer, _head: bytes) -> None:
        whole = stage.registry.whole()
        await peer.send(whole[: len(whole) - HALF])
        await peer.finish()
        await peer.drain_all()

    stage.registry.play = breaks_off
    held = stage.grant()
    with stage.connect() as client:
        client.sendall(stage.raw(stage.key(held), stage.profile.read))
        received = drain(client)
    assert len(received.partition(b"\r\n\r\n")[2]) <= HALF
    check_cut(stage, held, Reason.UPSTREAM_BROKEN)


# -- budgets


def test_budget_that_is_spent_refuses_what_is_new(stage: Stage) -> None:
    held = stage.grant(byte_budget=len(BODY))
    assert stage.ask(held, stage.profile.read).body == BODY
    stage.check_allowed(held)
    weight = stage.registry.weight
    record = stage.check_refused(stage.ask(held, stage.profile.read), Reason.BUDGET_SPENT)
    assert record["grant"] == held.view.grant_id
    assert stage.registry.weight == weight


def test_budget_that_is_not_spent_refuses_nothing(stage: Stage) -> None:
    held = stage.grant(byte_budget=3 * len(BODY))
    for _ in range(2):
        assert stage.ask(held, stage.profile.read).body == BODY
        stage.check_allowed(held)


def test_budget_that_is_spent_on_the_way_cuts(stage: Stage) -> None:
    slow, held = Slow(stage), stage.grant(byte_budget=HALF)
    with stage.connect() as client:
        client.sendall(stage.raw(stage.key(held), stage.profile.read))
        received = read_half(client)
        slow.go_on()
        received += drain(client)
    assert len(received.partition(b"\r\n\r\n")[2]) < len(BODY)
    check_cut(stage, held, Reason.BUDGET_SPENT)


# -- redirects


def pointing_to(place: str, status: int) -> bytes:
    return f"HTTP/1.1 {status} Moved\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode()


def point(stage: Stage, place: str, status: int = 307) -> None:
    async def points(peer: Peer, _head: bytes) -> None:
        await peer.send(pointing_to(place, status))

    stage.registry.play = points


@pytest.mark.parametrize("status", REDIRECTS)
def test_redirect_to_a_foreign_place_is_not_followed(stage: Stage, serve: Serve, status: int) -> None:
    """The client does not hear of the place either: it would go there with what it has."""
    thief = serve(answering(stage.registry.whole()))
    point(stage, f"{thief.url}/x", status)
    held = stage.grant()
    answer = stage.ask(held, stage.profile.read)
    assert answer.status == 502
    assert thief.url.encode() not in answer.body + b"".join(answer.headers.values())
    record = stage.check_refused(answer, Reason.UPSTREAM_REDIRECT_REFUSED, is_late=True)
    assert record["grant"] == held.view.grant_id
    assert thief.peers == []


@pytest.mark.parametrize(
    "place", ["http://169.254.169.254/latest", "file:///etc/passwd", "//evil.example/x", "/elsewhere"]
)
def test_redirect_to_a_forbidden_place_is_not_followed(stage: Stage, place: str) -> None:
    """Nor round and round at the registry itself."""
    point(stage, place)
    stage.check_refused(stage.ask(stage.grant(), stage.profile.read), Reason.UPSTREAM_REDIRECT_REFUSED, is_late=True)


def test_named_place_hears_nothing_of_ours(stage: Stage, serve: Serve) -> None:
    """Where the protocol follows at all; where it does not, a name opens nothing."""
    store = serve(answering(stage.registry.whole()))
    slug = f"{stage.profile.slug}-named"
    named(stage, slug, store)
    point(stage, f"{store.url}/x?signed=1")
    held = stage.grant(slug=slug)
    answer = stage.ask(held, stage.profile.read_at(slug), "Cookie: canary", "Proxy-Authorization: Basic canary")
    if not stage.profile.follows:
        stage.check_refused(answer, Reason.UPSTREAM_REDIRECT_REFUSED, is_late=True)
        assert store.peers == []
        return
    assert (answer.status, answer.body) == (200, BODY)
    stage.check_allowed(held)
    (heard,) = store.connections
    assert heard.startswith(b"GET /x?signed=1 HTTP/1.1\r\n")
    assert not stage.profile.shows_credential(heard)
    for word in (b"authorization", b"cookie", b"canary", b"x-amz", b"x-request-id", held.token.lower().encode()):
        assert word not in heard.lower()


def named(stage: Stage, slug: str, store: HostileUpstream) -> None:
    """The same registry with a place beside it, as an operator names one."""
    facts = stage.gateway.targets[stage.profile.slug]
    stage.gateway.add_target(
        slug, facts.base_url, facts.username, facts.password.reveal(), kind=facts.kind, redirect_origins=(store.url,)
    )


# -- what goes up


def test_running_upload_is_cut_before_its_end(stage: Stage) -> None:
    """The registry sees a reset, never the end of a body. A body that is read first does not reach it at all."""
    held, write, body = stage.grant(PUSH), stage.profile.write, os.urandom(64 * 1024)
    write = replace(write, body=body) if stage.profile.streams else write
    whole, weight = stage.raw(stage.key(held), write, "Connection: close"), stage.registry.weight
    stage.is_settled = False
    with stage.connect() as client:
        if stage.profile.streams:
            send_until_seen(client, stage, whole, body)
        else:
            client.sendall(whole[:-1])
        stage.gateway.revoke(held)
        if not stage.profile.streams:
            client.sendall(whole[-1:])
        drain_any(client)
    records = [item for item in stage.new_records() if item["grant"] == held.view.grant_id]
    if stage.profile.streams:
        wait_for(
            lambda: all(peer.is_over for peer in stage.registry.upstream.peers[weight[0] :]), "the gateway hung up"
        )
        assert body not in stage.registry.everything
        assert [item["kind"] for item in records] == [ALLOWED, CUT]
    else:
        assert stage.registry.weight == weight
        assert [item["kind"] for item in records] == [REFUSED]
    assert records[-1]["reason"] == Reason.GRANT_REVOKED


def send_until_seen(client: socket.socket, stage: Stage, whole: bytes, body: bytes) -> None:
    """Send until the registry has some of the body. What looks at a body holds the newest slice back."""
    at = len(whole) - len(body) // 2
    client.sendall(whole[:at])

    def is_seen() -> bool:
        nonlocal at
        client.sendall(whole[at : at + 1])
        at += 1
        assert at < len(whole), "nothing of the body went on"
        return body[:1024] in stage.registry.everything

    wait_for(is_seen, "the registry got some of the body")


def drain_any(client: socket.socket) -> None:
    """To the end, whatever it is: before an answer began, a refusal may be said."""
    with contextlib.suppress(ConnectionResetError):
        while client.recv(65536):
            pass
