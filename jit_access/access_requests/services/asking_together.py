"""Asking for several things at once, at several targets: one bundle, sent whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from jit_access.access_requests.drafts import RequestDraft, clean_key
from jit_access.access_requests.models import AccessRequest, Bundle
from jit_access.access_requests.services.asking import submit_request
from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.domain.errors import CallerError, Conflict
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.reasons import Reason
from jit_access.grants.refusals import refusals_recorded
from jit_access.mfa.assurance import Assurance

MOST = 10


def submit_bundle(
    *,
    actor: User,
    drafts: Sequence[RequestDraft],
    is_all_or_nothing: bool,
    assurance: Assurance,
    idempotency_key: str = "",
) -> Bundle:
    """Ask for all of these. If one could not be asked, nothing is sent: the refusal is of that one.

    The same idempotency key again gives the same bundle. Raises: as `submit_request`; CallerError for their number.
    """
    key = clean_key(idempotency_key)
    with refusals_recorded(actor=actor.ref, kind="bundle.submit"), audited(actor=actor.ref) as audit:
        requester = User.objects.select_for_update(no_key=True).get(pk=actor.pk)
        if (known := _known_by_key(requester, drafts, key)) is not None:
            return known
        if not 2 <= len(drafts) <= MOST or any(draft.extends is not None for draft in drafts):
            raise CallerError(Reason.INVALID_INPUT, f"Ask for between 2 and {MOST} things together, none an extension.")
        bundle = Bundle.objects.create(
            requester=requester, is_all_or_nothing=is_all_or_nothing, size=len(drafts), idempotency_key=key
        )
        audit.record("bundle.submitted", detail={"bundle": bundle.public_id, "size": bundle.size})
        for draft in drafts:
            submit_request(actor=actor, draft=replace(draft, bundle=bundle, idempotency_key=""), assurance=assurance)
    return bundle


def parts_of(bundle: Bundle) -> list[AccessRequest]:
    """Every request of it, in the order of asking."""
    return list(bundle.requests.select_related("requester", "target", "bundle", "policy_version").order_by("pk"))


def outcome_of(parts: Sequence[AccessRequest]) -> str:
    """`waiting`, `granted`, `partly` or `ended`: what became of all of them."""
    now = clock.now()
    states = {part.state for part in parts}
    if any(part.state == RequestState.PENDING and part.answer_by > now for part in parts):
        return "waiting"
    if states == {RequestState.APPROVED}:
        return "granted"
    return "partly" if RequestState.APPROVED in states else "ended"


def _known_by_key(actor: User, drafts: Sequence[RequestDraft], key: str) -> Bundle | None:
    known = Bundle.objects.filter(requester=actor, idempotency_key=key).first() if key else None
    if known is None:
        return None
    sent = [(part.target_id, part.purpose) for part in parts_of(known)]
    if sent != [(draft.target.pk, draft.purpose) for draft in drafts]:
        raise Conflict(Reason.DUPLICATE_REQUEST, "This idempotency key belongs to another request.")
    return known
