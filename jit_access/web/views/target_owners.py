"""To whom a target is given: the people whom rules ask as its owners. For operators, after a fresh second factor."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from jit_access.access_requests.services.owning import name_owners as give
from jit_access.access_requests.services.owning import owner_names
from jit_access.domain.errors import CallerError, GatewayError, PolicyRefusal
from jit_access.domain.roles import OPERATORS
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, require_fresh
from jit_access.targets import access
from jit_access.targets.models import Target
from jit_access.web.pages import page, person, render_page, say
from jit_access.web.viewmodels.parts import Confirm, Field, Notice


@require_http_methods(["GET", "HEAD", "POST"])
@page(group=OPERATORS)
def name_owners(request: HttpRequest, public_id: str) -> HttpResponse:
    """A group and people; both replace what was there."""
    require_fresh(request, STEP_UP_MAX_AGE_S)
    target = access.get_managed_target(person(request), public_id)
    if request.method != "POST":
        return _ask(request, _confirm(target, target.owner_group, " ".join(owner_names(target))))
    group, people = request.POST.get("group", ""), request.POST.get("people", "")
    try:
        give(actor=person(request), target=target, group=group, people=people.replace(",", " ").split())
    except (CallerError, PolicyRefusal) as error:
        return _ask(request, _confirm(target, group, people, error), error)
    say(request, f"{target.slug} has these owners now.", "Approvals of former owners count no more.")
    return redirect("web:target", public_id=public_id)


def _confirm(target: Target, group: str, people: str, error: GatewayError | None = None) -> Confirm:
    said = {error.fields.get("field"): error.sentence} if error is not None else {}
    return Confirm(
        id="owners",
        title=f"Who owns {target.slug}?",
        effect="Rules that say target-owner ask them. What former owners approved of open requests is taken back.",
        verb="Save",
        keep="Keep it as it is",
        post_href=reverse("web:target-owners", args=[target.public_id]),
        back_href=reverse("web:target", args=[target.public_id]),
        is_danger=False,
        fields=(
            Field(
                "group", "Group that owns it", group, is_required=False, optional_note="empty for none",
                hint="Everybody in it is asked.", error=said.get("group", ""), max_chars=150,
            ),
            Field(
                "people", "People who own it", people, is_required=False, optional_note="empty for none",
                hint="User names with spaces between. Not your own: another operator names you.",
                error=said.get("people", ""), max_chars=2000,
            ),
        ),
    )  # fmt: skip


def _ask(request: HttpRequest, confirm: Confirm, error: GatewayError | None = None) -> HttpResponse:
    notice, status = None, 200
    if error is not None:
        status = 422 if "field" in error.fields else error.status
        if "field" not in error.fields:
            notice = Notice(error.sentence, "Nothing was changed.", "wait", "alert", code=str(error.reason))
    return render_page(
        request, "web/confirm.html", None, current="targets", confirm=confirm, notice=notice, status=status
    )
