"""What an agent asks, held against the envelopes that people approved for it before."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from jit_access.access_requests.drafts import RequestDraft
from jit_access.access_requests.models import AccessRequest
from jit_access.accounts.models import User
from jit_access.envelopes.fitting import Fit, find_fit, whole_of
from jit_access.envelopes.limits import Wish
from jit_access.policies.answers import PolicyAnswer, without_people


def fit_of(
    actor: User, draft: RequestDraft, answer: PolicyAnswer, now: datetime, *, workload: str, locks: bool
) -> Fit | None:
    """The envelope that holds it, or the nearest one; None for people, and where policy asks nobody or says no.

    `workload`: public id of the workload trust behind the token that asks. `locks`: see `find_fit`.
    """
    if actor.is_person or not answer.is_allowed or not answer.approvals:
        return None
    extends = draft.extends
    fit = find_fit(
        agent=actor,
        target=draft.target,
        wish=Wish(
            scope=draft.scope,
            lasts_s=draft.lasts_s,
            whole_s=whole_of(extends, draft.lasts_s, now),
            workload=workload,
            is_later=draft.not_before is not None,
            is_bundled=draft.bundle is not None,
            extends_elsewhere=extends is not None and not extends.envelope,
        ),
        approvals=answer.approvals,
        now=now,
        locks=locks,
    )
    if fit is None or extends is None or not extends.envelope or extends.envelope == fit.envelope.public_id:
        return fit
    return fit.elsewhere()


def terms_inside(answer: PolicyAnswer, fit: Fit) -> PolicyAnswer:
    """Policy's answer with the envelope in place of the people, and with its part of the day's bytes at most."""
    limit = fit.envelope.bytes_per_grant
    budget = min(answer.byte_budget, limit) if answer.byte_budget else limit
    alone = without_people(answer)
    return replace(alone, terms=replace(alone.terms, byte_budget=budget))


def words_of(fit: Fit | None) -> dict[str, Any]:
    """What the payload says of it: what is signed and shown. Nothing where there is none, as it always was."""
    if fit is None:
        return {}
    return {"envelope": fit.wire} if fit.is_inside else {"outside": fit.outside}


def outside_of(request: AccessRequest) -> list[dict[str, str]]:
    """Which limits of which envelope a request exceeds, field by field."""
    return list(request.payload.get("outside", ()))


def envelope_of(request: AccessRequest) -> dict[str, Any] | None:
    """The envelope inside which it was granted: id, name, who signed it last, and when."""
    found: dict[str, Any] | None = request.payload.get("envelope")
    return found
