"""Every write to an access request."""

from __future__ import annotations

from jit_access.access_requests.drafts import RequestDraft, make_draft
from jit_access.access_requests.services.answering import give_verdict, withdraw_request
from jit_access.access_requests.services.asking import (
    Preview,
    PreviewStep,
    preview_request,
    submit_extension,
    submit_request,
)
from jit_access.access_requests.services.expiring import expire_due_requests, invalidate_requests_of

__all__ = [
    "Preview",
    "PreviewStep",
    "RequestDraft",
    "expire_due_requests",
    "give_verdict",
    "invalidate_requests_of",
    "make_draft",
    "preview_request",
    "submit_extension",
    "submit_request",
    "withdraw_request",
]
