"""Targets, for operators: add one (checked before it is kept), check it, discover repositories, set tiers."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from jit_access.core import clock
from jit_access.core.secret import Secret
from jit_access.domain.errors import CallerError, GatewayError, PeerError
from jit_access.domain.operations import Tier
from jit_access.domain.reasons import Reason
from jit_access.domain.roles import OPERATORS
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, require_fresh
from jit_access.targets import access, discovery, selectors, services
from jit_access.targets.addressing import NewTarget
from jit_access.targets.models import TargetKind
from jit_access.web import figures, reads
from jit_access.web.pages import page, person, render_page, say
from jit_access.web.presenters import targets as words
from jit_access.web.viewmodels.parts import Notice


@require_safe
@page(group=OPERATORS)
def show_targets(request: HttpRequest) -> HttpResponse:
    """All targets with their state."""
    rows = list(selectors.all_targets())
    built = words.build_list(rows, reads.repositories_per_target(), reads.grants_per_target(), clock.now())
    return render_page(request, "web/targets.html", built, current="targets")


@require_safe
@page(group=OPERATORS)
def show_target(request: HttpRequest, public_id: str) -> HttpResponse:
    """One target with its repositories and tiers."""
    target = access.get_managed_target(person(request), public_id)
    repositories = list(selectors.repositories_of(target, with_gone=True))
    built = words.build_page(target, repositories, reads.grants_per_repository(target.pk), now=clock.now())
    return render_page(request, "web/target.html", built, current="targets")


@require_http_methods(["GET", "HEAD", "POST"])
@page(group=OPERATORS)
def add_target(request: HttpRequest) -> HttpResponse:
    """Add a registry. It must answer and take the credential, else nothing is kept and what was typed stays."""
    if request.method != "POST":
        return render_page(request, "web/target_form.html", words.build_form({}, {}), current="targets")
    typed = request.POST
    new = NewTarget(
        slug=typed.get("slug", "").strip(),
        display_name=typed.get("display_name", ""),
        base_url=typed.get("base_url", ""),
        username=typed.get("username", ""),
        password=Secret(typed.get("password", "")),
        allow_private="allow_private" in typed,
        token_origins=tuple(typed.get("token_origins", "").replace(",", " ").split()),
        redirect_origins=tuple(typed.get("redirect_origins", "").replace(",", " ").split()),
        kind=typed.get("kind", TargetKind.OCI.value),
    )
    try:
        target = services.add_target(actor=person(request), new=new)
    except (CallerError, PeerError) as error:
        return _refused_form(request, error)
    say(request, f"{target.slug} answers, and is added.", "Now discover its repositories.")
    return redirect("web:target", public_id=target.public_id)


@require_POST
@page(group=OPERATORS)
def check(request: HttpRequest, public_id: str) -> HttpResponse:
    """Try the target now."""
    target = access.get_managed_target(person(request), public_id)
    try:
        services.check_target(actor=person(request), target=target)
        say(request, f"{target.slug} answers.")
    except PeerError as error:
        say(request, error.sentence, "Grants and their clocks go on.", "wait")
    return redirect("web:target", public_id=public_id)


@require_POST
@page(group=OPERATORS)
def discover(request: HttpRequest, public_id: str) -> HttpResponse:
    """Read the target's own list of repositories."""
    target = access.get_managed_target(person(request), public_id)
    try:
        found = discovery.discover_repositories(actor=person(request), target=target)
    except PeerError as error:
        say(request, error.sentence, "What was known stays as it was.", "wait")
        return redirect("web:target", public_id=public_id)
    news = (
        f"{figures.number_word(found.added)} new, {found.gone} gone."
        if found.added or found.gone
        else "Nothing changed."
    )
    more = "New ones are Critical until you say otherwise." if found.added else ""
    if not found.is_complete:
        more = f"{more} The target’s list was not complete, so nothing counts as gone.".strip()
    say(request, news, more)
    return redirect("web:target", public_id=public_id)


@require_POST
@page(group=OPERATORS)
def set_tier(request: HttpRequest, public_id: str) -> HttpResponse:
    """Say how much a repository matters. Open grants on it are asked about again."""
    repository = access.get_managed_repository(person(request), public_id)
    request.confirm_page = reverse("web:target", args=[repository.target.public_id])  # type: ignore[attr-defined]
    require_fresh(request, STEP_UP_MAX_AGE_S)
    tier = request.POST.get("tier", "")
    if tier not in set(Tier):
        raise CallerError(Reason.INVALID_INPUT, "A tier is standard, sensitive or critical.")
    held = services.set_tier(actor=person(request), repository=repository, tier=Tier(tier))
    say(request, f"{held.name} is {tier} now.", "Open grants on it were asked about again.")
    return redirect("web:target", public_id=held.target.public_id)


def _refused_form(request: HttpRequest, error: GatewayError) -> HttpResponse:
    """A wrong field is said beside it; a target that does not play along is said above."""
    typed = {name: request.POST.get(name, "") for name in words.FIELD_NAMES if name != "password"}
    field = error.fields.get("field")
    if isinstance(field, str):
        form = words.build_form(typed, {field: error.sentence})
        return render_page(request, "web/target_form.html", form, current="targets", status=422)
    notice = Notice(error.sentence, "Nothing was kept.", "wait", "alert", code=str(error.reason))
    form = words.build_form(typed, {}, notice)
    return render_page(request, "web/target_form.html", form, current="targets", status=error.status)
