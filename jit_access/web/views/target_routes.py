"""Who hears of requests at a target, and who when nobody answers. For operators, after a fresh second factor."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from jit_access.domain.errors import CallerError
from jit_access.domain.roles import OPERATORS
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, require_fresh
from jit_access.notifications.routes import Route, TypedRoute, routes_of, set_routes
from jit_access.targets import access
from jit_access.targets.models import Target
from jit_access.web.pages import page, person, render_page, say
from jit_access.web.viewmodels.parts import Confirm, Field

_FIRST, _THEN = ("channels", "people"), ("escalation_channels", "escalation_people")


@require_http_methods(["GET", "HEAD", "POST"])
@page(group=OPERATORS)
def name_routes(request: HttpRequest, public_id: str) -> HttpResponse:
    """Both lists replace what was there."""
    require_fresh(request, STEP_UP_MAX_AGE_S)
    target = access.get_managed_target(person(request), public_id)
    if request.method != "POST":
        routes = routes_of(target)
        return _ask(request, target, {**_spell(routes.first, _FIRST), **_spell(routes.escalation, _THEN)})
    typed = {name: request.POST.get(name, "") for name in (*_FIRST, *_THEN)}
    try:
        first, then = (_typed(typed, names) for names in (_FIRST, _THEN))
        set_routes(actor=person(request), target=target, first=first, escalation=then)
    except CallerError as error:
        return _ask(request, target, typed, error)
    say(request, f"Requests at {target.slug} are told there from now on.")
    return redirect("web:target", public_id=public_id)


def _typed(typed: dict[str, str], names: tuple[str, str]) -> TypedRoute:
    channels, people = (tuple(typed[name].replace(",", " ").split()) for name in names)
    return TypedRoute(channels, people, names)


def _spell(route: Route, names: tuple[str, str]) -> dict[str, str]:
    people = " ".join(person.username for person in route.people)
    return dict(zip(names, (" ".join(route.channels), people), strict=True))


def _ask(request: HttpRequest, target: Target, typed: dict[str, str], error: CallerError | None = None) -> HttpResponse:
    said = {str(error.fields.get("field")): error.sentence} if error is not None else {}
    labels = {
        "channels": ("Slack channels that hear of requests", "Ids such as C024BE91L, spaces between."),
        "people": ("People who hear of requests", "User names. Hearing of a request gives no right to answer it."),
        "escalation_channels": ("Channels when nobody answers for an hour", "Ids, spaces between."),
        "escalation_people": ("People when nobody answers for an hour", "User names, spaces between."),
    }
    confirm = Confirm(
        id="routes",
        title=f"Who hears of requests at {target.slug}?",
        effect="Whoever may answer always gets a mail. With an empty first list they get the card in Slack too.",
        verb="Save",
        keep="Keep it as it is",
        post_href=reverse("web:target-routes", args=[target.public_id]),
        back_href=reverse("web:target", args=[target.public_id]),
        is_danger=False,
        fields=tuple(
            Field(
                name,
                label,
                typed[name],
                hint=hint,
                error=said.get(name, ""),
                is_required=False,
                optional_note="empty for none",
                max_chars=2000,
            )
            for name, (label, hint) in labels.items()
        ),
    )
    status = 200 if error is None else 422
    return render_page(request, "web/confirm.html", None, current="targets", confirm=confirm, status=status)
