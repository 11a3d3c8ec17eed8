"""Reviews of access: start one, read it, say of each membership whether it stays, take the evidence."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from jit_access.access_reviews import access, services
from jit_access.access_reviews.entitlements import groups_with_meaning
from jit_access.access_reviews.evidence import as_csv, as_json
from jit_access.access_reviews.models import Decision, ReviewItem
from jit_access.access_reviews.people import why_not_decide
from jit_access.core import clock
from jit_access.domain.errors import CallerError, GatewayError, NotFound
from jit_access.domain.reasons import Reason
from jit_access.mfa.assurance import require_fresh
from jit_access.policies.errors import PolicyBroken
from jit_access.policies.services import compiled_policy
from jit_access.web.frames import assurance_of
from jit_access.web.pages import NEEDS_PROOF, page, person, render_page, say
from jit_access.web.presenters import reviews as words
from jit_access.web.proofs import CODE_PROBLEMS, code_problem, code_status, passkey_part, prove_here
from jit_access.web.viewmodels.parts import Notice

_METHODS = ["GET", "HEAD", "POST"]


@require_safe
@page()
def show_reviews(request: HttpRequest) -> HttpResponse:
    """All that one may see; a 404 for whoever is asked nothing."""
    actor = person(request)
    rows = access.visible_campaigns(actor)
    if not rows and not access.sees_all(actor):
        raise NotFound
    built = words.build_list(rows, may_start=access.may_start(actor), now=clock.now())
    return render_page(request, "web/reviews.html", built, current="reviews")


@require_safe
@page()
def show_review(request: HttpRequest, public_id: str) -> HttpResponse:
    """One review: what waits first."""
    actor = person(request)
    row = access.get_campaign(actor, public_id)
    items = access.visible_items(actor, row)
    decidable = {item.pk for item in items if why_not_decide(actor, item) is None}
    built = words.build_page(row, items, decidable=decidable, has_exports=access.sees_all(actor), now=clock.now())
    return render_page(request, "web/review.html", built, current="reviews")


@require_http_methods(_METHODS)
@page()
def start(request: HttpRequest) -> HttpResponse:
    """For security."""
    actor, notice = person(request), None
    if not access.may_start(actor):
        raise NotFound
    sent = {name: str(value) for name, value in request.POST.items()}
    chosen = request.POST.getlist("groups")
    if request.method == "POST":
        held = require_fresh(request, services.FACTOR_MAX_AGE_S)
        days = sent.get("days", "")
        lasts = timedelta(days=int(days) if days.isascii() and days.isdecimal() and len(days) < 4 else 0)
        draft = services.CampaignDraft(
            sent.get("title", ""),
            tuple(chosen),
            clock.now() + lasts,
            sent.get("reviewers", ""),
            sent.get("undecided", ""),
        )
        try:
            row = services.start_campaign(actor=actor, draft=draft, assurance=held)
        except CallerError as error:
            notice = Notice(error.sentence, "Nothing was started.", "wait", "alert", code=str(error.reason))
        else:
            say(request, "The review is open.", "Whoever decides is told.")
            return redirect("web:review", public_id=row.public_id)
    try:
        groups = groups_with_meaning(compiled_policy())
    except PolicyBroken:
        groups = groups_with_meaning(None)
    form = words.start_form(groups, sent, chosen, notice)
    return render_page(request, "web/review_form.html", form, current="reviews", status=400 if notice else 200)


@require_http_methods(_METHODS)
@page()
def decide(request: HttpRequest, public_id: str) -> HttpResponse:
    """Does this membership stay? Opening decides nothing."""
    actor = person(request)
    item = access.get_item(actor, public_id)
    if request.method != "POST":
        return _render_item(request, item)
    try:
        if request.POST.get("code") or request.POST.get("passkey"):
            prove_here(request)
        answer = request.POST.get("answer", "")
        if answer not in {"keep", "revoke"}:
            raise CallerError(Reason.INVALID_INPUT, "Say whether it is kept or revoked.")
        row = services.decide(
            actor=actor,
            item=item,
            keeps=answer == "keep",
            note=request.POST.get("note", ""),
            assurance=assurance_of(request),
        )
    except GatewayError as error:
        return _refused(request, item, error)
    is_revoked = row.decision == Decision.REVOKED
    more = "Grants that rested on it ended." if is_revoked else ""
    say(request, f"{row.subject.display_name} {'is out of' if is_revoked else 'keeps'} {row.group}.", more)
    return redirect("web:review", public_id=row.campaign.public_id)


@require_safe
@page()
def evidence(request: HttpRequest, public_id: str, form: str) -> HttpResponse:
    """For those who see all: a table for people, or everything with the log's proofs."""
    actor = person(request)
    row = access.get_campaign(actor, public_id)
    if form not in {"csv", "json"} or not access.sees_all(actor):
        raise NotFound
    items = access.visible_items(actor, row)
    if form == "csv":
        response = HttpResponse(as_csv(items), content_type="text/csv; charset=utf-8")
    else:
        response = HttpResponse(as_json(row, items), content_type="application/json; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="review-{row.public_id}.{form}"'
    return response


def _refused(request: HttpRequest, item: ReviewItem, error: GatewayError) -> HttpResponse:
    if error.reason in CODE_PROBLEMS:
        return _render_item(request, item, code=code_problem(error), status=code_status(error))
    if error.reason in NEEDS_PROOF:
        return _render_item(request, item, code="Type a code; your last proof is too old for this.", status=422)
    if error.reason == Reason.INVALID_INPUT:
        return _render_item(request, item, problem=error.sentence, status=422)
    if error.reason in {Reason.OWN_MEMBERSHIP, Reason.REVIEW_CLOSED}:
        notice = Notice(error.sentence, "Nothing was decided.", "wait", "alert", code=str(error.reason))
        fresh = access.get_item(person(request), item.public_id)
        return _render_item(request, fresh, notice=notice, status=error.status)
    raise error


def _render_item(
    request: HttpRequest,
    item: ReviewItem,
    *,
    problem: str = "",
    code: str = "",
    notice: Notice | None = None,
    status: int = 200,
) -> HttpResponse:
    held, sent = assurance_of(request), {name: str(value) for name, value in request.POST.items()}
    is_fresh = held.is_proved and held.age_s is not None and held.age_s <= services.FACTOR_MAX_AGE_S
    why_not = why_not_decide(person(request), item)
    built = words.build_item(item, why_not=why_not, sent=sent, problem=problem, notice=notice)
    if code or not is_fresh:
        built = replace(built, code=words.code_field(code, passkey_part(request)))
    return render_page(request, "web/review_item.html", built, current="reviews", status=status)
