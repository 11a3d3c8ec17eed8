"""One listening scheme (plain or TLS): counts connections, names exchanges, answers what the edge refused."""

from __future__ import annotations

import logging
from collections import Counter

from jit_access.domain.reasons import Reason
from registry_proxy.audit_sink.ids import random_hex
from registry_proxy.edge.refusal import EdgeRefusal
from registry_proxy.exchange.recording import denial_fields, short_text
from registry_proxy.protocols.asked import ExchangeFacts
from registry_proxy.protocols.http1 import RequestHead
from registry_proxy.protocols.tracing import trace_of
from registry_proxy.server.client_connection import ClientConnection
from registry_proxy.server.conversation import Conversation
from registry_proxy.server.remembering import HeadReader
from registry_proxy.server.responding import render_answer
from registry_proxy.server.services import Services, log_fields

_log = logging.getLogger(__name__)
TURNED_AWAY_MOST = 64
_NEVER_IN = object()


def new_exchange_id() -> str:
    """Also the X-Request-Id: ours always, a client's own could forge a trace."""
    return f"exc_{random_hex()}"


class Crowd:
    """All client connections of the process, over its listeners."""

    def __init__(self, most: int, most_per_address: int) -> None:
        self._most, self._most_per_address = most, most_per_address
        self._per_network: Counter[str] = Counter()
        self._turned_away: set[ClientConnection] = set()
        self.connections: dict[ClientConnection, Conversation | None] = {}

    def add(self, connection: ClientConnection) -> bool:
        """Count in; False when there are too many."""
        network = connection.network
        if len(self.connections) >= self._most or self._per_network[network] >= self._most_per_address:
            return False
        self.connections[connection] = None
        self._per_network[network] += 1
        return True

    def turn_away(self, connection: ClientConnection) -> bool:
        """True when there is room to say why: those who wait for an answer are a crowd too."""
        if len(self._turned_away) >= TURNED_AWAY_MOST:
            return False
        self._turned_away.add(connection)
        return True

    def remove(self, connection: ClientConnection) -> None:
        """Count out; one that was never in changes nothing."""
        self._turned_away.discard(connection)
        if self.connections.pop(connection, _NEVER_IN) is _NEVER_IN:
            return
        self._per_network[connection.network] -= 1
        if not self._per_network[connection.network]:
            del self._per_network[connection.network]


class Listener:
    """The owner of connections that came in by one scheme."""

    def __init__(self, services: Services, crowd: Crowd, scheme: bytes) -> None:
        self._services, self._crowd, self._scheme = services, crowd, scheme
        self.limits = services.limits
        self.edge_limits = services.edge_limits
        self.heads = HeadReader(self.edge_limits)
        self.is_draining = False

    def opened(self, connection: ClientConnection) -> Reason | None:
        """A client connected."""
        reason = self._refuse_connection(connection)
        if reason is None or self._crowd.turn_away(connection):
            return reason
        self._services.meter.request("deny", reason.value)
        connection.abort()
        return None

    def _refuse_connection(self, connection: ClientConnection) -> Reason | None:
        if not self._services.throttle.may_ask(connection.network):
            return Reason.RATE_LIMITED
        return None if self._crowd.add(connection) else Reason.TOO_MANY_CONNECTIONS

    def closed(self, connection: ClientConnection) -> None:
        """A client is gone."""
        self._crowd.remove(connection)

    def converse(self, connection: ClientConnection, head: RequestHead) -> Conversation:
        """One request passed the edge."""
        agent = (head.get(b"user-agent") or b"").decode("ascii")
        exchange_id = new_exchange_id()
        trace = trace_of(exchange_id, tuple([value for name, value in head.headers if name == b"traceparent"]))
        facts = ExchangeFacts(
            exchange_id, self._scheme + b"://" + head.host, self._services.public_url, connection.address, agent,
            trace.name, trace.parent,
        )  # fmt: skip
        conversation = Conversation(self._services, connection, head, facts)
        if connection in self._crowd.connections:
            self._crowd.connections[connection] = conversation
        return conversation

    def check_rate(self, connection: ClientConnection) -> None:
        """Before anything is parsed: a flood costs no more than this."""
        if not self._services.throttle.may_ask(connection.network):
            raise EdgeRefusal(429, Reason.RATE_LIMITED)

    def refused(self, connection: ClientConnection, refusal: EdgeRefusal, raw: bytes) -> None:
        """One request did not pass: one answer, one record, nothing upstream."""
        exchange_id = new_exchange_id()
        dialect = self._services.dialects.choose_raw(raw)
        answer = dialect.error(refusal.http_status, refusal.reason, refusal.sentence)
        self._services.strangers.note(
            "proxy.request.refused", connection.network,
            exchange=exchange_id, trace=exchange_id, address=connection.address,
            detail={"edge": refusal.sentence, "began": _began(raw)},
            **denial_fields(refusal.reason, answer.status),  # type: ignore[arg-type]  # three plain fields
        )  # fmt: skip
        self._services.meter.request("deny", refusal.reason.value)
        _log.info("proxy.edge.refused", extra=log_fields(request_id=exchange_id, reason=refusal.reason.value))
        connection.write(render_answer(answer, "GET", exchange_id, closes=True))


def _began(raw: bytes) -> str:
    """The first words of what was refused: method and path, never a query or a header."""
    if not raw[:1].isalpha():
        return ""
    line = raw.partition(b"\r")[0].partition(b"\n")[0].partition(b"?")[0]
    return short_text(line[:120].decode("ascii", "backslashreplace"))
