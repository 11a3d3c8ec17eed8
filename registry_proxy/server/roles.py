"""Who a client's connection talks to, as it sees them."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Protocol

from jit_access.domain.reasons import Reason
from registry_proxy.edge.limits import EdgeLimits
from registry_proxy.edge.refusal import EdgeRefusal
from registry_proxy.protocols.http1 import RequestHead
from registry_proxy.server.remembering import HeadReader
from registry_proxy.settings import Limits

if TYPE_CHECKING:  # the connection knows these roles; they only name it
    from registry_proxy.server.client_connection import ClientConnection


class Owner(Protocol):
    """The listener."""

    limits: Limits
    edge_limits: EdgeLimits
    heads: HeadReader
    is_draining: bool

    def opened(self, connection: ClientConnection) -> Reason | None:
        """Count it in; a reason when there are too many."""

    def closed(self, connection: ClientConnection) -> None:
        """Count it out."""

    def check_rate(self, connection: ClientConnection) -> None:
        """Raises EdgeRefusal when this network asks too often."""

    def refused(self, connection: ClientConnection, refusal: EdgeRefusal, raw: bytes) -> None:
        """Answer and record what the edge refused."""

    def converse(self, connection: ClientConnection, head: RequestHead) -> Conversing:
        """Begin one exchange."""


class Conversing(Protocol):
    """A running exchange."""

    def run(self) -> Coroutine[None, None, None]:
        """Everything, to the end."""

    def on_client_gone(self) -> None:
        """The connection is lost."""

    def on_client_paused(self) -> None:
        """The client takes no more for now."""

    def on_client_resumed(self) -> None:
        """The client caught up."""
