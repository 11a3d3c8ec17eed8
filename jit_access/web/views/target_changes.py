"""Changes to a target that is there, for operators: its credential, where it may lead to, and its end."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from jit_access.core.secret import Secret
from jit_access.domain.errors import CallerError, Conflict, GatewayError, PeerError
from jit_access.domain.operations import Tier
from jit_access.domain.reasons import Reason
from jit_access.domain.roles import OPERATORS
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, require_fresh
from jit_access.targets import access, services, tiers
from jit_access.targets.models import Target, TargetKind
from jit_access.web import reads
from jit_access.web.pages import page, person, render_page, say
from jit_access.web.presenters import target_changes as words
from jit_access.web.viewmodels.parts import Confirm, Notice

_METHODS = ["GET", "HEAD", "POST"]


@require_http_methods(_METHODS)
@page(group=OPERATORS)
def replace_credential(request: HttpRequest, public_id: str) -> HttpResponse:
    """A new credential, tried at the target before the old one goes."""
    target = _fresh_target(request, public_id)
    if request.method != "POST":
        return _ask(request, words.credential_confirm(target, target.username))
    name, secret = request.POST.get("username", ""), Secret(request.POST.get("password", ""))
    try:
        services.update_credential(actor=person(request), target=target, username=name, password=secret)
    except (CallerError, PeerError) as error:
        return _ask_again(request, words.credential_confirm(target, name, error), error)
    say(request, f"{target.slug} takes the new credential.", "The old one is forgotten here; revoke it there.")
    return redirect("web:target", public_id=public_id)


@require_http_methods(_METHODS)
@page(group=OPERATORS)
def name_places(request: HttpRequest, public_id: str) -> HttpResponse:
    """Token services and stores on other hosts."""
    target = _fresh_target(request, public_id)
    if request.method != "POST":
        return _ask(request, words.places_confirm(target, target.token_origins, target.redirect_origins))
    tokens, stores = (_listed(request, name) for name in ("token_origins", "redirect_origins"))
    try:
        services.name_origins(actor=person(request), target=target, token_origins=tokens, redirect_origins=stores)
    except CallerError as error:
        return _ask_again(request, words.places_confirm(target, tokens, stores, error), error)
    say(request, f"{target.slug} may lead to these places now.")
    return redirect("web:target", public_id=public_id)


@require_http_methods(_METHODS)
@page(group=OPERATORS)
def name_repository(request: HttpRequest, public_id: str) -> HttpResponse:
    """A repository that is to be made: named here, people can ask to make it."""
    target = _fresh_target(request, public_id)
    if request.method != "POST":
        return _ask(request, words.repository_confirm(target))
    name, typed = request.POST.get("name", "").strip(), request.POST.get("tier", "")
    try:
        tier = _tier(target, name, typed)
        services.require_nameable(target, name)
        raised = tiers.raised_by(target, name, tier)
        if raised and "is_sure" not in request.POST:
            grants = reads.grants_per_repository(target.pk)
            return _ask(
                request, words.raised_confirm(target, name, tier, {held: grants.get(held, 0) for held in raised})
            )
        services.name_repository(actor=person(request), target=target, name=name, tier=tier)
    except (CallerError, Conflict) as error:
        return _ask_again(request, words.repository_confirm(target, name, typed, error), error)
    counts = f" {' and '.join(raised)} {'count' if len(raised) > 1 else 'counts'} as {tier} too." if raised else ""
    say(request, f"{name} is named.", f"It is {tier}.{counts} Whoever may make it can ask for it now.")
    return redirect("web:target", public_id=public_id)


def _tier(target: Target, name: str, typed: str) -> Tier:
    if not typed and target.kind == TargetKind.S3:
        return tiers.tier_above(target, name)
    if typed not in set(Tier):
        raise CallerError(Reason.INVALID_INPUT, "Choose how much it matters.", field="tier")
    return Tier(typed)


@require_http_methods(_METHODS)
@page(group=OPERATORS)
def remove(request: HttpRequest, public_id: str) -> HttpResponse:
    """The end of a target on which nothing ever lived."""
    target = _fresh_target(request, public_id)
    if request.method != "POST":
        return _ask(request, words.remove_confirm(target))
    try:
        services.remove_target(actor=person(request), target=target)
    except Conflict as error:
        say(request, error.sentence, "What happened under it stays in the log.", "wait")
        return redirect("web:target", public_id=public_id)
    say(request, f"{target.slug} is removed.", "Its credential is gone from here.")
    return redirect("web:targets")


def _fresh_target(request: HttpRequest, public_id: str) -> Target:
    """The second factor is asked for before anything is typed."""
    require_fresh(request, STEP_UP_MAX_AGE_S)
    return access.get_managed_target(person(request), public_id)


def _listed(request: HttpRequest, name: str) -> list[str]:
    return request.POST.get(name, "").replace(",", " ").split()


def _ask(request: HttpRequest, confirm: Confirm, notice: Notice | None = None, *, status: int = 200) -> HttpResponse:
    return render_page(
        request, "web/confirm.html", None, current="targets", confirm=confirm, notice=notice, status=status
    )


def _ask_again(request: HttpRequest, confirm: Confirm, error: GatewayError) -> HttpResponse:
    """A wrong field is said beside it; a target that does not play along is said above."""
    if "field" in error.fields:
        return _ask(request, confirm, status=422)
    notice = Notice(error.sentence, "Nothing was changed.", "wait", "alert", code=str(error.reason))
    return _ask(request, confirm, notice, status=error.status)
