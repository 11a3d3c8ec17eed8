"""One request as every protocol sees it: what is known of it by now."""

from __future__ import annotations

from dataclasses import dataclass, field

from jit_access.domain.errors import GatewayError
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope
from registry_proxy.protocols.http1 import RequestHead
from registry_proxy.protocols.values import value
from registry_proxy.protocols.wanted import Admission, Classified, Wanted


@value
class ExchangeFacts:
    """What the listener knows about an exchange before its first byte is judged."""

    exchange_id: str
    origin: bytes  # scheme://host, the scheme from the listener, the host from the checked field
    public_url: str
    address: str
    agent: str = ""
    trace: str = ""  # of the client, where it sent one; else the exchange's own id
    traceparent: bytes = b""  # for the registry
    envelope: str = ""  # of a refused grant: what people agreed to beforehand


@dataclass(slots=True)
class Asked:
    """Filled in as an exchange goes on. A dialect may replace `classified`, and leaves words for records in `notes`."""

    facts: ExchangeFacts
    head: RequestHead
    classified: Classified
    token: str | None = None
    body: bytes | None = None  # once it was read whole, because it decides
    admission: Admission | None = None
    now: float = 0.0  # UTC epoch seconds of the gate's yes
    asked_again: bool = False  # about what a preparation learned
    notes: dict[str, str] = field(default_factory=dict)

    def admitted(self) -> Admission:
        """The gate's yes. Asking before there is one is a bug."""
        if self.admission is None:
            raise GatewayError(Reason.INTERNAL_ERROR, "the gate was not asked")
        return self.admission

    def resource(self, wanted: Wanted) -> ResourceScope:
        """The part of the scope that covers a question."""
        found = self.admitted().view.scope.find(wanted.repository)
        if found is None:
            raise GatewayError(Reason.INTERNAL_ERROR, "the gate admitted a repository outside the scope")
        return found

    def restricted(self) -> ResourceScope | None:
        """The scope of the asked repository when it covers only some references."""
        found = self.resource(self.classified.wanted[0])
        return found if found.is_restricted else None
