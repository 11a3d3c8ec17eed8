"""API tokens, of oneself or of an agent: the form, the one page that shows the text, the revocation."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from jit_access.accounts import access, services
from jit_access.accounts.models import User
from jit_access.core import clock
from jit_access.domain.errors import CallerError
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, require_fresh
from jit_access.web import figures
from jit_access.web.pages import page, person, render_page, say
from jit_access.web.presenters import api_tokens as words
from jit_access.web.token_forms import Form, build_form, read_lasts, read_limits
from jit_access.web.viewmodels.parts import Action
from jit_access.web.viewmodels.security import ApiTokenPage

_METHODS = ["GET", "HEAD", "POST"]


@require_http_methods(_METHODS)
@page()
def new_token(request: HttpRequest) -> HttpResponse:
    """An API token of one's own."""
    form = Form(
        title="New API token",
        lead="For the jit command and for scripts that act as you. It opens no repository by itself; grants do.",
        post_href=reverse("web:settings-token-new"),
        back_href=reverse("web:settings"),
        placeholder="laptop",
    )
    return make_token(request, person(request), form)


@require_http_methods(_METHODS)
@page()
def revoke_token(request: HttpRequest, public_id: str) -> HttpResponse:
    """Revoke an API token of one's own or of one's agent."""
    user = person(request)
    token = access.get_token(user, public_id)
    require_fresh(request, STEP_UP_MAX_AGE_S)
    if request.method == "POST":
        services.revoke_api_token(actor=user.ref, token=token)
        say(request, f"The token {token.name} is revoked.", "Whatever used it is refused from now on.")
        return redirect(words.home_of(token.user))
    return render_page(request, "web/confirm.html", None, current="settings", confirm=words.token_confirm(token))


def make_token(request: HttpRequest, account: User, form: Form) -> HttpResponse:
    """The form, or the new token, shown once. Needs a fresh second factor, asked before anything is typed."""
    require_fresh(request, STEP_UP_MAX_AGE_S)
    if request.method != "POST":
        return _render_form(request, form)
    try:
        issued = services.issue_api_token(
            actor=person(request).ref,
            user=account,
            name=request.POST.get("name", ""),
            lasts=read_lasts(form, request.POST),
            is_name_new=True,
            limits=read_limits(form, request.POST),
        )
    except CallerError as error:
        return _render_form(request, form, error)
    ends = figures.end_time(issued.token.expires_at, clock.now())
    is_own = account.pk == person(request).pk
    shown = ApiTokenPage(
        title=f"{'Your' if is_own else f'{account.display_name}’s'} API token {issued.token.name}",
        token=issued.text.reveal(),
        more=f"Only its hash is kept. It acts as {'you' if is_own else account.display_name}, and ends {ends}.",
        back=Action("Back to settings" if is_own else f"Back to {account.display_name}", form.back_href, "back"),
    )
    return render_page(request, "web/api_token.html", shown, current="settings")


def _render_form(request: HttpRequest, form: Form, error: CallerError | None = None) -> HttpResponse:
    built, status = build_form(form, request.POST, error), 200 if error is None else 422
    current = "agents" if form.is_agents else "settings"
    return render_page(request, "web/token_form.html", built, current=current, status=status)
