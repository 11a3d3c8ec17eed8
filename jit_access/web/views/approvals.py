"""Approvals: the queue, the question, the answer. Opening never decides."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from jit_access.access_requests import access, selectors, services
from jit_access.access_requests.selectors import RequestDetail
from jit_access.core import clock
from jit_access.domain.errors import Conflict, GatewayError, NotFound
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.reasons import Reason
from jit_access.grants.access import may_revoke
from jit_access.grants.models import Grant
from jit_access.mfa.assurance import Assurance, Level
from jit_access.web import figures, reads
from jit_access.web.frames import assurance_of
from jit_access.web.offers import less_of, read_offer
from jit_access.web.pages import NEEDS_PROOF, page, person, render_page, say
from jit_access.web.presenters import approvals as words
from jit_access.web.presenters.activity import revoke_action
from jit_access.web.presenters.bundles import bundle_fact
from jit_access.web.presenters.cases import Case, load_case
from jit_access.web.presenters.offers import with_offer
from jit_access.web.proofs import CODE_PROBLEMS, code_problem, code_status, passkey_part, prove_verdict
from jit_access.web.viewmodels.parts import Notice
from jit_access.web.views.comments import talk_of, together_of
from jit_access.web.views.grants import REVOCABLE

# Refusals that the page itself can say, with the question still in view.
_SAID_ON_THE_PAGE = frozenset(
    {Reason.PAYLOAD_CHANGED, Reason.ALREADY_DECIDED, Reason.ALREADY_ANSWERED, Reason.ANSWER_TOO_LATE, Reason.WITHDRAWN}
)


@require_safe
@page()
def show_approvals(request: HttpRequest) -> HttpResponse:
    """Soonest deadline first; one's own requests without buttons."""
    actor, now = person(request), clock.now()
    queue = selectors.approvals_queue(actor=actor, now=now)
    if not any(item.may_answer for item in queue) and not reads.decides(actor):
        raise NotFound
    mine = [load_case(item.request, now) for item in queue if item.may_answer]
    own = [load_case(item.request, now) for item in queue if item.why_not == Reason.OWN_REQUEST]
    return render_page(request, "web/approvals.html", words.build_list(mine, own), current="approvals")


@require_safe
@page()
def show_approval(request: HttpRequest, public_id: str) -> HttpResponse:
    """May this person do this now? With an offer in the address: may they do this much of it?"""
    return _render(request, _load(request, public_id), sent=request.GET)


@require_POST
@page()
def approve(request: HttpRequest, public_id: str) -> HttpResponse:
    """The approval of exactly what was shown. A code in the form is the proof where the session's is too old."""
    return _answer(request, public_id, is_approval=True)


@require_http_methods(["GET", "HEAD", "POST"])
@page()
def deny(request: HttpRequest, public_id: str) -> HttpResponse:
    """The denial, with the reason that the requester reads. Without script it is a page of its own."""
    if request.method == "POST":
        return _answer(request, public_id, is_approval=False)
    detail = _load(request, public_id)
    if not detail.may_answer:
        return redirect("web:approval", public_id=public_id)
    return _render_deny(request, detail)


def _load(request: HttpRequest, public_id: str) -> RequestDetail:
    """A question that this person was asked, or may look at. One's own belongs on its own page."""
    actor = person(request)
    row = access.get_request(actor=actor, public_id=public_id)
    return selectors.describe_request(actor=actor, request=row, now=clock.now())


def _answer(request: HttpRequest, public_id: str, *, is_approval: bool) -> HttpResponse:
    request.confirm_page = reverse("web:approval", args=[public_id])  # type: ignore[attr-defined]  # where a GET works
    detail, payload_hash = _load(request, public_id), request.POST.get("payload_hash", "")
    try:
        offer = read_offer(request.POST, detail.request) if is_approval else None
        answer = services.make_answer(
            is_approval=is_approval,
            note=request.POST.get("note", ""),
            payload_hash=payload_hash,
            assurance=prove_verdict(request, payload_hash),
        )
        row = services.give(actor=person(request), request=detail.request, answer=answer, offer=offer)
    except GatewayError as error:
        return _refused(request, public_id, error, is_approval=is_approval)
    if row.state == RequestState.INVALIDATED:
        say(request, "This request ended meanwhile.", "What it stood on changed, so nothing was granted.", "wait")
    return redirect("web:approval", public_id=public_id)


def _refused(request: HttpRequest, public_id: str, error: GatewayError, *, is_approval: bool) -> HttpResponse:
    """What can be mended here is said here, with what was typed kept."""
    if error.reason in CODE_PROBLEMS or error.reason in NEEDS_PROOF:
        is_typed = error.reason in CODE_PROBLEMS
        problem = code_problem(error) if is_typed else "Type a code; your last proof is too old for this."
        status = code_status(error)
        detail = _load(request, public_id)
        if is_approval:
            return _render(request, detail, sent=request.POST, code_error=problem, status=status)
        return _render_deny(request, detail, code_error=problem, status=status)
    if isinstance(error, Conflict) and error.reason in _SAID_ON_THE_PAGE:
        detail = _load(request, public_id)
        title = (
            "This request changed while you read. Read it again."
            if error.reason == Reason.PAYLOAD_CHANGED
            else error.sentence
        )
        notice = Notice(title, "Nothing was decided by your answer.", "wait", "alert", code=str(error.reason))
        return _render(request, detail, notice=notice, status=409)
    raise error


def _render(
    request: HttpRequest,
    detail: RequestDetail,
    *,
    sent: QueryDict | None = None,
    code_error: str = "",
    notice: Notice | None = None,
    status: int = 200,
) -> HttpResponse:
    if detail.why_not in {Reason.NOT_AN_APPROVER, Reason.NOT_FOR_AGENTS} and not detail.verdicts:
        raise NotFound
    less = less_of(person(request), detail, sent)
    status = less.status if less.problem else status
    notice = notice or less.problem
    asked, case = _case(detail), less.case or _case(detail)
    assurance = assurance_of(request)
    weighing = words.Weighing(
        open_grants=reads.other_grant_count(detail.request),
        needs_code=_needs_code(assurance, detail.factor_max_age_s, detail.approver_level),
        proof_note=_proof_note(assurance, detail),
        passkey=passkey_part(request, case.request.payload_hash, level=detail.approver_level),
    )
    viewer = person(request)
    built = words.build_page(
        case, viewer=viewer, weighing=weighing, may_answer=detail.may_answer, code_error=code_error
    )
    built = with_offer(built, asked, less.offer if less.case else None, may_answer=detail.may_answer)
    if detail.why_not == Reason.OWN_REQUEST:
        built = replace(built, notice=words.own_request_notice(case))
    if detail.why_not == Reason.NOT_YET_ASKED:
        built = replace(built, notice=words.not_yet_asked_notice(case))
    if notice is not None:
        built = replace(built, notice=notice)
    grant = Grant.objects.filter(request=detail.request, state__in=REVOCABLE).select_related("subject").first()
    if grant is not None and may_revoke(viewer, grant):
        built = replace(built, revoke=revoke_action(grant))
    together = bundle_fact(detail.request, together_of(viewer, detail.request))
    built = replace(built, references=(*built.references, *together))
    talk = talk_of(request, detail.request)
    return render_page(request, "web/approval.html", built, current="approvals", status=status, talk=talk)


def _render_deny(
    request: HttpRequest, detail: RequestDetail, *, code_error: str = "", status: int = 200
) -> HttpResponse:
    confirm = words.deny_confirm(
        _case(detail),
        note=request.POST.get("note", ""),
        code_error=code_error,
        needs_code=bool(code_error) or _needs_code(assurance_of(request), detail.factor_max_age_s),
        passkey=passkey_part(request, detail.request.payload_hash),
    )
    return render_page(request, "web/confirm.html", None, current="approvals", confirm=confirm, status=status)


def _case(detail: RequestDetail) -> Case:
    return Case(detail.request, detail.steps, detail.verdicts, clock.now())


def _needs_code(assurance: Assurance, max_age_s: int, level: int = Level.SECOND_FACTOR) -> bool:
    is_fresh = assurance.age_s is not None and assurance.age_s <= max_age_s
    return not (assurance.is_proved and is_fresh and assurance.level >= level)


def _proof_note(assurance: Assurance, detail: RequestDetail) -> str:
    lent = detail.answers_for
    if lent is None or lent.until is None:
        return _own_proof_note(assurance, detail)
    until = figures.end_time(lent.until, clock.now())
    name = lent.person.display_name
    return f"You answer for {name} (delegated until {until}). {_own_proof_note(assurance, detail)}"


def _own_proof_note(assurance: Assurance, detail: RequestDetail) -> str:
    within, level = figures.round_duration(detail.factor_max_age_s), detail.approver_level
    needs_code = _needs_code(assurance, detail.factor_max_age_s, level)
    if needs_code and level >= Level.PHISHING_RESISTANT:
        return f"The rule asks for a passkey, used in the last {within}. A code is enough to deny."
    if not needs_code:
        age = figures.round_duration(assurance.age_s or 0)
        return f"Your second factor is fresh, {age} old. It is done with one press."
    if assurance.age_s is None:
        return f"This needs a code from the last {within}."
    return f"Your last proof is {figures.round_duration(assurance.age_s)} old; this needs one from the last {within}."
