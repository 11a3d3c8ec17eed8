"""One protocol's stage: the real gateway, a registry that writes down each byte it gets, grants, and what was recorded.

What holds for every case is checked here: nothing reaches the registry before a durable record says that it may.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from jit_access.domain.operations import Operation
from jit_access.domain.scopes import ResourceScope
from jit_access.domain.signing_secrets import derive_secret
from tests.adversarial.hostile.upstream import HostileUpstream, Peer
from tests.conformance.profile import BODY, PASSWORD, USERNAME, Ask, Key, Profile
from tests.support.gateway import PULL, Gateway, Held
from tests.support.raw import TIMEOUT_S, RawAnswer, read_all, read_answer, split_answers

HOST = "gw.example"
ALLOWED, REFUSED = "proxy.request.allowed", "proxy.request.refused"
COMPLETED, CUT = "proxy.transfer.completed", "proxy.transfer.cut"
_EXCHANGE = re.compile(rb"\r\nx-request-id: (exc_[0-9a-f]{32})\r\n")
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n")
EMPTY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

Play = Callable[[Peer, bytes], Awaitable[None]]  # with a whole request: its head


class Registry:
    """Answers `read` and `write` of a profile, unless a case plays something else."""

    def __init__(self, profile: Profile, gateway: Gateway) -> None:
        self._profile, self._gateway = profile, gateway
        self.play: Play = self.serve
        self.heads: list[bytes] = []
        self.unrecorded: list[bytes] = []  # requests that came before their record was durable
        self.upstream = HostileUpstream(self._converse)

    @property
    def weight(self) -> tuple[int, int]:
        """Connections and bytes, of all times."""
        return len(self.upstream.peers), sum(map(len, self.upstream.connections))

    @property
    def everything(self) -> bytes:
        """Every byte that ever came."""
        return b"".join(self.upstream.connections)

    def whole(self) -> bytes:
        """The answer to `read`."""
        fields = b"".join(b"\r\n" + line for line in self._profile.answered)
        return b"HTTP/1.1 200 OK%b\r\nContent-Length: %d\r\n\r\n%b" % (fields, len(BODY), BODY)

    async def serve(self, peer: Peer, head: bytes) -> None:
        """As a good registry does."""
        line = head.partition(b"\r\n")[0]
        is_written = line.startswith(self._profile.write.method.encode() + b" ") and line != self._profile.forwarded
        is_ping = line.startswith(b"GET ")
        answer = self.whole() if line == self._profile.forwarded else EMPTY if is_ping else self._profile.written
        await peer.send(self._profile.written if is_written and not is_ping else answer)

    async def _converse(self, peer: Peer) -> None:
        while True:
            head = await peer.read_head()
            self.heads.append(head)
            exchange = _EXCHANGE.search(head)
            if exchange and not self._is_durable(exchange[1]):
                self.unrecorded.append(head)
            length = _LENGTH.search(head)
            left = int(length[1]) if length else 0
            while left and (piece := await peer.read_some()):  # as it comes: a case may look at what came so far
                left -= len(piece)
            if left:
                return
            await self.play(peer, head)

    def _is_durable(self, exchange: bytes) -> bool:
        """On disk, or taken by the control plane already: a segment goes away only after that."""
        for path in self._gateway.settings.spool_dir.rglob("*"):
            try:
                lines = path.read_bytes().split(b"\n") if path.is_file() else []
            except OSError:  # taken and removed meanwhile
                continue
            if any(exchange in line and ALLOWED.encode() in line for line in lines):
                return True
        return bool(self._gateway.records(ALLOWED, exchange=exchange.decode()))


@dataclass(slots=True)
class Stage:
    """One case's view."""

    gateway: Gateway
    profile: Profile
    registry: Registry
    known: set[str]  # records that were looked at, of all cases
    is_settled: bool = True
    tokens: list[str] = field(default_factory=list)

    # -- grants

    def grant(
        self, operations: frozenset[Operation] = PULL, *, slug: str = "", repository: str = "", **more: object
    ) -> Held:
        """Of the profile's repository, unless said otherwise."""
        resource = ResourceScope(repository or self.profile.repository, operations)
        held = self.gateway.grant(slug or self.profile.slug, resource, **more)  # type: ignore[arg-type]  # its own names
        if not repository:
            self.gateway.collector.pins[(held.view.grant_id, resource.repository)] = dict(self.profile.pins)
        self.tokens.append(held.token)
        return held

    def key(self, held: Held, *, host: str = HOST) -> Key:
        """What its holder has."""
        lease = held.view.leases[0]
        key = self.gateway.settings.view_key
        secret = derive_secret(key, lease_id=lease.lease_id, token_hash=lease.token_hash)
        return Key(held.token, lease.lease_id, secret, host)

    # -- requests

    def raw(self, key: Key | None, ask: Ask, *more: str) -> bytes:
        """The bytes of a request. Without a key, nothing is shown."""
        shown = self.profile.show(key, ask) if key is not None else ()
        lines = [f"{ask.method} {ask.path} HTTP/1.1", f"Host: {HOST}", *shown, *ask.fields, *more]
        if ask.body:
            lines.append(f"Content-Length: {len(ask.body)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + ask.body

    def connect(self) -> socket.socket:
        """A client's connection."""
        return socket.create_connection(("127.0.0.1", self.gateway.port), timeout=TIMEOUT_S)

    def ask(self, held: Held, ask: Ask, *more: str) -> RawAnswer:
        """One request on a connection of its own, and its one answer."""
        return self.send(self.raw(self.key(held), ask, "Connection: close", *more))

    def send(self, raw: bytes) -> RawAnswer:
        """Bytes on a connection of their own, and the one answer to them."""
        self.is_settled = False
        with self.connect() as client:
            client.sendall(raw)
            (answer,) = split_answers(read_all(client))
        return answer

    def ask_on(self, client: socket.socket, held: Held, ask: Ask) -> RawAnswer:
        """One request on a connection that stays."""
        self.is_settled = False
        client.sendall(self.raw(self.key(held), ask))
        return read_answer(client)

    # -- what came of it

    def new_records(self) -> list[dict[str, object]]:
        """All that were written since this was called last."""
        own = self._wait_for_all()
        new = [item for key, item in list(self.gateway.collector.records.items()) if key not in self.known]
        self.known |= {str(item["id"]) for item in new}
        self.is_settled = True
        return [item for item in new if item["grant"] != own]

    def _wait_for_all(self) -> str:
        """One process writes its records in order: behind a refusal of ours, nothing of the case is still to come."""
        held = self.grant()
        self.gateway.revoke(held)
        self.ask(held, self.profile.read)
        self.gateway.wait_record(REFUSED, grant=held.view.grant_id)
        return held.view.grant_id

    def check_allowed(self, held: Held) -> None:
        """A yes before, an end after, both under the grant; nothing else was written."""
        *allowed, done = self.new_records()
        assert [item["kind"] for item in allowed] == [ALLOWED] * self.profile.allows
        assert done["kind"] == COMPLETED
        for record in (*allowed, done):
            assert (record["grant"], record["lease"]) == (held.view.grant_id, held.view.leases[0].lease_id)
            assert record["exchange"] == done["exchange"]
        assert done["repository"] == self.profile.repository

    def check_refused(
        self, answer: RawAnswer, *reasons: str, status: int = 0, is_late: bool = False
    ) -> dict[str, object]:  # fmt: skip
        """In the protocol's own words, with one record that says so too. `is_late`: said after the yes, for what the
        registry answered.
        """
        assert not status or answer.status == status, answer
        yeses = self.profile.allows if is_late else 0
        return self.check_refusal(answer, self.new_records(), reasons, self.profile.read.path, yeses)

    def check_refusal(
        self, answer: RawAnswer, records: list[dict[str, object]], reasons: tuple[str, ...], path: str, yeses: int = 0
    ) -> dict[str, object]:  # fmt: skip
        """The same, with the records at hand. A path in nobody's room is answered in the words of the root. Where a
        protocol has to learn first what is asked, there may be that yes.
        """
        assert answer.status >= 400, (path, answer)
        assert not {b"location", b"set-cookie"} & answer.headers.keys(), path
        *before, record = records
        assert [item["kind"] for item in before] == [ALLOWED] * len(before), path
        assert yeses <= len(before) < max(yeses + 1, self.profile.allows), (path, before)
        assert (record["kind"], record["decision"], record["status"]) == (REFUSED, "deny", answer.status), path
        assert record["reason"] in reasons, (path, record)
        if self.is_own(path):
            assert self.profile.reason_in(answer) == record["reason"], path
        assert answer.headers[b"x-request-id"].decode() == record["exchange"]
        for secret in (*self.tokens, f"{USERNAME}:", PASSWORD):
            assert secret.encode() not in answer.body
        return record

    def refuses(self, held: Held, asks: Iterable[Ask], *reasons: str) -> list[dict[str, object]]:
        """Each of them, with no byte for the registry. Returns the records."""
        self.new_records()
        weight, answers = self.registry.weight, [(ask, self.ask(held, ask)) for ask in asks]
        assert self.registry.weight == weight, "something of a refused request reached the registry"
        assert answers
        records: dict[str, list[dict[str, object]]] = {}
        for record in self.new_records():
            records.setdefault(str(record["exchange"]), []).append(record)
        assert len(records) == len(answers)
        return [
            self.check_refusal(answer, records[answer.headers[b"x-request-id"].decode()], reasons, ask.path)
            for ask, answer in answers
        ]

    def is_own(self, path: str) -> bool:
        """Does the path show whose room it is in?"""
        own = self.profile.read.path.split("/")[1]
        return path.split("/")[1:2] == [own]

    def check_afterwards(self) -> None:
        """No byte before its record, no token of ours with the registry, no secret in a record."""
        if not self.is_settled:
            self.new_records()
        assert self.registry.unrecorded == []
        records = str(self.gateway.records())
        for token in self.tokens:
            assert token.encode() not in self.registry.everything
            assert token not in records
        assert PASSWORD not in records
