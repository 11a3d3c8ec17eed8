"""Answers by a button in a chat. The rules are those of the pages; here is only what a chat may not do.

A chat account can be stolen without any second factor, and the button shows less than the page does. So an approval
counts only where policy opens it (`@approve_in_chat`), never for what is sensitive or critical, whatever policy says,
and only beside a fresh proof of the same person in our pages. A denial opens nothing, so it counts at once.
"""

from __future__ import annotations

from typing import Final

from jit_access.access_requests import selectors
from jit_access.access_requests.models import AccessRequest
from jit_access.access_requests.services.answering import expire_if_due, give_verdict
from jit_access.access_requests.services.deciding import ask_again_now, pinned_terms
from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.operations import Tier
from jit_access.domain.reasons import Reason
from jit_access.grants.refusals import refusals_recorded
from jit_access.mfa.marks import last_proof
from jit_access.targets.tiers import tiers_of

CHAT_TIERS: Final = frozenset({Tier.STANDARD})


def may_approve_in_chat(request: AccessRequest) -> bool:
    """Policy opened it when this was asked and does so now, and everything in it was and is of a low tier."""
    if not pinned_terms(request).approve_in_chat:
        return False
    parts = request.payload["resources"]
    now = tiers_of(request.target, [part["repository"] for part in parts])
    tiers = {Tier(part["tier"]) for part in parts}
    tiers |= {now.get(part["repository"], Tier.CRITICAL) for part in parts}
    if not tiers <= CHAT_TIERS:
        return False
    answer, invalid = ask_again_now(request)
    return invalid is None and answer.terms.approve_in_chat


def approve_in_chat(*, actor: User, request: AccessRequest, payload_hash: str) -> AccessRequest:
    """An approval by a button. Raises: PolicyRefusal (approve-on-page, second-factor-…) and all of `give_verdict`."""
    expire_if_due(request)
    with audited(actor=actor.ref):
        with refusals_recorded(actor=actor.ref, kind="request.answer", request=request.public_id):
            locked = selectors.lock_request(request.pk)
            # One that is decided is refused as on the page, with the name of who decided.
            if locked.state == RequestState.PENDING and not may_approve_in_chat(locked):
                raise PolicyRefusal(Reason.APPROVE_ON_PAGE)
        return give_verdict(
            actor=actor,
            request=locked,
            is_approval=True,
            note="",
            payload_hash=payload_hash,
            assurance=last_proof(actor),
        )


def deny_in_chat(*, actor: User, request: AccessRequest, note: str, payload_hash: str) -> AccessRequest:
    """A denial by a button. Raises: as `give_verdict`."""
    return give_verdict(
        actor=actor, request=request, is_approval=False, note=note, payload_hash=payload_hash, assurance=None
    )
