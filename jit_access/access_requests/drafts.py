"""What somebody wants to ask, as a value that can be trusted: bounded, cleaned, parsed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings

from jit_access.access_requests.models import Bundle
from jit_access.core import clock
from jit_access.domain.audit_record import clean_text
from jit_access.domain.errors import CallerError
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import Scope
from jit_access.grants.meaning import check_meaning
from jit_access.grants.models import Grant
from jit_access.targets.models import Target

MIN_LASTS_S = 60
MAX_LASTS_S = 30 * 24 * 3600
MAX_PURPOSE_CHARS = 1000
MAX_TICKET_CHARS = 60
MAX_NOTE_CHARS = 500
MAX_COMMENT_CHARS = 1000
MAX_KEY_CHARS = 80


@dataclass(frozen=True, slots=True)
class RequestDraft:
    """A request before it is one. `extends` names the running grant that the new one would take over from."""

    target: Target
    scope: Scope
    lasts_s: int
    purpose: str
    ticket: str = ""
    extends: Grant | None = None
    idempotency_key: str = ""
    not_before: datetime | None = None
    bundle: Bundle | None = None


def make_draft(
    *, target: Target, scope: Scope, lasts_s: int, purpose: str, ticket: str = "", idempotency_key: str = ""
) -> RequestDraft:
    """Check what a person typed. Raises: CallerError (invalid-input) with the sentence to show beside the field."""
    check_lasts(lasts_s)
    check_meaning(target, scope)
    return RequestDraft(
        target=target,
        scope=scope,
        lasts_s=lasts_s,
        purpose=_line("The purpose", purpose, MAX_PURPOSE_CHARS, is_needed=True),
        ticket=_line("The ticket", ticket, MAX_TICKET_CHARS),
        idempotency_key=clean_key(idempotency_key),
    )


def starting_later(draft: RequestDraft, not_before: datetime | None) -> RequestDraft:
    """The same, to be started then or after. A moment that is past already is at once.

    Raises: CallerError for one that is too far away to be promised, or of an extension, which goes on from now.
    """
    now = clock.now()
    if not_before is None or not_before <= now:
        return draft
    if draft.extends is not None:
        raise CallerError(Reason.INVALID_INPUT, "An extension starts before what it extends has ended.")
    if not_before > now + timedelta(seconds=settings.NOT_BEFORE_WITHIN_S):
        days = settings.NOT_BEFORE_WITHIN_S // 86400
        raise CallerError(Reason.INVALID_INPUT, f"A start can be at most {days} days away. Ask for it later.")
    return replace(draft, not_before=not_before.replace(microsecond=0))


def clean_note(note: str) -> str:
    """What an approver wrote, safe to show. Raises: CallerError."""
    return _line("The note", note, MAX_NOTE_CHARS)


def clean_ticket(ticket: str) -> str:
    """The name of a ticket. Raises: CallerError."""
    return _line("The ticket", ticket, MAX_TICKET_CHARS, is_needed=True)


def clean_key(key: str) -> str:
    """What a client calls an attempt. Raises: CallerError."""
    return _line("The idempotency key", key, MAX_KEY_CHARS)


def clean_comment(text: str) -> str:
    """What somebody asks or answers, safe to show. Raises: CallerError."""
    return _line("The comment", text, MAX_COMMENT_CHARS, is_needed=True)


def check_lasts(lasts_s: int) -> None:
    """Raises: CallerError unless it is a sensible length of time."""
    if not MIN_LASTS_S <= lasts_s <= MAX_LASTS_S:
        raise CallerError(Reason.INVALID_INPUT, "Ask for at least one minute and at most 30 days.")


def _line(name: str, text: str, limit: int, *, is_needed: bool = False) -> str:
    # Direction marks and control characters could make an approver read another sentence than was written.
    cleaned = clean_text(" ".join(text.split()))
    if is_needed and not cleaned:
        raise CallerError(Reason.INVALID_INPUT, f"{name} is missing.")
    if len(cleaned) > limit:
        raise CallerError(Reason.INVALID_INPUT, f"{name} has at most {limit} characters.")
    return cleaned
