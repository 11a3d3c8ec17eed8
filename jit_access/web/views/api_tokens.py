"""API tokens, of oneself or of an agent: the form, the one page that shows the text, the revocation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

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
from jit_access.web.viewmodels.parts import Action, Field, Option
from jit_access.web.viewmodels.security import ApiTokenPage, TokenForm

_METHODS = ["GET", "HEAD", "POST"]
TOKEN_DAYS = (7, 30, 90)


@dataclass(frozen=True, slots=True)
class Form:
    """Whose token it will be, in words, and where the form leads."""

    title: str
    lead: str
    post_href: str
    back_href: str
    placeholder: str


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
    days = request.POST.get("days", "")
    if days not in {str(one) for one in TOKEN_DAYS}:
        return _render_form(request, form, "Choose how long it lasts.", status=422)
    try:
        issued = services.issue_api_token(
            actor=person(request).ref,
            user=account,
            name=request.POST.get("name", ""),
            lasts=timedelta(days=int(days)),
            is_name_new=True,
        )
    except CallerError as error:
        return _render_form(request, form, error.sentence, status=422)
    ends = figures.end_time(issued.token.expires_at, clock.now())
    is_own = account.pk == person(request).pk
    shown = ApiTokenPage(
        title=f"{'Your' if is_own else f'{account.display_name}’s'} API token {issued.token.name}",
        token=issued.text.reveal(),
        more=f"Only its hash is kept. It acts as {'you' if is_own else account.display_name}, and ends {ends}.",
        back=Action("Back to settings" if is_own else f"Back to {account.display_name}", form.back_href, "back"),
    )
    return render_page(request, "web/api_token.html", shown, current="settings")


def _render_form(request: HttpRequest, form: Form, problem: str = "", *, status: int = 200) -> HttpResponse:
    chosen = request.POST.get("days", "30")
    built = TokenForm(
        name=Field(
            "name",
            "What is it for?",
            request.POST.get("name", ""),
            hint="You find it again by this name.",
            error=problem,
            max_chars=80,
            placeholder=form.placeholder,
        ),
        days=tuple(Option(str(one), f"{one} days", str(one) == chosen) for one in TOKEN_DAYS),
        title=form.title,
        lead=form.lead,
        post_href=form.post_href,
        back_href=form.back_href,
    )
    return render_page(request, "web/token_form.html", built, current="settings", status=status)
