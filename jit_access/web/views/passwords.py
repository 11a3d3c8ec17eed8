"""A new password for oneself: the old one, a fresh second factor, and everything else is signed out."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from jit_access.domain.errors import CallerError, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.mfa import services as mfa
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, require_fresh
from jit_access.web.pages import page, render_page, say
from jit_access.web.viewmodels.parts import Field
from jit_access.web.viewmodels.request_form import ErrorItem, FormErrors
from jit_access.web.viewmodels.security import PasswordForm
from jit_access.web.views.sign_in import PASSWORD_CHARS

_LABELS = {
    "current": ("Current password", "current-password", ""),
    "password": ("New password", "new-password", "12 characters or more; several words are easy to keep."),
    "again": ("New password, again", "new-password", ""),
}


@require_http_methods(["GET", "HEAD", "POST"])
@page()
def change(request: HttpRequest) -> HttpResponse:
    """Asks for the second factor before anything is typed."""
    require_fresh(request, STEP_UP_MAX_AGE_S)
    if request.method != "POST":
        return _render(request, {})
    typed = {name: request.POST.get(name, "") for name in _LABELS}
    if missing := {name: "Type it." for name, value in typed.items() if not value}:
        return _render(request, missing, status=422)
    if typed["password"] != typed["again"]:
        return _render(request, {"again": "The two differ. Type the new one twice."}, status=422)
    try:
        mfa.change_own_password(request, current=typed["current"], new=typed["password"])
    except PolicyRefusal as error:
        if error.reason not in {Reason.SIGN_IN_FAILED, Reason.SIGN_IN_LOCKED}:
            raise
        status = 429 if error.reason == Reason.SIGN_IN_LOCKED else 422
        return _render(request, {"current": error.sentence}, status=status)
    except CallerError as error:
        return _render(request, {str(error.fields.get("field", "password")): error.sentence}, status=422)
    say(request, "Your password is changed.", "Every other session was ended. API tokens and open grants go on.")
    return redirect("web:settings")


def _render(request: HttpRequest, errors: dict[str, str], *, status: int = 200) -> HttpResponse:
    """The form, always empty: what was typed into it is not sent back."""
    first = next(iter(errors or _LABELS))
    fields = tuple(
        Field(
            name,
            label,
            kind="password",
            hint=hint,
            error=errors.get(name, ""),
            autocomplete=autocomplete,
            max_chars=PASSWORD_CHARS,
            is_focused=name == first,
        )
        for name, (label, autocomplete, hint) in _LABELS.items()
    )
    lines = tuple(ErrorItem(f"f-{name}", text) for name, text in errors.items())
    summary = FormErrors("Nothing was changed.", lines) if lines else None
    form = PasswordForm(fields, summary)
    return render_page(request, "web/password_form.html", form, current="settings", status=status)
