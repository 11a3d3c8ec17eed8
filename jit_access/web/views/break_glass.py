"""Break-glass as pages: the one that asks, and the reviews that follow."""

from __future__ import annotations

import hashlib
import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from jit_access.access_requests import access, selectors, services
from jit_access.access_requests.drafts import RequestDraft
from jit_access.access_requests.knowing import known_to
from jit_access.access_requests.services import break_glass, reviewing
from jit_access.access_requests.services.break_glass import EmergencyCall
from jit_access.core import clock
from jit_access.domain.errors import CallerError, Conflict, GatewayError, NotFound, PeerError, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.domain.roles import SECURITY
from jit_access.domain.scopes import ResourceScope, make_scope
from jit_access.mfa import services as mfa
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, Assurance, require_fresh
from jit_access.web import figures
from jit_access.web.frames import assurance_of, groups_of
from jit_access.web.pages import page, person, render_page, say
from jit_access.web.presenters import break_glass as words
from jit_access.web.presenters.request_form import OPERATION_CHOICES
from jit_access.web.proofs import CODE_PROBLEMS, code_problem, code_status, passkey_part, prove_here

_METHODS = ["GET", "HEAD", "POST"]
_HISTORY = 100
_OPERATIONS = dict(OPERATION_CHOICES)
_PLACEHOLDER = "To be said on the page that asks."


@require_http_methods(_METHODS)
@page()
def open_glass(request: HttpRequest) -> HttpResponse:
    """GET says what it would open and whom it skips; POST opens it, with a second factor that came with it."""
    actor = person(request)
    draft, back = _asked(request)
    if request.method != "POST":
        return _ask(request, draft, words.Typed(back))
    typed = words.Typed(back, request.POST.get("purpose", ""), request.POST.get("typed", ""))
    try:
        complete = services.make_draft(
            target=draft.target, scope=draft.scope, lasts_s=draft.lasts_s, purpose=typed.purpose
        )
        call = EmergencyCall(complete, typed.typed)
        break_glass.check_call(call)
        grant = break_glass.open_at_once(actor=actor, call=call, assurance=_prove(request, draft))
    except (CallerError, PolicyRefusal, PeerError) as error:
        if isinstance(error, NotFound):
            raise
        return _ask_again(request, draft, typed, error)
    lasts = figures.round_duration(grant.lasts_s)
    say(
        request,
        f"Open for {lasts}, without approval.",
        "Everybody in Security was told. Get a token, then act.",
        "stop",
    )
    return redirect("web:my-access")


@require_safe
@page()
def show_reviews(request: HttpRequest) -> HttpResponse:
    """What waits for a review, and what was said. Security and auditors see all, others their own."""
    rows = reviewing.visible_reviews(actor=person(request)).order_by("-opened_at", "-pk")[:_HISTORY]
    built = words.build_list(list(rows), clock.now())
    return render_page(request, "web/break_glass_reviews.html", built, current="break-glass")


@require_http_methods(_METHODS)
@page()
def show_review(request: HttpRequest, public_id: str) -> HttpResponse:
    """One review; POST closes it."""
    actor = person(request)
    review = reviewing.get_review(actor=actor, public_id=public_id)
    if request.method != "POST":
        return _review(request, public_id)
    require_fresh(request, STEP_UP_MAX_AGE_S)
    typed = (request.POST.get("verdict", ""), request.POST.get("note", ""))
    try:
        if typed[0] not in {"yes", "no"}:
            raise CallerError(Reason.INVALID_INPUT, "Choose a verdict.", field="verdict")
        reviewing.close_review(
            actor=actor, review=review, is_justified=typed[0] == "yes", note=typed[1], assurance=assurance_of(request)
        )
    except (CallerError, Conflict) as error:
        if isinstance(error, NotFound):
            raise
        return _review(request, public_id, typed, error)
    say(request, "The review is closed.", f"{figures.first_name(review.opened_by.display_name)} is told.")
    return redirect("web:break-glass")


def _asked(request: HttpRequest) -> tuple[RequestDraft, tuple[tuple[str, str], ...]]:
    """What is to be opened: what an own request asked for, or one repository from the form. Raises: NotFound."""
    actor, sent = person(request), request.POST if request.method == "POST" else request.GET
    if earlier := sent.get("request"):
        row = access.get_request(actor=actor, public_id=earlier)
        if row.requester_id != actor.pk:
            raise NotFound
        return selectors.ask_again_from(row), (("request", earlier),)
    wanted, operations = sent.get("resource", ""), sent.get("operations", "pull")
    repository = known_to(actor).repositories().filter(public_id=wanted, gone_at=None).first() if wanted else None
    if repository is None or operations not in _OPERATIONS:
        raise NotFound
    scope = make_scope([ResourceScope(repository.name, _OPERATIONS[operations])])
    draft = services.make_draft(target=repository.target, scope=scope, lasts_s=figures.HOUR_S, purpose=_PLACEHOLDER)
    return draft, (("resource", wanted), ("operations", operations))


def _prove(request: HttpRequest, draft: RequestDraft) -> Assurance:
    """A factor that came with this very form. A passkey answers for this person, these things and nothing else."""
    if answer := request.POST.get("passkey"):
        address = mfa.client_address(request)
        return mfa.prove_passkey_once(request, answer=answer, payload_hash=_hash(request, draft), address=address)
    if not request.POST.get("code"):
        raise CallerError(Reason.INVALID_INPUT, "Type the code that your app shows now.", field="code")
    prove_here(request)
    return assurance_of(request)


def _hash(request: HttpRequest, draft: RequestDraft) -> str:
    facts = ["break-glass", person(request).public_id, draft.target.public_id, draft.scope.to_wire()]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _ask(request: HttpRequest, draft: RequestDraft, typed: words.Typed, *, status: int = 200) -> HttpResponse:
    offer = break_glass.find_offer(actor=person(request), draft=draft)
    passkey = passkey_part(request, _hash(request, draft))
    built = words.build_glass(draft, offer, typed, passkey)
    return render_page(request, "web/break_glass.html", built, current="request-new", status=status)


def _ask_again(request: HttpRequest, draft: RequestDraft, typed: words.Typed, error: GatewayError) -> HttpResponse:
    is_code = error.reason in CODE_PROBLEMS or error.fields.get("field") == "code"
    sentence = code_problem(error) if error.reason in CODE_PROBLEMS else error.sentence
    said = words.Typed(typed.back, typed.purpose, typed.typed, error, sentence if is_code else "")
    status = code_status(error) if error.reason in CODE_PROBLEMS else 422 if "field" in error.fields else error.status
    return _ask(request, draft, said, status=status)


def _review(
    request: HttpRequest, public_id: str, typed: tuple[str, str] = ("", ""), error: GatewayError | None = None
) -> HttpResponse:
    actor = person(request)
    review = reviewing.get_review(actor=actor, public_id=public_id)
    built = words.build_review(
        review,
        clock.now(),
        why_not=reviewing.why_not_review(actor, review),
        typed=typed,
        error=error,
        can_revoke=SECURITY in groups_of(request),
    )
    status = 200 if error is None else 422 if "field" in error.fields else error.status
    return render_page(request, "web/break_glass_review.html", built, current="break-glass", status=status)
