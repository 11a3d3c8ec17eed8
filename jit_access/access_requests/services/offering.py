"""Less than was asked: what an approver would sign instead.

The answer to an offer is composed from the request that everybody saw and from what policy says to the smaller scope
now. Nothing of it is stored before somebody signs it (ADR 0024).
"""

from __future__ import annotations

from copy import copy

from django.db import transaction

from jit_access.access_requests.drafts import RequestDraft, check_lasts
from jit_access.access_requests.less import Offer
from jit_access.access_requests.models import AccessRequest
from jit_access.access_requests.payloads import Considered, assess, hash_payload, narrow_payload
from jit_access.access_requests.services.deciding import ask_again_now, pinned_terms
from jit_access.domain.errors import CallerError, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import parse_scope
from jit_access.grants.meaning import check_meaning
from jit_access.policies.answers import strictest
from jit_access.policies.questions import Assurance, Proof
from jit_access.policies.selectors import get_version


def check_offer(request: AccessRequest, offer: Offer) -> None:
    """Raises: CallerError unless it is less than what is asked, and means something at this target."""
    check_lasts(offer.lasts_s)
    check_meaning(request.target, parse_scope(offer.scope.to_wire()))  # nothing without an operation
    asked = parse_scope(request.scope)
    if not offer.scope.is_within(asked) or offer.lasts_s > request.lasts_s:
        raise CallerError(Reason.WIDER_THAN_ASKED)
    if offer.scope == asked and offer.lasts_s == request.lasts_s:
        raise CallerError(
            Reason.WIDER_THAN_ASKED, "This is what was asked. Take something away, or approve it as it is."
        )
    if request.extends_id is not None and offer.scope != asked:
        # Tokens and running streams move to the new grant: an extension is the same access for longer.
        raise CallerError(Reason.INVALID_INPUT, "An extension goes on with the same scope. Offer less time instead.")


def offered_request(request: AccessRequest, offer: Offer) -> AccessRequest:
    """The request as it would be, with the payload to sign. Not stored: it is a copy to show, or to take over from.

    Raises: CallerError (wider-than-asked, invalid-input); PolicyRefusal with what policy says to the smaller scope.
    """
    check_offer(request, offer)
    wanted = copy(request)
    wanted.scope, wanted.lasts_s = offer.scope.to_wire(), offer.lasts_s
    with transaction.atomic():  # what an extension extends is locked while it is asked about
        answer, refusal = ask_again_now(wanted)
    version = get_version(answer.version)
    if refusal is not None or version is None:
        raise PolicyRefusal(refusal or Reason.POLICY_MISSING, rule=answer.decision.rule)
    draft = RequestDraft(request.target, offer.scope, offer.lasts_s, request.purpose, request.ticket, request.extends)
    risk = assess(request.requester, draft, request.created_at)
    considered = Considered(answer, version, risk, Proof(Assurance.NONE))
    terms = strictest((answer.terms, pinned_terms(request)))
    wanted.payload = narrow_payload(request, draft=draft, considered=considered, terms=terms)
    wanted.payload_hash = hash_payload(wanted.payload)
    wanted.policy_version, wanted.rules = version, list(answer.rules)
    wanted.risk, wanted.risk_reasons = risk.score, risk.wire
    return wanted
