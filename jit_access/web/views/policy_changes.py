"""Changes of policy: propose one, read what it would change, sign it, take it back."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from jit_access.core import clock
from jit_access.domain.errors import CallerError, GatewayError
from jit_access.domain.lifecycle import ProposalState
from jit_access.domain.reasons import Reason, explain
from jit_access.domain.roles import SECURITY
from jit_access.policies.compiler import PolicyText
from jit_access.policies.errors import PolicyBroken
from jit_access.policies.selectors import active_version
from jit_access.policy_changes import access, selectors, services
from jit_access.policy_changes.models import PolicyProposal
from jit_access.web.frames import assurance_of
from jit_access.web.pages import NEEDS_PROOF, page, person, render_page, say
from jit_access.web.presenters import proposals as words
from jit_access.web.proofs import CODE_PROBLEMS, code_problem, code_status, passkey_part, prove_here
from jit_access.web.viewmodels.parts import Notice

_SAID_ON_THE_PAGE = frozenset(
    {
        Reason.PROPOSAL_CHANGED,
        Reason.PROPOSAL_CLOSED,
        Reason.POLICY_MOVED_ON,
        Reason.ALREADY_ANSWERED,
        Reason.OWN_PROPOSAL,
    }
)


@require_safe
@page()
def show_proposal(request: HttpRequest, public_id: str) -> HttpResponse:
    """What is proposed. Opening signs nothing."""
    return _render(request, access.get_proposal(person(request), public_id))


@require_POST
@page()
def sign(request: HttpRequest, public_id: str) -> HttpResponse:
    """One's word for exactly what was shown."""
    request.confirm_page = reverse("web:proposal", args=[public_id])  # type: ignore[attr-defined]  # where a GET works
    actor = person(request)
    row = access.get_proposal(actor, public_id)
    try:
        if request.POST.get("code") or request.POST.get("passkey"):
            prove_here(request)
        held = assurance_of(request)
        signed = services.sign(actor=actor, proposal=row, digest=request.POST.get("digest", ""), assurance=held)
    except GatewayError as error:
        return _refused(request, row, error)
    if signed.state == ProposalState.ACTIVATED:
        say(request, f"Policy version {signed.version_row.number} counts now.", "What is open was asked about again.")
    else:
        say(request, "Signed.", "It counts when somebody else of security signs it too.")
    return redirect("web:proposal", public_id=public_id)


@require_http_methods(["GET", "HEAD", "POST"])
@page()
def withdraw(request: HttpRequest, public_id: str) -> HttpResponse:
    """Take it back."""
    row = access.get_proposal(person(request), public_id)
    if request.method == "POST":
        services.withdraw(actor=person(request), proposal=row)
        say(request, "Withdrawn.", "The policy that counts stays as it is.")
        return redirect("web:proposal", public_id=public_id)
    confirm = words.withdraw_confirm(row)
    return render_page(request, "web/confirm.html", None, current="policy", confirm=confirm)


@require_http_methods(["GET", "HEAD", "POST"])
@page(group=SECURITY)
def propose(request: HttpRequest) -> HttpResponse:
    """Change the text, and have somebody else sign it."""
    sent = {name: str(value) for name, value in request.POST.items()} if request.method == "POST" else {}
    problems: tuple[str, ...] = ()
    if sent:
        schema, files, cases = words.read_form(sent)
        draft = services.Draft(PolicyText(schema, files), sent.get("because", ""), cases)
        try:
            row = services.propose(actor=person(request), draft=draft)
        except PolicyBroken as error:
            problems = error.problems
        except CallerError as error:
            problems = (error.sentence,)
        else:
            say(request, "Proposed.", "It counts when somebody else of security signs it.")
            return redirect("web:proposal", public_id=row.public_id)
    form = words.propose_form(active_version(), selectors.latest_cases(), sent, problems=problems)
    return render_page(request, "web/propose.html", form, current="policy", status=422 if problems else 200)


def _refused(request: HttpRequest, row: PolicyProposal, error: GatewayError) -> HttpResponse:
    if error.reason in CODE_PROBLEMS:
        return _render(request, row, problem=code_problem(error), status=code_status(error))
    if error.reason in NEEDS_PROOF:
        return _render(request, row, problem="Type a code; your last proof is too old for this.", status=422)
    if error.reason in _SAID_ON_THE_PAGE:
        notice = Notice(explain(error.reason), "Nothing was signed.", "wait", "alert", code=str(error.reason))
        fresh = access.get_proposal(person(request), row.public_id)
        return _render(request, fresh, notice=notice, status=error.status)
    raise error


def _render(
    request: HttpRequest, row: PolicyProposal, *, problem: str = "", notice: Notice | None = None, status: int = 200
) -> HttpResponse:
    actor, held = person(request), assurance_of(request)
    is_fresh = held.is_proved and held.age_s is not None and held.age_s <= services.FACTOR_MAX_AGE_S
    built = words.build_page(
        row,
        diff=selectors.diff_of(row),
        signed=[one.signer.display_name for one in row.signatures.select_related("signer").order_by("pk")],
        why_not=selectors.why_not_sign(actor, row),
        may_withdraw=row.proposer_id == actor.pk or services.may_propose(actor),
        now=clock.now(),
    )
    if problem or not is_fresh:
        built = replace(built, code=words.code_field(problem, passkey_part(request)))
    if notice is not None:
        built = replace(built, notice=notice)
    return render_page(request, "web/proposal.html", built, current="policy", status=status)
