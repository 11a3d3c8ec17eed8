"""Every write to an access request."""

from __future__ import annotations

from jit_access.access_requests.drafts import RequestDraft, make_draft, starting_later
from jit_access.access_requests.less import Offer
from jit_access.access_requests.services.answering import Answer, give_verdict, make_answer, withdraw_request
from jit_access.access_requests.services.asking import (
    Preview,
    PreviewStep,
    preview_request,
    submit_extension,
    submit_request,
)
from jit_access.access_requests.services.asking_together import outcome_of, parts_of, submit_bundle
from jit_access.access_requests.services.commenting import add_comment, why_not_comment
from jit_access.access_requests.services.expiring import expire_due_requests, invalidate_requests_of
from jit_access.access_requests.services.holder_reminders import remind_holders
from jit_access.access_requests.services.narrowing import approve_less, give, preview_offer
from jit_access.access_requests.services.tickets import close_ticket, reopen_ticket

__all__ = [
    "Answer",
    "Offer",
    "Preview",
    "PreviewStep",
    "RequestDraft",
    "add_comment",
    "approve_less",
    "close_ticket",
    "expire_due_requests",
    "give",
    "give_verdict",
    "invalidate_requests_of",
    "make_answer",
    "make_draft",
    "outcome_of",
    "parts_of",
    "preview_offer",
    "preview_request",
    "remind_holders",
    "reopen_ticket",
    "starting_later",
    "submit_bundle",
    "submit_extension",
    "submit_request",
    "why_not_comment",
    "withdraw_request",
]
