"""Access that stands on a ticket ends with it. The ticket's own system says when: a service account with that role.

The check at each opening (asking, the last approval, the start) and the sweep here together leave no gap: what is
asked or started while a ticket is being closed either is found by the sweep or finds the ticket closed.
"""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.access_requests.drafts import clean_ticket
from jit_access.access_requests.models import AccessRequest
from jit_access.access_requests.news import tell_requester
from jit_access.access_requests.selectors import lock_request
from jit_access.access_requests.services.deciding import end_locked
from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.lifecycle import GrantState, RequestState
from jit_access.domain.reasons import Reason
from jit_access.domain.roles import TICKET_SYSTEMS
from jit_access.grants.access import group_names
from jit_access.grants.models import ClosedTicket, Grant
from jit_access.grants.refusals import refusals_recorded
from jit_access.grants.selectors import lock_grant
from jit_access.grants.services.ending import Ending, close_grant
from jit_access.grants.tickets import ticket_key

_OPEN = (GrantState.SCHEDULED, GrantState.ACTIVATING, GrantState.ACTIVE, GrantState.SUSPENDED)


@dataclass(frozen=True, slots=True)
class Closed:
    """What ended with a ticket, this time. `is_news` is False for a repeat that found nothing more."""

    ticket: str
    requests: int
    grants: int
    is_news: bool


def close_ticket(*, actor: User, ticket: str) -> Closed:
    """End everything that stands on a ticket, now. A repeat finds nothing more, or what slipped in meanwhile.

    Raises: PolicyRefusal (not-a-ticket-system, account-locked); CallerError for a name that is none.
    """
    with refusals_recorded(actor=actor.ref, kind="ticket.close"):
        cleaned = clean_ticket(ticket)
        _check_may_say(actor)
        with audited(actor=actor.ref) as audit:
            facts = {"closed_at": clock.now(), "closed_by": actor}
            _, is_new = ClosedTicket.objects.get_or_create(ticket=ticket_key(cleaned), defaults=facts)
            ended = _end_requests(actor, cleaned)
            closed = _close_grants(actor, cleaned)
            is_news = is_new or bool(ended or closed)
            if is_news:
                detail: dict[str, str | int | bool] = {"ticket": cleaned, "requests": ended, "grants": closed}
                audit.record("ticket.closed", reason=Reason.TICKET_CLOSED, detail=detail)
    return Closed(cleaned, ended, closed, is_news)


def reopen_ticket(*, actor: User, ticket: str) -> None:
    """It can be asked for again. What ended stays ended. Raises: as `close_ticket`."""
    with refusals_recorded(actor=actor.ref, kind="ticket.reopen"):
        cleaned = clean_ticket(ticket)
        _check_may_say(actor)
        with audited(actor=actor.ref) as audit:
            gone, _ = ClosedTicket.objects.filter(ticket=ticket_key(cleaned)).delete()
            if gone:
                audit.record("ticket.reopened", detail={"ticket": cleaned})


def _check_may_say(actor: User) -> None:
    if not actor.is_active:
        raise PolicyRefusal(Reason.ACCOUNT_LOCKED)
    if actor.is_person or TICKET_SYSTEMS not in group_names(actor):
        raise PolicyRefusal(Reason.NOT_A_TICKET_SYSTEM)


def _end_requests(actor: User, ticket: str) -> int:
    count = 0
    waiting = AccessRequest.objects.filter(ticket__iexact=ticket, state=RequestState.PENDING)
    for pk in waiting.order_by("pk").values_list("pk", flat=True):
        request = lock_request(pk)
        if request.state == RequestState.PENDING:
            end_locked(request, RequestState.INVALIDATED, Reason.TICKET_CLOSED, actor=actor.ref)
            tell_requester(request)
            count += 1
    return count


def _close_grants(actor: User, ticket: str) -> int:
    open_ones = Grant.objects.filter(request__ticket__iexact=ticket, state__in=_OPEN).order_by("pk")
    ending = Ending(Reason.TICKET_CLOSED, actor.ref, actor)
    return sum(close_grant(lock_grant(pk), ending) for pk in open_ones.values_list("pk", flat=True))
