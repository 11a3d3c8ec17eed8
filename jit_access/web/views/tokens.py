"""The tokens of one grant: which there are, one more, a new one for an old one, one less. Each is shown once."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from jit_access.core import clock
from jit_access.credentials.models import CredentialLease
from jit_access.credentials.selectors import leases_of
from jit_access.credentials.services import IssuedToken
from jit_access.domain.errors import CallerError, Conflict, NotFound
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import parse_scope
from jit_access.grants import access, services
from jit_access.grants.models import Grant
from jit_access.web import commands, figures, reads, ways
from jit_access.web.pages import page, person, render_page, say
from jit_access.web.presenters import tokens as words
from jit_access.web.presenters.words import scope_name
from jit_access.web.viewmodels.my_access import TokenPage
from jit_access.web.viewmodels.parts import Notice, Resource
from jit_access.web.views.grants import own_grant

_METHODS = ["GET", "HEAD", "POST"]
DEFAULT_LABEL = "My access"
_MANY = 4  # digits of a number of tokens that nobody has


@require_safe
@page()
def show_tokens(request: HttpRequest, public_id: str) -> HttpResponse:
    """Every token that this grant ever had, newest first, never its text."""
    return _render_list(request, own_grant(request, public_id))


@require_POST
@page()
def issue(request: HttpRequest, public_id: str) -> HttpResponse:
    """One more token, in this response and nowhere else."""
    grant = own_grant(request, public_id)
    label = " ".join(request.POST.get("label", "").split()) or DEFAULT_LABEL
    try:
        issued = services.issue_token(actor=person(request), grant=grant, label=label, known=_known(request))
    except NotFound:
        raise
    except Conflict as error:
        if error.reason != Reason.STATE_CHANGED:
            raise
        say(request, error.sentence, "No token was made. One that was shown is not shown again.", "wait")
        return redirect("web:grant-tokens", public_id=grant.public_id)
    except CallerError as error:
        notice = Notice(error.sentence, "No token was made.", "wait", "alert", code=str(error.reason))
        return _render_list(request, grant, notice=notice, status=error.status)
    return _render_token(request, grant, issued)


@require_http_methods(_METHODS)
@page()
def rotate(request: HttpRequest, public_id: str, token_id: str) -> HttpResponse:
    """A new token for an old one, which works on for the stated overlap."""
    grant, lease = _token_of(request, public_id, token_id)
    if request.method == "POST":
        issued = services.rotate_token(actor=person(request), lease=lease)
        lease.refresh_from_db(fields=["valid_until"])
        return _render_token(request, grant, issued, replaces=lease)
    if grant.subject_id != person(request).pk:
        raise NotFound
    return _render_confirm(request, grant, lease, is_rotation=True)


@require_http_methods(_METHODS)
@page()
def revoke(request: HttpRequest, public_id: str, token_id: str) -> HttpResponse:
    """End one token; the grant and its other tokens go on."""
    grant, lease = _token_of(request, public_id, token_id)
    if request.method == "POST":
        services.revoke_token(actor=person(request), lease=lease)
        say(request, "That token is revoked.", "The gateway refuses it from now on; the grant goes on.")
        return redirect("web:grant-tokens", public_id=grant.public_id)
    return _render_confirm(request, grant, lease, is_rotation=False)


def _known(request: HttpRequest) -> int | None:
    """How many tokens the page with the form had shown: a reload or a second click sends it again."""
    text = request.POST.get("known", "")
    return int(text) if text.isdecimal() and len(text) < _MANY else None


def _token_of(request: HttpRequest, public_id: str, token_id: str) -> tuple[Grant, CredentialLease]:
    """A token of this very grant. Raises: NotFound."""
    grant = own_grant(request, public_id)
    lease = access.get_lease(actor=person(request), public_id=token_id)
    if lease.grant_id != grant.pk:
        raise NotFound
    return grant, lease


def _render_list(
    request: HttpRequest, grant: Grant, *, notice: Notice | None = None, status: int = 200
) -> HttpResponse:
    leases = list(leases_of(grant_id=grant.pk))
    built = words.build_page(grant, leases, reads.token_uses(grant), viewer=person(request), now=clock.now())
    return render_page(request, "web/tokens.html", built, current="my-access", status=status, notice=notice)


def _render_confirm(request: HttpRequest, grant: Grant, lease: CredentialLease, *, is_rotation: bool) -> HttpResponse:
    if not words.works(lease, clock.now()):
        return redirect("web:grant-tokens", public_id=grant.public_id)
    make = words.rotate_confirm if is_rotation else words.revoke_confirm
    confirm = make(grant, lease)
    return render_page(request, "web/confirm.html", None, current="my-access", confirm=confirm)


def _render_token(
    request: HttpRequest, grant: Grant, issued: IssuedToken, *, replaces: CredentialLease | None = None
) -> HttpResponse:
    now, scope = clock.now(), parse_scope(grant.scope)
    chosen = commands.chosen_client(request.POST.get("client", ""))
    shown = TokenPage(
        resource=Resource(grant.target.slug, scope_name(scope)),
        token=ways.secret_of(grant, issued),
        ends=f"with it, at {figures.end_time(issued.lease.valid_until, now)}",
        tabs=(),
        steps=ways.steps_of(grant, chosen, reads.latest_tags([grant])),
        replaces=words.replaced_note(replaces, now) if replaces else "",
        tokens_href=words.list_href(grant),
        paste=ways.paste_hint(grant),
    )
    return render_page(request, "web/token.html", shown, current="my-access")
