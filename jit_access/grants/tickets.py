"""Which tickets are closed. Asked whenever something would be opened that stands on one."""

from __future__ import annotations

from jit_access.domain.reasons import Reason
from jit_access.grants.models import ClosedTicket


def ticket_refusal(ticket: str) -> Reason | None:
    """None while it is open, or where there is none."""
    is_closed = bool(ticket) and ClosedTicket.objects.filter(ticket=ticket_key(ticket)).exists()
    return Reason.TICKET_CLOSED if is_closed else None


def ticket_key(ticket: str) -> str:
    """Tickets are the same in any spelling of their letters."""
    return ticket.strip().lower()
