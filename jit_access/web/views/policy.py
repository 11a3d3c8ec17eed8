"""Policy, for everybody to read, and why it says yes or no. Nothing here asks for anything."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from jit_access.access_requests.knowing import known_to
from jit_access.access_requests.why import Wondering, explain_to, may_ask_for_anybody
from jit_access.core import clock
from jit_access.domain.errors import CallerError, NotFound
from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from jit_access.domain.roles import SECURITY
from jit_access.policies import selectors
from jit_access.policies.questions import Assurance, Proof
from jit_access.policy_changes.access import visible_proposals
from jit_access.web import figures
from jit_access.web.frames import assurance_of, groups_of
from jit_access.web.pages import page, person, render_page
from jit_access.web.presenters import policy as words
from jit_access.web.presenters.proposals import rows
from jit_access.web.viewmodels.parts import Action, Notice
from jit_access.web.viewmodels.policy import WhyPage

MOST_CHANGES = 20


@require_safe
@page()
def show_policy(request: HttpRequest) -> HttpResponse:
    """The version that counts, with the numbers of its lines."""
    actor = person(request)
    may_read = known_to(actor).may_read_rules
    now = clock.now()
    built = words.build_page(selectors.active_version(), may_read=may_read, now=now)
    changes = list(visible_proposals(actor)[:MOST_CHANGES])
    new = (Action("Propose a change", reverse("web:proposal-new"), "plus", "primary"),)
    built = replace(built, proposals=rows(changes, now), actions=new if SECURITY in groups_of(request) else ())
    return render_page(request, "web/policy.html", built, current="policy")


@require_safe
@page()
def show_why(request: HttpRequest) -> HttpResponse:
    """Why, or why not: the question is the address."""
    values = {name: str(value)[:300] for name, value in request.GET.items()}
    for_anybody = may_ask_for_anybody(person(request))
    form = words.why_form(values, for_anybody=for_anybody)
    if values.get("resource"):
        form = _answered(request, values, form, for_anybody=for_anybody)
    return render_page(request, "web/why.html", form, current="policy", status=form.status)


def _answered(request: HttpRequest, values: dict[str, str], form: WhyPage, *, for_anybody: bool) -> WhyPage:
    actor, held = person(request), assurance_of(request)
    target, _, repository = values["resource"].strip().partition("/")
    try:
        wondering = Wondering(
            values.get("person", "").strip(), target, repository, _operation(values), _lasts_s(values)
        )
        proof = Proof(Assurance(held.level), held.age_s) if held.is_proved else None
        found = explain_to(actor, wondering, proof=proof)
    except NotFound:
        notice = Notice(
            "There is nothing of this name that you may know.", "Say it as target/repository.", "wait", "search",
            code=str(Reason.NOT_FOUND),
        )  # fmt: skip
        return words.why_form(values, for_anybody=for_anybody, notice=notice, status=404)
    except CallerError as error:
        notice = Notice(error.sentence, "", "wait", "alert", code=str(error.reason))
        return words.why_form(values, for_anybody=for_anybody, notice=notice, status=error.status)
    asked = f"{wondering.operation.verb} {target}/{repository} for {figures.round_duration(wondering.lasts_s)}"
    return words.why_page(form, found, is_self=found.person.pk == actor.pk, asked=asked)


def _operation(values: dict[str, str]) -> Operation:
    try:
        return Operation(values.get("operation", "pull"))
    except ValueError as exc:
        raise CallerError(Reason.INVALID_INPUT, "Choose one of the operations.") from exc


def _lasts_s(values: dict[str, str]) -> int:
    text = values.get("lasts_s", "3600")
    if not (text.isascii() and text.isdecimal() and len(text) < 8):
        raise CallerError(Reason.INVALID_INPUT, "Choose one of the times.")
    return int(text)
