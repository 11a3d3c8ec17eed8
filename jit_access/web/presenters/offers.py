"""Less than was asked, on the approval page: what can be taken away, and what would be signed then."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

from django.urls import reverse

from jit_access.access_requests.less import taken_away, what_is_less
from jit_access.access_requests.models import AccessRequest
from jit_access.access_requests.services import Offer
from jit_access.domain.narrowing import narrowing_of
from jit_access.domain.operations import Operation
from jit_access.domain.scopes import ResourceScope, Scope
from jit_access.web import figures
from jit_access.web.offers import offer_text
from jit_access.web.presenters import words
from jit_access.web.presenters.cases import Case
from jit_access.web.presenters.request_form import Answers, references_field
from jit_access.web.references import MAX_CHARS, references_text
from jit_access.web.viewmodels.approvals import ApprovalPage, OfferedResource, OfferForm
from jit_access.web.viewmodels.parts import Action, Fact, Field, Hidden, Notice, Option

DURATIONS_S = (900, 1800, 3600, 7200, 14400, 28800, 86400, 7 * 86400)
QUICK = 2  # the longest ones that are still less


def with_offer(page: ApprovalPage, asked: Case, offer: Offer | None, *, may_answer: bool) -> ApprovalPage:
    """The page with what can be offered; `offer` is what it shows instead of what was asked."""
    facts = (*page.references, *narrowed_facts(asked.request))
    if not may_answer:
        return replace(page, references=facts)
    form = _form(asked, offer)
    if offer is None:
        return replace(page, references=facts, offer=form)
    hidden = (*page.hidden, Hidden("offered", offer_text(offer)))
    return replace(page, references=facts, offer=form, hidden=hidden, notice=_notice(asked, offer))


def narrowed_facts(request: AccessRequest) -> tuple[Fact, ...]:
    """What approvers took away since it was sent."""
    rows = request.narrowings.select_related("approver").order_by("pk")
    return tuple(Fact(f"Less, by {words.short_name(row.approver)}", "; ".join(taken_away(row))) for row in rows)


def _notice(asked: Case, offer: Offer) -> Notice:
    name = words.short_name(asked.request.requester)
    less = "; ".join(what_is_less(Offer(asked.scope, asked.request.lasts_s), offer))
    before = [words.short_name(verdict.approver) for verdict in asked.verdicts if verdict.is_approval]
    again = f" {figures.joined(before)} approved more, and will be asked again." if before else ""
    return Notice(
        f"Less than {name} asked: {less}.",
        f"Nothing is decided yet. What you sign is what is shown here.{again}",
        "wait",
        "clock",
        Action("Show what was asked", reverse("web:approval", args=[asked.request.public_id])),
    )


def _form(asked: Case, offer: Offer | None) -> OfferForm:
    request = asked.request
    href = reverse("web:approval", args=[request.public_id])
    shorter = [lasts_s for lasts_s in DURATIONS_S if lasts_s < request.lasts_s]
    shown_s = offer.lasts_s if offer else request.lasts_s
    quick = [lasts_s for lasts_s in reversed(shorter[-QUICK:]) if lasts_s != shown_s]
    return OfferForm(
        href=href,
        quick=tuple(
            Action(f"Offer {figures.round_duration(s)}", f"{href}?{urlencode({'offer': 'time', 'lasts_s': s})}")
            for s in quick
        ),
        durations=tuple(
            Option(str(s), figures.round_duration(s), is_chosen=s == shown_s) for s in (*shorter, request.lasts_s)
        )
        if shorter
        else (),
        resources=() if request.extends_id is not None else _resources(asked, offer),
        is_open=offer is not None and offer.scope != asked.scope,
    )


def _resources(asked: Case, offer: Offer | None) -> tuple[OfferedResource, ...]:
    scope = offer.scope if offer else asked.scope
    kind = asked.request.target.kind
    return tuple(_resource(index, part, scope, kind) for index, part in enumerate(asked.scope.resources))


def _resource(index: int, part: ResourceScope, shown: Scope, kind: str) -> OfferedResource:
    kept = shown.find(part.repository)
    held = kept.operations if kept else frozenset()
    options = tuple(
        Option(f"{index}.{operation}", operation.verb.capitalize(), is_chosen=operation in held)
        for operation in Operation
        if operation in part.operations
    )
    return OfferedResource(index, part.repository, options, _references(index, kept or part, kind))


def _references(index: int, part: ResourceScope, kind: str) -> Field | None:
    if not narrowing_of(kind, part.repository):
        return None
    field = references_field(Answers(), kind)
    label = f"Only these {field.label.partition(',')[0].lower()}, one per line; empty is all that was asked"
    return Field(
        f"only-{index}", label, references_text(part), "textarea", field.hint, max_chars=MAX_CHARS, is_required=False
    )
